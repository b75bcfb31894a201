"""What a version came from: its original file, the pictures of its pages, and what changed since the version before it."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from urllib.parse import quote

from fastapi import APIRouter, Response

from bot.knowledge_base import KnowledgeBase
from bot.publication.pages import HERE, READERS, PublicationParts
from bot.staff.guard import SignedIn
from knowledge.compare import differences
from knowledge.errors import LoadError, UnknownDocument
from knowledge.reading.sandbox import picture_apart
from knowledge.store import VersionRow

_MOST = 2**31
_PICTURED = (".pdf", ".png", ".jpg", ".jpeg", ".tif", ".tiff")
_ONE_AT_A_TIME = threading.Lock()
"""Each picture is drawn by a process of its own; a page that shows fifty of them shall not start fifty."""


def is_pictured(row: VersionRow) -> bool:
    """Whether its pages can be drawn: formats that have pages of their own."""
    return row.pages is not None and row.source_file.lower().endswith(_PICTURED)


def predecessor(base: KnowledgeBase, row: VersionRow) -> VersionRow | None:
    """What a version is compared with: the published one, else the one before it."""
    published = next((one.published_version for one in base.store.documents.list() if one.document_id == row.document_id), None)
    before = published if published and published != row.version else row.version - 1
    return base.store.documents.get(row.document_id, before) if before else None


def build_original_pages(parts: PublicationParts) -> APIRouter:
    """The routes."""
    router = APIRouter(include_in_schema=False)
    base, pages = parts.publisher.base, parts.pages
    documents, reader = base.store.documents, parts.staff.require(*READERS)
    one = HERE + "/{document_id}/{version:int}"

    def held(document_id: str, version: int) -> VersionRow:
        if version >= _MOST:
            raise UnknownDocument("There is no such version.", document_id=document_id)
        return documents.get(document_id, version)

    @router.get(one + "/goc")
    def original(document_id: str, version: int, me: SignedIn = reader) -> Response:
        """The file itself, to be kept and never to be opened by the browser: what is in it was written by others."""
        try:
            row = held(document_id, version)
        except UnknownDocument:
            return pages.message("no_document", me, 404)
        name = quote(row.source_file.rsplit("/", 1)[-1])
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
        return Response(documents.original(document_id, version), media_type="application/octet-stream", headers=headers)

    @router.get(one + "/trang/{number:int}")
    def picture(document_id: str, version: int, number: int, me: SignedIn = reader) -> Response:
        """A page of the original as it looks."""
        try:
            row = held(document_id, version)
            if not is_pictured(row) or not 1 <= number <= (row.pages or 0):
                return Response(status_code=404)
            with _ONE_AT_A_TIME, tempfile.NamedTemporaryFile(dir=base.home) as file:
                file.write(documents.original(document_id, version))
                file.flush()
                drawn = picture_apart(Path(file.name), number)
        except (UnknownDocument, LoadError):
            return Response(status_code=404)
        return Response(drawn, media_type="image/webp", headers={"Cache-Control": "private, max-age=86400"})

    @router.get(one + "/doi")
    def changes(document_id: str, version: int, me: SignedIn = reader) -> Response:
        """Clause by clause, what this version says that the one before did not."""
        try:
            row = held(document_id, version)
        except UnknownDocument:
            return pages.message("no_document", me, 404)
        old = predecessor(base, row)
        if old is None:
            return pages.message("no_document", me, 404)
        found = differences(base.document(document_id, old.version), base.document(document_id, version))
        shown = {"changes": found, "old": old, "row": row, "path": f"{HERE}/{document_id}/{version}"}
        return pages.show("can-bo/changes.html", me, here=HERE, **shown)

    return router
