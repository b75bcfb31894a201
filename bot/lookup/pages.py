"""The routes of /tra-cuu: search as one types, a passage in its place, provinces side by side, a list to keep and to share.

Everything works without JavaScript but for the list, which lives in the browser: nothing of what somebody looks up is kept here. The pages
are open to all, as the documents are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from bot.lookup.finding import STATUSES, Filters, Found, Lookup
from bot.web.render import HERE, Renderer, day, years
from knowledge.errors import IndexFault
from knowledge.model import Hotline

_TEXTS = Path(__file__).with_name("texts.yml")
_SHOWN = 12
_SIDE_BY_SIDE = 3
_PROVINCES = 4
"""Columns that can still be read."""
_LISTED = 60
_LONGEST = 300
"""Characters of a search."""
_ID = re.compile(r"[0-9a-f]{8,64}")


def build_lookup(lookup: Lookup, *, emergency: Sequence[Hotline], today: Callable[[], date]) -> APIRouter:
    """The router. `today`: the day whose validity is shown."""
    router = APIRouter(include_in_schema=False)
    pages = _Pages(lookup, Renderer(), emergency, today)
    for path, page in (
        ("/tra-cuu", pages.search),
        ("/tra-cuu/ket-qua", pages.results),
        ("/tra-cuu/so-sanh", pages.compare),
        ("/tra-cuu/danh-sach", pages.listed),
        ("/tra-cuu/doan/{passage_id}", pages.passage),
        ("/tra-cuu/ngoai-tuyen", pages.offline),
    ):
        router.add_api_route(path, page, methods=["GET", "HEAD"])
    router.add_api_route("/tra-cuu/sw.js", _service_worker, methods=["GET"])
    return router


def _service_worker() -> Response:
    """Its scope is wider than its folder, which the header allows (https://www.w3.org/TR/service-workers/#service-worker-allowed)."""
    headers = {"Service-Worker-Allowed": "/tra-cuu", "Cache-Control": "no-cache"}
    return FileResponse(HERE / "static" / "lookup-sw.js", media_type="text/javascript", headers=headers)


class _Pages:
    def __init__(self, lookup: Lookup, renderer: Renderer, emergency: Sequence[Hotline], today: Callable[[], date]) -> None:
        self._lookup = lookup
        self._renderer = renderer
        self._emergency = emergency
        self._today = today
        self._words: dict[str, Any] = yaml.safe_load(_TEXTS.read_text("utf-8"))

    def search(self, request: Request) -> Response:
        return self._search(request, "lookup/search.html")

    def results(self, request: Request) -> Response:
        """The results alone, for search as one types."""
        return self._search(request, "lookup/results.html")

    def _search(self, request: Request, template: str) -> Response:
        words, filters = request.query_params.get("q", "")[:_LONGEST], self._filters(request)
        try:
            choices, found = self._lookup.choices(self._today()), self._lookup.search(words, filters, self._today(), _SHOWN)
        except IndexFault:
            return self._down()
        return self._page(template, words=words, filters=filters, choices=choices, found=found)

    def compare(self, request: Request) -> Response:
        words, filters = request.query_params.get("q", "")[:_LONGEST], self._filters(request)
        try:
            held = self._lookup.collection.provinces
            chosen = [name for name in dict.fromkeys(request.query_params.getlist("tinh")) if name in held][:_PROVINCES]
            columns = self._lookup.side_by_side(words, chosen or held[:_PROVINCES], filters, self._today(), _SIDE_BY_SIDE)
        except IndexFault:
            return self._down()
        return self._page("lookup/compare.html", words=words, filters=filters, held=held, columns=columns)

    def passage(self, passage_id: str) -> Response:
        try:
            found = self._lookup.passage(passage_id, self._today())
            if found is None:
                return self._page("lookup/note.html", 404, title=self._words["gone_title"], note=self._words["gone"])
            before, after = self._lookup.around(passage_id)
        except IndexFault:
            return self._down()
        notices = self._lookup.services.library().notices(found.citation.document_id)
        return self._page("lookup/passage.html", found=found, before=before, after=after, notices=notices)

    def listed(self, request: Request) -> Response:
        """A list that was sent on; without ids the browser puts its own here."""
        ids = [name for name in request.query_params.get("d", "").split(",") if _ID.fullmatch(name)][:_LISTED]
        try:
            found = [self._lookup.passage(passage_id, self._today()) for passage_id in dict.fromkeys(ids)]
        except IndexFault:
            return self._down()
        held = [row for row in found if row]
        return self._page("lookup/list.html", shared=bool(ids), found=held, missing=len(found) - len(held))

    def offline(self) -> Response:
        return self._page("lookup/note.html", title=self._words["offline_title"], note=self._words["offline"])

    def _filters(self, request: Request) -> Filters:
        """What of the address is a choice; the rest is left out, not refused: addresses are passed on and grow old."""
        asked = request.query_params
        year, status = asked.get("nam", ""), asked.get("hieu-luc")
        return Filters(
            asked.get("tinh-nao") or None,
            asked.get("chu-de") if asked.get("chu-de") in self._lookup.topics else None,
            int(year) if year.isascii() and year.isdigit() and len(year) == 4 else None,
            asked.get("loai") or None,
            status if status in STATUSES else None,
        )

    def _down(self) -> Response:
        return self._page("lookup/note.html", 503, title=self._words["title"], note=self._words["down"])

    def _page(self, template: str, status: int = 200, /, **values: Any) -> Response:
        quoted = partial(citation_text, words=self._words, statuses=self._renderer.texts["status"])
        return self._renderer.page(template, status, emergency=self._emergency, w=self._words, quoted=quoted, **values)


def citation_text(found: Found, words: dict[str, Any], statuses: dict[str, str]) -> str:
    """What is copied: the words in quotation marks, and where they stand, as an officer would write it down."""
    c = found.citation
    head = f"{c.number or words['no_number']}"
    issued = f"{words['dated']} {day(c.issued_on)}" if c.issued_on else ""
    period = years(c.valid_from, c.valid_to)
    held = ", ".join(filter(None, [f"{words['period']} {period}" if period else "", statuses[c.status].lower()]))
    where = " › ".join(c.heading_path)
    page = f"{words['page']} {c.page}" if c.page else ""
    parts = [" ".join(filter(None, [head, issued])), c.title or "", c.province or "", where, page, held]
    return f"“{c.quote.strip()}” ({'; '.join(filter(None, parts))})"
