"""Whether a probability means what it says: of the questions that were given 0.8, eight in ten should be answerable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import repeat

from index.evaluation.figures import Figure

BINS = 10
Judged = tuple[float, bool]
"""The probability that was said, 0…1, and whether it is so."""


def reliability(judged: Sequence[Judged]) -> Iterator[str]:
    """Lines to print: for each of ten bins the mean probability, the share that is so with its 95% interval; then the error."""
    yield f"{'said':9} {'n':>5}  {'mean':>5}  answerable"
    for low, rows in bins(judged):
        figure = Figure("", sum(so for _, so in rows), len(rows), ())
        mean, (least, most) = sum(said for said, _ in rows) / len(rows), figure.interval()
        yield f"{low:.1f}–{low + 1 / BINS:.1f}   {len(rows):5}  {mean:.3f}  {figure.share:.3f}  95% {least:.3f}–{most:.3f}"
    yield f"expected_calibration_error {calibration_error(judged):.3f}  ({len(judged)} questions)"


def bins(judged: Sequence[Judged]) -> Iterator[tuple[float, list[Judged]]]:
    """The bins that hold something, lowest first, by their lower end; 1.0 is in the last."""
    parts: list[list[Judged]] = [[] for _ in repeat(None, BINS)]
    for said, so in judged:
        parts[min(int(said * BINS), BINS - 1)].append((said, so))
    yield from ((at / BINS, rows) for at, rows in enumerate(parts) if rows)


def calibration_error(judged: Sequence[Judged]) -> float:
    """Expected calibration error (Guo et al. 2017, ICML): how far mean and share are apart, averaged over questions. 0.0 of nothing."""
    apart = (abs(sum(said for said, _ in rows) - sum(so for _, so in rows)) for _, rows in bins(judged))
    return sum(apart) / len(judged) if judged else 0.0
