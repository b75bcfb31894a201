"""Searching with filters, and what of a hit is marked."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.lookup.finding import Filters, Lookup, Wanted, load_topics, marked
from bot.services import Services

ON = date(2026, 5, 4)


@pytest.fixture(scope="module")
def lookup(opened: Services) -> Lookup:
    return Lookup.of(opened)


def provinces(lookup: Lookup, words: str, filters: Filters) -> set[str | None]:
    return {found.citation.province for found in lookup.search(words, filters, ON, 12)}


def test_what_is_found_is_the_documents_own_words(lookup: Lookup) -> None:
    found = lookup.search("nguoi khuyet tat hoc nghe", Filters(), ON, 12)
    assert len(found) == 12
    for row in found:
        document = lookup.collection.document(row.citation.document_id)
        assert document.text[row.citation.start : row.citation.end] == row.citation.quote == "".join(piece.text for piece in row.pieces)
    assert any(piece.marked and "khuyết tật" in piece.text for row in found for piece in row.pieces)


def test_a_province_a_year_a_kind_and_a_status_narrow(lookup: Lookup) -> None:
    assert provinces(lookup, "người khuyết tật", Filters(province="Cà Mau")) == {"Cà Mau"}
    assert len(provinces(lookup, "người khuyết tật", Filters())) > 1
    assert provinces(lookup, "trẻ em", Filters(year=2014)) == {"Hưng Yên"}  # 2013–2020; all others begin later
    assert provinces(lookup, "trẻ em", Filters(year=1999)) == set()
    assert provinces(lookup, "trẻ em", Filters(kind="Thông tư")) == set()
    assert provinces(lookup, "trẻ em", Filters(status="future")) == set()
    assert {found.citation.status for found in lookup.search("trẻ em", Filters(status="ended"), ON, 12)} == {"ended"}


def test_an_old_name_finds_the_province_it_is_now(lookup: Lookup) -> None:
    assert provinces(lookup, "người khuyết tật", Filters(province="Bạc Liêu")) == {"Cà Mau"}


def test_a_topic_is_kept_to(lookup: Lookup) -> None:
    topic = lookup.topics["elderly"]
    found = lookup.search("chăm sóc sức khỏe", Filters(topic="elderly"), ON, 12)
    assert found
    for row in found:
        passage = lookup.collection.passage(row.passage_id)
        assert passage
        assert topic.holds(passage)


def test_every_topic_is_held_somewhere_and_not_everywhere(lookup: Lookup) -> None:
    for topic in load_topics().values():
        held = sum(map(topic.holds, lookup.collection.passages))
        assert 0 < held < len(lookup.collection.passages) / 2, topic.name


def test_nothing_typed_finds_nothing(lookup: Lookup) -> None:
    assert lookup.search(" \u200b ", Filters(), ON, 12) == []


def test_side_by_side_asks_each_province_the_same(lookup: Lookup) -> None:
    columns = lookup.side_by_side("dạy nghề cho người khuyết tật", ["Hà Nam", "Đồng Nai"], Filters(), ON, 2)
    assert [province for province, _ in columns] == ["Hà Nam", "Đồng Nai"]
    for province, found in columns:
        assert {row.citation.province for row in found} == {province}


def test_a_passage_stands_between_its_neighbours(lookup: Lookup) -> None:
    passages = lookup.collection.documents[0].passages
    before, after = lookup.around(passages[1].passage_id)
    assert [row.passage_id for row in before] == [passages[0].passage_id]
    assert [row.passage_id for row in after] == [row.passage_id for row in passages[2:4]]
    found = lookup.passage(passages[1].passage_id, ON)
    assert found
    assert found.citation.quote == passages[1].text
    assert lookup.passage("0" * 16, ON) is None
    assert lookup.around("0" * 16) == ([], [])


def test_typed_with_marks_only_the_same_letters_are_marked(lookup: Lookup) -> None:
    read = lookup.services.understanding.read
    with_marks, without = read("dạy nghề", ON), read("day nghe", ON)
    quote = "Đầy nghệ, dạy nghề"
    assert [piece.text for piece in marked(quote, Wanted.by(with_marks, quote)) if piece.marked] == ["dạy nghề"]
    assert [piece.text for piece in marked(quote, Wanted.by(without, quote)) if piece.marked] == ["Đầy nghệ", "dạy nghề"]


@given(st.text(max_size=60), st.frozensets(st.sampled_from(["tre", "em", "a", "1"])), st.frozensets(st.sampled_from(["trẻ", "đ", "x"])))
def test_the_pieces_are_the_quote(quote: str, folded: frozenset[str], exact: frozenset[str]) -> None:
    assert "".join(piece.text for piece in marked(quote, Wanted(exact, folded))) == quote
