"""The values of triage: what it may find, and what it read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import yaml

from knowledge.errors import KnowledgeError

DATA = Path(__file__).parents[1] / "data" / "triage"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The safe loader written in C where PyYAML was built with it: a fraction of a second instead of two."""
KINDS = frozenset(
    {
        *("child_abuse", "child_neglect", "sexual_abuse", "domestic_violence", "trafficking", "suicide"),
        *("overdose", "other_violence", "fire_accident"),
    }
)


class Risk(IntEnum):
    """How near the danger is; the queue of the duty desk is ordered by it."""

    NONE = 0
    WORRY = 1
    PAST_HARM = 2
    THREAT = 3
    DANGER_NOW = 4


@dataclass(frozen=True, slots=True)
class Assessment:
    """What triage read. `kinds`: of KINDS, the leading one first; `speaker`: child, self, carer, witness,
    doer (who hurts), official or unknown.

    `victim`: child, self, young (the writer, of unknown age), other or unknown; `rules`: ids that fired, and
    `classifier` where it raised the alarm.
    """

    risk: Risk
    kinds: tuple[str, ...]
    speaker: str
    rules: tuple[str, ...]
    victim: str = "unknown"

    @property
    def urgent(self) -> bool:
        """Whether a number is shown and a case opened: somebody is or may be in danger."""
        return self.risk > Risk.NONE


def table(path: Path) -> Any:
    """A table of triage. Raises KnowledgeError where it cannot be read."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506
    except (OSError, yaml.YAMLError) as error:
        raise KnowledgeError(f"{path.name} cannot be read", file=str(path)) from error
