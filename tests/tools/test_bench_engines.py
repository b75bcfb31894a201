"""The comparison with other engines: its figures, its questions, its workers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from tools import bench_engines
from tools.bench_collections import Asked, Trial, data_folder, evenly
from tools.bench_engines import Quality, compare, gold, quality, result, table
from tools.bench_worker import fts5, measure

PASSAGES = ["Trẻ em mồ côi được nuôi dưỡng", "Người khuyết tật nặng", "Người cao tuổi cô đơn"]
ONE = Asked("Người khuyết tật?", frozenset([1]))


def test_the_first_place_is_worth_more_than_the_third() -> None:
    asked = [ONE, ONE]
    assert quality([[1], [1, 0, 2]], asked) == Quality(1, 1, 1)
    assert quality([[0, 2, 1], [0, 2, 1]], asked) == Quality(0, 1, pytest.approx(0.5))
    assert quality([[0], []], asked) == Quality(0, 0, 0)


def test_all_that_answer_must_stand_first_for_a_whole_ndcg() -> None:
    two = Asked("a", frozenset([0, 2]))
    assert quality([[0, 2]], [two]).ndcg == pytest.approx(1)
    assert quality([[0, 1, 2]], [two]).ndcg == pytest.approx(1.5 / (1 + 1 / 1.5849625), rel=1e-6)


def test_typed_and_stripped_questions_are_told_apart() -> None:
    measured = {"found": [[1], [0]], "ms": [3.0, 1.0], "build_s": 2.0, "memory_mb": 5.0}
    found = result("x", Trial("t", tuple(PASSAGES), (ONE,)), measured)
    assert (found.accented.first, found.stripped.first) == (1, 0)
    assert (found.p50_ms, found.p95_ms) == (1.0, 3.0)
    assert "1.000 | 0.000" in table(Trial("t", tuple(PASSAGES), (ONE,)), [found])


def test_a_stripped_question_keeps_its_answers() -> None:
    assert ONE.stripped() == Asked("nguoi khuyet tat?", frozenset([1]))


def test_a_worker_finds_and_measures() -> None:
    measured = measure(fts5, PASSAGES, ["khuyết tật nặng?", "…", "cô đơn"])
    assert measured["found"] == [[1], [], [2]]
    assert len(measured["ms"]) == 3


def test_gold_takes_what_a_passage_of_the_right_document_can_answer(tmp_path: Path) -> None:
    document = SimpleNamespace(source_file="sources/001_a.txt", passages=[SimpleNamespace(text=text) for text in PASSAGES])
    rows = [
        {"id": "a", "question": "q1", "docs": ["hanam"], "evidence": ["KHUYẾT  tật"]},
        {"id": "b", "question": "q2", "docs": [], "evidence": ["cô đơn", "mồ côi"]},
        {"id": "c", "question": "another document", "docs": ["camau"], "evidence": ["khuyết tật"]},
        {"id": "d", "question": "nowhere", "docs": [], "evidence": ["hypnosis"]},
        {"id": "e", "question": "a later turn", "history": ["x"], "evidence": ["cô đơn"]},
        {"id": "f", "question": "unanswerable", "kind": "abstain", "evidence": ["cô đơn"]},
    ]
    path = tmp_path / "set.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    assert gold(SimpleNamespace(documents=[document]), path) == (Asked("q1", frozenset([1])), Asked("q2", frozenset([0, 2])))


def test_an_engine_that_fails_is_a_line_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def done(command: Sequence[str], **_: object) -> subprocess.CompletedProcess[str]:
        answer = json.dumps({"found": [[1], [1]], "ms": [1.0, 1.0], "build_s": 0.0, "memory_mb": 0.0})
        return subprocess.CompletedProcess(command, 1 if "haystack" in command else 0, answer, "Traceback\nImportError: no haystack")

    monkeypatch.setattr(bench_engines.subprocess, "run", done)
    trial = Trial("t", tuple(PASSAGES), (ONE,))
    assert [found.engine for found in compare(trial, {"ours": "bm25"}, True)] == [
        "ours", "rank_bm25", "bm25s", "tantivy", "SQLite FTS5", "txtai",
    ]  # fmt: skip
    assert "haystack failed: ImportError: no haystack" in capsys.readouterr().err
    assert [found.engine for found in compare(trial, {"ours": "bm25"}, False)] == ["ours"]


def test_an_environment_that_cannot_be_made_is_a_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    done = subprocess.CompletedProcess([], 1, "[1/3] …\nThe package index cannot be reached: check the network.\n")
    monkeypatch.setattr(bench_engines.subprocess, "run", lambda *_, **__: done)
    assert not bench_engines.install()
    assert capsys.readouterr().err == "bench: without the other engines: The package index cannot be reached: check the network.\n"


def test_without_the_data_it_is_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert data_folder({"BENCH_DATA": str(tmp_path)}) is None
    assert "BENCH_DATA" in capsys.readouterr().err
    for name in ("xquad.vi.json", "viwiki.jsonl.xz"):
        (tmp_path / name).touch()
    assert data_folder({"BENCH_DATA": str(tmp_path)}) == tmp_path


def test_distractors_are_taken_at_even_distances() -> None:
    assert evenly([str(at) for at in range(10)], 5) == ["0", "2", "4", "6", "8"]


def test_the_worker_needs_nothing_of_the_project() -> None:
    code = (
        "import sys; sys.path.insert(0, 'tools'); import bench_worker; print(sorted(m for m in sys.modules if m in ('index', 'knowledge')))"
    )
    root = Path(__file__).resolve().parents[2]
    said = subprocess.run([sys.executable, "-I", "-c", code], cwd=root, capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"
