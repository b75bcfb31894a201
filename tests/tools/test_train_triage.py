"""Training the classifier of triage: the same bytes twice, the file of the sets there are, and typos that come from a seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from actions.triage import Triage
from tools import train_triage
from tools.bench_triage import GOLD, confusion, judged, line, share
from tools.train_triage import Row, bare, danger_rows, hidden_from
from tools.typos import damaged


def test_training_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    said: list[str] = []
    for name in ("one", "two"):
        train_triage.train(tmp_path / name, said.append, one_in=20)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert said[: len(said) // 2] == said[len(said) // 2 :]


def test_what_is_learned_is_of_the_sets_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert train_triage.main(["--check"]) == 0
    assert "up to date" in capsys.readouterr().out


def test_an_old_file_is_noticed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(train_triage, "fingerprint", lambda: "0" * 16)
    assert train_triage.main(["--check"]) == 1
    assert "make train" in capsys.readouterr().out


def test_no_held_out_set_is_learned_from() -> None:
    names = {name for sets in train_triage.WRITERS.values() for name in sets}
    assert not any("heldout" in name for name in names)
    assert "heldout" in GOLD
    assert train_triage.POLICY.stem == "train"


def test_rows_are_unique_and_complete() -> None:
    rows = danger_rows()
    assert len({(row.text, row.earlier) for row in rows}) >= len(rows) - 5  # two writers may have the same few words
    assert sum(row.urgent for row in rows) >= 1000
    assert sum(not row.urgent for row in rows) >= 1500
    assert all(row.risk for row in rows if row.urgent and row.writer != "x")


def test_who_read_whom_counts_as_one() -> None:
    assert hidden_from("c") == {"c", "g", "m", "r"}
    assert hidden_from("e") == {"e", "m", "r"}
    assert hidden_from("h") == {"h", "m", "n", "r"}
    assert hidden_from("o") == {"o", "r"}


def test_the_bars_let_through_what_may_be_let_through() -> None:
    """Harmless messages and danger at known log-odds; what a writer wrote who had read others is not looked at."""
    scores, dangers = np.linspace(-5, 5, 201), np.linspace(-5, 5, 201) >= 0
    rows = tuple(Row(writer, str(at), (), bool(danger)) for writer in ("c", "g") for at, danger in enumerate(dangers))
    corpus = train_triage.Corpus(rows, (), 1)
    fired = [(at % 3 == 0, at % 3 < 2) for at in range(len(scores))] * 2
    said: list[str] = []
    alarm, quiet, silent = train_triage.bars(corpus, np.concatenate([scores, -scores]), fired, said.append)
    assert silent <= quiet <= alarm
    assert -0.1 <= silent <= 0.1
    assert -0.1 <= quiet <= 0.1
    assert "false alarms 0.000, recall 1.000" in said[-1]


def test_typos_come_from_a_seed_and_leave_most_words() -> None:
    text = "hôm nay tôi đi chợ mua rau muống về nấu canh cho cả nhà ăn cơm chiều cùng ông bà"
    one, two, other = (damaged(text, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one == two != other
    assert sum(a == b for a, b in zip(text.split(), one.split(), strict=True)) >= 12
    assert damaged(text, np.random.default_rng(1), rate=0.0) == text


def test_figures_count_what_was_taken_for_danger() -> None:
    rows = [Row("", "chồng tôi đang đánh tôi", (), True), Row("", "xin lịch tiếp dân", (), False)]
    found = judged(Triage.rules_only(), rows, bare)
    assert share("all", found).met == 1
    assert line(share("all", found)).endswith("1/2")
    assert confusion([("a", "b"), ("a", "none")], ("a", "b")).splitlines()[1].split() == ["a", "0", "1", "1"]
