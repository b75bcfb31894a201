"""The fixed sentences (data/texts.yml), looked up by dotted name. A missing name is an error at once, not at night."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from knowledge.errors import KnowledgeError

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Texts:
    """Sentences by dotted name: `texts("abstain.province", province="Kon Tum", held="Cà Mau")`."""

    table: Mapping[str, str | tuple[str, ...]]

    @classmethod
    def load(cls, path: Path = DATA / "texts.yml") -> Texts:
        """From the data file."""
        return cls(dict(_flat(yaml.safe_load(path.read_text(encoding="utf-8")))))

    def __call__(self, name: str, /, **values: object) -> str:
        """The sentence with its names filled in. KnowledgeError for an unknown name."""
        found = self.table.get(name)
        if not isinstance(found, str):
            raise KnowledgeError(f"texts.yml has no sentence {name}")
        return found.format(**values) if values else found

    def choices(self, name: str) -> tuple[str, ...]:
        """A list of sentences. KnowledgeError for an unknown name."""
        found = self.table.get(name)
        if not isinstance(found, tuple):
            raise KnowledgeError(f"texts.yml has no list {name}")
        return found


def _flat(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str | tuple[str, ...]]]:
    found: list[tuple[str, str | tuple[str, ...]]] = []
    for name, value in table.items():
        if isinstance(value, Mapping):
            found.extend(_flat(value, f"{prefix}{name}."))
        else:
            found.append((f"{prefix}{name}", tuple(value) if isinstance(value, list) else str(value)))
    return found
