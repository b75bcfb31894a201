"""What is said to a person whose case nobody has taken yet, when they write neither danger nor a question: what they tell is kept for the
officer, and one thing is asked at most, each once.

Where they are, how they may be reached safely, and whether their name and number may stand in the report: what the intake report wants of
the informant (Mẫu số 01, Nghị định 56/2017/NĐ-CP), never who did what. What was asked already is read off the answers that are stored with
the case, so that a restart forgets nothing. Pure; the words are data/contact.yml.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from actions.duty.contact_reading import DATA, ContactReader, tables
from actions.duty.notices import DutyNotices
from actions.first_answer import show
from actions.model import Answer, ShownHotline
from actions.routing import Route, Router
from actions.triage import Risk
from knowledge.places import Gazetteer
from knowledge.store import Case
from knowledge.text import folded_line

Question = Literal["where", "contact", "consent"]
QUESTIONS: tuple[Question, ...] = ("where", "contact", "consent")
_WORDINGS: Mapping[Question, tuple[str, ...]] = {"where": ("where", "commune"), "contact": ("contact",), "consent": ("consent",)}
_ANSWERS: frozenset[Route] = frozenset({"question", "affirm", "deny", "outside"})
"""Routes of what may answer a question that the assistant asked back."""
_ASKING: frozenset[Route] = frozenset({"question", "outside", "attack"})
_EARLIER = 20
"""Messages before one that are read with it: those of danger, and what came while the database was down."""
MOST = 900
"""Characters of an answer."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What becomes of a message: `changes` of the case, which only hold what the person said, and `text`, the name of what is answered.

    `counts`: the kinds of answers out of the documents that count for more than the talk's own; none: they are not looked through.
    `closing`: the line under such an answer; `never`: words in which nothing but an answer may come. `asks`: whether a question may follow
    in the talk's own.
    """

    changes: Mapping[str, str | bool] = field(repr=False)
    text: str
    counts: frozenset[str] = frozenset()
    closing: str | None = None
    never: str | None = None
    asks: bool = False

    def told(self, own: Mapping[str, Any], found: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer object of a message that the documents were looked through for: what was `found`, or the talk's `own`."""
        if found["kind"] == "answer":
            text = f"{found['text']}\n{self.closing}" if self.closing else found["text"]
            return {**found, "text": text} if len(text) <= MOST else found
        strange = self.never is not None and self.never in found["text"].lower()
        return found if found["kind"] in self.counts and not strange else own


@dataclass(frozen=True, slots=True)
class _Past:
    """What was said in a case before a message: the questions asked, the one open since the last answer, and what that answer was."""

    asked: frozenset[Question]
    open: Question | None
    last_kind: str | None
    beside: bool
    """Whether the person was told beside an answer that the officer reads along."""


