"""FAISS, exact while small and in cells when large."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import pytest

from index import dense
from index.dense import DenseIndex
from index.encoder import Vectors
from knowledge.errors import SnapshotDamaged


def unit(count: int, dimensions: int = 16, seed: int = 7) -> Vectors:
    vectors = np.random.default_rng(seed).standard_normal((count, dimensions)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(params=["flat", "cells"])
def index(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> DenseIndex:
    monkeypatch.setattr(dense, "FLAT_UP_TO", 4_000 if request.param == "flat" else 3_999)
    return DenseIndex.build(unit(4_000))


def test_the_size_decides_the_kind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(dense, "FLAT_UP_TO", 4_000)
    kinds = []
    for count in (4_000, 4_001):
        DenseIndex.build(unit(count)).save(tmp_path / "vectors")
        kinds.append(type(faiss.read_index(str(tmp_path / "vectors"))))
    assert kinds == [faiss.IndexFlatIP, faiss.IndexIVFFlat]


def test_a_vector_finds_itself_first(index: DenseIndex) -> None:
    for at in (0, 1_111, 3_999):
        positions, similarities = index.search(unit(4_000)[at], 5)
        assert positions[0] == at
        assert similarities[0] == pytest.approx(1.0, abs=1e-5)
        assert list(similarities) == sorted(similarities, reverse=True)


def test_flat_is_exact() -> None:
    vectors, asked = unit(300), unit(1, seed=8)[0]
    positions, similarities = DenseIndex.build(vectors).search(asked, 10)
    np.testing.assert_array_equal(positions, np.argsort(-(vectors @ asked))[:10])
    np.testing.assert_allclose(similarities, (vectors @ asked)[positions], rtol=1e-5)


def test_cells_find_most_of_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passages lie in topics; random directions, which have no neighbours, would say nothing."""
    centres = unit(200, seed=3)
    vectors = centres[np.arange(4_000) % 200] + 0.1 * unit(4_000)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    monkeypatch.setattr(dense, "FLAT_UP_TO", 10)
    index = DenseIndex.build(vectors)
    shares = [len({*index.search(vectors[at], 10)[0]} & {*np.argsort(-(vectors @ vectors[at]))[:10]}) / 10 for at in range(0, 4_000, 100)]
    assert np.mean(shares) >= 0.9


def test_more_than_there_are_gives_all() -> None:
    positions, _ = DenseIndex.build(unit(3)).search(unit(1)[0], 10)
    assert sorted(positions) == [0, 1, 2]


def test_saved_and_loaded_it_finds_the_same(index: DenseIndex, tmp_path: Path) -> None:
    index.save(tmp_path / "vectors")
    loaded = DenseIndex.load(tmp_path / "vectors")
    assert loaded.size == index.size == 4_000
    asked = unit(1, seed=9)[0]
    for mine, theirs in zip(loaded.search(asked, 20), index.search(asked, 20), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_built_twice_it_is_the_same_file(index: DenseIndex, tmp_path: Path) -> None:
    index.save(tmp_path / "one")
    DenseIndex.build(unit(4_000)).save(tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize("content", [b"", b"no index at all, only words", None])
def test_a_damaged_file_is_named(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "vectors"
    DenseIndex.build(unit(50)).save(path)
    path.write_bytes(path.read_bytes()[:-40] if content is None else content)
    with pytest.raises(SnapshotDamaged, match="trogiup index build"):
        DenseIndex.load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SnapshotDamaged):
        DenseIndex.load(tmp_path / "none")
