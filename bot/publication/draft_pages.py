"""/can-bo/tai-lieu/ID/VERSION: one version on its way: its fields and lines corrected, its questions, the gate, checked and approved."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from bot.publication.corrections import MAX_LEVEL, Corrected, as_read, correct, read_fields
from bot.publication.forms import Unfit, line_edits, metadata_edits, one_line, whole
from bot.publication.original_pages import is_pictured, predecessor
from bot.publication.pages import APPROVER, HERE, READERS, WRITERS, PublicationParts
from bot.publication.view import fields as fields_of
from bot.publication.view import line_of, lines, relation_rows, sheets, waits_for
from bot.staff.guard import Form, SignedIn
from knowledge.collection import Collection, dump_metadata, parse_metadata
from knowledge.directory import VIETNAM
from knowledge.errors import UnknownDocument
from knowledge.model import Document, RelationKind
from knowledge.store import Corrections, Edit, Overtaken, PublicationRefused, VersionRow, Work

_MAX_QUESTION, _MAX_REASON = 500, 500
_MOST_VERSIONS = 2**31
_SHOWN = ("gained", "lost", "different")


@dataclass(frozen=True)
class Draft:
    """A version with all that belongs to it."""

    row: VersionRow
    work: Work
    read: Document
    """As it was read off its file."""
    corrected: Corrected
    edits: tuple[Edit, ...]

    @property
    def fit(self) -> list[Edit]:
        """The corrections that are in it."""
        return [edit for edit in self.edits if edit not in self.corrected.unfit]

    @property
    def named(self) -> dict[str, Any]:
        """For a job."""
        return {"document_id": self.row.document_id, "version": self.row.version}

    @property
    def path(self) -> str:
        """Of its page."""
        return f"{HERE}/{self.row.document_id}/{self.row.version}"


Change = Callable[[Draft, Work, SignedIn, Form], str]
"""Changes a version, given the work as the form shows it, who sends it and what; returns the page that it leads on to."""


def build_draft_pages(parts: PublicationParts) -> APIRouter:
    """The routes of one version."""
    router = APIRouter(include_in_schema=False)
    publisher, pages, words = parts.publisher, parts.pages, parts.words
    base, store = publisher.base, publisher.store
    reader, writer, approver = parts.staff.require(*READERS), parts.staff.require(*WRITERS), parts.staff.require(APPROVER)
    form = parts.staff.form()
    one = HERE + "/{document_id}/{version:int}"

    def draft(document_id: str, version: int) -> Draft:
        if version >= _MOST_VERSIONS:
            raise UnknownDocument("There is no such version.", document_id=document_id)
        row = store.documents.get(document_id, version)
        work = base.work(document_id, version)
        metadata = parse_metadata(row.metadata_json)
        read = Document(document_id, row.source_file, work.read_text, metadata, pages=row.pages, ocr=row.ocr)
        if row.state not in ("draft", "review"):  # what was published stays as it was, whatever is corrected in a later version
            return Draft(row, work, read, Corrected(base.document(document_id, version), ()), ())
        edits = store.drafts.edits(document_id)
        return Draft(row, work, read, correct(read, work.read_warnings, edits, base.gazetteer), edits)

    def latest_of(found: Draft) -> int:
        return next(one.latest_version for one in store.documents.list() if one.document_id == found.row.document_id)

    def common(me: SignedIn, found: Draft, error: str | None, done: str) -> dict[str, Any]:
        latest = latest_of(found)
        open_ = found.row.state in ("draft", "review") and found.row.version == latest
        return {
            "draft": found,
            "document": found.corrected.document,
            "names": parts.names(),
            "waits": waits_for(found.row.state, found.work),
            "may_write": open_ and me.has(*WRITERS),
            "may_approve": open_ and me.has(APPROVER),
            "latest": latest,
            "error": error,
            "done": words["done"].get(done),
            "job": publisher.waits_for(found.row.document_id, found.row.version),
        }

    def page(
        me: SignedIn, found: Draft, status: int = 200, *, error: str | None = None, done: str = "", typed: Form | None = None
    ) -> Response:
        document = found.corrected.document
        questions = store.gold.of(found.row.document_id)
        corpus = publisher.corpus_with(found.row.document_id, found.row.version)
        shown = {
            "status": Collection((document,)).status(document, publisher.clock().astimezone(VIETNAM).date()),
            "fields": fields_of(document.metadata, document.text, found.fit),
            "relations": relation_rows(document.metadata),
            "relation_kinds": get_args(RelationKind),
            "typed": typed,
            "places": [place.name for place in base.gazetteer.places],
            "questions": [question for question in questions if question.document_id],
            "general": sum(1 for question in questions if not question.document_id),
            "outcomes": [row for row in found.work.gate or () if row["change"] in _SHOWN],
            "counts": {name: sum(row["change"] == name for row in found.work.gate or ()) for name in (*_SHOWN, "same", "missing")},
            "stale": found.work.gate_corpus != corpus,
            "checked_by_me": found.work.checked_by == me.account.account_id,
            "predecessor": predecessor(base, found.row),
            "history": store.documents.history(found.row.document_id),
        }
        return pages.show("can-bo/draft.html", me, status, here=HERE, **common(me, found, error, done), **shown)

    def text_page(
        me: SignedIn, found: Draft, status: int = 200, *, at: int | None = None, error: str | None = None, done: str = ""
    ) -> Response:
        shown = {
            "sheets": sheets(found.corrected.document, lines(found.corrected.document, found.work.read_text, found.fit)),
            "pictured": is_pictured(found.row),
            "at": at,
            "levels": range(1, MAX_LEVEL + 1),
            "level": _level_kept(found, at),
        }
        return pages.show("can-bo/text.html", me, status, here=HERE, **common(me, found, error, done), **shown)

    def missing(me: SignedIn) -> Response:
        return pages.message("no_document", me, 404)

    def step(
        path: str, who: Any, shows: Callable[..., Response] = page, kept: Callable[[Form], dict[str, Any]] = _nothing
    ) -> Callable[[Change], Change]:
        """Takes a form of the page: the change is made on the revision that the form shows and leads on, or the page says why not, with
        what is `kept` of the form.
        """

        def takes(change: Change) -> Change:
            @router.post(one + path, name=change.__name__)
            def taken(document_id: str, version: int, me: SignedIn = who, sent: Form = form) -> Response:
                try:
                    found = draft(document_id, version)
                except UnknownDocument:
                    return missing(me)
                try:
                    target = change(found, _at(found.work, whole(sent.get("revision"))), me, sent)
                except Unfit as unfit:
                    error = words["unfit"][unfit.key].format(name=words["fields"].get(unfit.field, unfit.field))
                    return shows(me, found, 400, error=error, **kept(sent))
                except PublicationRefused as refused:
                    return shows(me, draft(document_id, version), 409, error=words["refused"][refused.reason], **kept(sent))
                except Overtaken as overtaken:
                    shown = {"overtaken": overtaken, "typed": _typed(sent), **common(me, draft(document_id, version), None, "")}
                    return pages.show("can-bo/overtaken.html", me, 409, here=HERE, **shown)
                return RedirectResponse(target, 303)

            return change

        return takes

    def save(found: Draft, work: Work, put: Sequence[Edit], undo: Sequence[Edit], me: SignedIn) -> None:
        """Corrections, and what they make of the version."""
        if found.row.state not in ("draft", "review"):
            raise PublicationRefused("state")
        if found.row.version != latest_of(found):
            raise PublicationRefused("not_latest")
        if not put and not undo:
            return
        gone = {(edit.field, edit.anchor, edit.nth) for edit in [*put, *undo]}
        kept = [edit for edit in found.edits if (edit.field, edit.anchor, edit.nth) not in gone]
        document = correct(found.read, work.read_warnings, [*kept, *put], base.gazetteer).document
        made = Corrections(document.text, dump_metadata(document.metadata), document.metadata.warnings)
        metadata = found.corrected.document.metadata
        before = {edit.field: as_read(metadata, edit.field) if hasattr(metadata, edit.field) else edit.anchor for edit in [*put, *undo]}
        store.drafts.correct(work, put, undo, made, before, me.actor)

    # --- reading

    @router.get(one)
    def show(document_id: str, version: int, xong: str = "", me: SignedIn = reader) -> Response:
        try:
            return page(me, draft(document_id, version), done=xong)
        except UnknownDocument:
            return missing(me)

    @router.get(one + "/van-ban")
    def text(document_id: str, version: int, dong: str = "", xong: str = "", me: SignedIn = reader) -> Response:
        try:
            found = draft(document_id, version)
        except UnknownDocument:
            return missing(me)
        return text_page(me, found, at=int(dong) if dong.isascii() and dong.isdigit() and len(dong) < 8 else None, done=xong)

    # --- corrections

    @step("/ho-so", writer, kept=_as_typed)
    def save_fields(found: Draft, work: Work, me: SignedIn, sent: Form) -> str:
        read = read_fields(found.corrected.document.text, base.gazetteer)
        put, undo = metadata_edits(sent, found.corrected.document.metadata, read, base.gazetteer)
        old = {edit.field: edit for edit in found.edits if edit.field in {new.field for new in [*put, *undo]}}
        save(found, work, put, [*undo, *(edit for edit in old.values() if edit.anchor not in {new.anchor for new in put})], me)
        return f"{found.path}?xong=saved"

    @step("/van-ban", writer, text_page, _line)
    def save_line(found: Draft, work: Work, me: SignedIn, sent: Form) -> str:
        at = whole(sent.get("line"))
        key = line_of(work.read_text, at)
        if key is None:
            raise Unfit("stale")
        save(found, work, *line_edits(sent, key, found.edits), me)
        return f"{found.path}/van-ban?xong=saved#dong-{at}"

    @step("/bo-sua", writer)
    def drop_edit(found: Draft, work: Work, me: SignedIn, sent: Form) -> str:
        save(found, work, [], [edit for edit in found.edits if str(edit.edit_id) == sent.get("edit")], me)
        return f"{found.path}?xong=saved"

    # --- gold questions and the gate

    @step("/cau-hoi", writer, kept=_as_typed)
    def add_question(found: Draft, work: Work, me: SignedIn, sent: Form) -> str:
        question, evidence = one_line(sent.get("question", ""), _MAX_QUESTION), one_line(sent.get("evidence", ""))
        if not question:
            raise Unfit("question")
        if evidence and " ".join(evidence.split()) not in " ".join(found.corrected.document.text.split()):
            raise Unfit("evidence")
        kind = "abstain" if sent.get("kind") == "abstain" else "answer"
        store.gold.add(secrets.token_hex(8), work.document_id, question, kind, [evidence] if evidence else [], me.actor)  # type: ignore[arg-type]
        return f"{found.path}?xong=question#cau-hoi"

    @step("/bo-cau-hoi", writer)
    def remove_question(found: Draft, work: Work, me: SignedIn, sent: Form) -> str:
        own = {question.gold_id for question in store.gold.of(work.document_id) if question.document_id}
        if (wanted := sent.get("question", "")) in own:
            store.gold.remove(wanted, me.actor)
        return f"{found.path}?xong=question#cau-hoi"

    @step("/cong", writer)
    def run_gate(found: Draft, work: Work, me: SignedIn, sent: Form) -> str:
        if found.row.state not in ("draft", "review"):
            raise PublicationRefused("state")
        if publisher.waits_for(work.document_id, work.version) is None:
            store.jobs.add("gate", found.named, me.actor)
        return f"{found.path}#cong"

    @step("/chap-nhan", writer, kept=_as_typed)
    def accept(found: Draft, work: Work, me: SignedIn, sent: Form) -> str:
        reason, chosen = _reason(sent), sent.getlist("lost")
        if not chosen:
            raise Unfit("reason")
        store.drafts.accept(work, dict.fromkeys(chosen, reason), me.actor)
        return f"{found.path}?xong=accepted#cong"

    # --- from state to state

    @step("/kiem", writer)
    def check(found: Draft, work: Work, me: SignedIn, sent: Form) -> str:
        store.drafts.check(work, publisher.corpus_with(work.document_id, work.version), me.actor)
        return f"{found.path}?xong=checked"

    @step("/tra-lai", approver)
    def send_back(found: Draft, work: Work, me: SignedIn, sent: Form) -> str:
        reason = _reason(sent)
        store.drafts.send_back(work, reason, me.actor)
        return f"{found.path}?xong=sent_back"

    @step("/cong-bo", approver)
    def approve(found: Draft, work: Work, me: SignedIn, sent: Form) -> str:
        if found.row.state != "review":
            raise PublicationRefused("state")
        if work.checked_by == me.account.account_id:
            raise PublicationRefused("same_person")
        if publisher.waits_for(work.document_id, work.version) is None:
            wanted = found.named | {"revision": work.revision}
            store.jobs.add("publish", wanted, me.actor)
        return f"{HERE}?xong=publishing"

    @step("/ban-moi", writer)
    def begin_again(found: Draft, work: Work, me: SignedIn, sent: Form) -> str:
        if found.row.state != "published":
            raise PublicationRefused("state")
        latest = latest_of(found)
        return f"{HERE}/{work.document_id}/{base.draft_of(found.row, me.actor) if latest == work.version else latest}"

    @step("/ngung", approver)
    def retire(found: Draft, work: Work, me: SignedIn, sent: Form) -> str:
        reason = _reason(sent)
        if found.row.state != "published":
            raise PublicationRefused("state")
        store.jobs.add("retire", found.named | {"reason": reason}, me.actor)
        return f"{HERE}?xong=retiring"

    return router


def _reason(sent: Form) -> str:
    """Why somebody does it. Unfit when they do not say."""
    reason = one_line(sent.get("reason", ""), _MAX_REASON)
    if not reason:
        raise Unfit("reason")
    return reason


def _at(work: Work, revision: int) -> Work:
    """The work as the form shows it: what is saved on an older revision is refused by the store."""
    return replace(work, revision=revision)


def _level_kept(found: Draft, at: int | None) -> int | None:
    """The level that a line was given by hand."""
    key = None if at is None else line_of(found.work.read_text, at)
    return next((edit.value for edit in found.edits if edit.field == "heading" and (edit.anchor, edit.nth) == key), None)


def _typed(sent: Form) -> dict[str, str]:
    """What somebody typed who was overtaken, to be copied from the page."""
    return {name: value for name, value in sent.items() if name not in ("csrf", "revision", "line") and value}


def _nothing(sent: Form) -> dict[str, Any]:
    return {}


def _as_typed(sent: Form) -> dict[str, Any]:
    return {"typed": sent}


def _line(sent: Form) -> dict[str, Any]:
    """The line that was open."""
    line = sent.get("line", "")
    return {"at": int(line) if line.isascii() and line.isdigit() else None}
