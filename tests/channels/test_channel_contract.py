"""What every channel keeps to (bot/channels/model.py): Telegram, Zalo OA, Zalo Bot and the citizen's page."""

from __future__ import annotations

import asyncio
import copy
import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from contract_kits import BLOCKED, KITS, MESSENGERS, Kit, telegram, zalo_oa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.channels.model import RETURNING, Block, Button, Gone, Incoming, Later, Malformed, Reply
from knowledge.store.schema import storable

NASTY = "<b>&\"'</b><script>alert(1)</script> &amp; *_`[x](y)"
LONG = {
    "sentences": "Hộ nghèo được hỗ trợ theo kế hoạch của tỉnh. ",
    "emoji": "👩‍👩‍👧‍👦🙂 ",
    "no spaces": "trợgiúpxãhội",
    "lines": "dòng\n",
    "one wide letter": "🙂",
}
BUTTONS = (
    Button("Gọi 111", "call", "111"),
    Button("Còn ở Hà Nam?", "say", "Còn ở Hà Nam?"),
    Button("Trang chủ", "open", "https://example.gov.vn/a"),
    Button("Còn gì nữa không?", "say", "Còn gì nữa không?"),
    Button("Bảo vệ trẻ em", "call", "18001567"),
    Button("Xem nguyên văn", "passage", "d:1:2"),
    Button("Cà Mau", "province", "Cà Mau"),
    Button("👍 Hữu ích", "vote", "good", about="m"),
)


@pytest.fixture(scope="module", params=KITS, ids=lambda make: make.__name__)
def kit(request: pytest.FixtureRequest) -> Iterator[Kit]:
    made: Kit = request.param()
    yield made
    asyncio.run(made.channel.close())


def of(*makes: Callable[[], Kit]) -> pytest.MarkDecorator:
    """Only the channels that have it."""
    return pytest.mark.parametrize("kit", makes, indirect=True, ids=lambda make: make.__name__)


def reply(*blocks: Block, buttons: tuple[Button, ...] = (), danger: bool = False) -> Reply:
    return Reply("k", "danger" if danger else "normal", blocks, buttons, "0a1b2c3d" if buttons else None)


def calls_of(kit: Kit, said: Reply) -> tuple[Mapping[str, Any], ...]:
    """Rendered as it must always be: the same each time, JSON, within the limit, nothing empty."""
    calls = kit.channel.render(said, kit.chat)
    assert calls
    assert calls == kit.channel.render(said, kit.chat)
    assert json.loads(json.dumps(calls)) == [dict(call) for call in calls]
    for call in calls:
        shown = kit.shown(call)
        assert shown.strip()
        assert kit.limit is None or kit.size(shown) <= kit.limit
    return calls


def words(text: str) -> str:
    return "".join(unicodedata.normalize("NFC", text).split())


def sample(kit: Kit, name: str) -> Any:
    return copy.deepcopy(kit.samples[name])


def only(events: tuple[Incoming, ...]) -> Incoming:
    (event,) = events
    return event


# What arrives


def test_a_text(kit: Kit) -> None:
    event = only(kit.channel.read(sample(kit, "text")))
    assert (event.channel, event.kind, event.text) == (kit.channel.name, "text", "Cháu hỏi trợ cấp")
    assert event.conversation_id == f"{kit.channel.name}:{event.chat}"
    assert event.at.tzinfo is not None
    assert event == only(kit.channel.read(sample(kit, "text")))
    assert "trợ cấp" not in repr(event)  # a repr may end in a log


@of(telegram)
def test_the_words_of_an_edit_come_as_an_edit(kit: Kit) -> None:
    first, edit = only(kit.channel.read(sample(kit, "text"))), only(kit.channel.read(sample(kit, "edit")))
    assert (edit.kind, edit.text, edit.message_id) == ("edit", "Cháu hỏi lại", first.message_id)


@of(*MESSENGERS)
@pytest.mark.parametrize("type_", ["image", "voice"])
def test_pictures_and_voice(kit: Kit, type_: str) -> None:
    event = only(kit.channel.read(sample(kit, type_)))
    assert (event.kind, event.data["type"]) == ("media", type_)
    assert event.data["ref"]


@of(telegram, zalo_oa)
def test_who_has_left(kit: Kit) -> None:
    assert only(kit.channel.read(sample(kit, "left"))).kind == "left"


