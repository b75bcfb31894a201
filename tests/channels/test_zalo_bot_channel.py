"""The Zalo Bot channel against the emulator, over real HTTP: what is read, what is sent, what errors mean, and where the token never is."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI
from zalo_bot_emulator import TOKEN, ZaloBotEmulator, serving, text_event

from bot.channels.bot_api import BotApi, TimedOut, TokenRefused, Unreachable
from bot.channels.model import Gone, Incoming, Later, Malformed, NotSent, Refused, Uncertain
from bot.channels.reception import Reception
from bot.channels.webhooks import Webhook as Route
from bot.channels.webhooks import webhook_router
from bot.channels.zalo_bot import Polling, Webhook, ZaloBot
from bot.channels.zalo_bot.render import Texts
from knowledge.errors import StoreError

NOW = datetime(2026, 5, 4, 12, 0, 30, tzinfo=UTC)
CALL = {"method": "sendMessage", "chat_id": "abc", "text": "Chào bác"}
SECRET = "0123456789abcdef" * 4


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def emulator() -> ZaloBotEmulator:
    return ZaloBotEmulator()


@pytest.fixture
async def api(emulator: ZaloBotEmulator) -> AsyncIterator[BotApi]:
    async with serving(emulator.app) as address:
        api = BotApi("Zalo Bot", f"{address}/bot", TOKEN)
        yield api
        await api.close()
        emulator.released.set()


@pytest.fixture
def channel(api: BotApi) -> ZaloBot:
    return ZaloBot(api, Texts.load(), Clock())


@pytest.fixture
def reader() -> ZaloBot:
    return ZaloBot(BotApi("Zalo Bot", "http://127.0.0.1:9/bot", TOKEN), Texts.load(), Clock())


def only(events: tuple[Incoming, ...]) -> Incoming:
    (event,) = events
    return event


# What arrives


def test_a_text_wrapped_and_bare_is_the_same_event(reader: ZaloBot) -> None:
    event = text_event("Cháu hỏi trợ cấp")
    read = only(reader.read({"ok": True, "result": event}))
    assert read == only(reader.read(event))
    assert (read.kind, read.text, read.conversation_id, read.chat) == (
        "text",
        "Cháu hỏi trợ cấp",
        "zalo-bot:6ede9afa66b88fe6d6a9",
        "6ede9afa66b88fe6d6a9",
    )
    assert read.event_id == read.message_id == "2d758cb5e222177a4e35"
    assert read.at == datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
    assert read.data == {"name": "Nguyễn Thị Hoa"}


def test_an_update_without_its_name_is_read_by_what_is_in_it(reader: ZaloBot) -> None:
    message = text_event("Xin chào")["message"]
    assert only(reader.read({"ok": True, "result": {"message": message}})).kind == "text"
    assert only(reader.read({"message": {**message, "text": None, "photo": "https://x/1.jpg"}})).data["ref"] == "https://x/1.jpg"


@pytest.mark.parametrize(
    ("name", "field", "value", "media"),
    [
        ("message.image.received", "photo", "https://photo/1.jpg", "image"),
        ("message.sticker.received", "sticker", "0e078a2fb66a5f34067b", "sticker"),
        ("message.voice.received", "voice_url", "https://voice/1.aac", "voice"),
    ],
)
def test_pictures_stickers_and_voice(reader: ZaloBot, name: str, field: str, value: str, media: str) -> None:
    event = {**text_event("", **{field: value, "caption": "giấy của tôi"}), "event_name": name}
    read = only(reader.read(event))
    assert (read.kind, read.text, read.data["type"], read.data["ref"]) == ("media", "giấy của tôi", media, value)


def test_a_protected_account_is_heard_with_and_without_a_sender(reader: ZaloBot) -> None:
    addressed = only(reader.read({**text_event(""), "event_name": "message.unsupported.received"}))
    assert (addressed.kind, addressed.chat, addressed.text) == ("unsupported", "6ede9afa66b88fe6d6a9", "")
    for bare in ({"event_name": "message.unsupported.received"}, {"event_name": "message.unsupported.received", "message": "…"}):
        assert only(reader.read({"ok": True, "result": bare})).conversation_id == "zalo-bot:unknown"


def test_a_second_cry_without_any_id_is_no_repeat_of_the_first() -> None:
    clock = Clock()
    reader = ZaloBot(BotApi("Zalo Bot", "http://127.0.0.1:9/bot", TOKEN), Texts.load(), clock)
    bare = {"event_name": "message.unsupported.received"}
    first, resent = only(reader.read(bare)).event_id, only(reader.read(bare)).event_id
    clock.now += timedelta(minutes=1)
    assert first == resent != only(reader.read(bare)).event_id


def test_what_is_nothing_to_do(reader: ZaloBot) -> None:
    robot = text_event("beep")
    robot["message"]["from"]["is_bot"] = True
    for event in (robot, {**text_event("👍"), "event_name": "message.reaction.received"}, {"event_name": "bot.joined.group"}):
        assert reader.read(event) == ()


@pytest.mark.parametrize(
    "payload",
    [None, [], 7, "x", {}, {"ok": True}, {"result": 5}, {"message": []}, {"event_name": 4}, {"event_name": "message.text.received"}],
)
def test_what_is_none_of_the_services(reader: ZaloBot, payload: Any) -> None:
    if payload == []:
        assert reader.read(payload) == ()
        return
    with pytest.raises(Malformed):
        reader.read(payload)


@pytest.mark.parametrize("date", [None, "x", -1e300, float("inf"), 1, "1777896000000000"])
def test_an_impossible_moment_is_now(reader: ZaloBot, date: Any) -> None:
    assert only(reader.read(text_event("a", date=date))).at == NOW


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_clock_ten_minutes_away_is_believed(reader: ZaloBot, minutes: int) -> None:
    at = NOW + timedelta(minutes=minutes)
    assert only(reader.read(text_event("a", date=at.timestamp() * 1000))).at == at


def test_what_no_database_takes_is_not_in_a_text(reader: ZaloBot) -> None:
    text = only(reader.read(text_event("a\x00\ud800b"))).text
    assert text == "a\ufffd\ufffdb"


# The webhook


def test_the_secret_of_the_webhook() -> None:
    webhook = Webhook(SECRET)
    assert webhook.verify({"X-Bot-Api-Secret-Token": SECRET}, b"{}")
    assert webhook.verify({"x-bot-api-secret-token": SECRET}, b"")
    for given in ("", SECRET[:-1], SECRET + "0", "đ" * 64, "\udce1"):
        assert not webhook.verify({"X-Bot-Api-Secret-Token": given}, b"{}")
    assert not webhook.verify({}, b"{}")
    assert not webhook.is_probe(b"")


# What is sent


async def test_a_message_is_sent_and_its_id_is_known(channel: ZaloBot, emulator: ZaloBotEmulator) -> None:
    assert await channel.send(CALL) == "sent-1"
    assert emulator.sent == [{"chat_id": "abc", "text": "Chào bác"}]


@pytest.mark.parametrize(
    ("trouble", "raised"),
    [
        (("status", 400), Refused),
        (("status", 401), TokenRefused),
        (("status", 403), TokenRefused),
        (("status", 408), Uncertain),
        (("status", 429), Later),
        (("status", 500), Later),
        (("garbage", 502), Later),
        (("garbage", 429), Later),
        (("garbage", 200), Uncertain),
    ],
)
async def test_what_an_error_means(channel: ZaloBot, emulator: ZaloBotEmulator, trouble: tuple[str, int], raised: type[NotSent]) -> None:
    emulator.trouble.append(trouble)
    with pytest.raises(raised) as caught:
        await channel.send(CALL)
    assert TOKEN not in caught.value.advice
    assert CALL["text"] not in caught.value.advice


async def test_the_services_own_time_to_wait_is_kept(channel: ZaloBot, emulator: ZaloBotEmulator) -> None:
    emulator.trouble.append(("retry", 17))
    with pytest.raises(Later) as caught:
        await channel.send(CALL)
    assert (caught.value.after, caught.value.everyone) == (17.0, True)


async def test_who_blocked_the_bot_is_gone_and_nobody_is_not_written_to(channel: ZaloBot, emulator: ZaloBotEmulator) -> None:
    emulator.blocked.add("abc")
    with pytest.raises(Gone):
        await channel.send(CALL)
    calls = len(emulator.calls)
    with pytest.raises(Refused):
        await channel.send({**CALL, "chat_id": "unknown"})
    assert len(emulator.calls) == calls


async def test_an_answer_that_does_not_come_leaves_it_open_whether_it_arrived(api: BotApi, emulator: ZaloBotEmulator) -> None:
    emulator.trouble.append(("lost", 0))
    with pytest.raises(TimedOut):
        await api.call("sendMessage", {"chat_id": "abc", "text": "Chào bác"}, timeout_s=0.2)
    assert len(emulator.sent) == 1


async def test_typing_never_raises(channel: ZaloBot, reader: ZaloBot, emulator: ZaloBotEmulator) -> None:
    await channel.typing("abc")
    emulator.trouble.append(("status", 500))
    await channel.typing("abc")
    await reader.typing("abc")
    assert emulator.calls == ["sendChatAction", "sendChatAction"]


async def test_the_token_is_in_no_log_and_no_error(
    channel: ZaloBot, reader: ZaloBot, emulator: ZaloBotEmulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "trogiup"):
        caplog.set_level(logging.DEBUG, name)
    told = [repr(channel), str(vars(channel))]
    emulator.trouble.extend([("status", 401), ("status", 500), ("garbage", 200)])
    for sender in (channel, channel, channel, channel, reader):
        try:
            await sender.send(CALL)
        except NotSent as error:
            told += ["".join(traceback.format_exception(error)), str(vars(error))]
            cause: BaseException | None = error
            while cause := cause.__cause__ or cause.__context__:
                told.append(str(getattr(cause, "_request", "")))
    broken = BotApi("Zalo Bot", "nowhere://x/bot", TOKEN)
    with pytest.raises(Refused) as caught:
        await broken.call("getMe")
    told += ["".join(traceback.format_exception(caught.value)), caplog.text]
    await broken.close()
    assert len(told) > 8
    assert "send_request_headers" in caplog.text
    assert all(part not in text for text in told for part in (TOKEN, TOKEN.partition(":")[2]))


async def test_no_network_is_said_and_nothing_was_written(reader: ZaloBot) -> None:
    with pytest.raises(Unreachable):
        await reader.send(CALL)


# Polling


class Naps:
    """In place of sleep: notes the pauses, and ends the loop after a number of them."""

    def __init__(self, until: int) -> None:
        self.until = until
        self.pauses: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if len(self.pauses) >= self.until:
            raise asyncio.CancelledError


async def test_polling_takes_each_update_once_and_waits_for_the_inbox(channel: ZaloBot, emulator: ZaloBotEmulator) -> None:
    emulator.webhook = {"url": "https://old", "secret_token": SECRET}
    emulator.updates.extend([text_event("một", message_id="m1"), {"nonsense": 1}, text_event("hai", message_id="m2")])
    emulator.trouble.extend([("status", 500), ("status", 429)])
    kept: list[str] = []
    refusals = iter([True])
    everything = asyncio.Event()

    async def receive(name: str, events: Any) -> None:
        if next(refusals, False):
            raise StoreError("the disk is full")
        kept.extend(event.text for event in events)
        if len(kept) == 2:
            everything.set()

    naps = Naps(100)
    task = asyncio.create_task(Polling(channel, receive, naps).run())
    await asyncio.wait_for(everything.wait(), 10)
    task.cancel()
    await asyncio.wait([task])
    assert kept == ["một", "hai"]
    assert emulator.webhook == {}
    assert naps.pauses[:3] == [1.0, 2.0, 1.0]


async def test_a_wrong_token_is_asked_for_rarely(channel: ZaloBot, emulator: ZaloBotEmulator) -> None:
    emulator.token = "another"
    naps = Naps(3)

    async def receive(name: str, events: Any) -> None:
        raise AssertionError

    with pytest.raises(asyncio.CancelledError):
        await Polling(channel, receive, naps).run()
    assert naps.pauses == [60.0, 60.0, 60.0]


# The route of the webhook


class Inbox:
    """In place of the reception: keeps events, and once fails as a full disk does."""

    def __init__(self) -> None:
        self.events: list[Incoming] = []
        self.full = True

    async def receive(self, name: str, events: Any) -> None:
        if self.full:
            self.full = False
            raise StoreError("the disk is full")
        self.events.extend(events)


async def test_what_the_platform_sends_is_kept_and_sent_again_until_it_is(channel: ZaloBot, emulator: ZaloBotEmulator) -> None:
    inbox, app = Inbox(), FastAPI()
    app.include_router(webhook_router(cast(Reception, inbox), Route("zalo-bot", channel, Webhook(SECRET))))
    async with serving(app) as address:
        emulator.webhook = {"url": "https://here", "secret_token": SECRET}
        assert await emulator.deliver(f"{address}/channels/zalo-bot", text_event("Cứu em")) == 2
        assert await emulator.deliver(f"{address}/channels/zalo-bot", {"event_name": "message.unsupported.received"}) == 1
        async with httpx.AsyncClient(trust_env=False) as stranger:
            refused = await stranger.post(f"{address}/channels/zalo-bot", json=text_event("giả"), headers={"X-Bot-Api-Secret-Token": "x"})
    assert refused.status_code == 401
    assert [(event.kind, event.chat) for event in inbox.events] == [("text", "6ede9afa66b88fe6d6a9"), ("unsupported", "unknown")]
