"""Documents, their versions and their history; on SQLite and on PostgreSQL."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledge.errors import KnowledgeError, UnknownDocument
from knowledge.store import Store, text_sha256

NUMBERS = count(1)  # an example of Hypothesis may come twice to the same store
VIETNAMESE = "Kế hoạch số 2735/KH-UBND “trợ giúp xã hội” 🆘 đ Đ"


def read(words: str, **changes: Any) -> dict[str, Any]:
    """What a loader hands over."""
    return {"source_file": "k.txt", "content": words.encode(errors="replace"), "text": words, "metadata_json": '{"số": 1}', **changes}


def test_versions_are_numbered_and_kept(store: Store, clock: Any) -> None:
    documents = store.documents
    assert documents.add_version("d", **read("một"), pages=3, ocr=True, warnings=["ngày không rõ", "số?"]) == 1
    added_at = clock()
    clock.forward(hours=1)
    assert documents.add_version("d", **read(VIETNAMESE, content=b"%PDF\x00\xff")) == 2
    first, second = documents.get("d", 1), documents.get("d", 2)
    assert (first.text, first.pages, first.ocr, first.warnings, first.added_at) == ("một", 3, True, ("ngày không rõ", "số?"), added_at)
    assert (second.text, second.pages, second.ocr, second.warnings, second.state) == (VIETNAMESE, None, False, (), "draft")
    assert second.text_sha256 == sha256(VIETNAMESE.encode()).hexdigest()
    assert (documents.original("d", 1), documents.original("d", 2)) == ("một".encode(), b"%PDF\x00\xff")
    assert documents.get("d").version == 2
    assert VIETNAMESE not in repr(second)


@pytest.mark.parametrize(
    "change",
    [{"content": b"x"}, {"text": "y"}, {"metadata_json": "{}"}, {"ocr": True}, {"pages": 1}, {"warnings": ["w"]}, {"source_file": "l"}],
)
def test_only_a_difference_makes_a_version(store: Store, change: dict[str, Any]) -> None:
    assert [store.documents.add_version("d", **read("một", **c)) for c in ({}, {}, change, change, {})] == [1, 1, 2, 2, 3]


def test_the_life_of_a_document(store: Store, clock: Any) -> None:
    documents = store.documents
    empty = documents.corpus_version()
    seen = [empty]

    def state() -> tuple[str, int | None, int]:
        seen.append(documents.corpus_version())
        (row,) = documents.list()
        return row.state, row.published_version, row.latest_version

    documents.add_version("d", **read("một"), state="review")
    assert state() == ("review", None, 1)
    assert documents.publish("d") == 1
    assert state() == ("published", 1, 1)
    documents.add_version("d", **read("hai"))
    assert state() == ("published", 1, 2)
    assert documents.get("d").text == "một"  # a draft changes nothing for citizens
    assert documents.publish("d") == 2
    assert state() == ("published", 2, 2)
    assert documents.publish("d") == 2  # nothing to do, and no event
    documents.rollback("d", 1)
    assert state() == ("published", 1, 2)
    assert [row.text for row in documents.published()] == ["một"]
    clock.forward(days=1)
    documents.retire("d")
    documents.retire("d")
    assert state() == ("retired", None, 2)
    assert documents.published() == ()
    documents.rollback("d", 2)
    assert state() == ("published", 2, 2)
    history = documents.history("d")
    expected = ["added 1", "published 1", "added 2", "published 2", "rolled_back 1", "retired 1", "rolled_back 2"]
    assert [f"{event.action} {event.version}" for event in history] == expected
    assert history[-1].at - history[0].at == clock() - history[0].at != 0
    assert seen == [empty, empty, seen[2], seen[2], seen[4], seen[2], empty, seen[4]]
    assert len(set(seen)) == 3


@pytest.mark.parametrize("change", [{"text": "khác"}, {"metadata_json": '{"số": 2}'}])
def test_the_corpus_version_tells_texts_and_metadata_apart(store: Store, change: dict[str, str]) -> None:
    for name in ("đ", "a", "Z"):
        store.documents.add_version(name, **read("một"))
        store.documents.publish(name)
    before = store.documents.corpus_version()
    store.documents.add_version("a", **read("một", **change))
    assert store.documents.corpus_version() == before
    store.documents.publish("a")
    assert store.documents.corpus_version() != before


def test_only_what_was_published_can_be_gone_back_to(store: Store) -> None:
    store.documents.add_version("d", **read("một"))
    store.documents.add_version("d", **read("hai"))
    store.documents.publish("d")
    for version in (1, 2):
        with pytest.raises(KnowledgeError, match="published before"):
            store.documents.rollback("d", version)


@pytest.mark.parametrize(
    "ask",
    [
        lambda d: d.get("không có"),
        lambda d: d.get("d", 2),
        lambda d: d.original("d", 2),
        lambda d: d.history("không có"),
        lambda d: d.publish("không có"),
        lambda d: d.publish("d", 2),
        lambda d: d.rollback("d", 2),
        lambda d: d.retire("không có"),
    ],
)
def test_unknown_documents(store: Store, ask: Callable[[Any], object]) -> None:
    store.documents.add_version("d", **read("một"))
    with pytest.raises(UnknownDocument, match="docs list"):
        ask(store.documents)


def test_duplicates_are_found_by_text(store: Store, clock: Any) -> None:
    store.documents.add_version("b", **read("cũ"))
    clock.forward(hours=1)
    store.documents.add_version("a", **read("cũ"))
    store.documents.add_version("b", **read("mới"))
    store.documents.retire("b")
    assert store.documents.by_text_hash(text_sha256("cũ")) == "b"
    assert store.documents.by_text_hash(text_sha256("mới")) == "b"
    assert store.documents.by_text_hash(text_sha256("lạ")) is None


def test_versions_added_together_get_different_numbers(store: Store) -> None:
    with ThreadPoolExecutor(4) as threads:
        numbers = list(threads.map(lambda n: store.documents.add_version("d", **read(f"bản {n}")), range(8)))
        assert sorted(numbers) == list(range(1, 9))
        assert list(threads.map(lambda n: store.documents.publish("d", n), numbers)) == numbers
    assert len(store.documents.published()) == 1


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.text(st.characters(exclude_categories=())))
def test_any_text_comes_back_as_long_as_it_was(store: Store, words: str) -> None:
    name = f"d{next(NUMBERS)}"
    store.documents.add_version(name, **read(words))
    row = store.documents.get(name)
    unstorable = [i for i, char in enumerate(words) if char == "\0" or "\ud800" <= char <= "\udfff"]
    assert row.text == "".join("\ufffd" if i in unstorable else char for i, char in enumerate(words))
    assert row.text_sha256 == text_sha256(words)
    assert store.documents.add_version(name, **read(words)) == 1


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from(["add", "publish", "rollback", "retire"]), st.integers(1, 4)), max_size=10))
def test_any_life_keeps_what_was_and_publishes_at_most_one(store: Store, steps: list[tuple[str, int]]) -> None:
    documents, key = store.documents, f"d{next(NUMBERS)}"
    texts: list[str] = []
    published: int | None = None
    for step, number in [("add", 0), *steps]:
        events = documents.history(key) if texts else ()
        try:
            if step == "add":
                texts.append(f"bản {len(texts)}")
                assert documents.add_version(key, **read(texts[-1])) == len(texts)
            elif step == "publish":
                published = documents.publish(key, number)
            elif step == "rollback":
                documents.rollback(key, number)
                published = number
            else:
                documents.retire(key)
                published = None
        except KnowledgeError:
            assert documents.history(key) == events  # what was refused left no trace
        assert [row.version for row in documents.published() if row.document_id == key] == ([published] if published else [])
        assert documents.history(key)[: len(events)] == events
    assert [documents.get(key, number + 1).text for number in range(len(texts))] == texts
