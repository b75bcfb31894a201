"""The gold questions that come with the product: gold.yml, seeded into the store where staff add to them and take out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import yaml

from knowledge.store.publication import GoldKind

_SHIPPED = Path(__file__).parent / "gold.yml"


def shipped_questions(path: Path = _SHIPPED) -> list[tuple[str, str, GoldKind, Sequence[str]]]:
    """(id, question, kind, evidence), in the order of the file."""
    rows: Mapping[str, Mapping[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [
        (name, row["question"], cast(GoldKind, row.get("kind", "answer")), tuple(row.get("evidence", ()))) for name, row in rows.items()
    ]
