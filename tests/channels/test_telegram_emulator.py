"""The channel and telegram-test-api, a Bot API written by others: what a person writes and presses arrives, and what is said is shown."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import pytest

from bot.channels.model import Block, Button, Incoming, Reply
from bot.channels.telegram.channel import TelegramChannel
from bot.channels.telegram.polling import Poller
from tools.telegram_emulator import TOKEN, Emulator, EmulatorMissing, installed, running

pytestmark = pytest.mark.e2e


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    try:
        installed()
    except EmulatorMissing as missing:
        if os.environ.get("TROGIUP_REQUIRE_ALL_TESTS") == "1":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    async with running() as emulator:
        yield emulator


async def test_there_and_back(emulator: Emulator) -> None:
    channel = TelegramChannel(TOKEN, emulator.base_url, lambda: datetime.now(UTC))
    came: list[Incoming] = []

    async def receive(_: str, events: Sequence[Incoming]) -> None:
        came.extend(events)

    poller = Poller(channel, receive, hold_s=0)
    await emulator.write(7, "Mức trợ cấp người cao tuổi?")
    await emulator.write(7, "/tinh Cà Mau")
    await poller.round()
    assert [(event.kind, event.conversation_id, event.text) for event in came] == [
        ("text", "telegram:7", "Mức trợ cấp người cao tuổi?"),
        ("text", "telegram:7", "/tinh Cà Mau"),
    ]
    assert channel.me.username == "TestNameBot"

    reply = Reply("k", "normal", (Block("text", "Anh/chị ở tỉnh nào? " * 300),), (Button("Cà Mau", "province", "Cà Mau"),), menu="p")
    for call in channel.render(reply, "7"):
        assert await channel.send(call)
    shown = await emulator.wait_for(7, 2)
    assert all(len(message["text"]) <= 4096 for message in shown)
    (key,) = shown[-1]["reply_markup"]["inline_keyboard"][0]
    assert key["text"] == "Cà Mau"

    await emulator.press(7, key["callback_data"])
    await poller.round()
    assert (came[-1].kind, came[-1].data["menu"], came[-1].data["number"]) == ("choice", "p", "1")
    assert len({event.event_id for event in came}) == 3
    await channel.close()
