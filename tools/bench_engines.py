"""Our search beside six others over the same passages and questions: quality and latency, `python -m tools.bench_engines`.

Each of the others keeps its own defaults and runs in a process of its own in .venv-bench (tools/setup.py --bench makes it; without it, a
line says so and ours stand alone). No hub of models is asked for anything: haystack and txtai run what they have without one, BM25.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path

from index.evaluation import SOURCES, read_gold
from knowledge.collection import Collection
from tools.bench_collections import Asked, Trial, data_folder, xquad
from tools.bench_ours import documents, indexed
from tools.bench_worker import ENGINES

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv-bench" / "bin" / "python"
ONE_CORE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
EVERY = 8
"""Of XQuAD-vi the others get every so-manieth question: rank_bm25 and haystack take a tenth of a second for each."""
NOTE = """Each of the others has its own defaults. haystack: InMemoryBM25Retriever; txtai: keyword search (BM25); what else they
have needs a model from a hub, which is not asked. SQLite FTS5: the question's words joined by OR. memory: gained by importing and
building. One core."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Shares 0…1 over the questions of a trial."""

    first: float
    """R@1: a passage that answers stands first."""
    third: float
    """R@3: among the first three."""
    ndcg: float
    """nDCG@10 with binary relevance (Järvelin & Kekäläinen 2002)."""


@dataclass(frozen=True, slots=True)
class Result:
    """One engine on one trial."""

    engine: str
    accented: Quality
    stripped: Quality
    p50_ms: float
    p95_ms: float
    build_s: float
    memory_mb: float


def quality(found: Sequence[Sequence[int]], questions: Sequence[Asked]) -> Quality:
    """How good the positions found are, best first, for each question."""
    firsts = thirds = gains = 0.0
    for positions, question in zip(found, questions, strict=True):
        good = [at in question.relevant for at in positions[:10]]
        firsts += any(good[:1])
        thirds += any(good[:3])
        ideal = sum(1 / math.log2(rank + 2) for rank in range(min(10, len(question.relevant))))
        gains += sum(1 / math.log2(rank + 2) for rank, hit in enumerate(good) if hit) / ideal
    count = len(questions)
    return Quality(firsts / count, thirds / count, gains / count)


def result(engine: str, trial: Trial, measured: Mapping[str, list[float]]) -> Result:
    """The figures of what a worker measured: the questions of the trial, then the same stripped."""
    count = len(trial.questions)
    found, taken = measured["found"], sorted(measured["ms"])
    return Result(
        engine,
        quality(found[:count], trial.questions),
        quality(found[count:], trial.questions),
        taken[math.ceil(0.5 * len(taken)) - 1],
        taken[math.ceil(0.95 * len(taken)) - 1],
        measured["build_s"],
        measured["memory_mb"],
    )


def gold(collection: Collection, path: Path) -> tuple[Asked, ...]:
    """The answerable first questions of a set, each with the passages that hold its evidence; those whose evidence no passage holds go."""
    passages = [(document.source_file, _plain(passage.text)) for document in collection.documents for passage in document.passages]
    asked = []
    for row in read_gold(path):
        if row["kind"] != "answer" or row["history"] or "hotline" in row["tags"]:
            continue
        sources = tuple(SOURCES.get(name, name) for name in row["docs"])
        evidence = [_plain(each) for each in row["evidence"]]
        relevant = frozenset(
            at
            for at, (file, text) in enumerate(passages)
            if (not sources or Path(file).name.startswith(sources)) and any(each in text for each in evidence)
        )
        if relevant:
            asked.append(Asked(row["question"], relevant))
    return tuple(asked)


def own_trials() -> list[Trial]:
    """The project's documents with the questions that were never trained on, then with those that were: only totals are shown of either."""
    collection = documents()
    passages, folder = tuple(indexed(collection)), ROOT / "tests" / "eval"
    seen = [folder / "train.jsonl"]
    unseen = sorted(path for path in folder.glob("*.jsonl") if path not in seen)
    named = (("own documents, never trained on", unseen), ("own documents, trained on", seen))
    return [Trial(name, passages, tuple(asked for path in paths for asked in gold(collection, path))) for name, paths in named]


