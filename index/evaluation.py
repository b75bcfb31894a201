"""Scoring answers against gold questions. Figures only; nothing here knows how an answer was made.

A gold line: id, question, kind (answer, abstain, urgent, smalltalk, handover, urgent-or-answer), docs, evidence, answer, history, tags.
An answer line: the contract's answer object with the question's id.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from knowledge.errors import LoadError

SOURCES = {"dongnai-news": "000_", "hanam": "001_", "camau": "002_", "hungyen": "003_", "dongnai": "004_"}
"""Names of the gold sets' documents → how their file names begin."""
READ = 3
"""Citations a person is expected to read."""
LIMIT = 900
_TAGS = ("nodiac", "teencode", "typo", "multiturn", "hotline")


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


def read_gold(path: Path) -> list[dict[str, Any]]:
    """The gold questions of a file. LoadError names a line that is none."""
    found = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LoadError(f"{path}: cannot be read as UTF-8 text.") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            found.append({"docs": [], "evidence": [], "answer": [], "history": [], "tags": [], "kind": "answer", **row, "id": row["id"]})
            row["question"]
        except (ValueError, KeyError, TypeError) as error:
            raise LoadError(f"{path}, line {number}: not a question with id and question.") from error
    return found


def score(gold: Iterable[Mapping[str, Any]], answers: Mapping[str, Mapping[str, Any]]) -> list[Figure]:
    """The figures, in order of first appearance. A question without an answer misses everything asked of it."""
    tallies: dict[str, list[tuple[str, bool]]] = {}
    for question in gold:
        answer = answers.get(question["id"])
        for name, met in _marks(question, answer or {}, answer is not None):
            tallies.setdefault(name, []).append((question["id"], met))
    return [Figure(name, sum(met for _, met in rows), len(rows), tuple(i for i, met in rows if not met)) for name, rows in tallies.items()]


def table(figures: Iterable[Figure], answers: Iterable[Mapping[str, Any]], misses: bool) -> Iterator[str]:
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


def _marks(question: Mapping[str, Any], answer: Mapping[str, Any], answered: bool) -> Iterator[tuple[str, bool]]:
    yield "answered_at_all", answered
    kind, tags, wanted = answer.get("kind"), set(question["tags"]), question["kind"]
    if wanted in ("answer", "urgent-or-answer"):
        urgent_may = wanted == "urgent-or-answer" or "urgent-ok" in tags
        if question["evidence"] and "hotline" not in tags:
            yield "evidence_cited", _cited(question, answer)
        if question["answer"]:
            yield "answer_correct", _said(question, answer)
        yield "false_abstain_free", kind not in (None, "abstain")
        if not urgent_may:
            yield "false_alarm_free", kind not in (None, "urgent", "handover")
        yield from ((f"answer_correct[{tag}]", _said(question, answer)) for tag in _TAGS if tag in tags)
        yield "short_enough[900 chars]", 0 < len(answer.get("text") or "") <= LIMIT
    elif wanted == "urgent":
        yield "urgent_found", kind == "urgent"
        yield "urgent_number_given", _said(question, answer) and bool(answer.get("hotlines"))
        yield "urgent_case_opened", bool(answer.get("case_id"))
    elif wanted == "abstain":
        yield "abstained", kind in ("abstain", "clarify") and not answer.get("citations")
    else:
        yield f"kind[{wanted}]", kind == wanted or (kind == "urgent" and (wanted == "handover" or "urgent-ok" in tags))


def _cited(question: Mapping[str, Any], answer: Mapping[str, Any]) -> bool:
    return any(
        _plain(evidence) in _plain(citation.get("quote"))
        for citation in (answer.get("citations") or [])[:READ]
        if not question["docs"] or _from(citation, question["docs"])
        for evidence in question["evidence"]
    )


def _from(citation: Mapping[str, Any], documents: Iterable[str]) -> bool:
    name = str(citation.get("source_file") or "").rsplit("/", 1)[-1]
    return any(name.startswith(SOURCES.get(document, document)) for document in documents)


def _said(question: Mapping[str, Any], answer: Mapping[str, Any]) -> bool:
    text = _plain(answer.get("text"))
    return all(any(_plain(alternative) in text for alternative in group) for group in question["answer"])


def _plain(text: str | None) -> str:
    return " ".join((text or "").split()).casefold()
