"""Two runs over the same questions: what was gained, what was lost, and whether it may be chance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import comb

from index.evaluation.figures import score
from index.evaluation.gold import Question, Reply


def compare(gold: Sequence[Question], old: Mapping[str, Reply], new: Mapping[str, Reply]) -> Iterator[str]:
    """Lines to print: every figure of both runs with the difference and its significance, then the ids gained and lost."""
    before, after = score(gold, old), {figure.name: figure for figure in score(gold, new)}
    changes: list[str] = []
    yield f"{'':32} {'old':>7} {'new':>7} {'diff':>7} {'gained':>7} {'lost':>6}  p (McNemar, exact)"
    for figure in before:
        later = after[figure.name]
        gained = [name for name in figure.missed if name not in set(later.missed)]
        lost = [name for name in later.missed if name not in set(figure.missed)]
        shares = f"{figure.share:7.3f} {later.share:7.3f} {later.share - figure.share:+7.3f}"
        yield f"{figure.name:32} {shares} {len(gained):7} {len(lost):6}  {mcnemar(len(gained), len(lost)):.4f}"
        changes += [f"{word} {figure.name}: {' '.join(ids)}" for word, ids in (("gained", gained), ("lost", lost)) if ids]
    yield from changes


def mcnemar(gained: int, lost: int) -> float:
    """Two-sided exact p of McNemar's test (McNemar 1947; binomial with ½ over the pairs that differ). 1.0 when none differ."""
    pairs = gained + lost
    tail = sum(comb(pairs, k) for k in range(min(gained, lost) + 1))
    return min(1.0, float(2 * tail / 2**pairs))
