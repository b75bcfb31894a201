"""Pages for staff: the renderer of the citizen's pages with the words of staff, and who is signed in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from fastapi import Request
from fastapi.responses import HTMLResponse

from bot.staff.guard import SignedIn
from bot.web.render import Renderer
from knowledge.directory import VIETNAM

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXTS = Path(__file__).parent / "texts.yml"


class StaffPages(Renderer):
    """Renders templates that extend staff/base.html. Templates know `t`, `static`, `me`, `links`, `here` and the filter `moment`."""

    def __init__(self, *more_texts: Path) -> None:
        """`more_texts`: YAML files whose words stand beside those of bot/staff/texts.yml; the later one wins."""
        super().__init__()
        for path in (_TEXTS, *more_texts):
            with path.open(encoding="utf-8") as handle:
                self.texts.update(yaml.load(handle, Loader=_LOADER))  # noqa: S506
        self._env.filters |= {"moment": moment, "device": self._device}

    def add_filters(self, **filters: Callable[..., str]) -> None:
        """More filters for the templates."""
        self._env.filters |= filters

    def show(self, template: str, me: SignedIn | None, http_status: int = 200, /, *, here: str = "", **values: object) -> HTMLResponse:
        """The filled template for `me` (None: nobody is signed in). `here`: the path of the link that is the page itself."""
        links = [link for link in self.texts["links"] if me and me.step is None and (not link["roles"] or me.has(*link["roles"]))]
        return self.page(template, http_status, me=me, links=links, here=here, **values)

    def message(self, name: str, me: SignedIn | None, http_status: int) -> HTMLResponse:
        """A page of one message of texts.yml."""
        return self.show("staff/message.html", me, http_status, message=self.texts["staff_messages"][name])

    def _device(self, user_agent: str | None) -> str:
        """What people call a browser and what it runs on."""
        words = self.texts["devices"]
        browser, system = (_first(words[kind], user_agent or "") for kind in ("browsers", "systems"))
        both = words["both"].format(browser=browser, system=system) if browser and system else browser or system
        return both or str(self.texts["account"]["session_unknown"])


def _first(names: dict[str, str], text: str) -> str | None:
    return next((name for sign, name in names.items() if sign in text), None)


def moment(value: datetime | None) -> str:
    """An aware moment as Vietnam's clocks show it, "14:05 22/11/2026"; a dash for None."""
    if value is None:
        return "–"
    local = value.astimezone(VIETNAM)
    return f"{local:%H:%M} {local.day}/{local.month}/{local.year}"


def first_page(texts: dict[str, Any], me: SignedIn) -> str:
    """Where somebody begins who did not ask for a page: the first link that the roles show."""
    return next(str(link["path"]) for link in texts["links"] if not link["roles"] or me.has(*link["roles"]))


def wants_page(request: Request) -> bool:
    """Whether a browser asks for a page (and not a script for data)."""
    return "text/html" in request.headers.get("accept", "")
