"""The citizen's pages: GET and POST / (the chat), /tai-lieu (the documents), /thoat (where the quick exit leads).

What was said is shown again to nobody by these pages, as a log found later on a shared phone can put somebody in danger; but for the last
hour of a conversation for which somebody on duty is asked, in the browser it was written in, until the quick exit (which takes the cookie).
Without JavaScript the page shows the last exchange; sending it again by reloading is harmless, because its message id goes with it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, cast
from urllib.parse import parse_qsl, urlsplit

from fastapi import APIRouter, FastAPI, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from bot.bodies import BodyTooLarge, read_up_to
from bot.duty.conversation import lines
from bot.web.document_view import contents, readable, view
from bot.web.render import Renderer, mount_static
from bot.web.security import HEADERS
from knowledge.errors import RequestRefused, StoreError, TrogiupError, UnknownDocument
from knowledge.model import Document, Hotline, Status
from knowledge.store import Thread

COOKIE = "trogiup_conversation"
MAX_BODY = 64 * 1024
"""Bytes of a form: 4,000 characters of up to four bytes, percent-encoded, and the hidden fields."""
_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")


class Conversation(Protocol):
    """What answers a message."""

    async def reply(self, *, conversation_id: str, text: str, message_id: str | None) -> dict[str, Any]:
        """The answer object of the contract; every citation also carries `passage_id`. The same message id gives the same answer.

        Raises RequestRefused, with advice in Vietnamese, for a text that is empty, too long, or one of too many.
        """
        ...


class Library(Protocol):
    """The published documents."""

    def document(self, document_id: str) -> Document:
        """Raises UnknownDocument."""
        ...

    def documents(self) -> list[Document]:
        """All of them, in the order they are listed."""
        ...

    def notices(self, document_id: str) -> list[str]:
        """What a reader must know of its validity and successors today."""
        ...

    def status(self, document_id: str) -> Status:
        """Its validity today."""
        ...


def new_id() -> str:
    """128 random bits, for a conversation or a message."""
    return secrets.token_urlsafe(16)


async def no_thread(conversation_id: str) -> Thread:
    """Nobody on duty."""
    return Thread(0, False)


def build_pages(
    conversation: Conversation,
    library: Library,
    *,
    emergency: Sequence[Hotline],
    new_id: Callable[[], str] = new_id,
    thread: Callable[[str], Awaitable[Thread]] = no_thread,
) -> APIRouter:
    """The routes of the citizen's pages. `emergency`: the numbers that every page shows, in order; `thread`: as PersonsSide.thread."""
    router = APIRouter(include_in_schema=False)
    renderer = Renderer()
    chat = _ChatPage(conversation, renderer, emergency, new_id, thread)
    router.add_api_route("/", chat.show, methods=["GET", "HEAD"])
    router.add_api_route("/", chat.ask, methods=["POST"])
    _document_routes(router, library, renderer, emergency)
    return router


