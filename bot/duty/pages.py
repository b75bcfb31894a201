"""/truc: the queue, its live stream, and how long people waited. Hangs the whole desk into the application."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import StreamingResponse

from actions.triage import Risk
from bot.channels.zalo_oa.events import NAME as ZALO_OA
from bot.duty.case_pages import build_case_pages
from bot.duty.desk import DeskParts, install_refusals
from bot.duty.live import Live
from bot.duty.roster_pages import build_roster_pages
from bot.duty.view import elapsed
from bot.staff.guard import SignedIn
from knowledge.directory import VIETNAM
from knowledge.store import Case, Wait

HERE = "/truc"
WEEKS = 8
MOST = 200
"""Cases on a page: the gravest first, nobody reads further down."""
_QUICK = timedelta(minutes=2)
"""Within this somebody in danger now is to be answered (actions/duty/escalation.py)."""
_EVENTS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""A proxy must not hold events back (nginx: X-Accel-Buffering)."""


def install_desk(app: FastAPI, parts: DeskParts, live: Live | None = None) -> None:
    """Adds the routes, and what is shown when something is refused."""
    watched = live or Live(lambda: parts.store.desk.pulse(Risk.DANGER_NOW))
    for router in (_build_queue(parts, watched), build_case_pages(parts), build_roster_pages(parts)):
        app.include_router(router)
    install_refusals(app, parts)


def _build_queue(parts: DeskParts, live: Live) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    store, pages, clock = parts.store, parts.pages, parts.clock
    officer = parts.officer()

    def filled(me: SignedIn, wanted: str) -> dict[str, Any]:
        """The queue as a filter shows it, and how many each filter would show."""
        now, account_id = clock(), me.account.account_id
        cases = store.cases.queue()
        closed = store.desk.closed_since(datetime.combine(now.astimezone(VIETNAM).date(), time(), VIETNAM))
        shown: dict[str, Sequence[Case]] = {
            "tat-ca": cases,
            "cua-toi": [case for case in cases if case.holder == account_id],
            "cho": [case for case in cases if case.state == "open"],
            "dong": closed,
        }
        chosen = wanted if wanted in shown else "tat-ca"
        counts = {name: len(found) for name, found in shown.items()}
        tokens = store.tokens.get(ZALO_OA)
        return {
            "cases": shown[chosen][:MOST],
            "left_out": max(0, counts[chosen] - MOST),
            "counts": counts,
            "chosen": chosen,
            "zalo_failed_at": tokens.failed_at if tokens else None,
            "now": now,
            "names": parts.names(),
            "w": parts.words,
        }

    @router.get(HERE)
    def queue(loc: str = "", me: SignedIn = officer) -> Response:
        roster, now = parts.roster(), clock()
        here = {"on_duty": roster.on_duty(now, None), "next_shift": roster.next_shift(now, None)}
        return pages.show("duty/queue.html", me, here=HERE, **filled(me, loc), **here)

    @router.get(HERE + "/hang-doi")
    def fragment(loc: str = "", me: SignedIn = officer) -> Response:
        """The list alone, for the script."""
        return pages.show("duty/_queue.html", me, **filled(me, loc))

    @router.get(HERE + "/su-kien")
    async def events(me: SignedIn = officer) -> Response:
        return StreamingResponse(live.stream(), media_type="text/event-stream", headers=_EVENTS)

    @router.get(HERE + "/thong-ke")
    def stats(me: SignedIn = officer) -> Response:
        today = clock().astimezone(VIETNAM).date()
        first = today - timedelta(days=today.weekday() + 7 * (WEEKS - 1))
        waits = store.desk.waits(datetime.combine(first, time(), VIETNAM))
        return pages.show("duty/stats.html", me, here=HERE, weeks=_weeks(waits))

    return router


def _weeks(waits: Sequence[Wait]) -> list[dict[str, Any]]:
    """By the week, from Monday, in which the waiting began; the newest first."""
    by_week: dict[Any, list[Wait]] = {}
    for wait in waits:
        day = wait.since.astimezone(VIETNAM).date()
        by_week.setdefault(day - timedelta(days=day.weekday()), []).append(wait)
    return [{"monday": monday, **_figures(by_week[monday])} for monday in sorted(by_week, reverse=True)]


def _figures(waits: Sequence[Wait]) -> dict[str, Any]:
    lengths = sorted(wait.taken_at - wait.since for wait in waits if wait.taken_at)
    danger = [wait for wait in waits if wait.risk >= Risk.DANGER_NOW]
    quick = sum(1 for wait in danger if wait.taken_at and wait.taken_at - wait.since <= _QUICK)
    return {
        "cases": len(waits),
        "taken": len(lengths),
        "median": _clock(statistics.median(length.total_seconds() for length in lengths)) if lengths else None,
        "p95": _clock(lengths[-(-95 * len(lengths) // 100) - 1].total_seconds()) if lengths else None,  # nearest rank
        "danger": len(danger),
        "quick": quick,
    }


def _clock(seconds: float) -> str:
    start = datetime.fromtimestamp(0, VIETNAM)
    return elapsed(start, start + timedelta(seconds=seconds))
