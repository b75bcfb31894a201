from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channels.model import Incoming, Malformed
from bot.channels.telegram.channel import load_texts
from bot.channels.telegram.reading import Me, read_update

NOW = datetime(2026, 5, 4, 5, 0, tzinfo=UTC)
ME = Me(4242, "TroGiupBot")
BOT = {"id": 4242, "is_bot": True, "first_name": "Trợ Giúp"}
LAN = {"id": 7, "is_bot": False, "first_name": "Lan", "last_name": "Trần"}
COMMANDS = load_texts()["commands"]
GROUP = {"id": -100, "type": "supergroup", "title": "Tổ dân phố"}


def message(**more: Any) -> dict[str, Any]:
    return {"message_id": 11, "date": int(NOW.timestamp()) - 5, "chat": {"id": 7, "type": "private"}, "from": LAN, **more}


def read(number: int = 1, me: Me = ME, **update: Any) -> tuple[Incoming, ...]:
    return read_update({"update_id": number, **update}, me, COMMANDS, NOW)


def test_a_text() -> None:
    (event,) = read(77, message=message(text="Em xin hỏi"))
    assert event == Incoming(
        "telegram", "77", "telegram:7", "text", NOW - timedelta(seconds=5), "Em xin hỏi", "11", {"name": "Lan Trần", "author": "7"}
    )


def test_an_edit_names_the_message_it_edits_and_its_own_moment() -> None:
    (event,) = read(edited_message=message(text="Em xin hỏi lại", edit_date=int(NOW.timestamp())))
    assert (event.kind, event.message_id, event.text, event.at) == ("edit", "11", "Em xin hỏi lại", NOW)


def test_a_pressed_button() -> None:
    query = {"id": "q1", "from": LAN, "message": message(from_=BOT, text="Chọn tỉnh"), "data": "tinh:p2:3"}
    (event,) = read(callback_query=query)
    assert (event.kind, event.at, event.text, event.message_id) == ("choice", NOW, "", None)
    assert event.data == {"name": "Lan Trần", "author": "7", "menu": "tinh:p2", "number": "3", "callback_id": "q1", "reply_to": "11"}


@pytest.mark.parametrize("data", ["", "3", "menu:", "menu:x", "menu:-1", ":1", "menu:²"])
def test_a_button_of_somebody_else_is_nothing(data: str) -> None:
    assert read(callback_query={"id": "q1", "from": LAN, "message": message(text="?"), "data": data}) == ()


@pytest.mark.parametrize(
    ("content", "kind", "ref"),
    [
        ({"voice": {"file_id": "v1", "file_unique_id": "u", "duration": 3}}, "voice", "v1"),
        ({"document": {"file_id": "d1", "file_unique_id": "u"}}, "file", "d1"),
        ({"video": {"file_id": "f1", "file_unique_id": "u", "width": 1, "height": 1, "duration": 1}}, "video", "f1"),
        (
            {"photo": [{"file_id": f"p{w}", "file_unique_id": f"u{w}", "width": w, "height": w} for w in (90, 800, 320)]},
            "image",
            "p800",
        ),
        ({"contact": {"phone_number": "+84912345678", "first_name": "Lan"}}, "contact", "+84912345678"),
    ],
)
def test_pictures_and_voice(content: dict[str, Any], kind: str, ref: str) -> None:
    (event,) = read(message=message(**content, caption="Cứu em"))
    assert (event.kind, event.text, event.data["type"], event.data["ref"]) == ("media", "Cứu em", kind, ref)


def test_a_place_is_told_as_coordinates() -> None:
    (event,) = read(message=message(location={"latitude": 10.5, "longitude": 106.25}))
    assert (event.kind, event.data["type"], event.data["lat"], event.data["lon"]) == ("media", "location", "10.5", "106.25")


def test_what_has_no_kind_of_its_own_is_media_all_the_same() -> None:
    (event,) = read(message=message(dice={"emoji": "🎲", "value": 3}))
    assert (event.kind, event.data["type"]) == ("media", "other")


def change(old: str, new: str, chat: dict[str, Any]) -> dict[str, Any]:
    def member(status: str) -> dict[str, Any]:
        return {"user": BOT, "status": status} | ({"until_date": 0} if status == "kicked" else {})

    return {"chat": chat, "from": LAN, "date": 1, "old_chat_member": member(old), "new_chat_member": member(new)}


@pytest.mark.parametrize(
    ("old", "new", "chat", "kinds"),
    [
        ("member", "kicked", {"id": 7, "type": "private"}, ["left"]),
        ("kicked", "member", {"id": 7, "type": "private"}, ["joined"]),
        ("member", "left", GROUP, ["left"]),
        ("left", "member", GROUP, []),
    ],
)
def test_blocked_and_back(old: str, new: str, chat: dict[str, Any], kinds: list[str]) -> None:
    assert [event.kind for event in read(my_chat_member=change(old, new, chat))] == kinds


