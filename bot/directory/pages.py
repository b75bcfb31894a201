"""/can-bo/danh-ba: the directory in forms and as CSV. For editors and administrators."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from bot.directory.csv_files import MOST_BYTES, Plan, export, planned
from bot.directory.keeper import DirectoryKeeper
from bot.directory.trying import Tried, Trying
from bot.directory.wording import Wording, checked_today
from bot.staff.guard import Form, SignedIn, Staff
from bot.staff.render import StaffPages
from knowledge.directory import NATIONWIDE, VIETNAM
from knowledge.directory_entries import Entry, overdue
from knowledge.directory_rules import EntryRefused, Kind
from knowledge.errors import IndexFault
from knowledge.store import DirectoryChanged, RowChange
from knowledge.text import clean_message, folded_line

HERE = "/can-bo/danh-ba"
ROLES = ("editor", "administrator")
_LONGEST = 300
"""Characters of a question that is tried."""


@dataclass(frozen=True)
class DirectoryPages:
    """What the pages are made of. `provinces`: the names that an area may have; `trying`: asks what a change makes of answers."""

    staff: Staff
    keeper: DirectoryKeeper
    provinces: Sequence[str]
    trying: Trying
    pages: StaffPages = field(default_factory=lambda: StaffPages(Path(__file__).with_name("texts.yml")))

    @property
    def words(self) -> dict[str, Any]:
        """The words of these pages."""
        words: dict[str, Any] = self.pages.texts["directory"]
        return words

    @property
    def wording(self) -> Wording:
        """How values are typed and read."""
        return Wording(self.keeper.rules, self.words)

    def today(self) -> date:
        """The day in Vietnam."""
        return self.staff.clock().astimezone(VIETNAM).date()

    def found(self, kind: str, key: str) -> tuple[Kind | None, Entry | None]:
        """A kind and a row of it, as they stand in the database; None for what is not there."""
        self.keeper.refresh()
        return self.keeper.rules.kinds.get(kind), self.keeper.merged.find(kind, key)

    def apply(self, changes: Sequence[RowChange], me: SignedIn, expected: int | None = None, action: str = "") -> None:
        """Keeps the changes and takes them up. Raises EntryRefused, DirectoryChanged and StoreError."""
        self.staff.store.directory.apply(changes, self.keeper.shipped.refuse_unfit, me.actor, expected=expected, action=action)
        self.keeper.refresh()

    # --- pages

    def overview(self, me: SignedIn, done: str = "") -> Response:
        """What there is, and what has to be looked at."""
        self.keeper.refresh()
        merged, today = self.keeper.merged, self.today()
        counts = {name: sum(not entry.hidden for entry in merged.of(name)) for name in self.keeper.rules.kinds}
        due = self.keeper.overdue(today)
        faults = [
            (entry, self.words["reasons"][reason].format(field=self.wording.label(entry.kind, name), limit=""))
            for kind, key, name, reason in merged.faults
            if (entry := merged.find(kind, key))
        ]
        return self._show("can-bo/directory.html", me, counts=counts, due=due, faults=faults, done=self.words["done"].get(done))

    def listing(self, me: SignedIn, kind: Kind, wanted: str, done: str = "", error: str | None = None, status: int = 200) -> Response:
        """The rows of a kind that hold the words."""
        self.keeper.refresh()
        today, words = self.today(), folded_line(wanted).strip()
        held = self.keeper.merged.of(kind.name)
        found = [entry for entry in held if words in folded_line(" ".join(entry.values.values()))]
        shown = {"kind": kind, "entries": found, "wanted": wanted, "overdue": {e.key for e in held if overdue(e, today)}, "error": error}
        return self._show("can-bo/directory_list.html", me, status, done=self.words["done"].get(done), **shown)

    def one(
        self,
        me: SignedIn,
        kind: Kind,
        entry: Entry | None,
        status: int = 200,
        *,
        values: dict[str, str] | None = None,
        problems: dict[str, str] | None = None,
        error: str | None = None,
        done: str = "",
        asked: str = "",
    ) -> Response:
        """The form of a row; None: a new one. `values`: what was typed, where it was refused; `asked`: a question to try the change on."""
        held = dict(entry.values) if entry else {}
        typed = values if values is not None else held
        fields = [
            (column, self.wording.label(kind.name, column.name), self._in_form(kind, column.name, typed.get(column.name, "")))
            for column in kind.fields
        ]
        locked = [c.name for c in kind.fields if entry and entry.protected and c.name not in self.keeper.rules.open_fields]
        locked += kind.fixed
        shown = {"kind": kind, "entry": entry, "fields": fields, "locked": locked, "problems": problems or {}, "error": error}
        shown["asked"] = asked
        is_due = entry is not None and overdue(entry, self.today())
        areas = (NATIONWIDE, *self.provinces)
        return self._show("can-bo/directory_row.html", me, status, areas=areas, is_due=is_due, done=self.words["done"].get(done), **shown)

    def preview(self, me: SignedIn, kind: Kind, entry: Entry | None, change: RowChange, fields: Form, where: str) -> Response:
        """What a change would make of answers, with the button that keeps it. Raises EntryRefused and StoreError."""
        after, own = self.keeper.with_change(change), " ".join(clean_message(fields.get("hoi", "")).split())[:_LONGEST]
        found: tuple[Tried, ...] | None = None
        with contextlib.suppress(IndexFault):  # the page says so
            found = self.trying.compare(self.keeper.merged, after, own)
        was, becomes = entry.values if entry else {}, change.values if change.values is not None else change.shipped
        differing = [c for c in kind.fields if was.get(c.name, "") != becomes.get(c.name, "")]
        rows = [
            (self.wording.label(kind.name, c.name), *(self.wording.shown(c, held.get(c.name, "")) for held in (was, becomes)))
            for c in differing
        ]
        sent = [(name, value) for name, value in fields.multi_items() if name not in ("csrf", "hoi", "ghi")]
        shown: dict[str, Any] = {"kind": kind, "entry": entry, "rows": rows, "sent": sent, "found": found, "own": own, "where": where}
        return self._show("can-bo/directory_preview.html", me, hidden=change.hidden, title=becomes.get(kind.keys[0], ""), **shown)

    def import_page(
        self, me: SignedIn, kind: Kind, status: int = 200, *, text: str = "", plan: Plan | None = None, error: str | None = None
    ) -> Response:
        """Where a file is brought, and what it would do."""
        return self._show(
            "can-bo/directory_import.html", me, status, kind=kind, text=text, plan=plan, error=error, version=self.keeper.version
        )

    def _in_form(self, kind: Kind, name: str, value: str) -> str:
        column = next(column for column in kind.fields if column.name == name)
        return self.wording.shown(column, value) if column.type in ("opening", "names", "phrases") else value

    def _show(self, template: str, me: SignedIn, status: int = 200, **values: Any) -> Response:
        shown = {"d": self.words, "kinds": self.keeper.rules.kinds, "wording": self.wording, "done": None, "error": None} | values
        return self.pages.show(template, me, status, here=HERE, **shown)


def build_directory(parts: DirectoryPages) -> APIRouter:
    """The routes under /can-bo/danh-ba."""
    router = APIRouter(include_in_schema=False)
    editor, form, long_form = parts.staff.require(*ROLES), parts.staff.form(), parts.staff.form(3 * MOST_BYTES)
    kinds, words = parts.keeper.rules.kinds, parts.words

    def missing(me: SignedIn) -> Response:
        message = {"title": words["title"], "text": words["errors"]["missing"]}
        return parts.pages.show("staff/message.html", me, 404, here=HERE, message=message)

    def keep(
        me: SignedIn,
        kind: Kind,
        entry: Entry | None,
        fields: Form,
        change: Callable[[], RowChange],
        *,
        typed: dict[str, str],
        where: str,
        onward: str,
        action: str = "",
    ) -> Response:
        """Keeps the change, or shows first what it would do, or the form again with what stands in the way. `where`: the form's address."""
        try:
            wanted = change()
            if kind.tried and fields.get("ghi") != "1":
                return parts.preview(me, kind, entry, wanted, fields, where)
            parts.apply([wanted], me, action=action)
        except EntryRefused as error:
            problems = parts.wording.problems(error, kind)
            asked = fields.get("hoi", "")[:_LONGEST]
            return parts.one(me, kind, entry, 400, values=typed, problems=problems, error=words["errors"]["fields"], asked=asked)
        except DirectoryChanged:
            parts.keeper.refresh()
            now = parts.keeper.merged.find(kind.name, entry.key) if entry else None
            return parts.one(me, kind, now, 409, error=words["errors"]["stale"])
        return RedirectResponse(onward, 303)

    @router.get(HERE)
    def overview(xong: str = "", me: SignedIn = editor) -> Response:
        return parts.overview(me, xong)

    @router.get(HERE + "/{name}.csv")
    def download(name: str, me: SignedIn = editor) -> Response:
        if name not in kinds:
            return missing(me)
        parts.keeper.refresh()
        lines = export(kinds[name], parts.keeper.merged.of(name), parts.wording)
        headers = {"Content-Disposition": f'attachment; filename="danh-ba-{name}.csv"', "Cache-Control": "no-store"}
        return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)

    @router.get(HERE + "/{name}")
    def listing(name: str, q: str = "", xong: str = "", me: SignedIn = editor) -> Response:
        return parts.listing(me, kinds[name], q[:100], xong) if name in kinds else missing(me)

    @router.get(HERE + "/{name}/them")
    def new(name: str, hoi: str = "", me: SignedIn = editor) -> Response:
        return parts.one(me, kinds[name], None, asked=hoi[:_LONGEST]) if name in kinds and not kinds[name].fixed else missing(me)

    @router.post(HERE + "/{name}/them")
    def add(name: str, me: SignedIn = editor, fields: Form = form) -> Response:
        if name not in kinds or kinds[name].fixed:
            return missing(me)
        typed = parts.wording.row(kinds[name], lambda field: fields.get(field, ""), fields.getlist)

        def change() -> RowChange:
            return RowChange(name, values=parts.keeper.rules.checked(kinds[name], typed, parts.today()))

        addresses = {"where": f"{HERE}/{name}/them", "onward": f"{HERE}/{name}?xong=saved"}
        return keep(me, kinds[name], None, fields, change, typed=typed, **addresses)

    @router.get(HERE + "/{name}/nhap")
    def bring(name: str, me: SignedIn = editor) -> Response:
        return parts.import_page(me, kinds[name]) if name in kinds and not kinds[name].tried else missing(me)

    @router.post(HERE + "/{name}/nhap")
    def take(name: str, me: SignedIn = editor, fields: Form = long_form) -> Response:
        if name not in kinds or kinds[name].tried:
            return missing(me)
        text = fields.get("csv", "")
        if len(text.encode()) > MOST_BYTES:
            return parts.import_page(me, kinds[name], 413, error=words["csv"]["too_large"])
        parts.keeper.refresh()
        plan = planned(text, kinds[name], parts.keeper.merged, parts.wording, parts.today())
        if plan.errors or not plan.rows or fields.get("ghi") != "1":
            return parts.import_page(me, kinds[name], 400 if plan.errors else 200, text=text, plan=plan)
        try:
            expected = int(seen) if (seen := fields.get("ban", "")).isascii() and seen.isdigit() and len(seen) < 19 else -1
            parts.apply([row.change for row in plan.rows], me, expected, "directory_imported")
        except DirectoryChanged:
            parts.keeper.refresh()
            plan = planned(text, kinds[name], parts.keeper.merged, parts.wording, parts.today())
            return parts.import_page(me, kinds[name], 409, text=text, plan=plan, error=words["errors"]["stale_file"])
        except EntryRefused as error:
            why = " ".join([f"{error.key or ''}", *parts.wording.problems(error, kinds[name]).values()]).strip()
            return parts.import_page(me, kinds[name], 400, text=text, error=words["errors"]["refused"].format(why=why))
        return RedirectResponse(f"{HERE}/{name}?xong=imported", 303)

    @router.get(HERE + "/{name}/{key}")
    def row(name: str, key: str, xong: str = "", me: SignedIn = editor) -> Response:
        kind, entry = parts.found(name, key)
        return parts.one(me, kind, entry, done=xong) if kind and entry else missing(me)

    @router.post(HERE + "/{name}/{key}")
    def save(name: str, key: str, me: SignedIn = editor, fields: Form = form) -> Response:
        kind, entry = parts.found(name, key)
        if kind is None or entry is None:
            return missing(me)
        typed = parts.wording.row(kind, lambda field: fields.get(field, entry.values.get(field, "")), fields.getlist)
        version = _version(fields)

        def change() -> RowChange:
            values = parts.keeper.rules.checked(kind, typed, parts.today())
            return RowChange(name, entry.row_id, entry.base, version, entry.hidden, values, entry.values)

        where = f"{HERE}/{name}/{key}"
        return keep(me, kind, entry, fields, change, typed=typed, where=where, onward=f"{where}?xong=saved")

    @router.post(HERE + "/{name}/{key}/{action}")
    def act(name: str, key: str, action: str, me: SignedIn = editor, fields: Form = form) -> Response:
        kind, entry = parts.found(name, key)
        if kind is None or entry is None or action not in _ACTIONS or (action == "da-kiem-tra" and "checked_on" not in entry.values):
            return missing(me)
        values, hidden, done = dict(entry.values), entry.hidden, _ACTIONS[action]
        if action == "da-kiem-tra":
            values = checked_today(entry.values, parts.today())
        elif action in ("an", "mo"):
            hidden = action == "an"
        taken_back = action == "ban-goc"
        if taken_back and entry.origin != "changed":
            return missing(me)
        change = RowChange(name, entry.row_id, entry.base, _version(fields), hidden, None if taken_back else values, entry.values)
        if taken_back:
            change = RowChange(name, entry.row_id, entry.base, _version(fields), shipped=parts.keeper.shipped.values(name, key))

        where = f"{HERE}/{name}/{key}"
        onward = f"{where if fields.get('ve') != 'tong-quan' else HERE}?xong={done}"
        addresses = {"where": f"{where}/{action}", "onward": onward}
        return keep(me, kind, entry, fields, lambda: change, typed=values, action=f"directory_{done}", **addresses)

    return router


_ACTIONS = {"da-kiem-tra": "checked", "an": "hidden", "mo": "shown", "ban-goc": "restored"}
"""By the last part of the address: the name of what is done."""


def _version(fields: Form) -> int:
    """The row's version as the form was filled in from it; -1, which no row has, for anything else."""
    written = fields.get("ban", "")
    return int(written) if written.isascii() and written.isdigit() and len(written) < 19 else -1
