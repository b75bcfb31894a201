"""What the desk's pages show of a case, put in order for the templates. Reads the words of data/ once, when `Words.load` is called."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from actions.duty.notices import DutyNotices
from knowledge.store import Case, CaseFile, Line, TranscriptLine

DATA = Path(__file__).parent / "data"
EDIT_WITHIN = timedelta(minutes=5)
"""How long an officer may correct what was sent."""
_SHORT = 240
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Canned:
    """A reply ready to be changed and sent."""

    id: str
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """One line of the conversation as it stands now. `short`: the beginning, where `text` is long; `edit_id`: by whoever looks."""

    at: datetime
    author: str
    account_id: str | None
    text: str | None = field(repr=False)
    short: str | None = field(repr=False)
    attachment: str | None
    edited_at: datetime | None
    edit_id: int | None


@dataclass(frozen=True)
class Words:
    """The words of data/: outcomes by their code, canned replies, and what kinds of trouble and channels are called."""

    outcomes: Mapping[str, str]
    kinds: Mapping[str, str]
    channels: Mapping[str, str]
    _canned: Sequence[Mapping[str, Any]]

    @classmethod
    def load(cls) -> Words:
        """Reads the files."""
        report = _read("intake_report.yml")  # what the report calls things
        outcomes = {row["code"]: row["label"] for row in _read("outcomes.yml")}
        return cls(outcomes, _capital(report["kinds"]), _capital(report["channels"]), _read("canned.yml"))

    def canned(self, case: Case, notices: DutyNotices, at: datetime, officer: str) -> tuple[Canned, ...]:
        """The replies that fit a case, in its voice, in the order of the file."""
        you = notices.tables["pronouns"][case.voice or "young"]
        parts = notices.tables["parts"]
        numbers = parts["or"].join(parts["number"].format(phone=line.phone, name=line.name) for line in notices.numbers(case, at))
        values = {"you": you, "You": you[:1].upper() + you[1:], "name": officer, "numbers": numbers}
        fitting = [row for row in self._canned if not row.get("kinds") or set(row["kinds"]) & set(case.kinds)]
        voice = "child" if case.voice == "child" else "other"
        return tuple(Canned(row["id"], row["label"], row[voice].format(**values)) for row in fitting)


def conversation(file: CaseFile, account_id: str, now: datetime) -> tuple[Said, ...]:
    """What was said, with every correction at the place of what it corrects."""
    roots: dict[int, int] = {}
    newest: dict[int, Line] = {}
    for line in sorted((line for line in file.lines if line.outgoing_id is not None), key=lambda line: line.outgoing_id or 0):
        number = line.outgoing_id or 0
        roots[number] = roots.get(line.replaces, line.replaces) if line.replaces is not None else number
        newest[roots[number]] = line
    own = file.case.state == "taken" and file.case.holder == account_id
    return tuple(_said(line, newest.get(line.outgoing_id or 0), account_id, now, own=own) for line in file.lines if line.replaces is None)


def _said(line: Line, newest: Line | None, account_id: str, now: datetime, *, own: bool) -> Said:
    shown = newest or line
    may_edit = own and line.account_id == account_id and line.outgoing_id is not None and now - line.at <= EDIT_WITHIN
    return Said(
        at=line.at,
        author=line.author,
        account_id=line.account_id,
        text=shown.text,
        short=_short(shown.text) if line.author == "assistant" else None,
        attachment=shown.attachment,
        edited_at=shown.at if shown is not line else None,
        edit_id=line.outgoing_id if may_edit else None,
    )


def given_numbers(transcript: Iterable[TranscriptLine]) -> tuple[str, ...]:
    """The telephone numbers that the assistant's answers of a case have given, each once, in order."""
    answers = (json.loads(line.answer_json) for line in transcript if line.answer_json)
    return tuple(dict.fromkeys(line["phone"] for answer in answers for line in answer.get("hotlines") or ()))


def elapsed(since: datetime, until: datetime) -> str:
    """How long, as a clock shows it: "4:05", "1:04:05". The script of the page counts on from there."""
    seconds = max(0, int((until - since).total_seconds()))
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"


def _short(text: str | None) -> str | None:
    if text is None or len(text) <= _SHORT:
        return None
    return text[:_SHORT].rsplit(maxsplit=1)[0] + " …"


def _capital(words: Mapping[str, str]) -> dict[str, str]:
    return {name: label[:1].upper() + label[1:] for name, label in words.items()}


def _read(name: str) -> Any:
    return yaml.load((DATA / name).read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506
