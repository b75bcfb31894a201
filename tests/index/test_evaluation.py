"""The scorer, on answers made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from index.evaluation import LIMIT, Figure, breakdown, read_answers, read_gold, score, table
from knowledge.errors import LoadError

EVIDENCE = "toàn tỉnh có 24 cơ sở trợ giúp xã hội"
CITATION = {"quote": f"Hiện nay, {EVIDENCE}.", "source_file": "004_ke-hoach.txt"}
GOOD: dict[str, Any] = {
    "kind": "answer",
    "text": "Toàn tỉnh có 24 cơ sở.",
    "citations": [CITATION],
    "hotlines": [{"phone": "111"}],
    "case_id": "c1",
}


def question(kind: str = "answer", **changes: Any) -> dict[str, Any]:
    base = {
        "id": "q",
        "question": "?",
        "kind": kind,
        "docs": ["dongnai"],
        "evidence": [EVIDENCE],
        "answer": [["24"]],
        "history": [],
        "tags": [],
    }
    return {**base, **changes}


def met(name: str, gold: dict[str, Any], **changes: Any) -> bool:
    """Whether one answer, GOOD with changes, meets one measure."""
    figures = {figure.name: figure for figure in score([gold], {"q": {**GOOD, **changes}})}
    return figures[name].met == 1


def measures(gold: dict[str, Any]) -> set[str]:
    return {figure.name for figure in score([gold], {"q": GOOD})}


def cited(quote: str, source_file: str = "004_ke-hoach.txt") -> dict[str, str]:
    return {"quote": quote, "source_file": source_file}


@pytest.mark.parametrize(
    ("expected", "citations"),
    [
        (True, [CITATION]),
        (True, [cited("another"), cited("another"), CITATION]),
        (True, [cited("Toàn  tỉnh có 24\ncơ sở TRỢ GIÚP xã hội")]),
        (True, [{**CITATION, "source_file": "knowledge/sources/004_ke-hoach.txt"}]),
        (False, [cited("another"), cited("another"), cited("another"), CITATION]),
        (False, [cited(EVIDENCE, "002_ca-mau.txt")]),
        (False, [cited("toàn tỉnh có 25 cơ sở trợ giúp xã hội")]),
        (False, [{}]),
        (False, []),
        (False, None),
    ],
)
def test_evidence_cited(expected: bool, citations: list[dict[str, str]] | None) -> None:
    assert met("evidence_cited", question(), citations=citations) is expected


def test_evidence_of_any_document_when_none_is_asked_for() -> None:
    assert met("evidence_cited", question(docs=[]), citations=[cited(EVIDENCE, "elsewhere.txt")])


def test_one_of_several_evidences_is_enough() -> None:
    assert met("evidence_cited", question(evidence=["no such words", EVIDENCE]))


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (True, "Có 24 cơ sở ở Đồng Nai."),
        (True, "24 CƠ  SỞ\nở tỉnh"),
        (False, "Có 24 nơi."),
        (False, "Nhiều cơ sở."),
        (False, ""),
        (False, None),
    ],
)
def test_answer_correct_wants_every_group_and_of_each_one_alternative(expected: bool, text: str | None) -> None:
    assert met("answer_correct", question(answer=[["24", "hai mươi tư"], ["cơ sở"]]), text=text) is expected


@pytest.mark.parametrize(("expected", "kind"), [(True, "answer"), (True, "clarify"), (False, "abstain"), (False, None)])
def test_false_abstain_free(expected: bool, kind: str | None) -> None:
    assert met("false_abstain_free", question(), kind=kind) is expected


@pytest.mark.parametrize(("expected", "kind"), [(True, "answer"), (True, "abstain"), (False, "urgent"), (False, "handover"), (False, None)])
def test_false_alarm_free(expected: bool, kind: str | None) -> None:
    assert met("false_alarm_free", question(), kind=kind) is expected


@pytest.mark.parametrize("gold", [question("urgent-or-answer"), question(tags=["urgent-ok"])])
def test_no_alarm_is_false_where_it_may_be_urgent(gold: dict[str, Any]) -> None:
    assert "false_alarm_free" not in measures(gold)


@pytest.mark.parametrize(("expected", "length"), [(True, 1), (True, LIMIT), (False, LIMIT + 1), (False, 0)])
def test_short_enough(expected: bool, length: int) -> None:
    assert met("short_enough[900 chars]", question(), text="x" * length) is expected


def test_a_tag_has_a_figure_of_its_own() -> None:
    gold = question(tags=["nodiac", "typo", "unheard-of"])
    assert met("answer_correct[nodiac]", gold)
    assert not met("answer_correct[typo]", gold, text="no figure")
    assert "answer_correct[unheard-of]" not in measures(gold)


def test_a_question_for_a_hotline_needs_no_citation() -> None:
    assert "evidence_cited" not in measures(question(tags=["hotline"]))


@pytest.mark.parametrize(
    ("expected", "measure", "changes"),
    [
        (True, "urgent_found", {"kind": "urgent"}),
        (False, "urgent_found", {"kind": "answer"}),
        (True, "urgent_number_given", {"text": "Gọi ngay 111."}),
        (False, "urgent_number_given", {"text": "Gọi ngay."}),
        (False, "urgent_number_given", {"text": "Gọi ngay 111.", "hotlines": []}),
        (True, "urgent_case_opened", {}),
        (False, "urgent_case_opened", {"case_id": None}),
    ],
)
def test_urgent(expected: bool, measure: str, changes: dict[str, Any]) -> None:
    assert met(measure, question("urgent", answer=[["111", "113"]]), **changes) is expected


@pytest.mark.parametrize(
    ("expected", "changes"),
    [
        (True, {"kind": "abstain", "citations": []}),
        (True, {"kind": "clarify", "citations": None}),
        (False, {"kind": "abstain"}),
        (False, {"kind": "answer", "citations": []}),
    ],
)
def test_abstained(expected: bool, changes: dict[str, Any]) -> None:
    assert met("abstained", question("abstain"), **changes) is expected


@pytest.mark.parametrize(
    ("expected", "wanted", "tags", "kind"),
    [
        (True, "smalltalk", [], "smalltalk"),
        (False, "smalltalk", [], "answer"),
        (False, "smalltalk", [], "urgent"),
        (True, "smalltalk", ["urgent-ok"], "urgent"),
        (True, "handover", [], "handover"),
        (True, "handover", [], "urgent"),
        (False, "handover", [], "abstain"),
    ],
)
def test_other_kinds(expected: bool, wanted: str, tags: list[str], kind: str) -> None:
    assert met(f"kind[{wanted}]", question(wanted, tags=tags), kind=kind) is expected


def test_a_question_without_an_answer_misses_everything() -> None:
    figures = score([question(tags=["nodiac"])], {})
    assert {figure.name for figure in figures} == measures(question(tags=["nodiac"]))
    assert all((figure.met, figure.missed) == (0, ("q",)) for figure in figures)


def test_figures_count_over_questions() -> None:
    gold = [question(id=str(number)) for number in range(4)]
    answers = {str(number): GOOD if number else {**GOOD, "text": "no figure"} for number in range(4)}
    figure = next(f for f in score(gold, answers) if f.name == "answer_correct")
    assert (figure.met, figure.asked, figure.share, figure.missed) == (3, 4, 0.75, ("0",))


@pytest.mark.parametrize(
    ("successes", "asked", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662), (1, 1, 0.2065, 1.0)],
)
def test_the_interval_is_wilsons(successes: int, asked: int, low: float, high: float) -> None:
    """81 of 263: Newcombe 1998, Statistics in Medicine 17, table I. None and all: the closed ends 0…z²/(n+z²) and n/(n+z²)…1."""
    assert Figure("x", successes, asked, ()).interval() == pytest.approx((low, high), abs=5e-5)


def test_what_stands_nowhere_is_a_figure_of_its_own() -> None:
    gold = [question(id="a"), question(id="b"), question(id="c")]
    figure = next(f for f in score(gold, {"a": GOOD, "b": GOOD}, {"a": (), "b": ("17 cơ sở",)}) if f.name == "supported")
    assert (figure.met, figure.asked, figure.missed) == (1, 3, ("b", "c"))
    assert "supported" not in measures(question())


@pytest.mark.parametrize(("met_by", "asked", "least"), [(80, 100, 0.75), (100, 100, 0.97), (9, 10, 0.74)])
def test_the_floor_leaves_about_one_standard_error(met_by: int, asked: int, least: float) -> None:
    figure = Figure("x", met_by, asked, ())
    assert least < figure.floor() < figure.share
    assert figure.interval()[0] < figure.floor()


# Breaking down


def broken_down(gold: list[dict[str, Any]], answers: dict[str, Any]) -> dict[str, list[str]]:
    """The cells of each line of a table by tag, by the line's value."""
    lines = list(breakdown("tag", lambda line: line["tags"], gold, answers))
    return {line.split()[0]: line.split()[1:] for line in lines}


