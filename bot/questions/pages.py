"""/can-bo/cau-hoi: what people asked and were not helped with, and what staff make of it. For editors and administrators."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Response
from fastapi.responses import RedirectResponse

from actions.assistant import Assistant
from actions.eligibility_outcome import Eligibility
from actions.first_answer import first_answer
from actions.model import Answer, Context, Message
from actions.triage import Triage
from bot.direct import directly
from bot.questions.overview import MOST, PERIODS, Filters, Group, Questions
from bot.staff.guard import Form, SignedIn, Staff
from bot.staff.render import StaffPages
from index.evaluation.gold import plain
from knowledge.directory import VIETNAM, Directory
from knowledge.errors import IndexFault, TrogiupError
from knowledge.model import Document
from knowledge.store import NeedChanged, NeedKind
from knowledge.store.publication import GoldKind
from knowledge.store.questions import Why
from knowledge.text import clean_message, words

HERE = "/can-bo/cau-hoi"
ROLES = ("editor", "administrator")
_LONGEST = 300
"""Characters of a question that is kept."""
_LONGEST_NOTE = 1000
_EVIDENCES = 10


class Unfit(TrogiupError):
    """What was typed cannot be kept. `reason`: a key of errors in texts.yml; `more` fills in its words."""

    def __init__(self, reason: str, **more: object) -> None:
        super().__init__("The form does not fit: correct what is marked.", reason=reason)
        self.reason = reason
        self.more = more


@dataclass(frozen=True)
class PresentAnswer:
    """What is answered now to a question that begins a conversation. Nothing is kept, and no case is opened."""

    triage: Triage
    directory: Directory
    area: Callable[[str], str | None]
    make: Callable[[], Assistant]
    clock: Callable[[], datetime]

    def __call__(self, text: str) -> Answer:
        """Danger is looked for first, as in the gateway. Raises IndexFault."""
        now = self.clock()
        if (assessment := self.triage.assess(text)).urgent:
            said = first_answer(assessment, now, self.directory, self.area(text), case_noted=False)
            return Answer("urgent", said.text, hotlines=said.hotlines)
        message = Message("", text, "", now, now.astimezone(VIETNAM).date())
        return directly(self._assistant, self._eligibility, message, Context())

    @cached_property
    def _assistant(self) -> Assistant:
        return self.make()

    @cached_property
    def _eligibility(self) -> Eligibility:
        return Eligibility.of(self._assistant)


@dataclass(frozen=True)
class QuestionPages:
    """What the pages are made of.

    `ask`: what the assistant answers now; `documents`: the published ones; both raise IndexFault. `new_id` draws the id of a gold question.
    """

    staff: Staff
    questions: Questions
    ask: Callable[[str], Answer]
    documents: Callable[[], Sequence[Document]]
    provinces: Sequence[str]
    new_id: Callable[[], str] = lambda: secrets.token_hex(8)
    pages: StaffPages = field(default_factory=lambda: StaffPages(Path(__file__).with_name("texts.yml")))

    @property
    def words(self) -> dict[str, Any]:
        """The words of these pages."""
        found: dict[str, Any] = self.pages.texts["questions"]
        return found

    # --- pages

    def overview(self, me: SignedIn, filters: Filters, status: int = 200, error: str | None = None) -> Response:
        """The groups of a period."""
        found = self.questions.look(filters)
        waiting = sum(not need.done for need in self.questions.store.questions.needs())
        shown = {"overview": found, "waiting": waiting, "most": MOST, "provinces": self.provinces, "error": error}
        return self._show("can-bo/questions.html", me, status, filters=filters, query=as_query(filters), **shown)

    def one(
        self,
        me: SignedIn,
        filters: Filters,
        group: Group,
        status: int = 200,
        *,
        tried: str = "",
        typed: Form | None = None,
        error: str | None = None,
        done: str = "",
    ) -> Response:
        """A group with the present answer beside it. `tried`: asked in place of the group's own wording; `typed`: what was refused."""
        asked = tried or self.questions.masker.without_labels(group.text)
        answer: Answer | None = None
        documents: Sequence[Document] = ()
        with contextlib.suppress(IndexFault):  # the page says so
            answer, documents = self.ask(asked), self.documents()
        shown: dict[str, Any] = {
            "group": group,
            "asked": asked,
            "answer": answer,
            "documents": documents,
            "typed": typed or {},
            "query": as_query(filters),
        }
        shown["asked_query"] = urlencode({"hoi": asked})
        return self._show("can-bo/questions_group.html", me, status, error=error, done=self.words["done"].get(done), **shown)

    def needs(self, me: SignedIn, status: int = 200, *, error: str | None = None, done: str = "") -> Response:
        """What was written down, open ones first."""
        found = self.questions.store.questions.needs()
        return self._show("can-bo/questions_needs.html", me, status, needs=found, error=error, done=self.words["done"].get(done))

    def gold(self, me: SignedIn, *, done: str = "") -> Response:
        """Every gold question that is asked."""
        found = self.questions.store.questions.gold()
        return self._show("can-bo/questions_gold.html", me, 200, found=found, done=self.words["done"].get(done))

    def missing(self, me: SignedIn) -> Response:
        """For a group that is not there any more."""
        return self.overview(me, Filters(), 404, self.words["gone"])

    def _show(self, template: str, me: SignedIn, status: int, **values: Any) -> Response:
        return self.pages.show(template, me, status, here=HERE, q=self.words, **values)

    # --- what is kept

    def keep_gold(self, fields: Form, me: SignedIn) -> None:
        """A gold question out of its form. Raises Unfit and StoreError."""
        question = self._question(fields)
        kind, document_id = fields.get("kieu", ""), fields.get("tai-lieu", "") or None
        evidence = tuple(dict.fromkeys(line.strip() for line in fields.get("cau-chu", "").splitlines() if line.strip()))
        if kind not in get_args(GoldKind) or (kind == "abstain" and evidence) or len(evidence) > _EVIDENCES:
            raise Unfit("choice")
        try:
            held = self.documents()
        except IndexFault:
            held = ()
        if document_id and document_id not in {document.document_id for document in held}:
            raise Unfit("choice")
        texts = [plain(document.text) for document in held if document_id in (None, document.document_id)]
        for line in evidence:
            if not any(plain(line) in text for text in texts):
                raise Unfit("evidence", text=line[:_LONGEST])
        if any(words(one.question) == words(question) for one in self.questions.store.questions.gold()):
            raise Unfit("twice")
        self.questions.store.gold.add(self.new_id(), document_id, question, kind, evidence, me.actor)  # type: ignore[arg-type]

    def keep_need(self, fields: Form, me: SignedIn) -> None:
        """What a question lacks, out of its form. Raises Unfit and StoreError."""
        question, note = self._question(fields), clean_message(fields.get("ghi-chu", ""))
        if (kind := fields.get("can", "")) not in get_args(NeedKind):
            raise Unfit("choice")
        if len(note) > _LONGEST_NOTE:
            raise Unfit("too_long", n=_LONGEST_NOTE)
        if self.questions.masker.must_not_be_kept(note):
            raise Unfit("personal")
        self.questions.store.questions.add_need(question, kind, note, me.actor)  # type: ignore[arg-type]

    def _question(self, fields: Form) -> str:
        question = " ".join(clean_message(fields.get("cau", "")).split())
        if not words(question):
            raise Unfit("empty")
        if len(question) > _LONGEST:
            raise Unfit("too_long", n=_LONGEST)
        if self.questions.masker.must_not_be_kept(question):
            raise Unfit("personal")
        if fields.get("sach") != "1":
            raise Unfit("not_clean")
        return question


