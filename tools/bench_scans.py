"""What scanning costs the answers, `python -m tools.bench_scans`: the five documents as clean text and as scans at 200 dpi, asked the same.

The texts are printed on A4, turned into grainy pictures a little askew, read by the product's own recognition, published and indexed in a
home of their own; then the questions of tests/eval/train.jsonl that the documents answer are put to both. `evidence_cited` is that of
`trogiup eval`: an evidence stands, letter by letter, in one of the quotes. Options: `--questions N` (every so many-th, so that there are
about N; default 300), `--misses` (ids that only the scans miss), `--keep FOLDER` (scans are made and read once, and kept there).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bot.evaluate import directly
from bot.services import Services
from bot.settings import Settings
from index.evaluation import Figure, read_gold, score
from knowledge.directory import VIETNAM
from tools.plan_maker import printed, scanned

ROOT = Path(__file__).resolve().parent.parent
GOLD = ROOT / "tests" / "eval" / "train.jsonl"
SOURCES = ROOT / "knowledge" / "sources"
FIGURE = "evidence_cited"
ALLOWED = 0.05
"""What scanning may cost."""


def scans(sources: Sequence[Path], folder: Path) -> list[Path]:
    """The texts as scans in `folder`, named as they are."""
    made = []
    for source in sources:
        path = folder / f"{source.stem}.pdf"
        if not path.exists():
            path.write_bytes(scanned(printed(source.read_text(encoding="utf-8")), source.stem))
        made.append(path)
    return made


def opened(home: Path, files: Sequence[Path]) -> Services:
    """Services in a home of their own, where these files are published and indexed. LoadError where one cannot be read."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TROGIUP_")}
    services = Services.open(Settings.load({**environ, "TROGIUP_HOME": str(home)}, ROOT))
    if not services.store.documents.list():
        for file in files:
            report = services.knowledge_base.ingest(file, publish=True)
            print(f"{file.name}: {report['passages']} passages", file=sys.stderr, flush=True)
    services.knowledge_base.ensure(lambda line: print(line, file=sys.stderr))
    return services


async def measured(services: Services, gold: Sequence[Mapping[str, object]]) -> Figure:
    """How often an evidence was cited."""
    today = services.clock().astimezone(VIETNAM).date()
    told = {answer["id"]: answer for answer in await directly(services, gold, today)}
    return next(figure for figure in score(gold, told) if figure.name == FIGURE)


def main() -> int:
    """Prints both figures; 1 where scanning costs more than is allowed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--misses", action="store_true")
    parser.add_argument("--keep", type=Path)
    wanted = parser.parse_args()
    gold = [question for question in read_gold(GOLD) if question["kind"] == "answer" and question["evidence"]]
    gold = gold[:: max(1, len(gold) // wanted.questions)]
    sources = sorted(SOURCES.glob("*.txt"))
    figures = {}
    with tempfile.TemporaryDirectory(prefix="trogiup-scans-") as temporary:
        folder = wanted.keep or Path(temporary)
        (folder / "scans").mkdir(parents=True, exist_ok=True)
        for name, files in (("text", sources), ("scans", scans(sources, folder / "scans"))):
            services = opened(folder / f"home-{name}", files)
            try:
                figures[name] = asyncio.run(measured(services, gold))
            finally:
                services.close()
    print(f"{'':6} {FIGURE}  of  95%")
    for name, figure in figures.items():
        low, high = figure.interval()
        print(f"{name:6} {figure.share:14.3f}  {figure.asked}  {low:.3f}–{high:.3f}")
    if wanted.misses:
        print("only scans miss:", *(name for name in figures["scans"].missed if name not in figures["text"].missed))
    return 0 if figures["text"].share - figures["scans"].share <= ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main())
