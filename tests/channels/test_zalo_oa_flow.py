"""From Zalo's webhook to Zalo's chat: signed events in over HTTP, inbox, a concierge that repeats what it hears, sends, messages out."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from zalo_emulator import APP_ID, APP_SECRET, FIRST_REFRESH, OA_SECRET, Person, ZaloEmulator, serving

from bot.channels.coding import calls
from bot.channels.model import Block, Incoming, Reply
from bot.channels.postman import Postman
from bot.channels.reception import Reception
from bot.channels.spill import Spill
from bot.channels.webhooks import Webhook, webhook_router
from bot.channels.zalo_oa.channel import ZaloOA
from bot.settings import Settings
from knowledge.store import Store, sqlite_url


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Assessment:
    urgent: bool


class Repeats:
    """The concierge and the triage: whatever says "cứu" is danger, and all is said back."""

    def hear(self, conversation_id: str, text: str, earlier: Sequence[str] = ()) -> Assessment:
        return Assessment("cứu" in text)

    async def handle(self, incoming: Incoming) -> Sequence[Reply]:
        lane = "danger" if self.hear(incoming.conversation_id, incoming.text).urgent else "normal"
        return (Reply(f"r:{incoming.event_id}", lane, (Block("text", f"{incoming.kind}: {incoming.text}"),)),)  # type: ignore[arg-type]

    def flooded(self, incoming: Incoming, skipped: int) -> Reply:
        return Reply(f"f:{incoming.event_id}", "normal", (Block("text", f"bỏ qua {skipped}"),))

    failed: Any = None


@dataclass
class Office:
    zalo: ZaloEmulator
    web: httpx.AsyncClient
    store: Store
    channel: ZaloOA
    postman: Postman

    async def post(self, event: Any, **other: str) -> int:
        body, headers = self.zalo.signed(event)
        return (await self.web.post("/channels/zalo-oa", content=body, headers=headers | other)).status_code

    async def said(self, user: str, count: int) -> list[str]:
        async with asyncio.timeout(20):
            while len(self.zalo.shown(user)) < count:
                await asyncio.sleep(0.02)
        return [message["text"] for message in self.zalo.shown(user)]


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    store = Store.open(sqlite_url(tmp_path / "trogiup.db"), now)
    with serving(ZaloEmulator(now)) as zalo:
        given = {
            "TROGIUP_HOME": str(tmp_path),
            "TROGIUP_ZALO_OA_APP_ID": APP_ID,
            "TROGIUP_ZALO_OA_SECRET": OA_SECRET,
            "TROGIUP_ZALO_APP_SECRET": APP_SECRET,
            "TROGIUP_ZALO_OA_REFRESH_TOKEN": FIRST_REFRESH,
            "TROGIUP_ZALO_OA_BASE_URL": zalo.url,
            "TROGIUP_ZALO_OAUTH_BASE_URL": zalo.url,
        }
        channel = ZaloOA.of(Settings.load(given, tmp_path), store, now)
        channels: Any = {channel.name: channel}
        postman = Postman(store, channels, now, random.Random(1), alone=True)
        repeats: Any = Repeats()
        reception = Reception(store, channels, repeats, repeats, now, Spill(tmp_path / "spill"), to_send=postman.wake, alone=True)
        app = FastAPI()
        app.include_router(webhook_router(reception, Webhook("zalo-oa", channel, channel)))
        tasks = [asyncio.create_task(work) for work in (reception.run(), postman.run())]
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://office") as web:
            yield Office(zalo, web, store, channel, postman)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await channel.close()
    store.close()


async def test_what_is_delivered_many_times_is_answered_once_and_in_order(office: Office) -> None:
    office.zalo.people |= {"1": Person(), "2": Person()}
    events = [office.zalo.text("1", "một"), office.zalo.text("1", "hai"), office.zalo.text("2", "cứu")]
    for event in events:
        assert [await office.post(event) for _ in range(5)] == [200] * 5
    assert await office.said("2", 1) == ["text: cứu"]
    together = "\n".join(await office.said("1", 1))
    async with asyncio.timeout(20):
        while "hai" not in together:
            await asyncio.sleep(0.02)
            together = "\n".join(message["text"] for message in office.zalo.shown("1"))
    said = Counter(together.replace("text:", "").split())
    assert said == {"một": 1, "hai": 1}
    assert together.index("một") < together.index("hai")


async def test_a_probe_is_greeted_and_a_forger_is_not(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    assert (await office.web.post("/channels/zalo-oa")).status_code == 200
    event = office.zalo.text("1", "bí mật")
    with caplog.at_level(logging.INFO):
        assert await office.post(event, **{"X-ZEvent-Signature": "mac=" + "0" * 64}) == 401
        assert await office.post(event, **{"X-ZEvent-Signature": ""}) == 401
    assert "bí mật" not in caplog.text
    assert await office.post(office.zalo.event("something_new", "1")) == 200
    old = office.zalo.text("1", "cũ")
    old["timestamp"] = str(round((now() - timedelta(days=8)).timestamp() * 1000))
    assert await office.post(old) == 200


async def test_danger_gets_through_when_the_free_messages_are_spent_and_the_rest_waits_for_the_person(office: Office) -> None:
    office.zalo.people["1"] = Person()
    await office.post(office.zalo.text("1", "một"))
    assert await office.said("1", 1) == ["text: một"]
    office.store.chats.spent("zalo-oa:1", office.channel.quota)
    for lane, text in (("normal", "Cán bộ đã đọc tin."), ("danger", "Gọi ngay 113.")):
        reply = Reply(lane, lane, (Block("text", text),))  # type: ignore[arg-type]
        office.store.sends.add(calls(office.channel, reply, "zalo-oa:1", now()))
    office.postman.wake()
    assert (await office.said("1", 2))[1:] == ["Gọi ngay 113."]
    await office.post(office.zalo.text("1", "hai"))
    async with asyncio.timeout(20):
        while "Cán bộ đã đọc tin." not in (together := "\n".join(message["text"] for message in office.zalo.shown("1"))):
            await asyncio.sleep(0.02)
    assert together.count("Cán bộ") == together.count("113") == 1