def run(command: Sequence[str], engine: str, trial: Trial) -> Result | None:
    """An engine in a process of its own on one core; None, and a line about it, when it fails."""
    questions = [*trial.questions, *(asked.stripped() for asked in trial.questions)]
    given = json.dumps({"passages": trial.passages, "questions": [asked.text for asked in questions]})
    done = subprocess.run(command, input=given, capture_output=True, text=True, cwd=ROOT, env={**os.environ, **ONE_CORE}, check=False)  # noqa: S603
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["without a word"]
        print(f"bench: {engine} failed: {said[-1][:160]}", file=sys.stderr, flush=True)
        return None
    return result(engine, trial, json.loads(done.stdout))


def compare(trial: Trial, ways: Mapping[str, str], others: bool) -> list[Result]:
    """Ours, `ways` name → way of tools/bench_ours.py, then the others where they are installed."""
    commands = {name: [sys.executable, "-m", "tools.bench_ours", way] for name, way in ways.items()}
    if others:
        commands |= {engine: [str(PYTHON), str(ROOT / "tools" / "bench_worker.py"), engine] for engine in ENGINES}
    return [measured for engine, command in commands.items() if (measured := run(command, engine, trial))]


def table(trial: Trial, results: Sequence[Result]) -> str:
    """The results in columns; quality as typed | without diacritics."""
    lines = [
        f"{trial.name}: {len(trial.passages)} passages, {len(trial.questions)} questions, as typed | without diacritics",
        f"{'':28} {'R@1':^13} {'R@3':^13} {'nDCG@10':^13} {'p50':>8} {'p95':>8} {'build':>7} {'memory':>8}",
    ]
    for row in results:
        pairs = zip(astuple(row.accented), astuple(row.stripped), strict=True)
        shares = " ".join(f"{typed:.3f} | {bare:.3f}" for typed, bare in pairs)
        lines.append(f"{row.engine:28} {shares} {row.p50_ms:5.2f} ms {row.p95_ms:5.2f} ms {row.build_s:5.1f} s {row.memory_mb:5.0f} MB")
    return "\n".join(lines)


def install() -> bool:
    """Makes .venv-bench where it can be made; else a line says why the others are left out."""
    done = subprocess.run([sys.executable, str(ROOT / "tools" / "setup.py"), "--bench"], stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603
    if done.returncode:
        said = done.stdout.strip().splitlines() or ["tools/setup.py --bench failed."]
        print(f"bench: without the other engines: {said[-1]}", file=sys.stderr, flush=True)
    return done.returncode == 0


def trials() -> Iterator[tuple[Trial, Mapping[str, str], bool]]:
    """What is measured: a trial, our ways of searching, and whether the others are asked too."""
    for trial in own_trials():
        yield trial, {"Trợ Giúp": "product", "BM25 folded, pairs": "bm25"}, True
    data = data_folder()
    if data:
        generic = {"BM25 folded, pairs, signals": "signals", "BM25 folded, pairs": "bm25", "… and static encoder": "dense"}
        whole = xquad(data)
        yield whole, generic, False
        some = replace(whole, name=f"{whole.name}, every {EVERY}th question", questions=whole.questions[::EVERY])
        yield some, {"BM25 folded, pairs, signals": "signals"}, True


def main() -> int:
    """Prints the tables and writes them under var/bench/."""
    installed, tables, rows = install(), [], {}
    for trial, ways, others in trials():
        results = compare(trial, ways, others and installed)
        tables.append(table(trial, results))
        rows[trial.name] = [asdict(row) for row in results]
        print(tables[-1] + "\n", flush=True)
    print(NOTE)
    folder = ROOT / "var" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "engines.txt").write_text("\n\n".join([*tables, NOTE, ""]), "utf-8")
    (folder / "engines.json").write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return 0


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


if __name__ == "__main__":
    sys.exit(main())
