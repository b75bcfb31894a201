"""How the figures of a report are said, on the page and in its files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.reports.report import Line, Report


def number(line: Line, words: Mapping[str, Any]) -> str:
    """A number as people read it: "1.204", "không nêu"."""
    return str(words["hidden"]) if line.number is None else f"{line.number:,}".replace(",", ".")


def length(seconds: float | None) -> str:
    """How long, in hours, minutes and seconds: "0:04:05"; a dash where nobody has waited."""
    if seconds is None:
        return "–"
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def summary(report: Report, words: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The figures that stand before the tables."""
    waiting = report.waiting
    return [
        (words["total_label"], f"{report.total:,}".replace(",", ".")),
        (words["cases"], str(waiting.cases)),
        (words["taken"], str(waiting.taken)),
        (words["median"], length(waiting.median)),
        (words["p95"], length(waiting.p95)),
    ]
