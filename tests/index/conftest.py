"""The five documents, read once, and one snapshot of them with the embedded encoder, built once."""

from __future__ import annotations

from pathlib import Path

import pytest
from index_fakes import NOON, FakeEncoder, documents

from index import snapshot
from index.snapshot import EMBEDDED, Snapshot
from knowledge.collection import Collection
from knowledge.places import Gazetteer, load_gazetteer


@pytest.fixture(scope="session")
def gazetteer() -> Gazetteer:
    return load_gazetteer()


@pytest.fixture(scope="session")
def collection() -> Collection:
    return documents()


@pytest.fixture(scope="session")
def small() -> Collection:
    """One document, where it is the building that matters."""
    return documents(1)


@pytest.fixture(scope="session")
def built_home(collection: Collection, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Read it, copy it, change nothing in it."""
    home = tmp_path_factory.mktemp("home")
    snapshot.build(home, collection, "v1", EMBEDDED, NOON)
    return home


@pytest.fixture(scope="session")
def opened(built_home: Path) -> Snapshot:
    return snapshot.open_current(built_home)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> dict[str, FakeEncoder]:
    """Encoders without a model, by the name that a build asks for."""
    encoders = {"fake": FakeEncoder()}
    monkeypatch.setattr(snapshot, "load_encoder", encoders.__getitem__)
    return encoders
