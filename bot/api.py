"""The HTTP interface of the contract: messages, search, health, metrics; the pages hang beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, HTTPException, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from actions.duty.notices import DutyNotices
from bot.directory.pages import DirectoryPages, build_directory
from bot.directory.trying import Trying
from bot.duty.conversation import MAX_WAIT_S, PersonsSide
from bot.duty.desk import DeskParts
from bot.duty.pages import install_desk
from bot.gateway import MAX_ID, MAX_TEXT, Gateway, TooLong, TooMany
from bot.lookup.finding import Lookup
from bot.lookup.pages import build_lookup
from bot.publication.pages import install_publication
from bot.questions.overview import Questions
from bot.questions.pages import PresentAnswer, QuestionPages, build_questions
from bot.reports.counting import Counting
from bot.reports.pages import ReportPages, build_reports
from bot.search_view import search_view
from bot.services import Services
from bot.staff.install import install_staff
from bot.staff.openid import OfficeLogin
from bot.web.events import EventStreams, build_events
from bot.web.pages import build_pages, install_error_pages, mount_static
from bot.web.security import security_headers
from knowledge.directory import VIETNAM
from knowledge.errors import IndexFault, RequestRefused, StoreError, TrogiupError

MAX_BODY = 64 * 1024
Health = Callable[[], dict[str, str]]
"""The state of each supervised part, for /readyz."""


def _day(value: object) -> object:
    if value is None or (isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value)):
        return value
    raise ValueError("YYYY-MM-DD is wanted")


Day = Annotated[date | None, BeforeValidator(_day)]
"""YYYY-MM-DD and nothing else: pydantic alone takes seconds since 1970 as well."""
Id = Annotated[str, Field(min_length=1, max_length=MAX_ID, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""Without control characters: it stands in the log."""


class MessageIn(BaseModel):
    """The body of POST /api/v1/messages."""

    model_config = ConfigDict(extra="forbid")

    conversation_id: Id
    text: str
    message_id: Id | None = None
    as_of: Day = None


class Metrics:
    """What /metrics shows. No label ever holds what somebody wrote."""

    def __init__(self, gateway: Gateway) -> None:
        self.registry = CollectorRegistry()
        self.answers = Counter("trogiup_answers_total", "Answers by kind", ["kind"], registry=self.registry)
        self.refused = Counter("trogiup_refused_total", "Messages refused by status", ["status"], registry=self.registry)
        self.latency = Histogram(
            "trogiup_answer_seconds", "Seconds to an answer", buckets=(0.01, 0.025, 0.05, 0.08, 0.15, 0.3, 1, 2, 5), registry=self.registry
        )
        Gauge("trogiup_answered_by_rasa", "Answers that came through Rasa", registry=self.registry).set_function(lambda: gateway.by_rasa)
        Gauge("trogiup_answered_directly", "Answers given without Rasa", registry=self.registry).set_function(lambda: gateway.direct)


def build_app(
    services: Services, gateway: Gateway, health: Health, *webhooks: APIRouter, counted: Sequence[CollectorRegistry] = ()
) -> FastAPI:
    """The application. Starts nothing by itself. `webhooks`: by which other programs bring what they have for us; `counted`: what others
    count, for /metrics.
    """
    app = FastAPI(title="Trợ Giúp", version="1", openapi_url="/api/v1/openapi.json", docs_url=None, redoc_url=None)
    metrics = Metrics(gateway)
    app.add_middleware(_limited_body)
    app.add_middleware(security_headers)
    _errors(app, metrics)
    for webhook in webhooks:  # first: routes are tried one after the other, and a service brings many messages at once
        app.include_router(webhook)
    _messages(app, gateway, metrics)
    persons_side = PersonsSide(services.store, services.clock, services.texts("handover.officer"))
    _updates(app, persons_side)
    app.include_router(build_events(EventStreams(persons_side.updates)))
    _search(app, services)
    _health(app, services, health, [metrics.registry, *counted])
    rows = [row for phone in ("111", "113", "115", "114") if (row := services.directory.by_phone(phone))]
    staff = install_staff(app, services.store, services.clock, office=OfficeLogin.of(services.settings, services.clock))
    provinces = [place.name for place in services.gazetteer.places]
    install_desk(app, DeskParts(staff, DutyNotices.load(services.directory), provinces))
    app.include_router(build_directory(DirectoryPages(staff, services.directory_keeper, provinces, Trying.of(services))))
    app.include_router(build_reports(ReportPages(staff, Counting.of(services))))
    questions = Questions.of(services.store, services.understanding.lexicon, services.gazetteer, services.clock)
    answer = PresentAnswer(services.triage, services.directory, services.area, services.assistant, services.clock)
    app.include_router(build_questions(QuestionPages(staff, questions, answer, services.library().documents, provinces)))
    install_publication(app, staff, services.publisher())
    app.include_router(build_pages(gateway, services.library(), emergency=rows, thread=persons_side.thread))
    today = lambda: services.clock().astimezone(VIETNAM).date()  # noqa: E731
    app.include_router(build_lookup(Lookup.of(services), emergency=rows, today=today))
    install_error_pages(app, emergency=rows)
    mount_static(app)
    return app


