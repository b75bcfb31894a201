"""Chatwoot, for offices that work there: a case becomes a conversation of an API channel, and what an agent answers comes back.

Out: the public API of the channel (POST /public/api/v1/inboxes/{inbox}/contacts, …/conversations, …/messages) with the case's number as the
contact's `source_id`, so that opening a case twice finds the same conversation; private notes by the application API. In: the channel's
webhook, events message_created and conversation_status_changed. Source: Chatwoot's developer documentation, client APIs and webhooks;
versions differ in the signature, see `Webhook`. Nothing is retried here: a failure is ChatwootUnavailable, and whoever keeps the message
tries again. A request whose answer was lost may have arrived, so a message is shown once or twice, never not at all.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx
from fastapi import APIRouter, Request, Response

from bot.bodies import BodyTooLarge, read_up_to
from knowledge.errors import RequestRefused, SettingsError, TrogiupError

logger = logging.getLogger("trogiup.chatwoot")

MAX_BODY = 256 * 1024
_TIMEOUT = httpx.Timeout(10)
_FRESH_S = 300
"""Seconds that a signed delivery stays good: a copied one is worth nothing later."""
_REMEMBERED = 10_000
_NAME_LENGTH = 80
_ACCEPTED, _REFUSED, _UNKNOWN, _TOO_LARGE, _AGAIN = 200, 400, 404, 413, 503


class ChatwootUnavailable(TrogiupError):
    """Chatwoot does not answer, or not as documented. Try again later."""


@dataclass(frozen=True, slots=True)
class Thread:
    """Where a case stands in Chatwoot."""

    source_id: str
    conversation_id: int


@dataclass(frozen=True, slots=True)
class AgentReply:
    """What an agent wrote to the person. `source_id` is the case's number; `attachments`: addresses of files on the office's Chatwoot;
    `agent`: what the agent is called there.
    """

    message_id: int
    conversation_id: int
    source_id: str | None
    text: str = field(repr=False)
    attachments: tuple[str, ...] = field(default=(), repr=False)
    agent: str | None = None

    @property
    def client_key(self) -> str:
        """For `Duty.say`, so that a reply that is delivered again, also after a restart, is sent once."""
        return f"chatwoot:{self.message_id}"


@dataclass(frozen=True, slots=True)
class Resolved:
    """An agent, or a rule of the office's Chatwoot, has ended a conversation."""

    conversation_id: int
    source_id: str | None


