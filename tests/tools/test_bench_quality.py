"""The table of the sets side by side, and the gates written from it."""

from __future__ import annotations

import yaml

from index.evaluation import Figure
from tools.bench_quality import gates, quality_table

MEASURED = {
    "train": [Figure("supported", 100, 100, ()), Figure("answer_correct", 90, 100, ("t1",)), Figure("answer_correct[typo]", 10, 10, ())],
    "heldout": [Figure("answer_correct", 80, 100, ("secret",)), Figure("abstained", 9, 10, ())],
}


def test_a_row_a_figure_a_column_a_set() -> None:
    head, *rows = quality_table(MEASURED).splitlines()
    assert head.split() == ["quality", "train", "heldout"]
    cells = {row.split()[0]: row for row in rows}
    assert list(cells) == ["supported", "answer_correct", "answer_correct[typo]", "abstained"]
    assert cells["answer_correct"].split()[1:] == ["0.900", "0.826–0.945", "/100", "0.800", "0.711–0.867", "/100"]
    assert cells["abstained"].index("0.900") == head.index("heldout")
    assert "secret" not in quality_table(MEASURED)


def test_gates_leave_room_for_chance_and_none_for_promises() -> None:
    read = yaml.safe_load(gates(MEASURED, {}))
    assert read.keys() == MEASURED.keys()
    assert read["train"]["supported"] == 1.0
    assert 0.85 < read["train"]["answer_correct"] < 0.9
    assert read["train"]["answer_correct[typo]"] < 0.95
    assert gates(MEASURED, {}).startswith("#")


def test_a_gate_is_never_lowered() -> None:
    assert yaml.safe_load(gates(MEASURED, {"train": {"answer_correct": 0.99}}))["train"]["answer_correct"] == 0.99