def entity(kind: str, offset: int, length: int, **more: Any) -> dict[str, Any]:
    return {"type": kind, "offset": offset, "length": length, **more}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"text": "Chào cả nhà"}, None),
        ({"text": "/help", "entities": [entity("bot_command", 0, 5)]}, "/help"),
        ({"text": "/ban", "entities": [entity("bot_command", 0, 4)]}, None),
        ({"text": "/TINH@trogiupbot Cà Mau", "entities": [entity("bot_command", 0, 16)]}, "/TINH Cà Mau"),
        ({"text": "/tinh@KhacBot", "entities": [entity("bot_command", 0, 13)]}, None),
        ({"text": "👋 @TroGiupBot mức trợ cấp?", "entities": [entity("mention", 3, 11)]}, "👋 mức trợ cấp?"),
        ({"text": "@TroGiupBot", "entities": [entity("mention", 0, 11)]}, "@TroGiupBot"),
        ({"text": "@KhacBot mức trợ cấp?", "entities": [entity("mention", 0, 8)]}, None),
        ({"text": "máy ơi", "entities": [entity("text_mention", 0, 6, user=BOT)]}, "máy ơi"),
        ({"text": "Còn gì nữa?", "reply_to_message": message(text="Ca ABC", **{"from": BOT})}, "Còn gì nữa?"),
        ({"text": "Còn gì nữa?", "reply_to_message": message(text="Ơ", **{"from": LAN})}, None),
    ],
)
def test_a_group_is_answered_only_when_it_means_the_bot(content: dict[str, Any], said: str | None) -> None:
    events = read(message=message(chat=GROUP, **content))
    assert [event.text for event in events] == ([] if said is None else [said])
    assert all(event.conversation_id == "telegram:-100" for event in events)


def test_who_answers_the_bot_says_to_which_of_its_messages() -> None:
    (event,) = read(message=message(text="Em đây", reply_to_message=message(message_id=5, text="Ca ABC\nMới", **{"from": BOT})))
    assert (event.data["reply_to"], event.data["reply_to_text"]) == ("5", "Ca ABC\nMới")


@pytest.mark.parametrize(
    "update",
    [
        {"message": message(text="Chào", **{"from": {**LAN, "is_bot": True}})},
        {"message": message(new_chat_title="Mới")},
        {"channel_post": message(text="Tin", chat={"id": -5, "type": "channel"})},
        {"message": message(text="Tin", chat={"id": -5, "type": "channel"})},
        {"inline_query": {"id": "i", "from": LAN, "query": "trợ cấp", "offset": ""}},
        {"something_new": {"a": 1}},
        {},
    ],
)
def test_nothing_to_do(update: dict[str, Any]) -> None:
    assert read(**update) == ()


@pytest.mark.parametrize(("skew", "believed"), [(-600, True), (600, True), (-3 * 86400, False), (3 * 86400, False)])
def test_a_clock_gone_wrong_is_not_believed(skew: int, believed: bool) -> None:
    (event,) = read(message=message(text="Chào", date=int(NOW.timestamp()) + skew))
    assert event.at == (NOW + timedelta(seconds=skew) if believed else NOW)


def test_half_an_emoji_can_be_stored() -> None:
    (event,) = read(message=message(text="a\ud83d\x00b", **{"from": {**LAN, "first_name": "\udc00"}}))
    event.text.encode()
    event.data["name"].encode()


@pytest.mark.parametrize(
    "payload", [None, [], "x", {}, {"update_id": "1"}, {"update_id": True}, {"update_id": 1, "message": {"text": "x"}}]
)
def test_what_is_no_update_is_malformed(payload: Any) -> None:
    with pytest.raises(Malformed):
        read_update(payload, ME, COMMANDS, NOW)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["text", "chat", "id", "from", "date", "message", "data", "type"]), inner, max_size=5)
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(["message", "edited_message", "callback_query", "my_chat_member"]), JSON)
def test_whatever_comes_is_read_or_malformed(kind: str, content: Any) -> None:
    with contextlib.suppress(Malformed):
        read(**{kind: content})


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(["text", "entities", "photo", "date", "chat", "from", "reply_to_message", "location", "contact"]), JSON)
def test_one_part_that_is_not_as_it_should_be(part: str, content: Any) -> None:
    whole = message(text="Chào", chat=GROUP, entities=[entity("mention", 0, 4)])
    with contextlib.suppress(Malformed):
        read(message={**whole, part: content})