def _limited_body(app: ASGIApp) -> ASGIApp:
    """ASGI middleware: 413 once a body for the API is longer than MAX_BODY, whatever its Content-Length said. The pages count their own."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MAX_BODY:
                raise HTTPException(413, f"The body is larger than {MAX_BODY} bytes.")
            return message

        await app(scope, counted if scope["type"] == "http" and scope["path"].startswith("/api/") else receive, send)

    return wrapped


def _errors(app: FastAPI, metrics: Metrics) -> None:
    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        fields = [".".join(part for part in found["loc"][1:] if isinstance(part, str)) or "body" for found in error.errors()]
        metrics.refused.labels("400").inc()
        return JSONResponse({"detail": f"Does not fit: {', '.join(dict.fromkeys(fields))}.", "fields": fields}, 400)

    @app.exception_handler(RequestRefused)
    async def refused(request: Request, error: RequestRefused) -> Response:
        if isinstance(error, TooMany):
            metrics.refused.labels("429").inc()
            return JSONResponse({"detail": error.advice}, 429, headers={"Retry-After": str(error.retry_after)})
        status = 413 if isinstance(error, TooLong) else 400
        metrics.refused.labels(str(status)).inc()
        return JSONResponse({"detail": error.advice, "fields": [error.context.get("field", "body")]}, status)

    @app.exception_handler(TrogiupError)
    async def failed(request: Request, error: TrogiupError) -> Response:
        return JSONResponse({"detail": error.advice}, 503)


def _messages(app: FastAPI, gateway: Gateway, metrics: Metrics) -> None:
    @app.post("/api/v1/messages")
    async def messages(body: MessageIn) -> dict[str, Any]:
        """One message of a conversation; the answer object of the contract."""
        with metrics.latency.time():
            answer = await gateway.reply(conversation_id=body.conversation_id, text=body.text, message_id=body.message_id, as_of=body.as_of)
        metrics.answers.labels(answer["kind"]).inc()
        return answer


def _updates(app: FastAPI, persons_side: PersonsSide) -> None:
    @app.get("/api/v1/conversations/{conversation_id}/updates")
    async def updates(
        conversation_id: Annotated[str, Path(min_length=1, max_length=MAX_ID)],
        after: Annotated[int, Query(ge=0, le=2**53)] = 0,
        wait: Annotated[float, Query(ge=0, le=MAX_WAIT_S)] = 0,
    ) -> JSONResponse:
        """What was sent outside of an answer after an id: an officer's words, notices. Waits for it up to `wait` seconds."""
        rows = await persons_side.updates(conversation_id, after, wait)
        return JSONResponse({"updates": rows}, headers={"Cache-Control": "no-store"})


def _search(app: FastAPI, services: Services) -> None:
    @app.get("/api/v1/search")
    def search(
        q: Annotated[str, Query(min_length=1, max_length=MAX_TEXT)],
        province: Annotated[str | None, Query(max_length=60)] = None,
        as_of: Day = None,
        k: Annotated[int, Query(ge=1, le=50)] = 10,
    ) -> dict[str, Any]:
        """Passages with their citations, best first."""
        on = as_of or services.clock().astimezone(VIETNAM).date()
        return {"hits": search_view(services, q, province, on, k)}


def _health(app: FastAPI, services: Services, health: Health, registries: Sequence[CollectorRegistry]) -> None:
    @app.get("/healthz")
    async def alive() -> dict[str, str]:
        """The process answers."""
        return {"status": "alive"}

    @app.get("/readyz")
    def ready() -> Response:
        """Ready to answer: the index and the tables are there. Rasa and the database may be down: answers go on."""
        parts = {"index": _state(services.answerer, IndexFault), "database": _state(services.store.health, StoreError), **health()}
        return JSONResponse({"ready": parts["index"] == "ready", "parts": parts}, 200 if parts["index"] == "ready" else 503)

    @app.get("/metrics", include_in_schema=False)
    def measured() -> Response:
        return PlainTextResponse(b"".join(map(generate_latest, registries)), media_type=CONTENT_TYPE_LATEST)


def _state(part: Callable[[], object], fault: type[Exception]) -> str:
    try:
        part()
    except fault:
        return "down"
    return "ready"
