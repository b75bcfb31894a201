"""The quality part of `make bench`: every question set, answered by the actions directly, its figures side by side.

    .venv/bin/python -m tools.bench_quality           # the table, in a home of its own
    .venv/bin/python -m tools.bench_quality --gates   # and writes tests/eval/gates.yml anew

Only figures are printed, never a question: four of the sets must not be read.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import yaml

from bot.evaluate import Judge, directly
from bot.services import Services
from bot.settings import Settings
from index.evaluation import Figure, read_gold, score
from knowledge.directory import VIETNAM

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "tests" / "eval"
SETS = ("train", "regression", "regression-b", "followups", "heldout", "voices", "voices-b")
WHOLE = frozenset({"answered_at_all", "short_enough[900 chars]", "supported"})
"""Promises and not measurements: the gates of these are always 1."""


def measured(services: Services, name: str, as_of: date) -> list[Figure]:
    """The figures of one set on one day, `supported` among them. The services' own database takes the conversations."""
    gold = read_gold(FOLDER / f"{name}.jsonl")
    told = {answer["id"]: answer for answer in asyncio.run(directly(services, gold, as_of))}
    return score(gold, told, Judge(services, as_of).unsupported(gold, told))


def all_measured(environ: Mapping[str, str]) -> dict[str, list[Figure]]:
    """Every set, today, in the home that the environment names."""
    services = Services.open(Settings.load(environ, ROOT))
    try:
        services.knowledge_base.ensure(lambda line: print(f"bench: {line}", file=sys.stderr))
        today = services.clock().astimezone(VIETNAM).date()
        return {name: measured(services, name, today) for name in SETS}
    finally:
        services.close()


def quality_table(figures: Mapping[str, Sequence[Figure]]) -> str:
    """A row a figure, a column a set; each cell the share with its 95% interval and how many it was asked of."""
    found = {name: {figure.name: figure for figure in rows} for name, rows in figures.items()}
    lines = ["quality".ljust(26) + "".join(f"{name:26}" for name in found)]
    for row in dict.fromkeys(name for rows in found.values() for name in rows):
        cells = "".join(f"{_cell(of_set.get(row)):26}" for of_set in found.values())
        lines.append(f"{row:26}{cells}".rstrip())
    return "\n".join(line.rstrip() for line in lines)


def gates(figures: Mapping[str, Sequence[Figure]], before: Mapping[str, Mapping[str, float]]) -> str:
    """tests/eval/gates.yml: one standard error under what was measured, and never less than `before`."""
    lines = [
        "# What no change may fall below (tests/eval/test_gates.py): a set, a figure, its minimum. Chosen as what was measured last, less",
        "# one standard error (by the Wilson interval, so that small sets have more room); what is promised and not measured is 1. Raise",
        "# them after a gain: .venv/bin/python -m tools.bench_quality --gates. Never lower one to let a change pass.",
    ]
    for name, rows in figures.items():
        least = before.get(name, {})
        lines += [
            f"{name}:",
            *(f"  {row.name}: {1.0 if row.name in WHOLE else max(row.floor(), least.get(row.name, 0)):.3f}" for row in rows),
        ]
    return "\n".join(lines) + "\n"


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return ""
    low, high = figure.interval()
    return f"{figure.share:.3f} {low:.3f}–{high:.3f} /{figure.asked}"


def main() -> int:
    """Prints the table; with --gates writes the gates."""
    arguments = argparse.ArgumentParser(description="how well every question set is answered")
    arguments.add_argument("--gates", action="store_true", help="write tests/eval/gates.yml from what is measured")
    wanted = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="trogiup-quality-") as home:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("TROGIUP_")}
        figures = all_measured({**environ, "TROGIUP_HOME": home})
    print(quality_table(figures))
    if wanted.gates:
        path = FOLDER / "gates.yml"
        path.write_text(gates(figures, yaml.safe_load(path.read_text("utf-8"))), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
