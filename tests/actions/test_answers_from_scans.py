"""A small share of `tools.bench_scans`: one page of a plan, scanned at 200 dpi, answers nearly as well as its clean text."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from actions_house import NOON, TODAY

from actions.answering import Answerer
from actions.model import Context
from index import snapshot
from index.evaluation import read_gold, score
from index.search import Retriever
from index.snapshot import EMBEDDED
from index.understanding import Understanding
from knowledge.collection import Collection
from knowledge.loading import load
from knowledge.places import Gazetteer
from knowledge.reading.ocr import has_tesseract
from tools.bench_scans import ALLOWED, FIGURE, GOLD, SOURCES
from tools.plan_maker import printed, scanned

PAGE = 1800
"""Characters: they fit on one page."""


@pytest.fixture(scope="module")
def plan() -> Path:
    if not has_tesseract():
        reason = "Tesseract is not installed (apt-get install tesseract-ocr tesseract-ocr-vie): scans are not answered from"
        if os.environ.get("TROGIUP_REQUIRE_ALL_TESTS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    (path,) = SOURCES.glob("003_*.txt")
    return path


@pytest.fixture
def cited(answerer: Answerer, understanding: Understanding, gazetteer: Gazetteer, tmp_path: Path) -> Callable[..., float]:
    """How often the document in a file cites what a question wants."""

    def measured(file: Path, gold: list[dict[str, object]]) -> float:
        document = load(file, gazetteer)
        document = replace(document, metadata=replace(document.metadata, province="Hưng Yên"))
        home = tmp_path / file.suffix
        snapshot.build(home, Collection((document,)), "v1", EMBEDDED, NOON)
        asked = replace(answerer, retriever=Retriever(snapshot.open_current(home), gazetteer))
        told = {q["id"]: asked.answer(understanding.read(str(q["question"]), TODAY), Context()) for q in gold}
        answers = {str(name): a.as_json(conversation_id="c", message_id="m", latency_ms=0) for name, a in told.items()}
        return next(figure.share for figure in score(gold, answers) if figure.name == FIGURE)

    return measured


def test_a_scan_answers_nearly_as_well_as_clean_text(plan: Path, cited: Callable[..., float], tmp_path: Path) -> None:
    text = plan.read_text("utf-8")
    text = text[: text.rindex("\n", 0, PAGE)]
    gold = [q for q in read_gold(GOLD) if q["docs"] == ["hungyen"] and not q["history"] and any(e in text for e in q["evidence"])]
    assert len(gold) > 20
    clean, scan = tmp_path / plan.name, tmp_path / f"{plan.stem}.pdf"
    clean.write_text(text, encoding="utf-8")
    scan.write_bytes(scanned(printed(text), "one page"))
    from_text = cited(clean, gold)
    assert from_text > 0.8
    assert cited(scan, gold) >= from_text - ALLOWED
