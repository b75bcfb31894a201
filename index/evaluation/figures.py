"""The figures of an evaluation, in all and broken down, each with its 95% interval."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from index.evaluation.gold import LIMIT, Question, Reply, cited, said

_TAGS = ("nodiac", "teencode", "typo", "multiturn", "hotline")
_TOLD = ("evidence_cited", "answer_correct", "false_abstain_free", "abstained", "urgent_found", "supported")
"""What a breakdown shows; the kinds of their own (`kind[…]`) come in one column after them."""
_KIND = "kind"
_NOTHING, _REST = "–", "…"
_FEW = 5
_WIDTH = 22
Unsupported = Mapping[str, Sequence[str]]
"""By question, what of its answer stands nowhere; see index.evaluation.support."""


@dataclass(frozen=True, slots=True)
class Figure:
    """How many of the questions that a measure applies to met it."""

    name: str
    met: int
    asked: int
    missed: tuple[str, ...] = field(repr=False)

    @property
    def share(self) -> float:
        """0…1."""
        return self.met / self.asked

    def interval(self) -> tuple[float, float]:
        """95% Wilson score interval (Wilson 1927)."""
        z, n, p = 1.96, self.asked, self.share
        centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return max(0.0, centre - half), min(1.0, centre + half)

    def floor(self) -> float:
        """One standard error under the share, by the interval's lower end: what a gate may ask of the next run, in thousandths."""
        return math.floor((self.share - (self.share - self.interval()[0]) / 1.96) * 1000) / 1000


def score(gold: Iterable[Question], answers: Mapping[str, Reply], unsupported: Unsupported | None = None) -> list[Figure]:
    """The figures, in order of first appearance. A question without an answer misses everything asked of it."""
    tallies: dict[str, list[tuple[str, bool]]] = {}
    for question in gold:
        answer = answers.get(question["id"])
        for name, met in _marks(question, answer or {}, answer is not None):
            tallies.setdefault(name, []).append((question["id"], met))
        if unsupported is not None:
            tallies.setdefault("supported", []).append((question["id"], answer is not None and not unsupported.get(question["id"])))
    return [Figure(name, sum(met for _, met in rows), len(rows), tuple(i for i, met in rows if not met)) for name, rows in tallies.items()]


def table(figures: Iterable[Figure], answers: Iterable[Reply], misses: bool) -> Iterator[str]:
    """Lines to print: each figure with its interval, the latencies, and with `misses` the ids that fell short."""
    figures = list(figures)
    for figure in figures:
        low, high = figure.interval()
        yield f"{figure.name:32} {figure.share:.3f}  ({figure.met}/{figure.asked})  95% {low:.3f}–{high:.3f}"
    latencies = sorted(a["latency_ms"] for a in answers if isinstance(a.get("latency_ms"), int | float))
    if latencies:
        p95 = latencies[int(0.95 * (len(latencies) - 1))]
        yield f"latency_ms p50 {statistics.median(latencies):.1f} p95 {p95:.1f} max {latencies[-1]:.1f}"
    if misses:
        yield from (f"missed {figure.name}: {' '.join(figure.missed)}" for figure in figures if figure.missed)


def breakdown(
    by: str,
    groups: Callable[[Question], Iterable[str]],
    gold: Sequence[Question],
    answers: Mapping[str, Reply],
    unsupported: Unsupported | None = None,
) -> Iterator[str]:
    """One table: a line for each value that `groups` gives a question (one with several counts in each), `–` where it gives none.

    Values of fewer than `_FEW` questions share the line `…`.
    """
    values = {question["id"]: list(dict.fromkeys(groups(question))) or [_NOTHING] for question in gold}
    sizes = Counter(value for several in values.values() for value in several)
    parts: dict[str, list[Question]] = {}
    for question in gold:
        for value in dict.fromkeys(value if sizes[value] >= _FEW else _REST for value in values[question["id"]]):
            parts.setdefault(value, []).append(question)
    rows = {value: _columns(score(part, answers, unsupported)) for value, part in parts.items()}
    shown = [name for name in (*_TOLD, _KIND) if any(name in row for row in rows.values())]
    yield f"by {by:12} {'n':>5}  " + "".join(f"{name:{_WIDTH}}" for name in shown).rstrip()
    for value in sorted(rows, key=lambda value: (value in (_NOTHING, _REST), value)):
        cells = "".join(f"{_cell(rows[value].get(name)):{_WIDTH}}" for name in shown)
        yield f"   {value:12} {len(parts[value]):5}  {cells}".rstrip()


def _columns(figures: Iterable[Figure]) -> dict[str, Figure]:
    found: dict[str, Figure] = {}
    for figure in figures:
        name = _KIND if figure.name.startswith(f"{_KIND}[") else figure.name
        before = found.get(name)
        found[name] = Figure(name, figure.met + before.met, figure.asked + before.asked, ()) if before else figure
    return found


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return ""
    low, high = figure.interval()
    return f"{figure.share:.3f} {low:.2f}–{high:.2f} /{figure.asked}"


def _marks(question: Question, answer: Reply, answered: bool) -> Iterator[tuple[str, bool]]:
    yield "answered_at_all", answered
    kind: Any = answer.get("kind")
    tags, wanted = set(question["tags"]), question["kind"]
    if wanted in ("answer", "urgent-or-answer"):
        urgent_may = wanted == "urgent-or-answer" or "urgent-ok" in tags
        if question["evidence"] and "hotline" not in tags:
            yield "evidence_cited", cited(question, answer)
        if question["answer"]:
            yield "answer_correct", said(question, answer)
        yield "false_abstain_free", kind not in (None, "abstain")
        if not urgent_may:
            yield "false_alarm_free", kind not in (None, "urgent", "handover")
        yield from ((f"answer_correct[{tag}]", said(question, answer)) for tag in _TAGS if tag in tags)
        yield "short_enough[900 chars]", 0 < len(answer.get("text") or "") <= LIMIT
    elif wanted == "urgent":
        yield "urgent_found", kind == "urgent"
        yield "urgent_number_given", said(question, answer) and bool(answer.get("hotlines"))
        yield "urgent_case_opened", bool(answer.get("case_id"))
    elif wanted == "abstain":
        yield "abstained", kind in ("abstain", "clarify") and not answer.get("citations")
    else:
        yield f"kind[{wanted}]", kind == wanted or (kind == "urgent" and (wanted == "handover" or "urgent-ok" in tags))
