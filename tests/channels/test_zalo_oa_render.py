"""How a reply looks in Zalo."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.channels.model import Block, Button, Reply
from bot.channels.zalo_oa.render import MAX_TEXT, merge, render, split


def reply(*blocks: Block, buttons: tuple[Button, ...] = (), menu: str | None = "m1") -> Reply:
    return Reply("k", "normal", blocks, buttons, menu)


def under(call: Any) -> list[dict[str, Any]]:
    attachment = call["message"].get("attachment")
    return attachment["payload"]["buttons"] if attachment else []


def test_an_answer_is_one_message_with_its_buttons() -> None:
    blocks = (Block("text", "Từ 1/7/2025 là 500.000 đồng."), Block("source", "Nguồn: Kế hoạch 2735/KH-UBND, mục III.2"))
    buttons = (Button("Xem nguyên văn", "passage", "d:1:2"), Button("👍", "vote", "good", "m"), Button("👎", "vote", "bad", "m"))
    assert render(reply(*blocks, buttons=buttons), "12") == (
        {
            "recipient": {"user_id": "12"},
            "message": {
                "text": "Từ 1/7/2025 là 500.000 đồng.\n\nNguồn: Kế hoạch 2735/KH-UBND, mục III.2",
                "attachment": {
                    "type": "template",
                    "payload": {
                        "buttons": [
                            {"title": "Xem nguyên văn", "type": "oa.query.hide", "payload": "#menu:m1:1"},
                            {"title": "👍", "type": "oa.query.hide", "payload": "#menu:m1:2"},
                            {"title": "👎", "type": "oa.query.hide", "payload": "#menu:m1:3"},
                        ]
                    },
                },
            },
        },
    )


def test_what_must_be_seen_first_is_first_and_calls_at_a_touch() -> None:
    buttons = (Button("Xem thêm", "open", "https://trogiup.example"), Button("Gọi 113", "call", "113"), Button("Gọi 111", "call", "111"))
    (call,) = render(reply(Block("text", "Hãy ở nơi có người."), Block("lead", "Gọi ngay 113."), buttons=buttons), "12")
    assert call["message"]["text"].startswith("Gọi ngay 113.\n\nHãy ở")
    assert [(one["type"], one["payload"]) for one in under(call)] == [
        ("oa.open.phone", {"phone_code": "113"}),
        ("oa.open.phone", {"phone_code": "111"}),
        ("oa.open.url", {"url": "https://trogiup.example"}),
    ]


def test_what_finds_no_button_is_a_numbered_line_and_votes_give_way() -> None:
    provinces = tuple(Button(name, "province", name) for name in ("An Giang", "Bắc Ninh", "Cà Mau", "Cao Bằng", "Đà Nẵng", "Đồng Nai"))
    votes = (Button("👍", "vote", "good"), Button("👎", "vote", "bad"))
    (call,) = render(reply(Block("text", "Anh/chị ở tỉnh nào?"), buttons=votes + provinces), "12")
    assert [one["title"] for one in under(call)] == ["An Giang", "Bắc Ninh", "Cà Mau", "Cao Bằng", "Đà Nẵng"]
    assert under(call)[0]["payload"] == "#menu:m1:3"
    assert call["message"]["text"] == "Anh/chị ở tỉnh nào?\n\n8. Đồng Nai"


def test_a_sixth_number_to_call_stands_in_the_text() -> None:
    calls = tuple(Button(f"Gọi {number}", "call", str(number)) for number in range(111, 117))
    (call,) = render(reply(Block("lead", "Gọi ngay."), buttons=calls), "12")
    assert len(under(call)) == 5
    assert call["message"]["text"] == "Gọi ngay.\n\nGọi 116: 116"


def test_a_long_text_is_cut_at_sentences_with_calls_first_and_choices_last() -> None:
    sentence = "Hộ nghèo được hỗ trợ theo quy định tại mục này. "
    buttons = (Button("Xem tiếp", "say", "xem tiếp"), Button("Gọi 111", "call", "111"))
    calls = render(reply(Block("lead", "Gọi 111."), Block("quote", sentence * 100), buttons=buttons), "12")
    texts = [call["message"]["text"] for call in calls]
    assert len(calls) == 3
    assert all(len(text) <= MAX_TEXT and text.endswith(".") for text in texts)
    assert " ".join(texts).split() == ("Gọi 111. " + sentence * 100).split()
    assert [[one["title"] for one in under(call)] for call in calls] == [["Gọi 111"], [], ["Xem tiếp"]]


def test_without_a_menu_only_words_can_be_pressed() -> None:
    buttons = (Button("Có", "say", "có"), Button("Xem", "passage", "d:1:2"))
    (call,) = render(reply(Block("text", "Tiếp không?"), buttons=buttons, menu=None), "12")
    assert [(one["title"], one["payload"]) for one in under(call)] == [("Có", "có")]


def test_long_labels_are_cut_and_somebody_anonymous_is_addressed_as_such() -> None:
    (call,) = render(reply(Block("text", "…"), buttons=(Button("dài " * 50, "say", "x"),)), "anonymous.an0n.c-1")
    assert len(under(call)[0]["title"]) == 100
    assert call["recipient"] == {"anonymous_id": "an0n", "conversation_id": "c-1"}


def test_waiting_messages_become_few_and_lose_nothing() -> None:
    said = [reply(Block("text", text), buttons=(Button(text, "say", text),) * count) for text, count in (("a", 2), ("b", 3), ("c", 1))]
    one, two = merge([*(render(each, "12")[0] for each in said[:2]), *render(said[2], "12")])
    assert (one["message"]["text"], two["message"]["text"]) == ("a\n\nb", "c")
    assert [button["title"] for button in under(one)] == ["a", "a", "b", "b", "b"]
    long = render(reply(Block("text", "dài " * 900)), "12")
    assert merge(long) == long
    assert len(merge([*render(said[2], "12"), *render(said[2], "13")])) == 2
    assert merge([]) == ()


TEXTS = st.text(st.sampled_from("aé .\n…?😀  ") | st.characters(codec="utf-8"), max_size=400)


@given(TEXTS, st.integers(1, 60))
def test_nothing_but_white_space_is_lost_by_splitting(text: str, limit: int) -> None:
    parts = list(split(text, limit))
    assert all(0 < len(part) <= limit for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


KINDS = st.sampled_from(["say", "call", "open", "passage", "province", "vote"])
BUTTONS = st.lists(st.builds(Button, st.text(max_size=200), KINDS, st.text(max_size=2000)), max_size=9).map(tuple)


@given(st.lists(st.builds(Block, st.sampled_from(["lead", "text", "quote"]), TEXTS), max_size=4), BUTTONS, st.none() | st.just("m"))
def test_every_call_keeps_the_limits_and_says_something(blocks: list[Block], buttons: tuple[Button, ...], menu: str | None) -> None:
    calls = render(reply(*blocks, buttons=buttons, menu=menu), "12")
    assert calls
    for call in calls:
        assert 0 < len(call["message"]["text"]) <= MAX_TEXT
        assert call["message"]["text"].strip()
        assert len(under(call)) <= 5
        assert all(0 < len(button["title"]) <= 100 for button in under(call))
