"""BM25 over terms."""

from __future__ import annotations

from pathlib import Path

import bm25s
import numpy as np
import pytest

from index.analysis import syllables, terms, with_pairs
from index.lexical import LexicalIndex
from knowledge.errors import SnapshotDamaged

TEXTS = ("Trung tâm bảo trợ xã hội", "Người khuyết tật nặng", "Trẻ em mồ côi, trẻ em bị bỏ rơi", "")


@pytest.fixture
def index() -> LexicalIndex:
    return LexicalIndex.build([syllables(text) for text in TEXTS])


@pytest.mark.parametrize(("question", "first"), [("bảo trợ", 0), ("khuyet tat", 1), ("TRẺ EM", 2)])
def test_the_passage_that_holds_the_words_is_first(index: LexicalIndex, question: str, first: int) -> None:
    scores = index.scores(terms(question))
    assert scores.dtype == np.float32
    assert int(scores.argmax()) == first
    assert np.count_nonzero(scores) == 1


def test_pairs_count_beside_their_words(index: LexicalIndex) -> None:
    both = index.scores(["khuyet", "tat", "khuyet_tat"])[1]
    assert both > index.scores(["khuyet", "tat"])[1] > index.scores(["tat"])[1] > 0


@pytest.mark.parametrize("asked", [[], ["hypnosis"]])
def test_unknown_words_score_nothing(index: LexicalIndex, asked: list[str]) -> None:
    assert index.scores(asked).tolist() == [0.0] * len(TEXTS)


def test_an_unknown_word_changes_no_score(index: LexicalIndex) -> None:
    np.testing.assert_array_equal(index.scores(["hypnosis", "tat"]), index.scores(["tat"]))


def test_a_passage_without_words_is_never_found(index: LexicalIndex) -> None:
    assert index.scores([term for text in TEXTS for term in terms(text)])[3] == 0


def test_it_knows_its_terms(index: LexicalIndex) -> None:
    assert index.knows("mo_coi")
    assert not index.knows("coi_mo")


@pytest.mark.parametrize(("term", "count"), [("tre", 1), ("tam", 1), ("hypnosis", 0), ("bi", 1), ("mo_coi", 1)])
def test_it_knows_how_many_passages_hold_a_term(index: LexicalIndex, term: str, count: int) -> None:
    assert index.held_by(term) == count == np.count_nonzero(index.scores([term]))


def test_saved_and_loaded_it_scores_the_same(index: LexicalIndex, tmp_path: Path) -> None:
    index.save(tmp_path / "lexical")
    loaded = LexicalIndex.load(tmp_path / "lexical")
    asked = terms("trẻ em khuyết tật")
    np.testing.assert_array_equal(loaded.scores(asked), index.scores(asked))
    assert loaded.size == index.size == len(TEXTS)


def test_a_missing_folder_is_damage(tmp_path: Path) -> None:
    with pytest.raises(SnapshotDamaged, match="trogiup index build"):
        LexicalIndex.load(tmp_path / "none")


def test_every_truncated_file_is_damage(index: LexicalIndex, tmp_path: Path) -> None:
    index.save(tmp_path / "lexical")
    for path in sorted((tmp_path / "lexical").iterdir()):
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(SnapshotDamaged):
            LexicalIndex.load(tmp_path / "lexical")
        path.write_bytes(whole)
    LexicalIndex.load(tmp_path / "lexical")


PASSAGES = tuple(syllables(text) for text in (*TEXTS, "Bảo trợ trẻ em", "bảo trợ, bảo trợ, bảo trợ"))


def files(index: LexicalIndex, folder: Path) -> dict[str, bytes]:
    index.save(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    "order",
    [(0, 1, 2, 3, 4, 5), (5, 3, 1), (2, 2, 0), (3,)],
    ids=["all", "turned round", "one twice", "without a word"],
)
@pytest.mark.parametrize("new", [(), ("Ăn xin", "bảo trợ xã hội"), ("", "zalo a")], ids=["none", "some", "others"])
def test_changed_it_is_the_same_as_built_anew(order: tuple[int, ...], new: tuple[str, ...], tmp_path: Path) -> None:
    """Bit for bit; what is new stands before, between and after what was kept."""
    spoken = [syllables(text) for text in new]
    kept = np.array([*order[:1], *(-1 for _ in spoken[:1]), *order[1:], *(-1 for _ in spoken[1:])], dtype=np.int64)
    coming = iter(spoken)
    anew = LexicalIndex.build([PASSAGES[at] if at >= 0 else next(coming) for at in kept])
    changed = LexicalIndex.build(PASSAGES).changed(kept, spoken)
    assert files(changed, tmp_path / "changed") == files(anew, tmp_path / "anew")


def test_the_scores_are_those_that_bm25s_works_out() -> None:
    engine = bm25s.BM25(k1=0.9, b=0.4)
    engine.index([with_pairs(passage) or ["∅"] for passage in PASSAGES], show_progress=False)
    index = LexicalIndex.build(PASSAGES)
    for term in engine.vocab_dict.keys() - {"", "∅"}:
        np.testing.assert_array_equal(index.scores([term]), engine.get_scores([term]))


def test_half_a_pair_is_no_term(index: LexicalIndex) -> None:
    assert not any(index.knows(term) for term in ("tre_", "_em", "", "_", "tre_hypnosis", "hypnosis_em"))


def test_files_of_two_indexes_are_damage(index: LexicalIndex, tmp_path: Path) -> None:
    index.save(tmp_path / "one")
    LexicalIndex.build(PASSAGES).save(tmp_path / "two")
    (tmp_path / "two" / "starts.npy").rename(tmp_path / "one" / "starts.npy")
    with pytest.raises(SnapshotDamaged, match="do not belong together"):
        LexicalIndex.load(tmp_path / "one")
