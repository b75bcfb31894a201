"""Gold questions and answers as they lie in files, and whether an answer holds what a question wants."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from knowledge.errors import LoadError

Question = Mapping[str, Any]
Reply = Mapping[str, Any]

SOURCES = {"dongnai-news": "000_", "hanam": "001_", "camau": "002_", "hungyen": "003_", "dongnai": "004_"}
"""Names of the gold sets' documents → how their file names begin."""
READ = 3
"""Citations a person is expected to read."""
LIMIT = 900
"""Characters of text, as the contract has it."""
_DEFAULTS: Mapping[str, Any] = {"docs": [], "evidence": [], "answer": [], "history": [], "tags": [], "kind": "answer"}


def read_gold(path: Path) -> list[dict[str, Any]]:
    """The gold questions of a file. LoadError names a line that is none."""
    return [{**_DEFAULTS, **row} for row in _rows(path, ("id", "question"))]


def read_answers(path: Path) -> dict[str, dict[str, Any]]:
    """The answers of a file by their id. LoadError names a line that is none."""
    return {row["id"]: row for row in _rows(path, ("id",))}


def _rows(path: Path, wanted: tuple[str, ...]) -> list[dict[str, Any]]:
    found = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LoadError(f"{path}: cannot be read as UTF-8 text.") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = {**json.loads(line)}
            for name in wanted:
                row[name]
            found.append(row)
        except (ValueError, KeyError, TypeError) as error:
            raise LoadError(f"{path}, line {number}: not an object with {' and '.join(wanted)}.") from error
    return found


def cited(question: Question, answer: Reply) -> bool:
    """Whether an evidence stands in the quote of one of the citations that are read, of a document that is acceptable."""
    return any(
        holds(question, citation.get("quote"))
        for citation in (answer.get("citations") or [])[:READ]
        if is_from(question, citation.get("source_file"))
    )


def holds(question: Question, text: str | None) -> bool:
    """Whether one of the evidences stands in `text`."""
    return any(plain(evidence) in plain(text) for evidence in question["evidence"])


def is_from(question: Question, source_file: str | None) -> bool:
    """Whether a file is one of the acceptable documents; every file is where the question names none."""
    name = str(source_file or "").rsplit("/", 1)[-1]
    return not question["docs"] or any(name.startswith(SOURCES.get(document, document)) for document in question["docs"])


def missing(question: Question, answer: Reply) -> list[list[str]]:
    """The groups of the answer of which nothing stands in the text."""
    text = plain(answer.get("text"))
    return [group for group in question["answer"] if not any(plain(alternative) in text for alternative in group)]


def said(question: Question, answer: Reply) -> bool:
    """Whether of every group of the answer an alternative stands in the text."""
    return not missing(question, answer)


def plain(text: str | None) -> str:
    """Case and blanks made even."""
    return " ".join((text or "").split()).casefold()
