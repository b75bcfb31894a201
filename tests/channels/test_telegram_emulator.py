"""The channel, and the whole house, with telegram-test-api, a Bot API written by others: what a person writes and presses arrives, and
what is said is shown.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.channels.model import Block, Button, Incoming, Reply
from bot.channels.telegram.channel import TelegramChannel
from bot.channels.telegram.polling import Poller
from bot.serve import house
from bot.services import Services
from bot.settings import Settings
from tools.demo_telegram import CHAT, Conversation
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


async def test_a_conversation_with_the_house(emulator: Emulator, built_home: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(built_home, home)
    environ = {"TROGIUP_HOME": str(home), "TROGIUP_TELEGRAM_TOKEN": TOKEN, "TROGIUP_TELEGRAM_BASE_URL": emulator.base_url}
    services = Services.open(Settings.load(environ, tmp_path))
    names = {"person": "a", "bot": "b"}
    async with house(services, lambda _: None, with_rasa=False):
        conversation = Conversation(emulator, names, lambda _: None, quiet_s=0.2)

        (answer,) = await conversation.step({"say": "Ở Đồng Nai có bao nhiêu cơ sở trợ giúp xã hội?"})
        assert "16 cơ sở" in answer["text"]
        assert "<i>" in answer["text"]
        assert "2735/KH-UBND" in answer["text"]
        (passage,) = await conversation.step({"press": "Xem nguyên văn"})
        assert "2735/KH-UBND" in passage["text"]

        await conversation.step({"say": "/tinh"})
        (chosen,) = await conversation.step({"press": "Cà Mau"})
        assert "Cà Mau" in chosen["text"]
        assert services.store.chats.get(f"telegram:{CHAT}").province == "Cà Mau"
        (thanks,) = await conversation.step({"press": "👍"})
        assert "Cảm ơn" in thanks["text"]

        urgent = (await conversation.step({"say": "chong em dang cam dao doi giet em, cuu em voi"}))[0]
        assert urgent["text"].startswith("<b>")
        assert "113" in urgent["text"].splitlines()[0]
        (case,) = services.store.cases.list()
        assert (case.conversation_id, case.reason) == (f"telegram:{CHAT}", "danger")
    services.close()
