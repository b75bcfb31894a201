"""An encoder without a model, and the five documents. Imported by builders in processes of their own too, so nothing heavy stands here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import numpy as np

from index.encoder import Vectors
from knowledge.collection import Collection
from knowledge.loading import documents_in, load
from knowledge.places import load_gazetteer
from knowledge.text import words

ROOT = Path(__file__).parents[2]
NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def at(minutes: int) -> datetime:
    """So many minutes past noon."""
    return NOON + timedelta(minutes=minutes)


def documents(count: int = 5) -> Collection:
    """The first of the five documents, or all."""
    gazetteer = load_gazetteer()
    return Collection(tuple(load(path, gazetteer) for path in islice(documents_in(ROOT / "knowledge" / "sources"), count)))


@dataclass
class FakeEncoder:
    """A word is a dimension, by its hash. `before`: called with each batch."""

    fingerprint: str = "fake:1"
    dimensions: int = 32
    before: Callable[[], None] = lambda: None

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.before()
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in words(text):
                vectors[row, hashlib.sha256(word.encode()).digest()[0] % self.dimensions] += 1
        return np.ascontiguousarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), dtype=np.float32)
