"""Chatwoot, both ways over HTTP: an emulator of its endpoints answers us and delivers an agent's replies to our webhook."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from chatwoot_emulator import BASE, SECRET, TOKEN, Emulator
from fastapi import FastAPI

from bot.duty.chatwoot import MAX_BODY, AgentReply, Chatwoot, ChatwootUnavailable, Thread, Webhook, agent_reply
from knowledge.errors import SettingsError, StoreError
from knowledge.store import NewCase, Store

NOW = datetime(2026, 2, 3, 1, 5, tzinfo=UTC)
SIGNING = "whsec"


class Replies:
    """What is handed on; fails while `broken`."""

    def __init__(self) -> None:
        self.got: list[AgentReply] = []
        self.broken: Exception | None = None

    async def __call__(self, reply: AgentReply) -> None:
        await asyncio.sleep(0)
        if self.broken:
            raise self.broken
        self.got.append(reply)


@pytest.fixture
def emulator() -> Emulator:
    return Emulator()


@pytest.fixture
def replies() -> Replies:
    return Replies()


@pytest.fixture
def chatwoot(emulator: Emulator) -> Chatwoot:
    client = httpx.AsyncClient(transport=httpx.ASGITransport(emulator.app))
    return Chatwoot(client, base_url=BASE + "/", inbox_identifier="inbox-1", account_id=7, api_token=TOKEN)


def hook(replies: Callable[[AgentReply], Awaitable[None]], signing_secret: str | None = None) -> httpx.AsyncClient:
    app = FastAPI()
    app.include_router(Webhook(replies, secret=SECRET, clock=lambda: NOW, signing_secret=signing_secret).router())
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://us.test")


async def delivered(client: httpx.AsyncClient, event: Any, path: str = f"/chatwoot/{SECRET}", **headers: str) -> int:
    return (await client.post(path, content=json.dumps(event).encode(), headers=headers)).status_code


async def test_a_case_goes_there_and_the_reply_comes_back(emulator: Emulator, chatwoot: Chatwoot, replies: Replies) -> None:
    thread = await chatwoot.open("TG-7KQ2M4", "Người nhắn TG-7KQ2M4")
    await chatwoot.say(thread, "em bị đánh 😭")
    note = await chatwoot.note(thread, "nguy hiểm ngay lúc này")
    assert [(m["content"], m["kind"], m["private"]) for m in emulator.messages] == [
        ("em bị đánh 😭", "incoming", False),
        ("nguy hiểm ngay lúc này", "outgoing", True),
    ]
    assert note == emulator.messages[1]["id"]
    answer = emulator.add(thread.conversation_id, "Cô đang nghe em đây.", "outgoing", False)
    client = hook(replies)
    for message in emulator.messages:
        assert await delivered(client, emulator.event(message)) == 200
    assert replies.got == [AgentReply(answer["id"], thread.conversation_id, "TG-7KQ2M4", "Cô đang nghe em đây.", agent="Cán bộ")]


async def test_opening_twice_is_one_conversation(emulator: Emulator, chatwoot: Chatwoot) -> None:
    first = await chatwoot.open("TG-7KQ2M4", "x")
    assert await chatwoot.open("TG-7KQ2M4", "x") == first
    assert await chatwoot.open("TG-AAAAAA", "x") != first
    assert len(emulator.conversations) == 2


async def test_when_it_is_down_the_caller_tries_again(emulator: Emulator, chatwoot: Chatwoot) -> None:
    thread = await chatwoot.open("TG-7KQ2M4", "x")
    emulator.down = True
    with pytest.raises(ChatwootUnavailable) as raised:
        await chatwoot.say(thread, "bí mật của tôi")
    assert raised.value.context == {"status": 502}
    emulator.down = False
    await chatwoot.say(thread, "bí mật của tôi")
    assert len(emulator.messages) == 1


@pytest.mark.parametrize(
    "answer", [httpx.Response(200, text="<html>"), httpx.Response(200, json=[]), httpx.Response(200, json={"id": "x"})]
)
async def test_an_answer_that_is_not_theirs(answer: httpx.Response) -> None:
    client = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: answer))
    with pytest.raises(ChatwootUnavailable):
        await Chatwoot(client, base_url=BASE, inbox_identifier="i").open("TG-7KQ2M4", "x")


async def test_no_answer() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    client = httpx.AsyncClient(transport=httpx.MockTransport(refuse))
    with pytest.raises(ChatwootUnavailable):
        await Chatwoot(client, base_url=BASE, inbox_identifier="i").say(Thread("s", 1), "x")


async def test_ids_stay_within_their_part_of_the_path() -> None:
    asked: list[bytes] = []

    def keep(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path)
        return httpx.Response(200, json={"id": 1})

    client = httpx.AsyncClient(transport=httpx.MockTransport(keep))
    await Chatwoot(client, base_url=BASE, inbox_identifier="a/../b").say(Thread("c?d/e", 1), "x")
    assert asked == [b"/public/api/v1/inboxes/a%2F..%2Fb/contacts/c%3Fd%2Fe/conversations/1/messages"]


async def test_notes_need_a_token() -> None:
    with pytest.raises(SettingsError):
        await Chatwoot(httpx.AsyncClient(), base_url=BASE, inbox_identifier="i").note(Thread("s", 1), "x")


@pytest.fixture
def event(emulator: Emulator) -> dict[str, Any]:
    emulator.conversations[41] = "TG-7KQ2M4"
    emulator.add(41, "Cô đang nghe.", "outgoing", False)
    return emulator.event(emulator.messages[0])


async def test_a_reply_is_handed_on_once(event: dict[str, Any], replies: Replies) -> None:
    client = hook(replies)
    assert await asyncio.gather(*(delivered(client, event) for _ in range(5))) == [200] * 5
    assert await delivered(client, event) == 200
    assert len(replies.got) == 1


async def test_a_reply_that_could_not_be_kept_may_come_again(event: dict[str, Any], replies: Replies) -> None:
    client = hook(replies)
    replies.broken = StoreError("down")
    assert await delivered(client, event) == 503
    replies.broken = None
    assert await delivered(client, event) == 200
    assert len(replies.got) == 1


async def test_a_reply_that_comes_again_after_a_restart_is_sent_once(event: dict[str, Any], store: Store) -> None:
    case_id = str(store.conversations.accept("web:1", "m1", "cứu", NOW, "web", NewCase("violence", 4, "danger")).case_id)
    store.duty.take(case_id, "agent")

    async def receive(reply: AgentReply) -> None:
        store.duty.say(case_id, "agent", reply.text, client_key=reply.client_key)

    for _ in range(2):
        assert await delivered(hook(receive), event) == 200
    assert [row.text for row in store.outbox.after("web:1")] == ["Cô đang nghe."]


async def test_a_wrong_secret_is_no_page(event: dict[str, Any], replies: Replies) -> None:
    for path in ("/chatwoot/wrong", "/chatwoot/", f"/chatwoot/{SECRET}x", "/chatwoot/%C4%91"):
        assert await delivered(hook(replies), event, path) == 404
    assert replies.got == []
    with pytest.raises(SettingsError):
        Webhook(replies, secret="short", clock=lambda: NOW)


def signature(event: Any, timestamp: str, secret: str = SIGNING) -> dict[str, str]:
    signed = hmac.new(secret.encode(), f"{timestamp}.".encode() + json.dumps(event).encode(), hashlib.sha256).hexdigest()
    return {"x-chatwoot-timestamp": timestamp, "x-chatwoot-signature": "sha256=" + signed}


async def test_signed_deliveries(event: dict[str, Any], replies: Replies) -> None:
    client = hook(replies, SIGNING)
    now = int(NOW.timestamp())
    good = signature(event, str(now))
    for headers in (
        {},
        signature(event, str(now), "other"),
        signature(event, str(now - 301)),
        signature(event, ""),
        signature(event, "-1"),
        signature(event, "9" * 40),
        {**good, "x-chatwoot-timestamp": str(now - 1)},
    ):
        assert await delivered(client, event, **headers) == 404
    assert await delivered(client, {**event, "content": "other"}, **good) == 404
    assert replies.got == []
    assert await delivered(client, event, **good) == 200
    assert len(replies.got) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"event": "message_updated"},
        {"event": None},
        {"message_type": "incoming"},
        {"message_type": "template"},
        {"private": True},
        {"private": None},
        {"sender": None},
        {"sender": {"id": 1, "name": "Rule", "type": "agent_bot"}},
        {"event": "conversation_status_changed", "status": "resolved"},
    ],
)
async def test_what_is_no_reply_is_left(event: dict[str, Any], replies: Replies, change: dict[str, Any]) -> None:
    assert await delivered(hook(replies), {**event, **change}) == 200
    assert replies.got == []


@pytest.mark.parametrize("change", [{"id": None}, {"id": True}, {"id": "9"}, {"conversation": None}, {"conversation": {}}])
async def test_a_reply_without_ids_is_refused(event: dict[str, Any], replies: Replies, change: dict[str, Any]) -> None:
    assert await delivered(hook(replies), {**event, **change}) == 400
    assert replies.got == []


async def test_nonsense_and_too_much(replies: Replies) -> None:
    client = hook(replies)
    path = f"/chatwoot/{SECRET}"
    assert (await client.post(path, content=b"{")).status_code == 400
    assert (await client.post(path, content=b"\xff\xfe")).status_code == 400
    assert (await client.post(path, content=b"[" * 100_000)).status_code == 400
    assert (await client.post(path, content=b"[]")).status_code == 200
    assert (await client.post(path, content=b" " * (MAX_BODY + 1))).status_code == 413


def test_pictures_without_words(event: dict[str, Any]) -> None:
    files = [{"file_type": "image", "data_url": "http://chatwoot.test/a.jpg"}, {"data_url": 1}, None]
    reply = agent_reply({**event, "content": None, "attachments": files})
    assert reply == AgentReply(event["id"], 41, "TG-7KQ2M4", "", ("http://chatwoot.test/a.jpg",), "Cán bộ")
    assert "a.jpg" not in repr(reply)
