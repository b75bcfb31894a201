"""How alike two documents are, and what changed from one to the other, clause by clause."""

from __future__ import annotations

import difflib
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from knowledge.model import Document
from knowledge.text import words

SHINGLE = 3
"""Words in a row. One wrong letter in a scan costs three shingles, so three words still tell a scan from another text."""
TWIN = 0.9
"""Share of shingles from which two texts are the same (Broder 1997, resemblance)."""
KIN = 0.5
"""From which, with the same title, one may be a new version of the other."""
_KEPT_OF = 4
"""One shingle in so many is kept, chosen by its hash: enough to estimate the share, a quarter of the memory."""
_SHORT = 2000
"""Words: of shorter texts every shingle is kept."""


def shingles(text: str) -> frozenset[int]:
    """The text's runs of three folded words, hashed; of long texts one in four."""
    spoken = words(text)
    found = {zlib.crc32(" ".join(spoken[at : at + SHINGLE]).encode()) for at in range(max(1, len(spoken) - SHINGLE + 1))}
    return frozenset(found if len(spoken) < _SHORT else (value for value in found if value % _KEPT_OF == 0))


def resemblance(one: frozenset[int], other: frozenset[int]) -> float:
    """Shingles in common over all, 0 to 1. A short text against a long one is compared on what both keep."""
    if min(len(one), len(other)) * 2 < max(len(one), len(other)):
        one, other = (frozenset(v for v in each if v % _KEPT_OF == 0) for each in (one, other))
    return len(one & other) / len(one | other) if one or other else 1.0


def figures(text: str) -> tuple[str, ...]:
    """Every figure of a text, in order: a copy that changes one says something else."""
    return tuple(word for word in words(text) if any(char.isdigit() for char in word))


@dataclass(frozen=True, slots=True)
class Change:
    """One clause of two versions. `path`: the headings it stands under, in the newer one where it still stands."""

    kind: Literal["same", "changed", "added", "removed"]
    path: tuple[str, ...]
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class _Clause:
    path: tuple[str, ...]
    text: str

    @property
    def key(self) -> str:
        """What a clause is recognised by: its words alone."""
        return " ".join(words(self.text))


def differences(old: Document, new: Document, *, same: bool = False) -> tuple[Change, ...]:
    """What changed from `old` to `new`, section by section, in the order of the newer one; `same`: with what did not change."""
    before, after = _sections(old), _sections(new)
    changes: list[Change] = []
    for tag, a0, a1, b0, b1 in difflib.SequenceMatcher(None, [p for p, _ in before], [p for p, _ in after], autojunk=False).get_opcodes():
        gone = [clause for _, clauses in before[a0:a1] for clause in clauses]
        come = [clause for _, clauses in after[b0:b1] for clause in clauses]
        if tag == "equal":
            for (_, was), (_, now) in zip(before[a0:a1], after[b0:b1], strict=True):
                changes += _clauses(was, now)
        else:
            changes += _clauses(gone, come)
    return tuple(change for change in changes if same or change.kind != "same")


def _sections(document: Document) -> list[tuple[tuple[str, ...], list[_Clause]]]:
    """Clauses under one heading together; a heading is known by its folded words."""
    clauses = [_Clause(p.path, " ".join(p.text.split())) for p in document.passages if p.role in ("front", "body", "closing")]
    return [(tuple(" ".join(words(title)) for title in path), list(group)) for path, group in groupby(clauses, key=lambda c: c.path)]


def _clauses(was: Sequence[_Clause], now: Sequence[_Clause]) -> Iterator[Change]:
    matcher = difflib.SequenceMatcher(None, [c.key for c in was], [c.key for c in now], autojunk=False)
    for tag, a0, a1, b0, b1 in matcher.get_opcodes():
        if tag == "equal":
            yield from (Change("same", b.path, a.text, b.text) for a, b in zip(was[a0:a1], now[b0:b1], strict=True))
            continue
        yield from _paired(was[a0:a1], now[b0:b1])


def _paired(was: Sequence[_Clause], now: Sequence[_Clause]) -> Iterator[Change]:
    """Clauses that say nearly the same are one that changed; the others went or came."""
    left = list(was)
    for clause in now:
        best = max(left, key=lambda old: _alike(old, clause), default=None)
        if best is not None and _alike(best, clause) >= KIN:
            for gone in left[: left.index(best)]:
                yield Change("removed", gone.path, gone.text)
            del left[: left.index(best) + 1]
            yield Change("changed", clause.path, best.text, clause.text)
        else:
            yield Change("added", clause.path, "", clause.text)
    yield from (Change("removed", gone.path, gone.text) for gone in left)


def _alike(one: _Clause, other: _Clause) -> float:
    return difflib.SequenceMatcher(None, one.key.split(), other.key.split(), autojunk=False).ratio()


def nearest(text: frozenset[int], held: Iterable[tuple[str, frozenset[int]]]) -> tuple[str, float] | None:
    """The held text that is most alike, and how much; None when nothing is held."""
    return max(((key, resemblance(text, other)) for key, other in held), key=lambda found: found[1], default=None)