def test_a_breakdown_has_a_line_a_value_with_intervals() -> None:
    gold = [question(id=f"{tag}{at}", tags=[tag] if tag else []) for tag in ("nodiac", "typo", "") for at in range(5)]
    answers = {line["id"]: GOOD if "typo" not in line["id"] else {**GOOD, "text": "no figure"} for line in gold}
    told = broken_down(gold, answers)
    assert told["by"] == ["tag", "n", "evidence_cited", "answer_correct", "false_abstain_free"]
    assert told["nodiac"] == ["5", *["1.000", "0.57–1.00", "/5"] * 3]
    assert told["typo"][4:7] == ["0.000", "0.00–0.43", "/5"]
    assert list(told) == ["by", "nodiac", "typo", "–"]


def test_values_of_few_questions_share_a_line() -> None:
    gold = [question(id=str(at), tags=[f"rare{at}", "nodiac"]) for at in range(6)]
    told = broken_down(gold, {str(at): GOOD for at in range(6)})
    assert list(told) == ["by", "nodiac", "…"]
    assert told["…"][0] == told["nodiac"][0] == "6"


def test_kinds_of_their_own_share_a_column() -> None:
    gold = [question("smalltalk", id=f"s{at}", tags=["x"]) for at in range(3)]
    gold += [question("handover", id=f"h{at}", tags=["x"]) for at in range(2)]
    told = broken_down(gold, {line["id"]: {"kind": "smalltalk"} for line in gold})
    assert (told["by"][-1], told["x"]) == ("kind", ["5", "0.600", "0.23–0.88", "/5"])


