"""Clauses of a passage: which are shown, and how."""

from __future__ import annotations

import pytest
from actions_house import TODAY

from actions.answering import Answerer
from actions.clauses import Excerpt, clipped, excerpt, repeats, shown
from index.model import Hit
from index.understanding import Understanding
from knowledge.collection import Collection


@pytest.mark.parametrize(
    ("words", "read"),
    [
        ("- **95%** trẻ em;", "- 95% trẻ em."),
        ("a) Đề xuất mức bối trí ngân sách;", "Đề xuất mức bối trí ngân sách."),
        ("2. Sở Y tế chỉ đạo", "Sở Y tế chỉ đạo"),
        ("thời gian tới./. *hav*", "Thời gian tới."),
        ("## II. ĐỐI TƯỢNG", "II. ĐỐI TƯỢNG"),
        ("hai\ndòng  và\tmột", "Hai dòng và một"),
        ("", ""),
    ],
)
def test_what_a_person_reads_of_a_quote(words: str, read: str) -> None:
    assert shown(words) == read


def test_cut_between_two_words() -> None:
    assert clipped("một hai ba", 10) == "một hai ba"
    assert clipped("một hai, ba bốn", 8) == "một hai…"
    assert clipped("Quyết định số 565/QĐ-TTg ngày 25", 20) == "Quyết định số…"


def test_repeats_looks_at_words_alone() -> None:
    assert repeats("100% trẻ em;", "a) Giảm 50%; 100% TRẺ EM được")
    assert not repeats("90% trẻ em", "100% trẻ em")
    assert not repeats("00% trẻ em", "100% trẻ em")


def best(answerer: Answerer, understanding: Understanding, text: str, budget: int) -> tuple[Hit, Excerpt]:
    query = answerer.retriever.mended(understanding.read(text, TODAY))
    hit = answerer.retriever.search(query, 1)[0]
    return hit, excerpt(query, hit, answerer.retriever, budget)


ASKED = "Hà Nam có kế hoạch can thiệp bao nhiêu phần trăm trẻ em có nguy cơ cao bị xâm hại?"


@pytest.mark.parametrize("budget", [1, 40, 60, 80, 150, 430, 2_000])
def test_an_excerpt_stands_in_its_passage(answerer: Answerer, understanding: Understanding, budget: int) -> None:
    hit, part = best(answerer, understanding, ASKED, budget)
    quote = part.span.of(hit.document.text)
    assert hit.passage.span.start <= part.span.start < part.span.end <= hit.passage.span.end
    assert quote.strip() == quote
    assert len(quote) <= max(budget, 12)
    assert part.words.removesuffix("…").rstrip(".") == shown(quote).rstrip(" .,;:")
    assert not hit.document.text[part.span.end].isalnum()


def test_the_asked_clause_comes_first(answerer: Answerer, understanding: Understanding) -> None:
    _, part = best(answerer, understanding, ASKED, 150)
    assert part.words.startswith("Có kế hoạch hỗ trợ, can thiệp 90% trẻ em có nguy cơ cao bị xâm hại")


def test_a_cut_clause_says_so(answerer: Answerer, understanding: Understanding) -> None:
    _, part = best(answerer, understanding, ASKED, 60)
    assert part.words.endswith("…")
    assert not part.words.endswith((".…", ",…", ";…", " …"))


@pytest.mark.parametrize("sign", ["bao nhiêu phần trăm", "bao nhiêu %"])
def test_a_percentage_is_asked_for_in_words_or_as_a_sign(answerer: Answerer, understanding: Understanding, sign: str) -> None:
    """The clause with "tỷ lệ" in it is about something else."""
    _, part = best(answerer, understanding, f"{sign} trẻ em có hoàn cảnh đặc biệt ở Đồng Nai được phát hiện, quản lý, theo dõi?", 150)
    assert part.words.startswith("100% trẻ em có hoàn cảnh đặc biệt được phát hiện")


def test_every_passage_gives_an_excerpt(answerer: Answerer, understanding: Understanding, collection: Collection) -> None:
    query = answerer.retriever.mended(understanding.read("trẻ em", TODAY))
    for document in collection.documents:
        for passage in document.passages:
            part = excerpt(query, Hit(passage, document, 0, 0, 0, 0), answerer.retriever, 150)
            assert part.words
            assert passage.span.start <= part.span.start < part.span.end <= passage.span.end
