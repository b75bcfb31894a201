"""One document, and encoders without a model."""

from __future__ import annotations

import pytest
from index_fakes import FakeEncoder, documents

from index import snapshot
from knowledge.collection import Collection


@pytest.fixture(scope="session")
def small() -> Collection:
    """One document, where it is the building that matters."""
    return documents(1)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> dict[str, FakeEncoder]:
    """Encoders without a model, by the name that a build asks for."""
    encoders = {"fake": FakeEncoder()}
    monkeypatch.setattr(snapshot, "load_encoder", encoders.__getitem__)
    return encoders