# Reading gold


def gold_file(folder: Path, *lines: str) -> Path:
    path = folder / "gold.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_what_a_line_leaves_out_has_a_default(tmp_path: Path) -> None:
    (row,) = read_gold(gold_file(tmp_path, "", json.dumps({"id": "a", "question": "Ở đâu?"}), "  "))
    assert row == {"id": "a", "question": "Ở đâu?", "kind": "answer", "docs": [], "evidence": [], "answer": [], "history": [], "tags": []}


def test_what_a_line_says_is_kept(tmp_path: Path) -> None:
    assert read_gold(gold_file(tmp_path, json.dumps(question("urgent", note="own")))) == [{**question("urgent"), "note": "own"}]


@pytest.mark.parametrize("bad", ["{", "[]", "7", "null", '"text"', '{"id": "b"}', '{"question": "?"}'])
def test_a_bad_line_is_named(bad: str, tmp_path: Path) -> None:
    path = gold_file(tmp_path, '{"id": "a", "question": "?"}', "", bad)
    with pytest.raises(LoadError, match=r"gold\.jsonl, line 3"):
        read_gold(path)


def test_answers_are_read_by_id(tmp_path: Path) -> None:
    path = gold_file(tmp_path, '{"id": "a", "text": "…"}')
    assert read_answers(path) == {"a": {"id": "a", "text": "…"}}
    with pytest.raises(LoadError, match="line 1"):
        read_answers(gold_file(tmp_path, '{"text": "…"}'))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin.jsonl").write_bytes(b"\xff\xfe\xe9")
    for name in ("latin.jsonl", "none.jsonl"):
        with pytest.raises(LoadError, match=name):
            read_gold(tmp_path / name)


# Printing


def test_the_table() -> None:
    figures = [Figure("abstained", 1, 2, ("q7",)), Figure("urgent_found", 2, 2, ())]
    lines = list(table(figures, [{"latency_ms": ms} for ms in (30, 10, 20)] + [{}], misses=True))
    assert lines[0].split() == ["abstained", "0.500", "(1/2)", "95%", "0.095–0.905"]
    assert lines[1].split() == ["urgent_found", "1.000", "(2/2)", "95%", "0.342–1.000"]
    assert lines[2] == "latency_ms p50 20.0 p95 20.0 max 30.0"
    assert lines[3:] == ["missed abstained: q7"]


def test_the_table_without_misses_or_latencies() -> None:
    assert len(list(table([Figure("abstained", 1, 2, ("q7",))], [{}], misses=False))) == 1
