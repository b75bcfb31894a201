"""Why an answer fell short: the first step on the way from question to text at which it went wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from index.evaluation.gold import LIMIT, Question, Reply, cited, missing

Reason = Literal[
    "no answer",
    "alarm",
    "routed elsewhere",
    "abstained",
    "not retrieved",
    "retrieved, not chosen",
    "chosen, badly said",
    "badly said",
    "too long",
    "answered all the same",
    "danger not seen",
    "danger badly told",
    "unsupported",
]
"""not retrieved: the evidence is in none of the passages looked at · not chosen: it is, but not in the citations that are read ·
badly said: cited (or nothing to cite), but parts of the answer are not in the text · routed elsewhere: taken for small talk, hand-over
or too vague."""
LOOKED_AT = 10
"""Passages of a search among which the evidence counts as retrieved."""
_SHOWN = 160


@dataclass(frozen=True, slots=True)
class Trace:
    """How search saw a question. `rank`: of the first passage that holds the evidence, from 1, None: none of those looked at."""

    rank: int | None
    probability: float | None
    """That it can be answered; None where that was not asked."""


@dataclass(frozen=True, slots=True)
class Miss:
    """One question that fell short."""

    id: str
    reason: Reason
    detail: str


def misses(
    gold: Iterable[Question],
    answers: Mapping[str, Reply],
    trace: Callable[[Question], Trace],
    unsupported: Mapping[str, Iterable[str]],
) -> list[Miss]:
    """The misses in the order of the questions; one reason each, and one more where something stands nowhere."""
    found: list[Miss] = []
    for question in gold:
        found += _miss(question, answers.get(question["id"]), trace)
        if pieces := list(unsupported.get(question["id"], ())):
            found.append(Miss(question["id"], "unsupported", " · ".join(pieces)))
    return found


def reasons_table(found: Iterable[Miss], told: bool) -> Iterator[str]:
    """Lines to print: how many misses of each reason, and with `told` every one of them."""
    found = list(found)
    counts = Counter(miss.reason for miss in found)
    yield f"misses by reason: {len(found)}"
    yield from (f"   {reason:24} {counts[reason]:5}" for reason in get_args(Reason) if counts[reason])
    if told:
        for reason in get_args(Reason):
            yield from (f"miss {miss.id} {reason}: {miss.detail}" for miss in found if miss.reason == reason)


def _miss(question: Question, answer: Reply | None, trace: Callable[[Question], Trace]) -> Iterator[Miss]:
    if answer is None or not answer.get("kind"):
        yield Miss(question["id"], "no answer", str((answer or {}).get("error", "")))
        return
    wanted, kind, tags = question["kind"], answer["kind"], question["tags"]
    why: tuple[Reason, str] | None
    if wanted in ("answer", "urgent-or-answer"):
        why = _unanswered(question, answer, kind, trace)
    elif wanted == "abstain":
        good = kind in ("abstain", "clarify") and not answer.get("citations")
        why = None if good else _answered(question, answer, kind, trace)
    elif wanted == "urgent":
        why = _danger(question, answer, kind)
    else:
        allowed = {wanted} | ({"urgent"} if wanted == "handover" or "urgent-ok" in tags else set())
        why = None if kind in allowed else ("alarm" if kind == "urgent" else "routed elsewhere", f"{kind}: {_beginning(answer)}")
    if why:
        yield Miss(question["id"], *why)


def _unanswered(question: Question, answer: Reply, kind: str, trace: Callable[[Question], Trace]) -> tuple[Reason, str] | None:
    alarm_may = question["kind"] == "urgent-or-answer" or "urgent-ok" in question["tags"]
    if kind == "urgent" and not alarm_may:
        return "alarm", _beginning(answer)
    if kind == "abstain":
        seen = trace(question)
        return "abstained", f"{_probability(seen)}, {_rank(seen)}"
    must_cite = bool(question["evidence"]) and "hotline" not in question["tags"]
    lacking = missing(question, answer)
    uncited = must_cite and not cited(question, answer)
    if (uncited or lacking) and kind == "urgent":
        return "alarm", _beginning(answer)
    if (uncited or lacking) and kind in ("smalltalk", "handover", "clarify"):
        return "routed elsewhere", f"{kind}: {_beginning(answer)}"
    if uncited:
        seen = trace(question)
        return ("not retrieved", _probability(seen)) if seen.rank is None else ("retrieved, not chosen", _rank(seen))
    if lacking:
        return ("chosen, badly said" if must_cite else "badly said"), f"lacks {' and '.join(' | '.join(group) for group in lacking)}"
    if kind == "handover" and not alarm_may:
        return "routed elsewhere", kind
    length = len(answer.get("text") or "")
    return None if 0 < length <= LIMIT else ("too long", f"{length} characters")


def _answered(question: Question, answer: Reply, kind: str, trace: Callable[[Question], Trace]) -> tuple[Reason, str]:
    if kind == "urgent":
        return "alarm", _beginning(answer)
    if kind in ("smalltalk", "handover"):
        return "routed elsewhere", f"{kind}: {_beginning(answer)}"
    return "answered all the same", f"{_probability(trace(question))}: {_beginning(answer)}"


def _danger(question: Question, answer: Reply, kind: str) -> tuple[Reason, str] | None:
    if kind != "urgent":
        return "danger not seen", f"{kind}: {_beginning(answer)}"
    told = not missing(question, answer) and answer.get("hotlines") and answer.get("case_id")
    return None if told else ("danger badly told", _beginning(answer))


def _rank(seen: Trace) -> str:
    return f"evidence at rank {seen.rank}" if seen.rank else f"evidence not in the first {LOOKED_AT}"


def _probability(seen: Trace) -> str:
    return "probability not asked" if seen.probability is None else f"probability {seen.probability:.2f}"


def _beginning(answer: Mapping[str, Any]) -> str:
    return " ".join((answer.get("text") or "").split())[:_SHOWN]
