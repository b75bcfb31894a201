"""Said and so, in bins."""

from __future__ import annotations

import pytest

from index.evaluation import reliability
from index.evaluation.reliability import bins, calibration_error


def test_ten_bins_and_one_is_in_the_last() -> None:
    judged = [(0.0, False), (0.09, False), (0.1, True), (0.95, True), (1.0, True)]
    assert [(low, len(rows)) for low, rows in bins(judged)] == [(0.0, 2), (0.1, 1), (0.9, 2)]


@pytest.mark.parametrize(
    ("judged", "error"),
    [
        ([], 0.0),
        ([(1.0, True), (0.0, False)], 0.0),
        ([(1.0, False), (0.0, True)], 1.0),
        ([(0.85, True)] * 17 + [(0.85, False)] * 3, 0.0),
        ([(0.85, True)] * 10 + [(0.25, True)] * 10, (0.15 + 0.75) / 2),
    ],
)
def test_the_error_is_the_mean_distance(judged: list[tuple[float, bool]], error: float) -> None:
    assert calibration_error(judged) == pytest.approx(error)


def test_each_bin_is_told_with_its_interval() -> None:
    _, row, last = reliability([(0.75, True)] * 5 + [(0.75, False)] * 5)
    assert row.split() == ["0.7–0.8", "10", "0.750", "0.500", "95%", "0.237–0.763"]
    assert last.split()[:2] == ["expected_calibration_error", "0.250"]
