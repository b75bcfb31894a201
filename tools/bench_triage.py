"""The triage part of `make bench`: what is found of danger, what only looks like it, and how long one message takes.

    .venv/bin/python -m tools.bench_triage                # the held-out sets, the policy questions of all gold sets, timing
    .venv/bin/python -m tools.bench_triage --writers      # also the sets to learn from, each writer read by a model that has not read it

Only figures are printed, never a message: the held-out sets must not be read. Shares have 95% Wilson intervals.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from actions.triage import Assessment, Risk, Triage
from actions.triage.classifier import CLASSES, HEADS, Classifier
from index.evaluation import Figure
from tools import train_triage
from tools.train_triage import ROOT, SETS, Corpus, Row, bare, danger_rows, other_rows, read_set
from tools.typos import damaged

HELD_OUT = ("heldout-a", "heldout-b")
LATER = ("heldout-c",)
"""By a writer who came last."""
GOLD = ("train", "regression", "heldout", "voices")
POLICY = frozenset({"answer", "abstain"})
"""Kinds of gold questions that ask about plans and policy."""
RISKS = tuple(risk.name for risk in reversed(Risk) if risk)
_SEED = 7


def writings(seed: int = _SEED) -> dict[str, Callable[[str], str]]:
    """The ways of writing that are measured; typos come from a seed."""
    noise = np.random.default_rng(seed)
    return {"as written": str, "stripped": bare, "typos": lambda text: damaged(text, noise)}


@dataclass(frozen=True)
class Judged:
    """A row and what triage made of it."""

    row: Row
    read: Assessment


def judged(triage: Triage, rows: Iterable[Row], how: Callable[[str], str] = str) -> list[Judged]:
    """Every row, written `how`."""
    return [Judged(row, triage.assess(how(row.text), [how(text) for text in row.earlier])) for row in rows]


def share(name: str, chosen: Sequence[Judged]) -> Figure:
    """How many of them were taken for danger."""
    return Figure(name, sum(one.read.urgent for one in chosen), len(chosen), ())


def held_out(names: Sequence[str] = HELD_OUT) -> list[Row]:
    """The rows of held-out sets: to be counted, never shown."""
    return [row for name in names for row in read_set(SETS / f"{name}.jsonl", name)]


def recall(found: Sequence[Judged]) -> Iterator[Figure]:
    """Recall by risk and in all."""
    danger = [one for one in found if one.row.urgent]
    yield share("all danger", danger)
    for risk in RISKS:
        yield share(risk.lower(), [one for one in danger if one.row.risk == risk])


def false_alarms(found: Sequence[Judged]) -> Iterator[Figure]:
    """False alarms by category and in all."""
    harmless = [one for one in found if not one.row.urgent]
    yield share("all that is no danger", harmless)
    for category in sorted({one.row.category or "" for one in harmless} - {""}):
        yield share(category, [one for one in harmless if one.row.category == category])


def policy(triage: Triage) -> Iterator[Figure]:
    """False alarms on the policy questions of every gold set, as written and stripped; not on those whose writer marked them urgent-ok,
    because they tell of harm: evaluation counts no alarm on them as false either (index/evaluation/figures.py)."""
    for name in GOLD:
        lines = (ROOT / "tests" / "eval" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        gold = [row for row in map(json.loads, lines) if row["kind"] in POLICY and "urgent-ok" not in row["tags"]]
        rows = [Row("", row["question"], (), False) for row in gold]
        for how, written in (("as written", str), ("stripped", bare)):
            yield share(f"policy questions of {name}, {how}", judged(triage, rows, written))


def without(corpus: Corpus, writer: str, bars: tuple[float, float, float]) -> Classifier:
    """A classifier that has read nothing of `writer` and says only whether it is urgent."""
    weights, intercepts = np.zeros((len(corpus.vocabulary), len(HEADS)), np.float32), np.zeros(len(HEADS), np.float32)
    weights[:, 0], intercepts[0] = train_triage.fit_urgent(corpus, train_triage.hidden_from(writer))
    return Classifier(corpus.vocabulary, weights, np.ones(len(HEADS), np.float32), intercepts, *bars)


def writers(triage: Triage) -> Iterator[tuple[str, list[Judged]]]:
    """Each writer of the sets to learn from, judged by a model that has not read that writer. Minutes."""
    trained = triage.classifier
    if trained is None:
        raise ValueError("triage has no classifier")
    rules = Triage.rules_only()
    rows = danger_rows()
    corpus = Corpus.read(rules, [*rows, *other_rows(rules)])
    for writer in train_triage.WRITERS:
        unread = replace(rules, classifier=without(corpus, writer, (trained.alarm, trained.quiet, trained.silent)))
        yield writer, judged(unread, [row for row in rows if row.writer == writer])


def confusion(pairs: Iterable[tuple[str, str]], order: Sequence[str]) -> str:
    """A row what it is, a column what it was taken for."""
    counts = Counter(pairs)
    width = max(map(len, order)) + 1
    lines = ["".ljust(width) + " ".join(name[:7].rjust(7) for name in (*order, "none"))]
    lines += [name.ljust(width) + " ".join(str(counts[name, other]).rjust(7) for other in (*order, "none")) for name in order]
    return "\n".join(lines)


def timing(triage: Triage, texts: Sequence[str]) -> Mapping[str, float]:
    """Milliseconds of processor time for one message, once the automaton has learnt the words, as it has after the first minutes."""
    spent = []
    for text in texts:
        triage.assess(text)
    for text in texts:
        before = time.process_time()
        triage.assess(text)
        spent.append((time.process_time() - before) * 1000)
    return {f"p{at}": float(np.percentile(spent, at)) for at in (50, 95, 99)}


def line(figure: Figure) -> str:
    """A figure as it is printed."""
    low, high = figure.interval()
    return f"  {figure.name:44}{figure.share:.3f}  {low:.3f}–{high:.3f}  {figure.met}/{figure.asked}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description="how well danger is told from what only looks like it")
    parser.add_argument(
        "--writers", action="store_true", help="also each writer of the training sets by a model that has not read that writer"
    )
    wanted = parser.parse_args(arguments)
    triage, rows = Triage.load(), held_out()
    found: dict[str, list[Judged]] = {}
    for how, written in writings().items():
        found[how] = judged(triage, rows, written)
        print(f"held out, {how}: danger found")
        print("\n".join(map(line, recall(found[how]))))
        print(f"held out, {how}: false alarms")
        print("\n".join(map(line, false_alarms(found[how]))))
    for name in LATER:
        own = judged(triage, held_out((name,)))
        print(f"{name}, as written")
        print("\n".join(map(line, [*recall(own), *false_alarms(own)])))
    print("held out, the rules alone")
    by_rules = judged(Triage.rules_only(), rows)
    print("\n".join(map(line, [*recall(by_rules), next(iter(false_alarms(by_rules)))])))
    print("policy questions of all gold sets: false alarms")
    print("\n".join(map(line, policy(triage))))
    danger = [one for one in found["as written"] if one.row.urgent]
    print("kinds, as written: what it is, what the leading kind was")
    print(confusion(((one.row.category or "", one.read.kinds[0] if one.read.kinds else "none") for one in danger), CLASSES))
    print("risks, as written")
    print(confusion(((one.row.risk or "", one.read.risk.name if one.read.urgent else "none") for one in danger), RISKS))
    print("one message, ms of processor time: " + ", ".join(f"{k} {v:.2f}" for k, v in timing(triage, [row.text for row in rows]).items()))
    long_ones = [" ".join(row.text for row in rows[at : at + 80])[:4000] for at in range(0, 800, 80)]
    print("4,000 characters, ms: " + ", ".join(f"{k} {v:.2f}" for k, v in timing(triage, long_ones).items()))
    if wanted.writers:
        unread: list[Judged] = []
        for writer, its in writers(triage):
            print(f"writer {writer}, read by a model that has not read that writer")
            print("\n".join(map(line, [*recall(its), next(iter(false_alarms(its)))])))
            unread += its if writer not in train_triage.HAS_READ else []
        print("all writers who had read nobody, each by a model that has not read that writer")
        print("\n".join(map(line, [*recall(unread), *false_alarms(unread)])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