class Chatwoot:
    """The way out. `api_token` (of an agent) is needed for private notes only; `account_id`: None asks Chatwoot whose the token is."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        base_url: str,
        inbox_identifier: str,
        account_id: int | None = None,
        api_token: str | None = None,
    ) -> None:
        self._client = client
        self._base = base_url.rstrip("/")
        self._inbox = f"{self._base}/public/api/v1/inboxes/{quote(inbox_identifier, safe='')}"
        self._account_id = account_id
        self._api_token = api_token

    async def open(self, case_id: str, name: str) -> Thread:
        """The conversation of a case, made where there is none. `name`: what the agents see in place of a name. ChatwootUnavailable."""
        contact = await self._post(f"{self._inbox}/contacts", {"source_id": case_id, "identifier": case_id, "name": name})
        source_id = _text(contact, "source_id")
        conversations = f"{self._contact(source_id)}/conversations"
        existing = await self._request("GET", conversations)
        if isinstance(existing, list) and existing:
            return Thread(source_id, max(_number(one, "id") for one in existing))
        return Thread(source_id, _number(await self._post(conversations, {}), "id"))

    async def say(self, thread: Thread, text: str) -> int:
        """What the person wrote, into the conversation; the id of the message there. ChatwootUnavailable."""
        path = f"{self._contact(thread.source_id)}/conversations/{thread.conversation_id}/messages"
        return _number(await self._post(path, {"content": text}), "id")

    async def note(self, thread: Thread, text: str) -> int:
        """A note that only agents see; its id. SettingsError without a token; ChatwootUnavailable."""
        if not self._api_token:
            raise SettingsError("Private notes need an access token of Chatwoot.")
        token = {"api_access_token": self._api_token}
        if self._account_id is None:
            self._account_id = _number(await self._request("GET", f"{self._base}/api/v1/profile", headers=token), "account_id")
        path = f"{self._base}/api/v1/accounts/{self._account_id}/conversations/{thread.conversation_id}/messages"
        body = {"content": text, "message_type": "outgoing", "private": True}
        return _number(await self._post(path, body, token), "id")

    def _contact(self, source_id: str) -> str:
        return f"{self._inbox}/contacts/{quote(source_id, safe='')}"

    async def _post(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Any:
        return await self._request("POST", path, body, headers)

    async def _request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        try:
            answer = await self._client.request(method, path, json=body, headers=headers, timeout=_TIMEOUT)
            answer.raise_for_status()
            return answer.json()
        except httpx.HTTPStatusError as error:
            raise ChatwootUnavailable("Chatwoot refused; check its address, inbox and token.", status=error.response.status_code) from error
        except (httpx.HTTPError, ValueError) as error:
            raise ChatwootUnavailable("Chatwoot does not answer; try again later.", reason=type(error).__name__) from error


class Webhook:
    """The way in: POST /chatwoot/{secret}, the address to give to the API channel.

    `receive` turns a reply into a row of what is sent to the person, under the reply's `client_key`; it may be asked again with the same
    reply after it failed or after a restart. With `signing_secret` a delivery also has to carry X-Chatwoot-Signature ("sha256=" and the
    HMAC of "{X-Chatwoot-Timestamp}.{body}" in hex), as newer versions send it; older ones send none, and the secret in the path stands
    alone.
    """

    def __init__(
        self,
        receive: Callable[[AgentReply], Awaitable[None]],
        *,
        secret: str,
        clock: Callable[[], datetime],
        signing_secret: str | None = None,
        resolved: Callable[[Resolved], Awaitable[None]] | None = None,
    ) -> None:
        if len(secret) < 16:
            raise SettingsError("The secret of Chatwoot's webhook needs at least 16 characters.")
        self._receive = receive
        self._resolved = resolved
        self._secret = secret.encode()
        self._signing_secret = signing_secret.encode() if signing_secret else None
        self._clock = clock
        self._seen: OrderedDict[int, None] = OrderedDict()
        self._turn = asyncio.Lock()
        """One reply at a time: the second delivery of one that is being kept waits for how that ends."""

    def router(self) -> APIRouter:
        """The route."""
        router = APIRouter()
        router.add_api_route("/chatwoot/{secret}", self._delivered, methods=["POST"], include_in_schema=False)
        return router

    async def _delivered(self, secret: str, request: Request) -> Response:
        if not hmac.compare_digest(secret.encode(), self._secret):
            return Response(status_code=_UNKNOWN)
        try:
            body = await read_up_to(MAX_BODY, request.stream())
        except BodyTooLarge:
            return Response(status_code=_TOO_LARGE)
        if not self._signed(request.headers, body):
            return Response(status_code=_UNKNOWN)
        try:
            event = json.loads(body)
            reply, end = agent_reply(event), resolved(event)
        except (RequestRefused, ValueError, RecursionError):
            return Response(status_code=_REFUSED)
        if end and self._resolved:
            return Response(status_code=await self._ended(end, self._resolved))
        return Response(status_code=await self._handed_on(reply) if reply else _ACCEPTED)

    async def _ended(self, end: Resolved, tell: Callable[[Resolved], Awaitable[None]]) -> int:
        async with self._turn:  # what was said before is kept before
            try:
                await tell(end)
            except TrogiupError as error:
                logger.warning("event=chatwoot_end_failed conversation=%d reason=%s", end.conversation_id, type(error).__name__)
                return _AGAIN
            return _ACCEPTED

    def _signed(self, headers: Mapping[str, str], body: bytes) -> bool:
        if self._signing_secret is None:
            return True
        timestamp = headers.get("x-chatwoot-timestamp", "")
        wanted = "sha256=" + hmac.new(self._signing_secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        given = headers.get("x-chatwoot-signature", "")
        fresh = timestamp.isascii() and timestamp.isdigit() and abs(self._clock().timestamp() - int(timestamp[:12])) <= _FRESH_S
        return hmac.compare_digest(given.encode(), wanted.encode()) and fresh

    async def _handed_on(self, reply: AgentReply) -> int:
        """A status: each message id is handed on once, and again only where that failed."""
        async with self._turn:
            if reply.message_id in self._seen:
                return _ACCEPTED
            try:
                await self._receive(reply)
            except TrogiupError as error:
                logger.warning("event=chatwoot_reply_failed message=%d reason=%s", reply.message_id, type(error).__name__)
                return _AGAIN
            self._seen[reply.message_id] = None
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
            return _ACCEPTED


def agent_reply(event: Any) -> AgentReply | None:
    """The reply in an event of the webhook; None for every other event, for notes, for what came from the person, and for what no human
    wrote (a bot or a rule: nobody is told that a human has joined because of that).

    Raises RequestRefused for a reply without ids.
    """
    if not isinstance(event, dict) or event.get("event") != "message_created":
        return None
    if event.get("message_type") != "outgoing" or event.get("private") is not False:
        return None
    sender = event.get("sender")
    if not isinstance(sender, dict) or sender.get("type") != "user":
        return None
    conversation = event.get("conversation")
    if not isinstance(conversation, dict) or not _is_id(event.get("id")) or not _is_id(conversation.get("id")):
        raise RequestRefused("The event carries no ids.", field="id")
    contact = conversation.get("contact_inbox")
    source_id = contact.get("source_id") if isinstance(contact, dict) else None
    text = event.get("content")
    files = event.get("attachments")
    addresses = [file.get("data_url") for file in files if isinstance(file, dict)] if isinstance(files, list) else []
    return AgentReply(
        event["id"],
        conversation["id"],
        source_id if isinstance(source_id, str) else None,
        text if isinstance(text, str) else "",
        tuple(address for address in addresses if isinstance(address, str)),
        _name(sender),
    )


def resolved(event: Any) -> Resolved | None:
    """The end of a conversation in an event of the webhook; None for every other. Raises RequestRefused for an end without an id."""
    if not isinstance(event, dict) or event.get("event") != "conversation_status_changed" or event.get("status") != "resolved":
        return None
    if not _is_id(event.get("id")):
        raise RequestRefused("The event carries no id.", field="id")
    contact = event.get("contact_inbox")
    source_id = contact.get("source_id") if isinstance(contact, dict) else None
    return Resolved(event["id"], source_id if isinstance(source_id, str) else None)


def _name(sender: Mapping[str, Any]) -> str | None:
    """On one line and not endless: it is shown to the person."""
    shown = sender.get("available_name") or sender.get("name")
    return " ".join(shown.split())[:_NAME_LENGTH] or None if isinstance(shown, str) else None


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(answer: Any, name: str) -> int:
    value = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(value, int):
        raise ChatwootUnavailable("Chatwoot answered in a way that is not documented.", missing=name)
    return value


def _text(answer: Any, name: str) -> str:
    value = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(value, str):
        raise ChatwootUnavailable("Chatwoot answered in a way that is not documented.", missing=name)
    return value