@of(*MESSENGERS)
def test_an_unknown_event_is_nothing_to_do(kit: Kit) -> None:
    assert kit.channel.read(sample(kit, "unknown")) == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(["\ud800", "\x00", "9" * 400, "-1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FUZZ = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def check_read(kit: Kit, payload: Any) -> None:
    """Either events that every part can keep, or Malformed; nothing else, whatever comes."""
    try:
        events = kit.channel.read(payload)
    except Malformed:
        return
    for event in events:
        assert event.channel == kit.channel.name
        assert event.conversation_id.startswith(f"{event.channel}:")
        assert event.chat
        assert len(event.conversation_id) <= 128
        assert 0 < len(event.event_id) <= 128
        assert event.at.tzinfo is not None
        if kit.channel.name != "web":  # there the gateway does it, behind the limits of the body
            kept = [event.text, event.event_id, event.conversation_id, event.message_id or "", *event.data.values()]
            assert all(isinstance(text, str) and storable(text) == text for text in kept)


@FUZZ
@given(payload=JSON)
def test_whatever_is_sent(kit: Kit, payload: Any) -> None:
    check_read(kit, payload)


@FUZZ
@given(data=st.data())
def test_an_event_with_anything_in_any_place(kit: Kit, data: st.DataObject) -> None:
    payload = copy.deepcopy(kit.samples[data.draw(st.sampled_from(sorted(kit.samples)))])
    holder, key = data.draw(st.sampled_from(list(_places(payload))))
    if data.draw(st.booleans()):
        holder[key] = data.draw(JSON)
    else:
        del holder[key]
    check_read(kit, payload)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a JSON value: (what holds it, key)."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(entries):
        yield value, key
        yield from _places(inner)


# What is said


@pytest.mark.parametrize("length", [5_000, 30_000])
@pytest.mark.parametrize("kind", LONG)
def test_a_long_text_arrives_whole(kit: Kit, kind: str, length: int) -> None:
    text = (LONG[kind] * length)[:length].strip()
    shown = [kit.shown(call) for call in calls_of(kit, reply(Block("text", text), buttons=BUTTONS[:2]))]
    assert words(text) in words("".join(shown))
    if kit.limit:
        assert len(shown) <= kit.size(text) / kit.limit * 2 + 1  # few, full messages
    if kind == "sentences" and kit.limit:
        assert all(part.rstrip().endswith(".") for part in shown[:-1])


def test_every_choice_comes_back_as_itself(kit: Kit) -> None:
    said = reply(Block("text", "Chào bác."), buttons=BUTTONS)
    remembered = {number: button.label for number, button in said.numbered if number}
    taken: dict[str, Any] = {}
    for call in calls_of(kit, said):
        taken |= kit.choices(call)
    wanted = {button.label for button in BUTTONS if button.kind == "say"}
    assert wanted <= set(taken) <= {button.label for button in BUTTONS if button.kind in RETURNING}
    for label, payload in taken.items():
        event = only(kit.channel.read(payload))
        if event.kind == "choice":
            assert event.data["menu"] == said.menu
            assert remembered[int(event.data["number"])] == label
        elif event.text.isdigit():
            assert remembered[int(event.text)] == label
        else:
            assert event.text == label


@of(*MESSENGERS)
def test_passages_and_provinces_can_be_chosen(kit: Kit) -> None:
    buttons = (
        Button("Xem nguyên văn", "passage", "d:1:2"),
        Button("Cà Mau", "province", "Cà Mau"),
        Button("👎 Chưa đúng", "vote", "bad", about="m"),
    )
    (call,) = calls_of(kit, reply(Block("text", "Chào bác."), buttons=buttons))
    assert set(kit.choices(call)) == {button.label for button in buttons}


def test_a_number_can_be_tapped(kit: Kit) -> None:
    calls = calls_of(kit, reply(Block("lead", "Gọi ngay."), buttons=BUTTONS, danger=True))
    shown = " ".join(kit.shown(call) for call in calls)
    behind = [phone for call in calls for phone in kit.phones(call)]
    for button in BUTTONS:
        if button.kind == "call":
            assert re.search(rf"(?<!\d){button.value}(?!\d)", shown) or button.value in behind


def test_a_citation_is_shown_unchanged(kit: Kit) -> None:
    quote = "Phấn đấu đến năm 2020,  90% xã, phường: “địa chỉ tin cậy”; 10 < 20 & hơn."
    source = "Nguồn: Kế hoạch 2735/KH-UBND (Đồng Nai, 2018–2020, đã hết hạn), mục III.2"
    shown = " ".join(kit.shown(call) for call in calls_of(kit, reply(Block("text", "Có."), Block("quote", quote), Block("source", source))))
    assert quote in shown
    assert source in shown


@pytest.mark.parametrize("kind", ["lead", "text", "notice"])
def test_what_looks_like_markup_is_shown_as_it_is(kit: Kit, kind: Any) -> None:
    buttons = (Button(NASTY, "say", NASTY),)
    calls = calls_of(kit, reply(Block(kind, NASTY), buttons=buttons))
    assert NASTY in kit.shown(calls[0])
    assert NASTY in {label for call in calls for label in kit.choices(call)}


@pytest.mark.parametrize("blocks", [(), ("",), (" \n\u00a0", "")])
@pytest.mark.parametrize("buttons", [(), BUTTONS[1:2], BUTTONS[:1], (Button(" ", "say", " "),)])
def test_nothing_is_ever_an_empty_message(kit: Kit, blocks: tuple[str, ...], buttons: tuple[Button, ...]) -> None:
    calls_of(kit, reply(*(Block("text", text) for text in blocks), buttons=buttons))


@pytest.mark.parametrize("more", ["Đứng chỗ an toàn.", LONG["sentences"] * 200])
def test_in_danger_the_number_is_the_first_thing_seen(kit: Kit, more: str) -> None:
    lead = "Bác gọi ngay 113 (công an)."
    call = Button("Công an", "call", "113")
    first = calls_of(kit, reply(Block("lead", lead), Block("text", more), buttons=(call,), danger=True))[0]
    shown = kit.shown(first)
    assert "113" in shown[: shown.index(more[:15])]
    assert kit.channel.name == "web" or shown.startswith(lead)


# When the service is not there


@of(*MESSENGERS)
async def test_without_a_network_it_is_tried_later_and_typing_says_nothing(kit: Kit) -> None:
    (call,) = kit.channel.render(reply(Block("text", "Chào bác.")), kit.chat)
    with pytest.raises(Later) as caught:
        await kit.channel.send(call)
    assert "Chào bác" not in caught.value.advice
    await kit.channel.typing(kit.chat)


@pytest.mark.parametrize("make", BLOCKED, ids=lambda make: make.__name__)
async def test_who_has_blocked_the_account_is_gone(make: Callable[[], Kit]) -> None:
    kit = make()
    (call,) = kit.channel.render(reply(Block("text", "Chào bác.")), kit.chat)
    async with BLOCKED[make]() as channel:
        with pytest.raises(Gone):
            await channel.send(call)
    await kit.channel.close()
