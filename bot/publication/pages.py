"""/can-bo/tai-lieu: every document and whose turn it is, files in, what runs in the background, and taking a publication back."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.types import Message

from bot.publication.forms import MAX_FILES, MAX_UPLOAD, Unfit, keep_file
from bot.publication.publisher import Publisher
from bot.publication.view import listed
from bot.staff.guard import Form, FormRefused, SignedIn, Staff, same_secret
from bot.staff.render import StaffPages
from bot.web.pages import same_origin
from knowledge.directory import VIETNAM
from knowledge.store import Job, PublicationRefused

HERE = "/can-bo/tai-lieu"
EDITOR, APPROVER = "editor", "approver"
READERS = (EDITOR, APPROVER, "administrator", "collaborator")
WRITERS = (EDITOR, "administrator")


def publication_pages() -> StaffPages:
    """The renderer with the words of these pages."""
    return StaffPages(Path(__file__).parent / "texts.yml")


@dataclass(frozen=True)
class PublicationParts:
    """What the pages are made of."""

    staff: Staff
    publisher: Publisher
    pages: StaffPages = field(default_factory=publication_pages)

    @property
    def words(self) -> dict[str, Any]:
        """The words of these pages."""
        return cast(dict[str, Any], self.pages.texts["publication"])

    def names(self) -> dict[str, str]:
        """Account → the name colleagues know."""
        return {account.account_id: account.display_name for account in self.staff.store.accounts.list()}

    def said(self, job: Job) -> str:
        """Why a job failed, in words."""
        words = self.words
        return str(words["jobs"]["said"].get(job.said) or words["refused"].get(job.said) or job.said or "")


def install_publication(app: FastAPI, staff: Staff, publisher: Publisher) -> None:
    """Adds the routes."""
    from bot.publication.draft_pages import build_draft_pages
    from bot.publication.original_pages import build_original_pages

    parts = PublicationParts(staff, publisher)
    app.include_router(build_overview(parts))
    app.include_router(build_draft_pages(parts))
    app.include_router(build_original_pages(parts))


def build_overview(parts: PublicationParts) -> APIRouter:
    """The routes of the overview."""
    router = APIRouter(include_in_schema=False)
    publisher, pages, words = parts.publisher, parts.pages, parts.words
    reader, writer, approver = parts.staff.require(*READERS), parts.staff.require(*WRITERS), parts.staff.require(APPROVER)
    form = parts.staff.form()

    def work_shown(me: SignedIn) -> dict[str, Any]:
        jobs = publisher.store.jobs.recent() if me.has(*WRITERS, APPROVER) else ()
        return {"jobs": jobs, "said": parts.said, "names": parts.names(), "running": any(job.ended_at is None for job in jobs)}

    def page(me: SignedIn, status: int = 200, *, done: str = "", error: str | None = None) -> Response:
        today = publisher.clock().astimezone(VIETNAM).date()
        shown = {
            "documents": listed(publisher.base, today),
            "last": publisher.store.publications.last(),
            "may_write": me.has(*WRITERS),
            "may_approve": me.has(APPROVER),
            "done": words["done"].get(done),
            "error": error,
        }
        return pages.show("can-bo/overview.html", me, status, here=HERE, **shown, **work_shown(me))

    @router.get("/can-bo")
    def begin(me: SignedIn = reader) -> Response:
        return RedirectResponse(HERE, 303)

    @router.get(HERE)
    def overview(xong: str = "", me: SignedIn = reader) -> Response:
        return page(me, done=xong)

    @router.get(HERE + "/viec")
    def jobs(me: SignedIn = reader) -> Response:
        """The list of jobs alone, for the script."""
        return pages.show("can-bo/_jobs.html", me, **work_shown(me))

    @router.post(HERE)
    async def upload(request: Request, me: SignedIn = writer) -> Response:
        error: str | None = None
        try:
            async with _limited(request).form(max_files=MAX_FILES, max_fields=4) as sent:
                token = request.headers.get("x-csrf-token") or sent.get("csrf", "")
                if not same_origin(request) or not isinstance(token, str) or not same_secret(token, me.csrf):
                    raise FormRefused
                files = [file for file in sent.getlist("tep") if isinstance(file, UploadFile) and file.filename]
                await run_in_threadpool(keep, files, me)
                error = None if files else words["unfit"]["no_file"]
        except Unfit as unfit:
            error = words["unfit"][unfit.key].format(name=unfit.field)
        except (MultiPartException, _TooMuch):
            error = words["unfit"]["too_much"]
        if error:
            return await run_in_threadpool(lambda: page(me, 400, error=error))
        return RedirectResponse(f"{HERE}?xong=uploaded", 303)

    def keep(files: Iterable[UploadFile], me: SignedIn) -> None:
        """All of them or none: a person who is told that one does not fit sends them again."""
        kept: list[tuple[str, str]] = []
        try:
            for file in files:
                kept.append(keep_file(file.filename or "", file.file, publisher.uploads))
        except Unfit:
            for folder, _ in kept:
                shutil.rmtree(publisher.uploads / folder, ignore_errors=True)
            raise
        for folder, name in kept:
            publisher.store.jobs.add("read", {"folder": folder, "name": name}, me.actor)

    @router.post(HERE + "/lui")
    def roll_back(me: SignedIn = approver, fields: Form = form) -> Response:
        wanted = fields.get("publication", "")
        try:
            publisher.roll_back(int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 10 else 0, me.actor)
        except PublicationRefused as refused:
            return page(me, 409, error=words["refused"][refused.reason])
        return RedirectResponse(f"{HERE}?xong=rolled_back", 303)

    @router.get(HERE + "/viec/{job_id}")
    def job_state(job_id: int, me: SignedIn = reader) -> Response:
        """How far a job is, for the script."""
        job = publisher.store.jobs.get(job_id) if job_id < 2**31 else None
        if job is None:
            return JSONResponse({"detail": "There is no such job."}, 404)
        return JSONResponse({"state": job.state, "done": job.done, "of": job.of}, headers={"Cache-Control": "no-store"})

    return router


class _TooMuch(Exception):
    """More bytes than all files of a form may have together."""


def _limited(request: Request) -> Request:
    """The request, whose body ends with _TooMuch once it is longer than MAX_UPLOAD, whatever its Content-Length said."""
    read = 0

    async def counted() -> Message:
        nonlocal read
        message = await request.receive()
        read += len(message.get("body", b""))
        if read > MAX_UPLOAD:
            raise _TooMuch
        return message

    return Request(request.scope, counted)
