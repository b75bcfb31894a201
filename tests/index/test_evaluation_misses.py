"""Why an answer fell short, and that nothing that falls short goes without a reason."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from index.evaluation import Trace, misses, reasons_table, score

EVIDENCE = "toàn tỉnh có 24 cơ sở"
GOOD: dict[str, Any] = {
    "id": "q",
    "kind": "answer",
    "text": "Có 24 cơ sở, gọi 113.",
    "citations": [{"quote": EVIDENCE, "source_file": "004_x.txt"}],
    "hotlines": [{"phone": "113"}],
    "case_id": "c",
}


def question(kind: str = "answer", **changes: Any) -> dict[str, Any]:
    base = {"id": "q", "question": "?", "kind": kind, "docs": [], "evidence": [], "answer": [], "history": [], "tags": []}
    return {**base, **({"evidence": [EVIDENCE], "answer": [["24"]]} if kind == "answer" else {}), **changes}


def why(gold: dict[str, Any], rank: int | None = 4, pieces: tuple[str, ...] = (), **changes: Any) -> list[tuple[str, str]]:
    found = misses([gold], {"q": {**GOOD, **changes}}, lambda _: Trace(rank, 0.234), {"q": pieces})
    return [(miss.reason, miss.detail) for miss in found]


def test_a_good_answer_is_no_miss() -> None:
    assert why(question()) == []


@pytest.mark.parametrize(
    ("changes", "rank", "reason", "detail"),
    [
        ({"citations": []}, None, "not retrieved", "probability 0.23"),
        ({"citations": []}, 4, "retrieved, not chosen", "rank 4"),
        ({"text": "Có nhiều cơ sở."}, 1, "chosen, badly said", "lacks 24"),
        ({"kind": "abstain", "citations": []}, 2, "abstained", "probability 0.23, evidence at rank 2"),
        ({"kind": "abstain", "citations": []}, None, "abstained", "not in the first 10"),
        ({"kind": "urgent"}, 1, "alarm", "Có 24"),
        ({"kind": "clarify", "text": "Ở tỉnh nào?", "citations": []}, 1, "routed elsewhere", "clarify: Ở tỉnh nào?"),
        ({"kind": "smalltalk", "text": "Chào.", "citations": []}, 1, "routed elsewhere", "smalltalk"),
        ({"kind": "handover"}, 1, "routed elsewhere", "handover"),
        ({"kind": None, "error": "too long"}, 1, "no answer", "too long"),
        ({"text": f"24 {'x' * 900}"}, 1, "too long", "903"),
    ],
)
def test_an_answerable_question(changes: dict[str, Any], rank: int | None, reason: str, detail: str) -> None:
    ((told, said),) = why(question(), rank, **changes)
    assert told == reason
    assert detail in said


@pytest.mark.parametrize(
    ("gold", "changes", "reason"),
    [
        (question("abstain"), {}, "answered all the same"),
        (question("abstain"), {"kind": "abstain"}, "answered all the same"),
        (question("abstain"), {"kind": "urgent", "citations": []}, "alarm"),
        (question("abstain"), {"kind": "smalltalk", "citations": []}, "routed elsewhere"),
        (question("urgent"), {}, "danger not seen"),
        (question("urgent", answer=[["111"]]), {"kind": "urgent"}, "danger badly told"),
        (question("urgent"), {"kind": "urgent", "case_id": None}, "danger badly told"),
        (question("smalltalk"), {}, "routed elsewhere"),
        (question("smalltalk"), {"kind": "urgent"}, "alarm"),
        (question(evidence=[], answer=[["111"]], tags=["hotline"]), {}, "badly said"),
    ],
)
def test_other_questions(gold: dict[str, Any], changes: dict[str, Any], reason: str) -> None:
    ((told, _),) = why(gold, **changes)
    assert told == reason


def test_a_question_that_was_not_answered_at_all() -> None:
    (miss,) = misses([question()], {}, lambda _: Trace(None, None), {})
    assert miss.reason == "no answer"


def test_what_stands_nowhere_is_a_miss_beside_any_other() -> None:
    assert why(question(), pieces=("17 cơ sở", "Sở Ma")) == [("unsupported", "17 cơ sở · Sở Ma")]
    assert [reason for reason, _ in why(question(), pieces=("17",), text="Có 17.")] == ["chosen, badly said", "unsupported"]


@pytest.mark.parametrize("wanted", ["answer", "abstain", "urgent", "smalltalk", "handover", "urgent-or-answer"])
def test_what_falls_short_has_a_reason_and_what_does_not_has_none(wanted: str) -> None:
    kinds = ["answer", "abstain", "clarify", "urgent", "smalltalk", "handover"]
    texts, citations, tags = ["Có 24 cơ sở.", "Có 17.", ""], [GOOD["citations"], []], [[], ["urgent-ok"], ["hotline"]]
    shapes = ([EVIDENCE], [["24"]]), ([], [])
    for kind, text, cites, tag, (evidence, answer), case in product(kinds, texts, citations, tags, shapes, ["c", None]):
        gold = question(wanted, evidence=evidence, answer=answer, tags=tag)
        reply = {**GOOD, "kind": kind, "text": text, "citations": cites, "case_id": case}
        short = any(figure.met < figure.asked for figure in score([gold], {"q": reply}))
        told = misses([gold], {"q": reply}, lambda _: Trace(1, 0.5), {})
        assert bool(told) == short, (gold, reply, told)


def test_the_summary_counts_and_names_ids_only_when_asked() -> None:
    gold = [question(id=at) for at in ("a", "b", "c")]
    answers = {"a": {**GOOD, "citations": []}, "b": {**GOOD, "citations": []}, "c": {**GOOD, "text": "–"}}
    found = misses(gold, answers, lambda _: Trace(None, None), {})
    lines = list(reasons_table(found, told=False))
    assert [line.split() for line in lines] == [
        ["misses", "by", "reason:", "3"],
        ["not", "retrieved", "2"],
        ["chosen,", "badly", "said", "1"],
    ]
    told = list(reasons_table(found, told=True))
    assert told[: len(lines)] == lines
    assert [line.split(": ")[0] for line in told[len(lines) :]] == [
        "miss a not retrieved",
        "miss b not retrieved",
        "miss c chosen, badly said",
    ]
