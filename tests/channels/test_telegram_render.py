from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channels.model import Block, Button, Reply
from bot.channels.telegram import render
from bot.channels.telegram.channel import load_texts

TEXTS = load_texts()


def calls(*blocks: Block, chat: str = "7", buttons: tuple[Button, ...] = (), **more: Any) -> tuple[dict[str, Any], ...]:
    return render.calls(Reply("k", "normal", blocks, buttons, **more), chat, TEXTS)


def rows(call: dict[str, Any]) -> list[list[str]]:
    return [[key["text"] for key in row] for row in call["reply_markup"]["inline_keyboard"]]


class Whole(HTMLParser):
    """Fails where a tag is opened and not closed, or is not one of Telegram's."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.shown = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: object) -> None:
        assert tag in {"b", "i", "blockquote"}
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.shown += data


def test_each_block_is_marked_up_as_what_it_is() -> None:
    (call,) = calls(
        Block("lead", "Gọi 111 ngay"),
        Block("text", "Mức < 500 & hơn"),
        Block("quote", "Lời của <văn bản>"),
        Block("source", "Nguồn: 2735/KH-UBND"),
        Block("notice", "Đã hết hạn"),
    )
    assert call == {
        "method": "sendMessage",
        "chat_id": 7,
        "text": "<b>Gọi 111 ngay</b>\n\nMức &lt; 500 &amp; hơn\n\n<blockquote>Lời của &lt;văn bản&gt;</blockquote>\n"
        "<i>Nguồn: 2735/KH-UBND</i>\n\nĐã hết hạn",
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": True},
    }


def test_a_number_that_no_block_shows_stands_behind_the_lead() -> None:
    buttons = (Button("Gọi 111", "call", "111"), Button("Gọi Ngôi nhà bình yên", "call", "1900 969 680"))
    (call,) = calls(Block("lead", "Gọi 111 ngay."), Block("text", "Hãy tránh xa."), buttons=buttons)
    assert call["text"] == "<b>Gọi 111 ngay.</b>\n<b>Gọi Ngôi nhà bình yên: 1900 969 680</b>\n\nHãy tránh xa."
    assert "reply_markup" not in call


def test_an_answer_without_words_still_is_a_call() -> None:
    assert len(calls()) == 1
    assert len(calls(Block("text", "  \n"))) == 1


def test_long_labels_have_their_own_row_and_votes_the_last() -> None:
    buttons = (
        Button("Cà Mau", "province", "Cà Mau"),
        Button("An Giang", "province", "An Giang"),
        Button("Một câu hỏi dài hơn hai mươi chữ", "say", "x"),
        Button("Huế", "province", "Huế"),
        Button("👍", "vote", "good", "m1"),
        Button("👎", "vote", "bad", "m1"),
    )
    (call,) = calls(Block("text", "Chọn"), buttons=buttons, menu="m1")
    assert rows(call) == [["Cà Mau", "An Giang"], ["Một câu hỏi dài hơn hai mươi chữ"], ["Huế"], ["👍", "👎"]]
    assert call["reply_markup"]["inline_keyboard"][2][0]["callback_data"] == "m1:4"


@pytest.mark.parametrize("menu", [None, "m" * 63])
def test_buttons_that_telegram_would_refuse_are_left_out(menu: str | None) -> None:
    (call,) = calls(Block("text", "Chọn"), buttons=(Button("Có", "say", "có"),), menu=menu)
    assert "reply_markup" not in call


@pytest.mark.parametrize(
    ("address", "on_button"),
    [
        ("https://trogiup.example.vn/tra-cuu", True),
        ("http://127.0.0.1:8000/tra-cuu", False),
        ("http://localhost:8000/", False),
        ("http://[::1]/", False),
        ("javascript:alert(1)", False),
        ("http://[x", False),
    ],
)
def test_an_address_of_no_public_host_is_told_in_words(address: str, on_button: bool) -> None:
    (call,) = calls(Block("text", "Xem"), buttons=(Button("Mở", "open", address),))
    assert ("reply_markup" in call) is on_button
    assert (html.escape(address, quote=False) in call["text"]) is not on_button


def test_a_group_is_answered_under_the_question() -> None:
    long = Block("text", "Câu dài. " * 1000)
    first, *others = calls(long, chat="-100", reply_to="5")
    assert first["reply_parameters"] == {"message_id": 5, "allow_sending_without_reply": True}
    assert others
    assert all("reply_parameters" not in call for call in others)
    assert "reply_parameters" not in calls(Block("text", "Chào"), chat="7", reply_to="5")[0]


def test_a_long_text_is_cut_at_the_end_of_a_sentence_and_the_buttons_come_last() -> None:
    sentence = "Người cao tuổi được hưởng trợ cấp xã hội hằng tháng. "
    made = calls(Block("text", sentence * 200), buttons=(Button("Có", "say", "có"),), menu="m")
    assert len(made) == 3
    assert all(call["text"].endswith("tháng.") for call in made)
    assert ["reply_markup" in call for call in made] == [False, False, True]
    assert " ".join(call["text"] for call in made) == (sentence * 200).strip()


def test_the_limit_counts_what_is_shown_in_utf_16_units() -> None:
    assert len(calls(Block("text", "&" * 4096))) == 1
    assert len(calls(Block("text", "😀" * 2048))) == 1
    assert len(calls(Block("text", "😀" * 2049))) == 2


WORDS = st.text(st.sampled_from("aă<>&\"'; .?!\n😀ệ"), min_size=1, max_size=60)
BLOCKS = st.lists(
    st.builds(
        lambda kind, words, times: Block(kind, words * times),
        st.sampled_from(["lead", "text", "source", "notice", "quote"]),
        WORDS,
        st.integers(1, 200),
    ),
    min_size=1,
    max_size=5,
)


@settings(deadline=None, max_examples=100)
@given(BLOCKS)
def test_every_part_is_whole_and_short_and_nothing_is_lost(blocks: list[Block]) -> None:
    made = calls(*blocks)
    shown = [Whole(call["text"]).shown for call in made]
    assert all(0 < len(part.encode("utf-16-le")) // 2 <= 4096 for part in shown)

    def letters(text: str) -> str:
        return re.sub(r"\s+", "", text)

    said = letters("".join(block.text for block in blocks))
    assert letters("".join(shown)) == (said or "…")
    assert letters(render.plain("".join(call["text"] for call in made))) == (said or "…")
