"""The text of a document as blocks: nothing lost, headings where they stand, exactly the cited words marked."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from web_fakes import QUOTE, plan

from bot.web.document_view import ViewBlock, contents, readable, view
from knowledge.model import Document, Metadata, Section, Span

PLAN = plan()
NOTHING = Metadata(None, None, None, None, None, None, None, None, None, None, (), None)


def document(text: str, *sections: Section) -> Document:
    return Document("d", "d.txt", text, NOTHING, sections)


def heading(text: str, words: str, level: int) -> Section:
    span = Span(text.index(words), text.index(words) + len(words))
    return Section(words, level, span, span, (words,))


def words(blocks: list[ViewBlock], *, marked: bool = False) -> str:
    return "".join(run.text for block in blocks for run in block.runs if run.marked or not marked)


def plain(text: str) -> str:
    """Letters and digits only: what no form may change."""
    return re.sub(r"[\W_]+", "", text)


def test_a_real_plan_loses_no_word_and_shows_no_mark() -> None:
    shown = view(PLAN)
    assert plain(words(shown)) == plain(PLAN.text)
    assert "**" not in words(shown)
    assert not any(run.text.startswith("#") for block in shown for run in block.runs)


def test_headings_of_a_real_plan() -> None:
    shown = [block for block in view(PLAN) if block.kind == "heading"]
    assert len(shown) == len(PLAN.sections)
    assert len({block.anchor for block in shown}) == len(shown)
    levels = [1, *(block.level for block in shown)]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    anchors = {block.anchor: words([block]) for block in shown}
    assert all(anchors[anchor].rstrip(":") == section.title.rstrip(":") for anchor, section in contents(PLAN))


def test_the_cited_words_are_marked() -> None:
    start = PLAN.text.index(QUOTE)
    assert words(view(PLAN, Span(start, start + len(QUOTE))), marked=True) == QUOTE


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_span_of_a_real_plan_is_marked_and_nothing_else(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(PLAN.text) - 1))
    end = data.draw(st.integers(start + 1, min(len(PLAN.text), start + 1500)))
    shown = view(PLAN, Span(start, end))
    assert plain(words(shown, marked=True)) == plain(PLAN.text[start:end])
    assert plain(words(shown)) == plain(PLAN.text)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="aĐ #*-+:\n", max_size=60))
def test_no_text_loses_a_word(text: str) -> None:
    assert plain(words(view(document(text)))) == plain(text)


def test_a_heading_that_shares_its_line_with_its_text() -> None:
    text = "**2. Sở Tài chính:** Chủ trì bố trí kinh phí."
    first, second = view(document(text, heading(text, "2. Sở Tài chính", 2)))
    assert (first.kind, words([first])) == ("heading", "2. Sở Tài chính: ")
    assert (second.kind, words([second])) == ("paragraph", "Chủ trì bố trí kinh phí.")


def test_lists_rules_and_broken_lines() -> None:
    text = "-------\n- mục một\n+ mục con\n**ỦY BAN\nTỈNH**\ndòng một  \ndòng hai\n\ndòng ba"
    assert [block.kind for block in view(document(text))] == ["rule", "item", "deep_item", "paragraph", "paragraph", "paragraph"]
    bold = view(document(text))[3]
    assert [run.bold for run in bold.runs] == [True]


@pytest.mark.parametrize(("start", "end"), [("3", "3"), ("5", "2"), ("0", "11"), ("x", "2"), (None, "2"), ("1", None), ("", "")])
def test_no_span(start: str | None, end: str | None) -> None:
    assert readable(start, end, 10) is None


def test_a_span() -> None:
    assert readable("0", "10", 10) == Span(0, 10)
