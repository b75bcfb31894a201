"""A snapshot made out of the one before: what stays as it was is not encoded again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from index import snapshot
from index.analysis import syllables
from index.dense import DenseIndex
from index.encoder import StaticEncoder, Vectors
from index.lexical import LexicalIndex
from index.snapshot import EMBEDDED, Snapshot
from knowledge.collection import Collection
from knowledge.model import Relation

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def two(collection: Collection) -> Collection:
    """The two shortest documents."""
    return Collection(tuple(sorted(collection.documents, key=lambda d: len(d.passages))[:2]))


@pytest.fixture(scope="module")
def before(two: Collection, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """Of the longer one alone."""
    home = tmp_path_factory.mktemp("before")
    snapshot.build(home, Collection(two.documents[1:]), "v1", EMBEDDED, NOON)
    return snapshot.open_current(home)


def never(*_: object) -> None:
    raise AssertionError("made anew")


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Texts that are encoded from now on."""
    seen: list[str] = []
    encode = StaticEncoder.encode

    def noted(self: StaticEncoder, texts: Sequence[str]) -> Vectors:
        seen.extend(texts)
        return encode(self, texts)

    monkeypatch.setattr(StaticEncoder, "encode", noted)
    return seen


def test_a_document_more_costs_its_own_passages(
    before: Snapshot, two: Collection, tmp_path: Path, encoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "DRIFT", 1.0)
    monkeypatch.setattr(snapshot, "build_static", never)
    manifest = snapshot.build(tmp_path, two, "v2", EMBEDDED, NOON, before)
    new = len(two.documents[0].passages)
    assert len(encoded) == manifest.drifted == new
    assert manifest.encoder_fingerprint == before.manifest.encoder_fingerprint
    after = snapshot.open_current(tmp_path)
    assert after.collection == two
    assert np.array_equal(after.dense.vectors()[new:], before.dense.vectors())
    assert np.allclose(after.dense.vectors()[:new], before.encoder.encode(encoded[:new]))
    texts = [snapshot.indexed_text(d.metadata.kind, p, two.province(d)) for d in two.documents for p in d.passages]
    LexicalIndex.build([syllables(text) for text in texts]).save(tmp_path / "anew")
    assert after.folder is not None
    files = sorted((tmp_path / "anew").iterdir())
    assert [path.read_bytes() for path in files] == [(after.folder / "lexical" / path.name).read_bytes() for path in files]


def test_what_is_open_already_is_not_read_again(before: Snapshot, two: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "DRIFT", 1.0)
    snapshot.build(tmp_path, two, "v2", EMBEDDED, NOON, before)
    read: list[str] = []
    parse = snapshot.parse
    monkeypatch.setattr(snapshot, "parse", lambda line: read.append(line) or parse(line))
    monkeypatch.setattr(snapshot, "load_static", never)
    after = snapshot.open_current(tmp_path, EMBEDDED, before)
    assert after.collection == two
    assert len(read) == 1
    assert after.collection.documents[1] is before.collection.documents[0]
    assert after.encoder is before.encoder


def test_metadata_alone_are_not_encoded(before: Snapshot, tmp_path: Path, encoded: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "build_static", never)
    (document,) = before.collection.documents
    changed = replace(document, metadata=replace(document.metadata, relations=(Relation("replaced_by", "1/KH-UBND"),)))
    manifest = snapshot.build(tmp_path, Collection((changed,)), "v2", EMBEDDED, NOON, before)
    assert encoded == []
    assert manifest.drifted == 0
    assert snapshot.open_current(tmp_path).collection.documents == (changed,)


def test_too_great_a_change_makes_the_encoder_anew(before: Snapshot, two: Collection, tmp_path: Path) -> None:
    manifest = snapshot.build(tmp_path, two, "v2", EMBEDDED, NOON, before)
    assert manifest.drifted == 0
    assert manifest.encoder_fingerprint != before.manifest.encoder_fingerprint


def test_cells_are_filled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.dense.FLAT_UP_TO", 100)
    chance = np.random.default_rng(0)
    vectors = chance.standard_normal((600, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cells = DenseIndex.build(vectors)
    assert np.allclose(cells.vectors(), vectors)
    other = cells.refilled(vectors[::-1])
    assert other.size == 600
    assert np.allclose(other.vectors(), vectors[::-1])
    assert other.search(vectors[5], 1)[0][0] == 594
    assert cells.refilled(vectors[:50]).search(vectors[5], 1)[0][0] == 5
