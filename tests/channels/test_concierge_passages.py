"""Passages in their whole, cut where they are too long; found ones numbered, page by page; commands."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.texts import Texts
from bot.channels.commands import Command, Commands
from bot.channels.concierge import TEXTS
from bot.channels.model import Button
from bot.channels.passages import MOST, Passages, cut, whole
from bot.channels.replies import Replies
from knowledge.errors import UnknownDocument
from knowledge.model import Document, Metadata, Passage, Span, Status

ABOUT = Metadata("Kế hoạch", "1/KH-UBND", "Tên", None, "Cà Mau", None, None, date(2018, 1, 1), date(2020, 12, 31), None, (), None)
LONG = "Câu này dài vừa phải để cắt. " * 300
TEXT = f"I. ĐẦU\nMột câu ngắn.\nHai câu ngắn.\n{LONG}"
FIRST, SECOND, THIRD = Span(7, 20), Span(21, 34), Span(35, len(TEXT))
DOCUMENT = Document(
    "d:1",
    "x.txt",
    TEXT,
    ABOUT,
    (),
    tuple(Passage(f"p{at}", "d:1", span.of(TEXT), span, ("I. ĐẦU",)) for at, span in enumerate((FIRST, SECOND, THIRD))),
)


class OneDocument:
    def document(self, document_id: str) -> Document:
        if document_id != "d:1":
            raise UnknownDocument("Không có.", document_id=document_id)
        return DOCUMENT

    def documents(self) -> list[Document]:
        return [DOCUMENT]

    def status(self, document_id: str) -> Status:
        return "ended"


def hits(text: str, province: str | None, on: date, k: int) -> list[dict[str, Any]]:
    """Seven, whatever is asked."""
    about = {"number": "1/KH-UBND", "title": None, "province": "Cà Mau", "valid_from": None, "valid_to": None, "status": "unknown"}
    found = [{"document_id": "d:1", "start": at, "end": at + 5, "heading_path": [], "quote": f"{at} {LONG}", **about} for at in range(7)]
    return [] if text == "không" else found[:k]


@pytest.fixture(scope="module")
def texts() -> Texts:
    return Texts.load(TEXTS)


@pytest.fixture
def passages(texts: Texts) -> Passages:
    return Passages(OneDocument(), hits, Replies(texts, lambda _: ABOUT))


def pressed(value: str, about: str | None = None) -> Button:
    return Button("Xem nguyên văn", "passage", value, about)


def test_a_passage_is_quoted_whole_with_where_it_stands(passages: Passages) -> None:
    reply = passages.quoted(pressed(f"d:1:{FIRST.start + 3}:{FIRST.end - 2}"), "k")
    assert [block.text for block in reply.blocks] == [
        "Nguồn: Kế hoạch 1/KH-UBND (Cà Mau, 2018–2020, đã hết hạn), mục I",
        "Mục: I. ĐẦU",
        "Một câu ngắn.",
    ]
    assert reply.buttons == ()


def test_a_span_over_two_passages_gives_both() -> None:
    assert whole(DOCUMENT, Span(FIRST.end - 2, SECOND.start + 1)) == Span(FIRST.start, SECOND.end)
    assert whole(DOCUMENT, Span(0, 3)) == Span(0, 3)


def test_a_long_passage_is_read_on_to_its_end_and_nothing_of_it_is_lost(passages: Passages) -> None:
    reply = passages.quoted(pressed(f"d:1:{THIRD.start}:{THIRD.start + 5}"), "k0")
    quotes = [reply.blocks[-1].text]
    while reply.buttons:
        assert len(quotes[-1]) <= MOST
        assert quotes[-1].rstrip().endswith(".")
        reply = passages.quoted(reply.buttons[0], f"k{len(quotes)}")
        quotes.append(reply.blocks[-1].text)
    assert "".join(quotes) == THIRD.of(TEXT).strip("\n")
    assert len(quotes) > 2


@pytest.mark.parametrize("value", ["d:2:0:5", "d:1:9999999:99999999"])
def test_what_is_not_held_any_more_is_told(passages: Passages, value: str) -> None:
    assert "không còn" in passages.quoted(pressed(value), "k").blocks[0].text


def test_found_passages_are_numbered_through_the_pages(passages: Passages) -> None:
    first = passages.found("nhà tạm lánh", None, date(2026, 5, 4), "k")
    sources = [block.text for block in first.blocks if block.kind == "source"]
    assert [line.split()[0] for line in sources] == ["1.", "2.", "3.", "4.", "5."]
    more = first.buttons[-1]
    assert (more.kind, more.value) == ("say", "/tracuu trang 2: nhà tạm lánh")
    second = passages.found(more.value.removeprefix("/tracuu "), None, date(2026, 5, 4), "k2")
    assert [block.text.split()[0] for block in second.blocks if block.kind == "source"] == ["6.", "7."]
    assert [button.kind for button in second.buttons] == ["passage", "passage"]
    assert all(LONG.startswith(block.text.split(" ", 1)[1]) for block in second.blocks if block.kind == "quote")


def test_nothing_found_and_nothing_more(passages: Passages) -> None:
    assert "không tìm thấy" in passages.found("không", None, date(2026, 5, 4), "k").blocks[0].text
    assert "Không còn" in passages.found("trang 9: x", None, date(2026, 5, 4), "k").blocks[0].text


@given(st.text(alphabet="ab .\n", max_size=200), st.integers(1, 50))
def test_a_cut_goes_forward_and_never_too_far(text: str, most: int) -> None:
    at = 0
    while at < len(text):
        end = cut(text, at, len(text), most)
        assert at < end <= at + most
        at = end


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/tinh Đồng Nai", Command("province", "Đồng Nai")),
        ("/TỈNH", Command("province", bare=True)),
        ("/tra_cuu@bot nhà", Command("search", "nhà")),
        ("/xóa", Command("forget", bare=True)),
        ("/gì đó", Command("unknown", "đó")),
        ("đổi tỉnh", Command("province")),
        ("/ không", None),
        ("/2735/KH-UBND", None),
        ("tôi cần trợ giúp", None),
    ],
)
def test_which_command_a_message_is(texts: Texts, text: str, command: Command | None) -> None:
    assert Commands.of(texts).read(text) == command
