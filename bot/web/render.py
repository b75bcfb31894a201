"""Templates, the page's words and the small formats they need. Made once by `Renderer()`; nothing is read at import."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.staticfiles import StaticFiles

HERE = Path(__file__).parent


class Renderer:
    """Renders the templates with the words of texts.yml (`t`) and addresses of static files that change with their content."""

    def __init__(self) -> None:
        with (HERE / "texts.yml").open(encoding="utf-8") as handle:
            self.texts: dict[str, Any] = yaml.safe_load(handle)
        self._env = Environment(
            loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        self._env.filters |= {"day": day, "years": years, "tel": tel, "passage_link": passage_link}
        self._env.globals |= {"t": self.texts, "static": _static_address}

    def page(self, template: str, http_status: int = 200, /, **values: object) -> HTMLResponse:
        """The filled template. Never stored by a cache: what somebody asked must not be found later on a shared phone."""
        body = self._env.get_template(template).render(**values)
        return HTMLResponse(body, status_code=http_status, headers={"Cache-Control": "no-store"})


def mount_static(app: FastAPI) -> None:
    """Serves the style sheet, scripts and icons under /static."""
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")


def day(value: date | str | None) -> str | None:
    """2018-03-22 (a date, or its ISO form) → "22/3/2018"; None stays None."""
    if value is None:
        return None
    when = date.fromisoformat(value) if isinstance(value, str) else value
    return f"{when.day}/{when.month}/{when.year}"


def years(start: date | str | None, end: date | str | None) -> str:
    """The years of a period, "2018–2020"; one of them where the other is not known; empty where neither is."""
    found = dict.fromkeys(str(value)[:4] for value in (start, end) if value is not None)
    return "–".join(found)


def tel(phone: str) -> str:
    """A tel: address of a number as people write it: "1900 969 680" → "tel:1900969680"."""
    return "tel:" + "".join(char for char in phone if char in "0123456789+*#")


def passage_link(citation: dict[str, Any]) -> str:
    """Where the cited words are marked in their document."""
    return f"/tai-lieu/{quote(citation['document_id'], safe='')}?tu={citation['start']}&den={citation['end']}#trich"


def _static_address(name: str) -> str:
    digest = hashlib.sha256((HERE / "static" / name).read_bytes()).hexdigest()[:10]
    return f"/static/{name}?v={digest}"