class _ChatPage:
    """The chat page, with and without JavaScript."""

    def __init__(
        self,
        conversation: Conversation,
        renderer: Renderer,
        emergency: Sequence[Hotline],
        new_id: Callable[[], str],
        thread: Callable[[str], Awaitable[Thread]],
    ) -> None:
        self._conversation = conversation
        self._renderer = renderer
        self._emergency = emergency
        self._new_id = new_id
        self._thread = thread

    async def show(self, request: Request) -> Response:
        return await self._page(request)

    async def ask(self, request: Request) -> Response:
        words = self._renderer.texts["chat"]
        if not same_origin(request):
            return await self._page(request, 403, error=words["stale"])
        try:
            body = await read_up_to(MAX_BODY, request.stream())
        except BodyTooLarge:
            return await self._page(request, 413, error=words["too_long"])
        form = dict(parse_qsl(body.decode("utf-8", errors="replace")))
        text = form.get("choice") or form.get("text", "")
        token = form.get("conversation_id", "")
        # The hidden field must match the cookie, which another site can neither read nor send along with a form (SameSite).
        if not secrets.compare_digest(token.encode(), request.cookies.get(COOKIE, "").encode()) or not _ID.fullmatch(token):
            return await self._page(request, 403, error=words["stale"], draft=text)
        message_id = form.get("message_id", "")
        try:
            answer = await self._conversation.reply(
                conversation_id=token, text=text, message_id=message_id if _ID.fullmatch(message_id) else None
            )
        except RequestRefused as refused:
            return await self._page(request, 400, error=refused.advice, draft=text)
        except TrogiupError:
            return await self._page(request, 503, error=words["failed"], draft=text)
        return await self._page(request, question=text, answer=answer)

    async def _page(
        self,
        request: Request,
        status: int = 200,
        *,
        question: str | None = None,
        answer: dict[str, Any] | None = None,
        error: str | None = None,
        draft: str = "",
    ) -> Response:
        known = request.cookies.get(COOKIE, "")
        conversation_id = known if _ID.fullmatch(known) else self._new_id()
        thread = await self._so_far(known) if conversation_id == known else Thread(0, False)
        shown = answer["message_id"] if answer else None
        response = self._renderer.page(
            "chat.html",
            status,
            emergency=self._emergency,
            conversation_id=conversation_id,
            message_id=self._new_id(),
            question=question,
            answer=answer,
            error=error,
            draft=draft,
            said=[said for said in lines(thread) if said.message_id is None or said.message_id != shown],
            thread=thread,
        )
        if conversation_id != known:
            response.set_cookie(COOKIE, conversation_id, httponly=True, samesite="lax", secure=request.url.scheme == "https", path="/")
        return response

    async def _so_far(self, conversation_id: str) -> Thread:
        try:
            return await self._thread(conversation_id)
        except StoreError:  # whoever is in danger can write all the same
            return Thread(0, False)


def same_origin(request: Request) -> bool:
    """Whether a form was sent from one of our own pages, as far as the browser tells.

    Sec-Fetch-Site is believed first: with Referrer-Policy no-referrer a form's Origin is "null" (Fetch standard, "append a request
    `Origin` header"), which says nothing.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin in (None, "null") or urlsplit(origin).netloc == request.headers.get("host")


def _document_routes(router: APIRouter, library: Library, renderer: Renderer, emergency: Sequence[Hotline]) -> None:
    def documents() -> Response:
        listed = [(document, library.status(document.document_id)) for document in library.documents()]
        return renderer.page("documents.html", emergency=emergency, listed=listed)

    def document(document_id: str, tu: str | None = None, den: str | None = None) -> Response:
        try:
            found = library.document(document_id)
        except UnknownDocument:
            return _message(renderer, emergency, 404, "document_missing")
        cited = readable(tu, den, len(found.text))
        return renderer.page(
            "document.html",
            emergency=emergency,
            document=found,
            status=library.status(document_id),
            notices=library.notices(document_id),
            blocks=view(found, cited),
            contents=contents(found),
            cited=cited,
            span_missing=cited is None and not (tu is None and den is None),
        )

    def leave() -> Response:
        response = renderer.page("exit.html")
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")
        return response

    router.add_api_route("/tai-lieu", documents, methods=["GET", "HEAD"])
    router.add_api_route("/tai-lieu/{document_id}", document, methods=["GET", "HEAD"])
    router.add_api_route("/thoat", leave, methods=["GET", "HEAD"])


def install_error_pages(app: FastAPI, *, emergency: Sequence[Hotline]) -> None:
    """A browser gets a Vietnamese page for 404, 500 and the like; everybody else keeps the framework's JSON."""
    renderer = Renderer()

    async def refused(request: Request, exc: Exception) -> Response:
        refusal = cast(HTTPException, exc)
        if not _wants_page(request):
            return await http_exception_handler(request, refusal)
        return _message(renderer, emergency, refusal.status_code, "page_missing" if refusal.status_code == 404 else "refused")

    async def failed(request: Request, exc: Exception) -> Response:
        if not _wants_page(request):
            return JSONResponse({"detail": renderer.texts["messages"]["failed"]["text"]}, status_code=500, headers=HEADERS)
        # The server's own 500 is sent outside the middleware, so it brings its headers along.
        response = _message(renderer, emergency, 500, "failed")
        response.headers.update(HEADERS)
        return response

    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(Exception, failed)


def _message(renderer: Renderer, emergency: Sequence[Hotline], status: int, name: str) -> Response:
    return renderer.page("message.html", status, emergency=emergency, message=renderer.texts["messages"][name])


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


__all__ = ["Conversation", "Library", "build_pages", "install_error_pages", "mount_static"]