@dataclass(frozen=True)
class Contact:
    """The talk. Tables only; safe to share. `written_out`: a message with its teencode written out."""

    table: Mapping[str, Any]
    reader: ContactReader
    router: Router
    notices: DutyNotices
    written_out: Callable[[str], str]

    @classmethod
    def load(
        cls, gazetteer: Gazetteer, router: Router, notices: DutyNotices, written_out: Callable[[str], str], path: Path = DATA
    ) -> Contact:
        """Reads the texts and patterns. Raises KnowledgeError where the file cannot be read."""
        table = tables(path)
        return cls(table, ContactReader(gazetteer, table), router, notices, written_out)

    # What a message is

    def turn(self, case: Case, message_id: str, text: str) -> Turn:
        """What becomes of a message of an untaken case, which has its transcript, with this message in it or not."""
        past = self._past(case, message_id)
        route = self._route(text)
        changes = self._changes(case, past, message_id, text)
        own = self._about_the_case(case, past, route, text)
        if own is None and (counts := self._counts(past, route, text)):
            closing = None if past.beside else str(self.table["beside_an_answer"])
            never = self.table["pronouns"]["adult"] if case.voice == "child" else None
            return Turn(changes, "unanswered" if self.reader.asks(text) else "kept", counts, closing, never)
        name = own or "noted"
        if changes and name in self.table["may_ask"]:
            name = "noted"
        return Turn(changes, "kept" if name == "noted" and not changes else name, asks=name in self.table["may_ask"])

    def is_asking(self, text: str) -> bool:
        """Whether the documents may have something to say to a message, whatever the case."""
        return self.reader.asks(text) and self._route(text) in _ASKING

    def tells(self, text: str) -> bool:
        """Whether a message, whatever the case, plainly is an answer to one of the questions, or small talk that is no part of danger."""
        found = self.reader.province(text), self.reader.commune(text), self.reader.safe_contact(text)
        return any(found) or self._route(text) in self.table["harmless_talk"] or self.reader.fits("skip", text)

    def _counts(self, past: _Past, route: Route, text: str) -> frozenset[str]:
        counts: set[str] = set()
        if self.reader.asks(text) and route in _ASKING:
            counts |= {"answer", "abstain"} | ({"clarify"} if self._in_domain(text) else set())
        if past.last_kind == "clarify" and route in _ANSWERS:
            counts |= {"answer", "clarify"}
        if route == "attack":
            counts |= {"abstain"}
        return frozenset(counts)

    def _in_domain(self, text: str) -> bool:
        return bool(self.router.domain.search(folded_line(text)))

    def _route(self, text: str) -> Route:
        route = self.router.route(text)
        return self.router.route(self.written_out(text)) if route == "question" else route

    def _about_the_case(self, case: Case, past: _Past, route: Route, text: str) -> str | None:
        """The text for an answer to the talk's own question, for small talk, or for what the duty side is asked; None: nothing of it."""
        if past.open and self.reader.fits("skip", text):
            return "skipped"
        if past.open == "consent" and self.reader.consent(text) is not None:
            return "noted"
        for name in () if self._in_domain(text) else ("plea", "waiting"):
            if self.reader.fits(name, text):
                return name
        if past.open and self.reader.fits("refuses", text):
            return "refused"
        if past.last_kind == "clarify" and route in _ANSWERS:
            return None
        if route == "question" and not self.reader.asks(text) and self.reader.fits("feels", text):
            return "mood"
        if route == "goodbye" and not set(case.kinds).isdisjoint(self.table["farewell_is_a_plea"]):
            return "plea"
        talk: str | None = self.table["small_talk"].get(route)
        return talk

    def _changes(self, case: Case, past: _Past, message_id: str, text: str) -> dict[str, str | bool]:
        """What the case does not know yet and the person has said, now or in an earlier message that the talk did not see."""
        before = [line.text for line in case.transcript if line.text and line.message_id != message_id]
        earlier = [said for said in before[-_EARLIER:] if not self.reader.asks(said)]
        said: dict[str, str | bool | None] = {}
        if case.province is None:
            # Who only wished for a human asks about provinces that they need not be in.
            now = self.reader.province(text, asked=past.open == "where") if case.risk or not self.reader.asks(text) else None
            said["province"] = now or self._earlier(self.reader.province, earlier if case.risk else [])
        if case.commune is None:
            now = self.reader.commune(text, asked=past.open == "where")
            said["commune"] = now or self._earlier(self.reader.commune, earlier)
        if case.safe_contact is None and not (past.open == "contact" and self._leaves_open(text)):
            now = self.reader.safe_contact(text, asked=past.open == "contact")
            said["safe_contact"] = now or self._earlier(self.reader.safe_contact, earlier)
        if case.consent is None and past.open == "consent" and not self.reader.fits("skip", text):
            said["consent"] = self.reader.consent(text)
        return {name: value for name, value in said.items() if value is not None}

    @staticmethod
    def _earlier(read: Callable[[str], str | None], earlier: list[str]) -> str | None:
        return next(filter(None, map(read, reversed(earlier))), None)

    def _leaves_open(self, text: str) -> bool:
        return self.reader.fits("skip", text) or self.reader.fits("refuses", text)

    def _past(self, case: Case, message_id: str) -> _Past:
        asked: set[Question] = set()
        opened: Question | None = None
        kind: str | None = None
        beside = False
        for line in case.transcript:
            if line.message_id == message_id or not line.answer_json:
                continue
            answer = json.loads(line.answer_json)
            told = answer.get("text") or ""
            kind = answer.get("kind")
            opened = next((name for name in QUESTIONS if any(told.endswith(words) for words in self._wordings(case, name))), None)
            asked |= {opened} if opened else set()
            beside = beside or told.endswith(self.table["beside_an_answer"])
        return _Past(frozenset(asked), opened, kind, beside)

    def _wordings(self, case: Case, question: Question) -> Iterator[str]:
        """In every voice: how a person is spoken to may be learnt in between."""
        every = chain(self.table["pronouns"].values(), self.table["unknown_voice"].values())
        for you in dict.fromkeys(every):
            for wording in _WORDINGS[question]:
                for words in self.table["questions"][wording].values():
                    yield self._filled(words, you)

    # What is answered

    def reply(self, case: Case, turn: Turn, written: bool, message_id: str, at: datetime) -> Answer:
        """The answer to a message, `case` being as it is after `turn`; `written`: what was said stands in the case now.

        `at` (aware): the moment for which numbers are chosen.
        """
        name = "kept" if turn.text == "noted" and not written else turn.text
        parts = [self._said(case, name, facts=self._facts(case, turn.changes), case_id=case.case_id)]
        lines = self._hotlines(case, name, at)
        if lines and name in self.table["with_numbers"]:
            parts.append(self._said(case, "calls", numbers=self._numbers(lines)))
        suggestions: tuple[str, ...] = ()
        if turn.asks and (question := self._next(case, message_id)):
            wording = "commune" if question == "where" and case.province else question
            parts.append(self._filled(self._voiced(case, self.table["questions"][wording]), self._you(case)))
            choices = self.table["suggestions"]
            suggestions = (choices["yes"], choices["no"], choices["skip"]) if question == "consent" else (choices["skip"],)
        return Answer("handover", " ".join(parts), hotlines=lines, suggestions=suggestions, case_id=case.case_id)

    def down(self, case_id: str | None, at: datetime) -> Answer:
        """Where the database does not answer, and nobody can say what was said, to whom."""
        directory = self.notices.directory
        rows = [row for phone in self.table["store_down_numbers"] if (row := directory.by_phone(phone))]
        lines = tuple(show(row, directory, at) for row in rows)
        text = str(self.table["store_down"]).format(numbers=self._numbers(lines))
        return Answer("handover", text, hotlines=lines, case_id=case_id)

    def _next(self, case: Case, message_id: str) -> Question | None:
        known = {
            "where": bool(case.province and case.commune),
            "contact": case.safe_contact is not None,
            "consent": case.consent is not None,
        }
        asked = self._past(case, message_id).asked
        return next((name for name in QUESTIONS if name not in asked and not known[name]), None)

    def _facts(self, case: Case, changes: Mapping[str, str | bool]) -> str:
        words = self.table["facts"]
        named = {name: ("agreed" if value else "refused") if name == "consent" else name for name, value in changes.items()}
        you = self._you(case)
        return str(self.table["parts"]["and"]).join(words[name].format(you=you, province=case.province) for name in named.values())

    def _said(self, case: Case, name: str, **values: str) -> str:
        return self._filled(self._voiced(case, self.table["texts"][name]), self._you(case), **values)

    def _you(self, case: Case) -> str:
        return str(self.table["pronouns"][case.voice] if case.voice else self.table["unknown_voice"][case.reason])

    @staticmethod
    def _voiced(case: Case, words: Mapping[str, str]) -> str:
        return words["child" if case.voice == "child" else "other"]

    @staticmethod
    def _filled(words: str, you: str, **values: str) -> str:
        return words.format(you=you, You=you[:1].upper() + you[1:], **values)

    def _hotlines(self, case: Case, name: str, at: datetime) -> tuple[ShownHotline, ...]:
        if case.risk < (Risk.WORRY if name in self.table["always_with_numbers"] else Risk.THREAT):
            return ()
        return tuple(show(line, self.notices.directory, at) for line in self.notices.numbers(case, at))

    def _numbers(self, lines: tuple[ShownHotline, ...]) -> str:
        parts = self.table["parts"]
        return str(parts["or"]).join(parts["number"].format(phone=line.phone, name=line.name) for line in lines)