def as_query(filters: Filters) -> str:
    """The filters as they stand in an address."""
    pairs = {"ngay": filters.days, "tinh": filters.province, "kenh": filters.channel, "vi": filters.why}
    return urlencode({name: value for name, value in pairs.items() if value})


def build_questions(parts: QuestionPages) -> APIRouter:
    """The routes under /can-bo/cau-hoi."""
    router = APIRouter(include_in_schema=False)
    editor, form, said = parts.staff.require(*ROLES), parts.staff.form(), parts.words
    at = HERE + "/{group_id}"

    def asked_for(ngay: str = "", tinh: str = "", kenh: str = "", vi: str = "") -> Filters:
        """What the address narrows it to; what it cannot mean is left out."""
        days = int(ngay) if ngay in map(str, PERIODS) else PERIODS[-1]
        province, channel = tinh if tinh in parts.provinces else None, kenh if kenh in said["channels"] else None
        return Filters(days, province, channel, vi if vi in get_args(Why) else None)

    filtered = Depends(asked_for)

    def kept(me: SignedIn, filters: Filters, group_id: str, fields: Form, done: str, keep: Callable[[Form, SignedIn], None]) -> Response:
        """Keeps what a form of a group says, or shows it again with what stands in the way."""
        group = parts.questions.look(filters).find(group_id)
        try:
            keep(fields, me)
        except Unfit as error:
            if group is None:
                return parts.missing(me)
            problem = said["errors"][error.reason].format(**error.more)
            return parts.one(me, filters, group, 400, typed=fields, error=problem)
        return RedirectResponse(f"{HERE}/{group_id}?{as_query(filters)}&xong={done}", 303)

    @router.get(HERE)
    def overview(me: SignedIn = editor, filters: Filters = filtered) -> Response:
        return parts.overview(me, filters)

    @router.get(HERE + "/viec")
    def needs(xong: str = "", me: SignedIn = editor) -> Response:
        return parts.needs(me, done=xong)

    @router.get(HERE + "/mau")
    def gold(xong: str = "", me: SignedIn = editor) -> Response:
        return parts.gold(me, done=xong)

    @router.post(HERE + "/mau/{gold_id}/bo")
    def remove_gold(gold_id: str, me: SignedIn = editor, fields: Form = form) -> Response:
        parts.questions.store.gold.remove(gold_id, me.actor)
        return RedirectResponse(f"{HERE}/mau?xong=gold_removed", 303)

    @router.post(HERE + "/viec/{need_id}")
    def settle(need_id: int, me: SignedIn = editor, fields: Form = form) -> Response:
        version, finished = fields.get("ban", ""), fields.get("xong") == "1"
        if not (version.isascii() and version.isdigit() and len(version) < 10 and 0 < need_id < 2**31):
            return parts.needs(me, 400, error=said["errors"]["stale"])
        try:
            parts.questions.store.questions.settle_need(need_id, finished, int(version), me.actor)
        except NeedChanged:
            return parts.needs(me, 409, error=said["errors"]["stale"])
        return RedirectResponse(f"{HERE}/viec?xong={'settled' if finished else 'again'}", 303)

    @router.get(at)
    def one(group_id: str, xong: str = "", me: SignedIn = editor, filters: Filters = filtered) -> Response:
        group = parts.questions.look(filters).find(group_id)
        return parts.one(me, filters, group, done=xong) if group else parts.missing(me)

    @router.post(at + "/thu")
    def try_out(group_id: str, me: SignedIn = editor, filters: Filters = filtered, fields: Form = form) -> Response:
        group = parts.questions.look(filters).find(group_id)
        tried = clean_message(fields.get("thu", ""))[:_LONGEST]
        return parts.one(me, filters, group, tried=tried) if group else parts.missing(me)

    @router.post(at + "/mau")
    def add_gold(group_id: str, me: SignedIn = editor, filters: Filters = filtered, fields: Form = form) -> Response:
        return kept(me, filters, group_id, fields, "gold", parts.keep_gold)

    @router.post(at + "/viec")
    def add_need(group_id: str, me: SignedIn = editor, filters: Filters = filtered, fields: Form = form) -> Response:
        return kept(me, filters, group_id, fields, "need", parts.keep_need)

    return router
