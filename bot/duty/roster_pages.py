"""/truc/lich: who is on duty when. Officers read it, administrators set it up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from actions.duty.coverage import week
from bot.duty.desk import OFFICER, DeskParts
from bot.staff.guard import Form, SignedIn
from knowledge.directory import VIETNAM
from knowledge.errors import KnowledgeError, StoreError
from knowledge.store import Absence, Holiday, Shift, Subject
from knowledge.store.roster import WEEKDAYS

HERE = "/truc/lich"
_NAME = 80


class _Unfit(Exception):
    """What was typed does not fit: a key of roster.error in texts.yml, and what it is about."""

    def __init__(self, key: str, name: str = "") -> None:
        super().__init__(key)
        self.key, self.name = key, name


def build_roster_pages(parts: DeskParts) -> APIRouter:
    """The routes of the roster."""
    router = APIRouter(include_in_schema=False)
    rows, pages, clock = parts.store.roster, parts.pages, parts.clock
    reader, administrator, form = (
        parts.staff.require(OFFICER, "administrator"),
        parts.staff.require("administrator"),
        parts.staff.form(),
    )
    words = pages.texts["roster"]

    def page(
        me: SignedIn, first: str = "", status: int = 200, *, done: str = "", error: str | None = None, draft: Form | None = None
    ) -> Response:
        now = clock()
        today = now.astimezone(VIETNAM).date()
        monday = _monday(first, today)
        roster = parts.roster()
        shown = {
            "now": now,
            "today": today,
            "on_duty": roster.on_duty(now, None),
            "next_shift": roster.next_shift(now, None),
            "days": week(roster, monday),
            "monday": monday,
            "earlier": monday - timedelta(days=7),
            "later": monday + timedelta(days=7),
            "rows": roster.rows,
            "people": _by_person(roster.rows.shifts),
            "names": parts.names(),
            "officers": parts.store.accounts.with_role(OFFICER),
            "weekdays": WEEKDAYS,
            "provinces": parts.provinces,
            "may_change": me.has("administrator"),
            "done": words["done"].get(done),
            "error": error,
            "draft": draft,
        }
        return pages.show("duty/roster.html", me, status, here=HERE, **shown)

    @router.get(HERE)
    def show(tuan: str = "", xong: str = "", me: SignedIn = reader) -> Response:
        return page(me, tuan, done=xong)

    # --- what an administrator adds and takes out

    def shift(fields: Form) -> None:
        single = fields.get("kind") == "single"
        days = tuple(day for day in WEEKDAYS if day in fields.getlist("weekday"))
        if not single and not days:
            raise _Unfit("days")
        rows.add_shift(
            Shift(
                _officer(fields),
                _time(fields, "starts"),
                _time(fields, "ends"),
                weekdays=() if single else days,
                day=_day(fields) if single else None,
                provinces=_provinces(fields.get("provinces", "")),
                on_holidays=fields.get("on_holidays") == "1",
            )
        )

    def absence(fields: Form) -> None:
        begins, ends = _moment(fields, "from"), _moment(fields, "until")
        if ends <= begins:
            raise _Unfit("absence")
        rows.add_absence(Absence(_officer(fields), begins, ends))

    def holiday(fields: Form) -> None:
        name = " ".join(fields.get("name", "").split())
        if not 0 < len(name) <= _NAME:
            raise _Unfit("name")
        rows.add_holiday(Holiday(_day(fields), name))

    def remove(fields: Form) -> None:
        what, which = fields.get("what", ""), fields.get("which", "")
        if what == "holiday":
            rows.remove_holiday(_day(fields, "which"))
        elif which.isascii() and which.isdigit() and len(which) < 19:
            if what == "shift":
                rows.remove_shift(int(which))
            elif what == "absence":
                rows.remove_absence(int(which))

    def _officer(fields: Form) -> str:
        account_id = fields.get("who", "")
        if account_id not in {account.account_id for account in parts.store.accounts.with_role(OFFICER)}:
            raise _Unfit("who")
        return account_id

    def _provinces(typed: str) -> tuple[str, ...]:
        names = {name.casefold(): name for name in parts.provinces}
        found = []
        for part in filter(None, (" ".join(part.split()) for part in typed.split(","))):
            if part.casefold() not in names:
                raise _Unfit("province", part[:_NAME])
            found.append(names[part.casefold()])
        return tuple(dict.fromkeys(found))

    actions: dict[str, tuple[Callable[[Form], None], str]] = {
        "ca": (shift, "them"),
        "vang": (absence, "them"),
        "le": (holiday, "them"),
        "bo": (remove, "bo"),
    }

    @router.post(HERE + "/{action}")
    def act(action: str, me: SignedIn = administrator, fields: Form = form) -> Response:
        if action not in actions:
            return RedirectResponse(HERE, 303)
        change, done = actions[action]
        try:
            change(fields)
        except _Unfit as unfit:
            return page(me, fields.get("tuan", ""), 400, error=words["error"][unfit.key].format(name=unfit.name), draft=fields)
        except StoreError:
            raise
        except KnowledgeError:
            return page(me, fields.get("tuan", ""), 400, error=words["error"]["time"], draft=fields)
        said = {name: value for name, value in fields.items() if name in ("who", "what", "which", "kind")}
        parts.store.audit.record(me.actor, "roster_changed", Subject("roster", action), after=said)
        shown = _monday(fields.get("tuan", ""), clock().astimezone(VIETNAM).date())
        return RedirectResponse(f"{HERE}?xong={done}&tuan={shown}", 303)

    return router


def _by_person(shifts: tuple[Shift, ...]) -> dict[str, list[Shift]]:
    people: dict[str, list[Shift]] = {}
    for shift in shifts:
        people.setdefault(shift.account_id, []).append(shift)
    return people


def _monday(text: str, today: date) -> date:
    """Of the week of a day in an address, or of today; years that the calendar of the page cannot turn are today's."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = today
    day = day if 2000 <= day.year < 2200 else today
    return day - timedelta(days=day.weekday())


def _time(fields: Form, name: str) -> time:
    try:
        found = time.fromisoformat(fields.get(name, ""))
    except ValueError as error:
        raise _Unfit("time") from error
    return found.replace(tzinfo=None, second=0, microsecond=0)


def _day(fields: Form, name: str = "day") -> date:
    try:
        day = date.fromisoformat(fields.get(name, ""))
    except ValueError as error:
        raise _Unfit("day") from error
    if not 2000 <= day.year < 2200:
        raise _Unfit("day")
    return day


def _moment(fields: Form, name: str) -> datetime:
    """A local time of the form's datetime-local field."""
    try:
        found = datetime.fromisoformat(fields.get(name, ""))
    except ValueError as error:
        raise _Unfit("absence") from error
    if not 2000 <= found.year < 2200:
        raise _Unfit("absence")
    return found.replace(tzinfo=VIETNAM)
