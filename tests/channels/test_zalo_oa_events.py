"""What Zalo's events become."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zalo_emulator import ZaloEmulator

from bot.channels.model import Incoming, Malformed
from bot.channels.zalo_oa.events import Events

NOON = datetime(2026, 5, 4, 5, 0, tzinfo=UTC)
WORDS = st.text(max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture
def zalo() -> ZaloEmulator:
    return ZaloEmulator(lambda: NOON, anybody=True)


def read(event: Any, now: datetime = NOON) -> Incoming | None:
    found = Events(lambda: now).read(event)
    assert len(found) <= 1
    return found[0] if found else None


def attached(zalo: ZaloEmulator, what: str, text: str = "", **payload: Any) -> Incoming | None:
    return read(zalo.media("12", what, text, **payload))


def test_a_text(zalo: ZaloEmulator) -> None:
    event = zalo.text("12", "Trợ cấp cho mẹ tôi?", quote_msg_id="q1")
    assert read(event) == Incoming(
        "zalo-oa", "u1", "zalo-oa:12", "text", NOON, "Trợ cấp cho mẹ tôi?", message_id="u1", data={"reply_to": "q1"}
    )


def test_a_press_comes_back_as_the_choice_it_was(zalo: ZaloEmulator) -> None:
    press = read(zalo.text("12", "#menu:a:b-7:12"))
    assert press
    assert (press.kind, press.text, dict(press.data)) == ("choice", "", {"menu": "a:b-7", "number": "12"})
    for words in ("#menu:a", "#menu:a:0", "cứu #menu:a:1", "#menu::1"):
        typed = read(zalo.text("12", words))
        assert typed
        assert (typed.kind, typed.text) == ("text", words)


@pytest.mark.parametrize(
    ("what", "kind"), [("image", "image"), ("gif", "image"), ("audio", "voice"), ("video", "video"), ("file", "file"), ("link", "link")]
)
def test_pictures_and_voices_say_what_they_are_and_where(zalo: ZaloEmulator, what: str, kind: str) -> None:
    media = attached(zalo, what, url="https://zalo.example/1")
    assert media
    assert (media.kind, dict(media.data)) == ("media", {"type": kind, "ref": "https://zalo.example/1"})


def test_words_beside_a_picture_or_an_address_are_read(zalo: ZaloEmulator) -> None:
    picture = attached(zalo, "image", "Nó đánh em thế này", url="https://zalo.example/1")
    assert picture
    assert (picture.kind, picture.text) == ("media", "Nó đánh em thế này")
    link = attached(zalo, "link", "Cứu em https://zalo.example/2", url="https://zalo.example/2")
    assert link
    assert (link.kind, link.text) == ("text", "Cứu em https://zalo.example/2")


def test_an_album_keeps_all_its_pictures(zalo: ZaloEmulator) -> None:
    pictures = [{"type": "image", "payload": {"url": f"https://zalo.example/{n}"}} for n in (1, 2)]
    album = read(zalo.event("user_send_image", "12", {"msg_id": "m", "attachments": pictures}))
    assert album
    assert album.data["ref"].split("\n") == ["https://zalo.example/1", "https://zalo.example/2"]


def test_a_place_a_card_and_a_shared_number(zalo: ZaloEmulator) -> None:
    place = attached(zalo, "location", coordinates={"latitude": "10.95", "longitude": 106.8})
    assert place
    assert dict(place.data) == {"type": "location", "lat": "10.95", "lon": "106.8"}
    card = attached(zalo, "business_card", description='{"phone": "0900000000"}', url="https://zalo.example/card")
    assert card
    assert dict(card.data) == {"type": "contact", "ref": '{"phone": "0900000000"}'}
    shared = read(zalo.event("user_submit_info", "12", info={"name": "Lan", "phone": 84900000000, "address": "…"}))
    assert shared
    assert (shared.kind, dict(shared.data)) == ("media", {"type": "contact", "ref": "84900000000", "name": "Lan"})


def test_following_and_leaving_have_ids_of_their_own(zalo: ZaloEmulator) -> None:
    joined, left = read(zalo.event("follow", "12")), read(zalo.event("unfollow", "12"))
    assert joined
    assert left
    assert (joined.kind, joined.conversation_id, left.kind, left.chat) == ("joined", "zalo-oa:12", "left", "12")
    assert joined.event_id != left.event_id
    assert joined.event_id == f"follow:12:{round(NOON.timestamp() * 1000)}"


def test_somebody_without_an_account_is_told_by_id_and_conversation(zalo: ZaloEmulator) -> None:
    event = read(zalo.event("anonymous_send_text", "an0n", {"text": "chào", "msg_id": "m", "conversation_id": "c-1"}))
    assert event
    assert (event.kind, event.chat, event.text) == ("text", "anonymous.an0n.c-1", "chào")


def test_an_officer_who_answers_in_zalo_is_staff_and_our_own_echo_is_nothing(zalo: ZaloEmulator) -> None:
    event = zalo.by_staff("12", "Chị nghe đây em")
    staff = read(event)
    assert staff
    assert (staff.kind, staff.conversation_id, staff.text, staff.data["author"]) == ("staff", "zalo-oa:12", "Chị nghe đây em", "77")
    del event["sender"]["admin_id"]
    assert read(event) is None


@pytest.mark.parametrize("name", ["user_seen_message", "user_received_message", "user_click_chatnow", "oa_send_consent", "user_feedback"])
def test_what_asks_for_nothing_is_passed_over(zalo: ZaloEmulator, name: str) -> None:
    assert read(zalo.event(name, "12")) is None


def test_of_an_unknown_event_only_its_name_gets_into_the_log(zalo: ZaloEmulator, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert read(zalo.event("shop_has\norder", "12", {"text": "bí mật"})) is None
    assert [record.getMessage() for record in caplog.records] == ["event=zalo_oa_ignored event_name=shop_has?order"]


def test_the_moment_is_zalos_unless_it_is_impossible(zalo: ZaloEmulator) -> None:
    event = zalo.text("12", "chào")
    for ahead, at in ((timedelta(minutes=9), NOON + timedelta(minutes=9)), (timedelta(minutes=11), NOON)):
        event["timestamp"] = str(round((NOON + ahead).timestamp() * 1000))
        found = read(event)
        assert found
        assert found.at == at
    for nonsense in ("", "0", "soon", None, True, [], "9" * 40, "１７００００００００００0"):
        found = read({**event, "timestamp": nonsense})
        assert found
        assert found.at == NOON


def test_an_old_event_is_known_by_its_id_and_a_very_old_one_is_passed_over(zalo: ZaloEmulator, caplog: pytest.LogCaptureFixture) -> None:
    event = zalo.text("12", "cứu")
    late, first = read(event, NOON + timedelta(days=6, hours=23)), read(event)
    assert late == first
    assert read(event, NOON + timedelta(days=7, seconds=1)) is None
    assert caplog.records[-1].getMessage() == "event=zalo_oa_too_old conversation=zalo-oa:12"


@pytest.mark.parametrize("payload", [None, 1, "x", [], {}, {"event_name": 1}, {"event_name": "user_send_text"}])
def test_what_is_no_event_is_malformed(payload: Any) -> None:
    with pytest.raises(Malformed):
        read(payload)


@settings(max_examples=50)
@given(JSON, st.sampled_from(["user_send_text", "user_send_location", "oa_send_image", "follow", "user_submit_info"]), JSON, JSON)
def test_nothing_else_is_ever_raised_and_what_comes_out_can_be_stored(whole: Any, name: str, part: Any, other: Any) -> None:
    typical = {"event_name": name, "sender": {"id": "1", "admin_id": part}, "follower": {"id": "1"}, "recipient": {"id": "1"}}
    for event in (whole, {**typical, "message": part, "timestamp": other}, {**typical, "message": {"text": part, "attachments": [other]}}):
        try:
            for found in Events(lambda: NOON).read(event):
                kept = json.dumps([found.event_id, found.text, dict(found.data)], ensure_ascii=False)
                assert "\\u0000" not in kept
                kept.encode()
        except Malformed:
            pass
