from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from botapi_fake import TOKEN, Answer, BotApi

from bot.channels.model import Incoming
from bot.channels.telegram.channel import TelegramChannel
from bot.channels.telegram.polling import Poller
from knowledge.errors import StoreError

NOW = datetime(2026, 5, 4, 5, 0, tzinfo=UTC)


class Disk:
    """Keeps what it is handed, unless it is `full`."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.full = False

    async def receive(self, channel: str, events: Sequence[Incoming]) -> None:
        assert channel == "telegram"
        if self.full:
            raise StoreError("The database does not answer.")
        self.kept.extend(event.text for event in events)


class Pauses(list[float]):
    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


def update(number: int, text: str) -> dict[str, Any]:
    sender = {"id": 7, "is_bot": False, "first_name": "Lan"}
    message = {"message_id": number, "date": 1_777_870_800, "chat": {"id": 7, "type": "private"}, "from": sender, "text": text}
    return {"update_id": number, "message": message}


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    async with BotApi() as api:
        yield api


@pytest.fixture
async def channel(api: BotApi) -> AsyncIterator[TelegramChannel]:
    channel = TelegramChannel(TOKEN, api.base_url, lambda: NOW, answer_s=0.3)
    yield channel
    await channel.close()


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def poller(channel: TelegramChannel, disk: Disk, pauses: Pauses) -> Poller:
    return Poller(channel, disk.receive, pauses, hold_s=1)


async def test_what_came_is_confirmed_only_once_it_is_kept(api: BotApi, poller: Poller, disk: Disk, pauses: Pauses) -> None:
    api.updates = [update(3, "một"), update(4, "hai")]
    disk.full = True
    await poller.round()
    assert (disk.kept, pauses) == ([], [1.0])
    disk.full = False
    await poller.round()
    await poller.round()
    assert disk.kept == ["một", "hai"]
    assert [asked.get("offset") for asked in api.sent("getupdates")] == [None, None, 5]
    assert api.updates == []


async def test_the_webhook_is_taken_away_first_and_the_kinds_are_named(api: BotApi, poller: Poller) -> None:
    await poller.round()
    await poller.round()
    assert [name for name, _ in api.called] == ["deletewebhook", "getme", "setmycommands", "getupdates", "getupdates"]
    assert api.sent("deletewebhook") == [{"drop_pending_updates": False}]
    assert "callback_query" in api.sent("getupdates")[0]["allowed_updates"]
    assert api.sent("getupdates")[0]["timeout"] == 1


async def test_an_update_that_cannot_be_read_does_not_stop_the_others(api: BotApi, poller: Poller, disk: Disk) -> None:
    api.updates = [{"update_id": 1, "message": {"text": "hỏng"}}, update(2, "lành")]
    await poller.round()
    await poller.round()
    assert disk.kept == ["lành"]
    assert api.updates == []


async def test_another_poller_is_told_of_once_and_waited_for(
    api: BotApi, poller: Poller, disk: Disk, pauses: Pauses, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    conflict = Answer.failed(409, "Conflict: terminated by other getUpdates request")
    api.script["getupdates"].extend([conflict, conflict])
    api.updates = [update(1, "vẫn còn")]
    await poller.round()
    await poller.round()
    assert poller.trouble == "conflict"
    assert pauses == [5, 15]
    assert caplog.text.count("TROGIUP_TELEGRAM_TOKEN") == 1
    await poller.round()
    assert poller.trouble is None
    assert disk.kept == ["vẫn còn"]
    assert len(api.sent("deletewebhook")) == 3, "a webhook that somebody has set looks the same"


async def test_pauses_grow_while_telegram_is_down(api: BotApi, poller: Poller, pauses: Pauses) -> None:
    api.script["getupdates"].extend(
        [Answer(502, b""), Answer(200, body=None), Answer(200, b"{}"), Answer(200, b'{"ok": true, "result": 1}')]
    )
    for _ in range(4):
        await poller.round()
    assert (poller.trouble, pauses) == ("down", [1, 2, 4, 8])
    api.script["getupdates"].append(Answer.failed(429, "Too Many Requests", retry_after=40))
    await poller.round()
    assert pauses[-1] == 40


async def test_a_server_that_does_not_hold_the_request_is_not_pressed(api: BotApi, poller: Poller, pauses: Pauses) -> None:
    await poller.round()
    assert pauses == [0.3]


async def test_a_token_that_is_not_taken(api: BotApi, disk: Disk, pauses: Pauses) -> None:
    channel = TelegramChannel("1:B", api.base_url, lambda: NOW)
    poller = Poller(channel, disk.receive, pauses)
    await poller.round()
    assert (poller.trouble, pauses) == ("token", [60])
    await channel.close()


async def test_a_fault_of_ours_does_not_end_it(
    api: BotApi, channel: TelegramChannel, pauses: Pauses, caplog: pytest.LogCaptureFixture
) -> None:
    ended = asyncio.Event()
    tried: list[str] = []

    async def receive(_: str, events: Sequence[Incoming]) -> None:
        tried.extend(event.text for event in events)
        if len(tried) == 1:
            raise ZeroDivisionError("bí mật")
        ended.set()

    api.updates = [update(1, "bí mật")]
    running = asyncio.create_task(Poller(channel, receive, pauses, hold_s=1).run())
    await asyncio.wait_for(ended.wait(), 5)
    running.cancel()
    assert tried == ["bí mật", "bí mật"]
    assert "ZeroDivisionError" in caplog.text
    assert "bí mật" not in caplog.text
