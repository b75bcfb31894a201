"""How well and how fast files become documents, `python -m tools.bench_documents`: made-up plans in four formats, and their truth.

For each format: fields right, missing (null where there is something to read) and wrong; headings found under the right ones, and lines
taken for headings that are none. Then the time of a PDF and of a scan of twenty pages. `first`: the plans that reading was tuned on;
`later`: written afterwards. Options: `--of first later`, `--formats txt docx pdf scan`, `--misses` (lists what is not right),
`--times yes|no|only`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from knowledge.errors import LoadError
from knowledge.loading import load
from knowledge.model import Document
from knowledge.places import Gazetteer, load_gazetteer
from knowledge.reading.ocr import has_tesseract
from knowledge.text import fold, nfc
from tools.plan_maker import FIELDS, FORMATS, Plan, as_file, plans, twenty_pages

_PDF_SECONDS, _SCAN_SECONDS = 10, 60
"""What twenty pages may take on two cores."""


@dataclass
class Score:
    """Counts over some documents. A field that the plan does not hold counts as right when nothing is read."""

    fields: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By (field, right | missing | wrong)."""
    headings: int = 0
    found: int = 0
    surplus: int = 0
    misses: list[str] = field(default_factory=list)

    def share(self, what: str) -> float:
        """Of all fields."""
        return sum(n for (_, how), n in self.fields.items() if how == what) / max(1, sum(self.fields.values()))


def said(document: Document) -> dict[str, Any]:
    """The fields as `Plan.truth` has them."""
    values = {name: getattr(document.metadata, name) for name in FIELDS}
    return {name: value if value is None or isinstance(value, tuple) else str(value) for name, value in values.items()}


def judge(score: Score, plan: Plan, document: Document, where: str) -> None:
    """Adds a document to the score. Headings are compared without marks: a scan's "Thương bỉnh" is damage to words, not to the outline."""
    read = said(document)
    for name, true in plan.truth.items():
        got = read[name]
        same = _plain(got) == _plain(true)
        how = "right" if same else "missing" if got in (None, ()) else "wrong"
        score.fields[name, how] += 1
        if not same:
            score.misses.append(f"{where} {name}: {true!r} read as {got!r}")
    wanted = Counter(map(_path, plan.headings))
    got_paths = Counter(_path(section.path) for section in document.sections)
    hit = sum((wanted & got_paths).values())
    score.headings += len(plan.headings)
    score.found += hit
    score.surplus += sum(got_paths.values()) - hit
    score.misses += [f"{where} heading not found: {path[-1]}" for path in (wanted - got_paths)]
    score.misses += [f"{where} no heading: {' > '.join(path)}" for path in (got_paths - wanted)]


def _plain(value: Any) -> Any:
    """Dashes and blanks do not count; for several numbers neither does their order."""
    if isinstance(value, tuple):
        return sorted(map(_plain, value))
    return value if value is None else " ".join(nfc(value).replace("–", "-").split())


def _path(path: Sequence[str]) -> tuple[str, ...]:
    return tuple("".join(fold(nfc(title)).replace("–", "-").split()) for title in path)


def run(which: Sequence[str], formats: Sequence[str], gazetteer: Gazetteer) -> Iterator[tuple[str, str, Score]]:
    """Scores by set and format."""
    with tempfile.TemporaryDirectory() as folder:
        for name in which:
            for form in formats:
                score = Score()
                for plan in plans(name):
                    file_name, content = as_file(plan, form)
                    path = Path(folder) / file_name
                    path.write_bytes(content)
                    try:
                        judge(score, plan, load(path, gazetteer), file_name)
                    except LoadError as error:
                        score.misses.append(error.advice)
                        score.fields.update({(field, "missing"): 1 for field in FIELDS})
                        score.headings += len(plan.headings)
                yield name, form, score


def times(gazetteer: Gazetteer) -> Iterator[tuple[str, float, int]]:
    """Seconds from file to document for twenty pages of each kind."""
    with tempfile.TemporaryDirectory() as folder:
        for form in ("pdf", *(["scan"] if has_tesseract() else [])):
            path = Path(folder) / f"{form}.pdf"
            path.write_bytes(twenty_pages(form))
            start = time.perf_counter()
            document = load(path, gazetteer, lambda done, of: print(f"\r{done}/{of} pages ", end="", file=sys.stderr))
            yield form, time.perf_counter() - start, document.pages or 0


def main() -> int:
    """Prints the tables; 1 when a figure is not reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--of", nargs="+", default=["first", "later"])
    parser.add_argument("--formats", nargs="+", default=FORMATS)
    parser.add_argument("--misses", action="store_true")
    parser.add_argument("--times", choices=("yes", "no", "only"), default="yes")
    wanted = parser.parse_args()
    gazetteer, good = load_gazetteer(), True
    if wanted.times != "only":
        print(f"{'plans':6} {'format':6} {'fields right':>13} {'missing':>8} {'wrong':>7} {'headings':>9} {'surplus':>8}")
        by_field: dict[str, Counter[str]] = {name: Counter() for name in FIELDS}
        for name, form, score in run(wanted.of, wanted.formats, gazetteer):
            right, wrong = score.share("right"), score.share("wrong")
            headings = score.found / max(1, score.headings)
            print(
                f"{name:6} {form:6} {right:13.1%} {score.share('missing'):8.1%} {wrong:7.1%} {headings:9.1%} {score.surplus:8}", flush=True
            )
            good &= right >= 0.95 and wrong <= 0.01 and headings >= 0.95
            for (field_name, how), count in score.fields.items():
                by_field[field_name][how] += count
            if wanted.misses:
                print("\n".join(f"    {line}" for line in score.misses))
        print(f"\n{'field':12} {'right':>7} {'missing':>8} {'wrong':>6}")
        for field_name, counts in by_field.items():
            print(f"{field_name:12} {counts['right']:7} {counts['missing']:8} {counts['wrong']:6}")
    for form, seconds, pages in times(gazetteer) if wanted.times != "no" else ():
        print(f"{form:6} {pages} pages {seconds:6.1f} s")
        good &= seconds <= (_PDF_SECONDS if form == "pdf" else _SCAN_SECONDS)
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
