"""The channel against a Bot API over real HTTP: each failure is called by its name, and nothing personal or secret is logged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from botapi_fake import TOKEN, Answer, BotApi

from bot.channels.model import Block, Button, Gone, Later, NotSent, Refused, Reply, Uncertain
from bot.channels.telegram.channel import TelegramChannel
from bot.channels.telegram.inline import InlineSearch
from bot.channels.telegram.webhook import TelegramVerifier

NOW = datetime(2026, 5, 4, 5, 0, tzinfo=UTC)
LAN = {"id": 7, "is_bot": False, "first_name": "Lan"}
SECRET_WORDS = "Em ở hẻm 12, đừng nói với ai"
CALL = {"method": "sendMessage", "chat_id": 7, "text": f"<b>{SECRET_WORDS} &amp;</b>", "parse_mode": "HTML"}


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    async with BotApi() as api:
        yield api


@pytest.fixture
async def channel(api: BotApi) -> AsyncIterator[TelegramChannel]:
    channel = TelegramChannel(TOKEN, api.base_url, lambda: NOW, answer_s=0.3)
    yield channel
    await channel.close()


async def failure(channel: TelegramChannel, call: Mapping[str, Any] = CALL) -> NotSent:
    with pytest.raises(NotSent) as caught:
        await channel.send(call)
    return caught.value


async def test_a_reply_arrives_with_its_buttons(api: BotApi, channel: TelegramChannel) -> None:
    reply = Reply("k", "normal", (Block("text", "Chọn"),), (Button("Có", "say", "có"),), menu="m")
    for call in channel.render(reply, "7"):
        assert await channel.send(call) == "1"
    (sent,) = api.sent()
    assert sent["chat_id"] == 7
    assert sent["reply_markup"] == {"inline_keyboard": [[{"text": "Có", "callback_data": "m:1"}]]}
    assert sent["link_preview_options"] == {"is_disabled": True}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer.failed(403, "Forbidden: bot was blocked by the user"), Gone),
        (Answer.failed(400, "Bad Request: chat not found"), Gone),
        (Answer.failed(403, "Forbidden: user is deactivated"), Gone),
        (Answer.failed(400, "Bad Request: PEER_ID_INVALID"), Gone),
        (Answer.failed(400, "Bad Request: message is too long"), Refused),
        (Answer.failed(400, f"Bad Request: text: bad character in {SECRET_WORDS}"), Refused),
        (Answer(413, b"<html>Request Entity Too Large</html>"), Refused),
        (Answer(302, b"<html>Log in to the network first</html>"), Later),
        (Answer.failed(401, "Unauthorized"), Later),
        (Answer.failed(500, "Internal Server Error"), Later),
        (Answer(502, b"<html>Bad Gateway</html>"), Later),
        (Answer(429, b"<html>Too Many Requests</html>"), Later),
        (Answer(504, b"<html>Gateway Timeout</html>"), Uncertain),
        (Answer(200, f"<{SECRET_WORDS}".encode()), Uncertain),
        (Answer(200, b"[]"), Uncertain),
        (Answer(200, b'{"ok": true}'), Uncertain),
        (Answer(200, body=None), Uncertain),
        (Answer(hang=True), Uncertain),
    ],
)
async def test_each_failure_by_its_name(
    api: BotApi, channel: TelegramChannel, caplog: pytest.LogCaptureFixture, answer: Answer, kind: type[NotSent]
) -> None:
    caplog.set_level(logging.INFO, "telegram")
    api.script["sendmessage"].append(answer)
    error = await failure(channel)
    assert type(error) is kind
    assert len(api.sent()) == 1, "a channel does not try again by itself"
    assert SECRET_WORDS not in caplog.text + error.advice
    assert TOKEN not in caplog.text + error.advice


async def test_a_pause_that_is_asked_for(api: BotApi, channel: TelegramChannel) -> None:
    api.script["sendmessage"].append(Answer.failed(429, "Too Many Requests: retry after 17", retry_after=17))
    error = await failure(channel)
    assert isinstance(error, Later)
    assert (error.after, error.everyone) == (17.0, False)


async def test_nobody_listens(api: BotApi, channel: TelegramChannel) -> None:
    await api.__aexit__()
    error = await failure(channel)
    assert isinstance(error, Later)
    assert error.everyone


async def test_a_group_that_has_moved_is_written_to_where_it_is(api: BotApi, channel: TelegramChannel) -> None:
    api.script["sendmessage"].append(Answer.failed(400, "Bad Request: group chat was upgraded", migrate_to_chat_id=-1009))
    call = {**CALL, "chat_id": -9}
    assert isinstance(await failure(channel, call), Later)
    await channel.send(call)
    assert [sent["chat_id"] for sent in api.sent()] == [-9, -1009]


async def test_words_go_out_without_their_markup_where_telegram_cannot_read_it(api: BotApi, channel: TelegramChannel) -> None:
    api.script["sendmessage"].append(Answer.failed(400, "Bad Request: can't parse entities: Unsupported start tag"))
    assert await channel.send(CALL) == "2"
    assert (api.sent()[1]["text"], "parse_mode" in api.sent()[1]) == (f"{SECRET_WORDS} &", False)


async def settled(api: BotApi, method: str) -> dict[str, Any]:
    async with asyncio.timeout(5):
        while not api.sent(method):
            await asyncio.sleep(0.01)
    return api.sent(method)[0]


async def test_a_pressed_button_stops_blinking(api: BotApi, channel: TelegramChannel) -> None:
    message = {"message_id": 5, "date": 1_777_870_800, "chat": {"id": 7, "type": "private"}}
    query = {"id": "q9", "from": LAN, "message": message, "data": "m:1"}
    (event,) = channel.read({"update_id": 1, "callback_query": query})
    assert event.kind == "choice"
    assert await settled(api, "answercallbackquery") == {"callback_query_id": "q9"}


HIT = {
    "number": "2735/KH-UBND",
    "title": "Kế hoạch",
    "province": "Đồng Nai",
    "valid_from": "2018-01-01",
    "valid_to": "2020-12-31",
    "heading_path": ["III", "2"],
    "quote": "Hỗ trợ < 500.000 đồng",
    "passage_id": "p1",
}


async def test_what_is_typed_behind_the_name_finds_passages(api: BotApi) -> None:
    async def found(words: str) -> list[dict[str, Any]]:
        return [HIT] if words == "trợ cấp" else []

    channel = TelegramChannel(TOKEN, api.base_url, lambda: NOW)
    channel = TelegramChannel(TOKEN, api.base_url, lambda: NOW, InlineSearch(found, channel.texts["inline"]))
    for number, words in enumerate(["trợ cấp ", "", "xyz"]):
        query = {"id": str(number), "from": LAN, "query": words, "offset": ""}
        assert channel.read({"update_id": number, "inline_query": query}) == ()
    async with asyncio.timeout(5):
        while len(api.sent("answerinlinequery")) < 3:
            await asyncio.sleep(0.01)
    answers = {sent["inline_query_id"]: sent for sent in api.sent("answerinlinequery")}
    (result,) = answers[0]["results"]
    assert result["title"] == "2735/KH-UBND (Đồng Nai, 2018–2020)"
    assert result["input_message_content"]["message_text"].startswith("<blockquote>Hỗ trợ &lt; 500.000 đồng</blockquote>\n<i>2735/KH-UBND")
    assert answers[0]["is_personal"] is True
    assert answers[1]["results"] == answers[2]["results"] == []
    assert answers[1]["button"]["text"] != answers[2]["button"]["text"]
    await channel.close()


async def test_the_menu_of_commands_is_set_and_the_name_is_learnt(api: BotApi, channel: TelegramChannel) -> None:
    assert await channel.introduce() is None
    assert channel.me.username == "TroGiupBot"
    (menu,) = api.sent("setmycommands")
    assert [row["command"] for row in menu["commands"]] == ["start", "help", "tinh", "tracuu", "nguoi", "xoa"]


async def test_a_menu_that_is_not_taken_stops_nothing(api: BotApi, channel: TelegramChannel) -> None:
    api.script["setmycommands"].append(Answer.failed(400, "Bad Request"))
    assert await channel.introduce() is None


async def test_typing_never_raises(api: BotApi, channel: TelegramChannel) -> None:
    api.script["sendchataction"].extend([Answer.failed(403, "Forbidden"), Answer(200, b"x"), Answer(200, body=None)])
    for _ in range(4):
        await channel.typing("7")
    assert api.sent("sendchataction")[-1] == {"chat_id": 7, "action": "typing"}


async def test_doctor_is_told_what_is_wrong(api: BotApi, channel: TelegramChannel) -> None:
    assert await channel.checked(webhook_wanted=False) is None
    assert await channel.checked(webhook_wanted=True) == "no_webhook"
    api.script["getwebhookinfo"].append(Answer.of({"url": "https://x.example/hook"}))
    assert await channel.checked(webhook_wanted=False) == "webhook"
    api.script["getme"].append(Answer.failed(401, "Unauthorized"))
    assert await channel.checked(webhook_wanted=False) == "token"
    await api.__aexit__()
    assert await channel.checked(webhook_wanted=False) == "down"
    assert "TROGIUP_TELEGRAM_TOKEN" in channel.advice("token")


@pytest.mark.parametrize(
    ("headers", "right"),
    [
        ({"X-Telegram-Bot-Api-Secret-Token": "s3cret"}, True),
        ({"x-telegram-bot-api-secret-token": "s3cret"}, True),
        ({"X-Telegram-Bot-Api-Secret-Token": "s3cre"}, False),
        ({"X-Telegram-Bot-Api-Secret-Token": "bí mật"}, False),
        ({}, False),
    ],
)
def test_the_secret_of_the_webhook(headers: dict[str, str], right: bool) -> None:
    assert TelegramVerifier("s3cret").verify(headers, b"{}") is right
    assert not TelegramVerifier("").verify(headers, b"{}")
    assert not TelegramVerifier("s3cret").is_probe(b"")
