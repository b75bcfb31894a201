"""Rules ask for concepts in order and near each other (rules.yml): "partner ~4 strike ~1 self"; a scene is what they are asked of."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from actions.triage.lexicon import Found
from actions.triage.model import KINDS, Risk
from knowledge.errors import KnowledgeError

_BY_CAST = frozenset({"child_abuse", "domestic_violence", "other_violence"})
_GAP = 2
"""Words allowed between two steps where a rule does not say."""
_NEAR = 6
"""Words between an act and the "now" or "years ago" that belongs to it."""
_LONGEST = 10
"""Words in the longest phrase of the lexicon, and a pause."""


class Step(NamedTuple):
    """An element of a pattern: one of `concepts`, at most `gap` words behind the element before it."""

    concepts: tuple[str, ...]
    gap: int


class Pattern(NamedTuple):
    """Steps, and the concepts of each of them as a set."""

    steps: tuple[Step, ...]
    needs: tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """`patterns`: any of them fires. `firm`: also where policy, news or a film is spoken of. `steady`: "now" does not raise the risk.

    `by_cast`: the kind is only a first guess, who hurts whom decides.
    """

    id: str
    kind: str
    risk: Risk
    firm: bool
    steady: bool
    by_cast: bool
    patterns: tuple[Pattern, ...]
    examples: tuple[str, ...]

    @classmethod
    def build(cls, entry: Mapping[str, Any], groups: Mapping[str, Sequence[str]], concepts: frozenset[str]) -> Rule:
        """A rule of rules.yml. Raises KnowledgeError naming the entry that cannot be read."""
        try:
            if entry["kind"] not in KINDS:
                raise ValueError(f"unknown kind {entry['kind']}")
            patterns = tuple(_pattern(text, groups, concepts) for text in entry["any"])
            firm, steady = entry.get("firm", False), entry.get("steady", False)
            by_cast = entry.get("by_cast", entry["kind"] in _BY_CAST)
            return cls(entry["id"], entry["kind"], Risk[entry["risk"].upper()], firm, steady, by_cast, patterns, tuple(entry["examples"]))
        except (KeyError, ValueError) as error:
            raise KnowledgeError(f"rules.yml, {entry.get('id')}: {error}") from error


def _pattern(text: str, groups: Mapping[str, Sequence[str]], concepts: frozenset[str]) -> Pattern:
    steps: list[Step] = []
    gap = _GAP
    for part in text.split():
        if part.startswith("~"):
            gap = int(part[1:])
            continue
        names = tuple(name for choice in part.split("|") for name in groups.get(choice, (choice,)))
        if unknown := set(names) - concepts:
            raise ValueError(f"unknown concept {', '.join(sorted(unknown))}")
        steps.append(Step(names, gap))
        gap = _GAP
    return Pattern(tuple(steps), tuple(frozenset(step.concepts) for step in steps))


class Scene:
    """One reading of a message: its concepts by name, in order, negated acts taken out."""

    def __init__(self, found: Iterable[Found], acts: frozenset[str]) -> None:
        self._places: dict[tuple[str, ...], list[Found]] = {}
        negated_until = -1
        for item in found:
            if item.concept == "negation":
                negated_until = item.end
            elif item.start <= negated_until and item.concept == "suffer":
                negated_until = item.end + 3  # "không bị chồng đánh": the act behind is negated too
                continue
            elif item.start <= negated_until and item.concept in acts:
                negated_until = max(negated_until, item.end - 1)
                continue
            self._places.setdefault((item.concept,), []).append(item)
        self._present = {concepts[0] for concepts in self._places}

    def has(self, concepts: Iterable[str]) -> bool:
        """Whether any of `concepts` is there."""
        return not self._present.isdisjoint(concepts)

    def places(self, concepts: tuple[str, ...]) -> list[Found]:
        """The places of any of `concepts`, in order of their beginning."""
        if (places := self._places.get(concepts)) is None:
            places = []
            for concept in concepts:
                places += self._places.get((concept,), ())
            places.sort()
            self._places[concepts] = places
        return places

    def match(self, pattern: Pattern, since: int) -> tuple[int, int] | None:
        """Where the steps stand one behind the other, the last ending after place `since`: (start, end) or None."""
        present = self._present
        for need in pattern.needs:
            if present.isdisjoint(need):
                return None
        steps = pattern.steps
        candidates = [self.places(step.concepts) for step in steps]
        rare = candidates.index(min(candidates, key=len))
        for item in candidates[rare]:
            end = self._onward(steps, rare, item, since)
            start = self._back(steps, rare, item) if end is not None else None
            if start is not None and end is not None:
                return start, end
        return None

    def _onward(self, steps: tuple[Step, ...], at: int, item: Found, since: int) -> int | None:
        if at + 1 == len(steps):
            return item.end if item.end > since else None
        step = steps[at + 1]
        places = self.places(step.concepts)
        # A phrase may hold the next step ("bắt con" holds "con"), so order goes by beginnings.
        for i in range(bisect_right(places, (item.start, item.end, "~")), len(places)):
            if places[i].start - item.end > step.gap:
                break
            if (end := self._onward(steps, at + 1, places[i], since)) is not None:
                return end
        return None

    def _back(self, steps: tuple[Step, ...], at: int, item: Found) -> int | None:
        if at == 0:
            return item.start
        places = self.places(steps[at - 1].concepts)
        for i in range(bisect_left(places, (item.start, item.end, "")) - 1, -1, -1):
            if item.start - places[i].start > steps[at].gap + _LONGEST:
                break
            if item.start - places[i].end <= steps[at].gap and (start := self._back(steps, at - 1, places[i])) is not None:
                return start
        return None

    def near(self, concept: str, span: tuple[int, int]) -> bool:
        """Whether `concept` stands in the span or within a few words of it."""
        return any(f.start - span[1] <= _NEAR and span[0] - f.end <= _NEAR for f in self.places((concept,)))

    def inside(self, concept: str, span: tuple[int, int]) -> bool:
        """Whether `concept` stands in the span."""
        return any(span[0] <= f.start and f.end <= span[1] for f in self.places((concept,)))
