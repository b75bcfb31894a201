"""What each part of finding is worth: `python -m tools.ablation [GOLD.jsonl …]` leaves one out at a time and prints what is found then.

Totals only, over questions asked for the first time and answered from passages. The re-ranker is the one in index/data, trained with all
parts in place, on none of these questions; it is not trained again for each line.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from index.evaluation.figures import Figure
from index.lexicon import Lexicon
from index.model import Query
from index.reranking import Reranker
from index.search import Retriever, Scope, Weights
from index.understanding import Understanding
from knowledge.collection import Collection
from knowledge.places import load_gazetteer
from tools.examples import AS_OF, ROOT, Example, built, examples

SETS = tuple(ROOT / "tests" / "eval" / name for name in ("regression.jsonl", "heldout.jsonl", "voices.jsonl"))
GROUPS = ("all", "nodiac", "typo", "teencode")
_DEEP = 10


class _AsTyped(Lexicon):
    """Abbreviations and teencode are left as they are typed."""

    def normalise(self, text: str) -> str:
        """The text itself."""
        return text


@dataclass(frozen=True)
class Variant:
    """A way to search with one part left out."""

    name: str
    retriever: Retriever
    understanding: Understanding
    prepared: Callable[[Retriever, Query], Query] = Retriever.mended
    scoped: bool = True

    def ranks(self, example: Example) -> list[bool]:
        """Of the ten best passages, which answer."""
        query = self.prepared(self.retriever, self.understanding.read(example.gold["question"], AS_OF))
        hits = self.retriever.search(query, _DEEP, None if self.scoped else Scope(None))
        return [self.retriever.position(hit) in example.relevant for hit in hits]


def variants() -> Iterator[Variant]:
    """Everything, then each part left out."""
    gazetteer = load_gazetteer()
    understanding = Understanding.load(gazetteer)
    with built(gazetteer) as opened:
        everything = Retriever(opened, gazetteer)
    with built(gazetteer, without_headings) as opened:
        headless = Retriever(opened, gazetteer)
    lexicon = understanding.lexicon
    as_typed = replace(understanding, lexicon=_AsTyped(**{name: getattr(lexicon, name) for name in lexicon.__dataclass_fields__}))
    yield Variant("everything", everything, understanding)
    yield Variant("without lexicon", everything, understanding, lambda r, query: r.mended(replace(query, paraphrases=())))
    yield Variant("without abbreviations and teencode", everything, as_typed)
    yield Variant("without mending slips", everything, understanding, lambda _, query: query)
    yield Variant("without headings", headless, understanding)
    yield Variant("without dense", Retriever(everything.snapshot, gazetteer, Weights(dense=0)), understanding)
    yield Variant("without re-ranker", everything.with_reranker(Reranker()), understanding)
    yield Variant("without scope by province", everything, understanding, scoped=False)


def without_headings(collection: Collection) -> Collection:
    """The same passages, indexed without what stands above them."""
    return Collection(tuple(replace(d, passages=tuple(replace(p, path=()) for p in d.passages)) for d in collection.documents))


def ndcg(ranks: Sequence[bool], relevant: int) -> float:
    """Normalised discounted cumulative gain of the ten best, gains 0 and 1 (Järvelin & Kekäläinen 2002)."""
    gain = sum(1 / math.log2(at + 2) for at, right in enumerate(ranks[:_DEEP]) if right)
    best = sum(1 / math.log2(at + 2) for at in range(min(relevant, _DEEP)))
    return gain / best if best else 0.0


def line(name: str, group: str, ranked: Sequence[tuple[list[bool], int]]) -> str:
    """A row of the table. `ranked`: for each question which of the ten best answer, and how many passages do. 95% intervals."""
    cells = []
    for k in (1, 3):
        figure = Figure("", sum(any(ranks[:k]) for ranks, _ in ranked), len(ranked), ())
        low, high = figure.interval()
        cells.append(f"{figure.share:.3f} ({low:.3f}–{high:.3f})")
    gains = np.array([ndcg(ranks, relevant) for ranks, relevant in ranked])
    half = 1.96 * gains.std() / math.sqrt(len(gains))
    cells.append(f"{gains.mean():.3f} ({gains.mean() - half:.3f}–{min(1.0, gains.mean() + half):.3f})")
    return f"| {name} | {group} | {len(ranked)} | {' | '.join(cells)} |"


def main(paths: Sequence[Path]) -> None:
    """Prints a table for each set."""
    chosen = list(variants())
    first = chosen[0]
    for path in paths:
        asked = [example for example in examples(first.retriever, first.understanding, path) if example.gold["kind"] == "answer"]
        print(f"\n{path.name}\n\n| | questions | n | R@1 | R@3 | nDCG@10 |\n|---|---|---|---|---|---|")
        for variant in chosen:
            ranked = [(variant.ranks(example), len(example.relevant), example.gold["tags"]) for example in asked]
            for group in GROUPS:
                within = [(ranks, relevant) for ranks, relevant, tags in ranked if group == "all" or group in tags]
                if within:
                    print(line(variant.name, group, within), flush=True)


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]] or SETS)
