"""The sends of a store, the postman, the channel and a Bot API over real HTTP: what becomes of each call, whatever Telegram answers."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botapi_fake import TOKEN, Answer, BotApi

from bot.channels.coding import calls
from bot.channels.model import Block, Lane, Reply
from bot.channels.postman import Postman
from bot.channels.telegram.channel import TelegramChannel
from knowledge.store import Store, sqlite_url

TOO_MANY = Answer.failed(429, "Too Many Requests: retry after 30", retry_after=30)


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 5, 4, 5, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    store = Store.open(sqlite_url(tmp_path / "trogiup.db"), clock)
    yield store
    store.close()


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    async with BotApi() as api:
        yield api


@pytest.fixture
async def channel(api: BotApi, clock: Clock) -> AsyncIterator[TelegramChannel]:
    channel = TelegramChannel(TOKEN, api.base_url, clock, answer_s=0.3)
    yield channel
    await channel.close()


def put(store: Store, channel: TelegramChannel, at: datetime, chat: int, text: str, lane: Lane = "normal") -> None:
    reply = Reply(f"{chat}:{text}", lane, (Block("text", text),))
    store.sends.add(calls(channel, reply, f"telegram:{chat}", at))


async def work(postman: Postman) -> None:
    """Until nothing more is due at this moment."""
    while await postman.round():
        await postman.idle()


async def test_what_becomes_of_each_call(api: BotApi, channel: TelegramChannel, store: Store, clock: Clock) -> None:
    postman = Postman(store, {"telegram": channel}, clock, random.Random(7))
    api.by_chat = {
        1: TOO_MANY,
        2: Answer.failed(403, "Forbidden: bot was blocked by the user"),
        3: Answer.failed(400, "Bad Request: message is too long"),
        4: Answer(hang=True),
        5: Answer(502, b"<html>"),
    }
    for chat in range(1, 7):
        put(store, channel, clock.now, chat, "Chào")
    await work(postman)
    counts = store.sends.counts()["telegram"]
    assert (counts.waiting, counts.dead, counts.uncertain) == (2, 1, 1), "too many and a fault wait, refused is dead, hung is not known"
    assert store.chats.get("telegram:2").blocked_at == clock.now

    api.by_chat = {}
    for _ in range(5):
        clock.now += timedelta(seconds=31)
        await work(postman)
    arrived = [sent["chat_id"] for sent in api.sent()]
    assert arrived.count(1) == arrived.count(5) == 2
    assert arrived.count(4) == 1, "what may have arrived is not repeated"
    assert arrived.count(2) == arrived.count(3) == arrived.count(6) == 1


async def test_danger_leaves_while_everybody_else_is_told_to_wait(
    api: BotApi, channel: TelegramChannel, store: Store, clock: Clock
) -> None:
    postman = Postman(store, {"telegram": channel}, clock, random.Random(7))
    api.by_chat = dict.fromkeys(range(1, 16), TOO_MANY)
    for chat in range(1, 16):
        put(store, channel, clock.now, chat, "Chào")
    await work(postman)
    put(store, channel, clock.now, 99, "Gọi 113", "danger")
    await work(postman)
    assert [sent["text"] for sent in api.sent()][-1] == "Gọi 113"
    assert store.sends.counts()["telegram"].waiting == 15


async def test_parts_of_a_long_answer_arrive_in_order(api: BotApi, channel: TelegramChannel, store: Store, clock: Clock) -> None:
    postman = Postman(store, {"telegram": channel}, clock, random.Random(7))
    put(store, channel, clock.now, 1, " ".join(f"Câu số {n}." for n in range(1500)))
    for _ in range(12):
        if len(api.sent()) == 2:
            api.script["sendmessage"].append(Answer.failed(500, "Internal Server Error"))
        await work(postman)
        clock.now += timedelta(seconds=2)
    texts = list(dict.fromkeys(sent["text"] for sent in api.sent()))
    assert len(texts) > 3
    assert " ".join(texts).split() == " ".join(f"Câu số {n}." for n in range(1500)).split()
