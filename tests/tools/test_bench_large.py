"""The large collection: how it is made."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

from tools.bench_collections import DISTRACTORS, xquad
from tools.bench_large import collection, questions, texts

LONG = " ".join(f"từ{at}" for at in range(60))


def wikipedia(folder: Path, articles: int) -> Path:
    with lzma.open(folder / "viwiki.jsonl.xz", "wt", encoding="utf-8") as lines:
        for number in range(articles):
            lines.write(json.dumps({"title": "", "text": f"{number} {LONG}\nngắn\n\n{LONG}"}) + "\n")
    return folder


def test_too_few_paragraphs_come_again_with_a_number(tmp_path: Path) -> None:
    found = list(texts(wikipedia(tmp_path, 2), 6))
    assert [len(article) for article in found] == [2, 2, 2]
    assert found[2][0] == f"1 0 {LONG}"
    assert found == list(texts(tmp_path, 6))


def test_every_passage_stands_in_its_document(tmp_path: Path) -> None:
    held = collection(list(texts(wikipedia(tmp_path, 3), 5)))
    assert len(held.passages) == 5
    assert len({passage.passage_id for passage in held.passages}) == 5
    assert all(passage.span.of(held.document(passage.document_id).text) == passage.text for passage in held.passages)


def test_questions_are_words_of_passages(tmp_path: Path) -> None:
    asked = questions(collection(list(texts(wikipedia(tmp_path, 3), 5))))
    assert len(asked) == 200
    assert all(6 <= len(question.split()) <= 9 for question in asked)


def test_xquad_stands_first_and_its_questions_point_at_it(tmp_path: Path) -> None:
    paragraphs = [{"context": f"c{at}", "qas": [{"question": f"q{at}"}]} for at in range(2)]
    (tmp_path / "xquad.vi.json").write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}), "utf-8")
    trial = xquad(wikipedia(tmp_path, 3))
    assert trial.passages[:2] == ("c0", "c1")
    assert len(trial.passages) == 2 + DISTRACTORS
    assert [(asked.text, asked.relevant) for asked in trial.questions] == [("q0", {0}), ("q1", {1})]
