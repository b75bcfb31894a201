"""An emulator of Chatwoot's endpoints, after its documentation. A real Chatwoot has not been tried."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

SECRET, TOKEN = "a-secret-of-the-office", "agents-token"
BASE = "http://chatwoot.test"


class Emulator:
    """What the API channel of Chatwoot does: contacts by source id, numbered conversations and messages, and deliveries to a webhook."""

    def __init__(self) -> None:
        self.contacts: dict[str, str] = {}
        self.conversations: dict[int, str] = {}
        self.messages: list[dict[str, Any]] = []
        self.down = False
        self.refuses: set[str] = set()
        """Contents that are not taken."""
        self.app = FastAPI()
        self.app.middleware("http")(self._maybe_down)
        self.app.get("/api/v1/profile")(self._profile)
        inbox = "/public/api/v1/inboxes/inbox-1/contacts"
        self.app.post(inbox)(self._contact)
        self.app.get(inbox + "/{source_id}/conversations")(self._listed)
        self.app.post(inbox + "/{source_id}/conversations")(self._conversation)
        self.app.post(inbox + "/{source_id}/conversations/{number}/messages")(self._incoming)
        self.app.post("/api/v1/accounts/7/conversations/{number}/messages")(self._by_agent)

    async def _maybe_down(self, request: Request, call_next: Any) -> Any:
        return JSONResponse({"error": "down"}, 502) if self.down else await call_next(request)

    async def _contact(self, request: Request) -> Any:
        body = await request.json()
        self.contacts.setdefault(body["source_id"], body["name"])
        return {"source_id": body["source_id"], "pubsub_token": "p", "id": len(self.contacts), "name": body["name"]}

    async def _listed(self, source_id: str) -> Any:
        return [{"id": number} for number, owner in self.conversations.items() if owner == source_id]

    async def _conversation(self, source_id: str) -> Any:
        if source_id not in self.contacts:
            return JSONResponse({"error": "not found"}, 404)
        self.conversations[len(self.conversations) + 41] = source_id
        return {"id": max(self.conversations), "inbox_id": 1, "messages": []}

    async def _incoming(self, source_id: str, number: int, request: Request) -> Any:
        if self.conversations.get(number) != source_id:
            return JSONResponse({"error": "not found"}, 404)
        content = (await request.json())["content"]
        if content in self.refuses:
            return JSONResponse({"error": "broken"}, 500)
        return self.add(number, content, "incoming", False)

    async def _profile(self, request: Request) -> Any:
        if request.headers.get("api_access_token") != TOKEN:
            return JSONResponse({"error": "unauthorised"}, 401)
        return {"id": 1, "account_id": 7}

    async def _by_agent(self, number: int, request: Request) -> Any:
        if request.headers.get("api_access_token") != TOKEN:
            return JSONResponse({"error": "unauthorised"}, 401)
        body = await request.json()
        return self.add(number, body["content"], body["message_type"], body["private"])

    def add(self, number: int, content: str, kind: str, private: bool) -> dict[str, Any]:
        self.messages.append({"id": len(self.messages) + 900, "conversation": number, "content": content, "kind": kind, "private": private})
        return {"id": self.messages[-1]["id"], "content": content}

    def event(self, message: dict[str, Any]) -> dict[str, Any]:
        """The body of a delivery."""
        number = message["conversation"]
        return {
            "event": "message_created",
            "id": message["id"],
            "content": message["content"],
            "message_type": message["kind"],
            "private": message["private"],
            "content_type": "text",
            "sender": {"id": 1, "name": "Cán bộ", "type": "user"},
            "conversation": {"id": number, "contact_inbox": {"source_id": self.conversations[number]}},
            "account": {"id": 7, "name": "Sở"},
        }

    def resolved(self, number: int) -> dict[str, Any]:
        """The body of a delivery when an agent ends a conversation."""
        contact = {"source_id": self.conversations[number]}
        return {"event": "conversation_status_changed", "id": number, "status": "resolved", "contact_inbox": contact}

    def seen(self, number: int) -> list[tuple[str, str]]:
        """What stands in a conversation, in order: who (person, note, agent) and what."""
        who = {("incoming", False): "person", ("outgoing", True): "note", ("outgoing", False): "agent"}
        return [(who[m["kind"], m["private"]], m["content"]) for m in self.messages if m["conversation"] == number]
