from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plans import ARTICLE, CA_MAU, DONG_NAI, HA_NAM, HUNG_YEN, source

from knowledge.validity import may_hold, outlook_runs, status_on, status_over

METADATA = source(CA_MAU).metadata
DAYS = st.dates(date(2000, 1, 1), date(2060, 1, 1))


@pytest.mark.parametrize(
    ("name", "day", "status"),
    [
        (HUNG_YEN, "2026-11-22", "ended"),
        (HA_NAM, "2026-11-22", "ended"),
        (DONG_NAI, "2026-11-22", "ended"),
        (CA_MAU, "2026-11-22", "ended"),
        (ARTICLE, "2026-11-22", "ended"),
        (DONG_NAI, "2017-12-31", "future"),
        (DONG_NAI, "2018-01-01", "in_force"),
        (DONG_NAI, "2020-12-31", "in_force"),
        (DONG_NAI, "2021-01-01", "ended"),
        (CA_MAU, "2025-12-31", "in_force"),
        (CA_MAU, "2026-01-01", "ended"),
    ],
)
def test_the_period_of_a_plan_decides(name: str, day: str, status: str) -> None:
    assert status_on(source(name).metadata, date.fromisoformat(day)) == status
    assert status_on(source(name).metadata, date.fromisoformat(day), replaced=True) == "replaced"


@pytest.mark.parametrize(
    ("name", "day", "runs"),
    [
        (CA_MAU, "2025-12-31", False),
        (CA_MAU, "2026-01-01", True),
        (CA_MAU, "2030-12-31", True),
        (CA_MAU, "2031-01-01", False),
        (DONG_NAI, "2026-11-22", False),
    ],
)
def test_an_outlook_runs_after_the_period(name: str, day: str, runs: bool) -> None:
    assert outlook_runs(source(name).metadata, date.fromisoformat(day)) is runs


@pytest.mark.parametrize(
    ("first", "last", "status"),
    [
        (None, None, "unknown"),
        (date(2020, 1, 1), None, "unknown"),
        (None, date(2030, 1, 1), "unknown"),
        (None, date(2020, 1, 1), "ended"),
        (date(2030, 1, 1), None, "future"),
    ],
)
def test_half_a_period_is_not_filled_in(first: date | None, last: date | None, status: str) -> None:
    assert status_on(replace(METADATA, valid_from=first, valid_to=last), date(2024, 5, 5)) == status


@given(DAYS, DAYS, DAYS)
def test_time_only_moves_on(a: date, b: date, day: date) -> None:
    metadata = replace(METADATA, valid_from=min(a, b), valid_to=max(a, b))
    order = ["future", "in_force", "ended"]
    today, tomorrow = (order.index(status_on(metadata, d)) for d in (day, day + timedelta(days=1)))
    assert today <= tomorrow
    assert (status_on(metadata, day) == "in_force") is (min(a, b) <= day <= max(a, b))


@pytest.mark.parametrize(
    ("first", "last", "status", "may"),
    [
        ("2017-01-01", "2017-12-31", "future", False),
        ("2017-06-01", "2018-01-01", "in_force", True),
        ("2020-12-01", "2021-06-30", "in_force", True),
        ("2021-01-01", "2021-01-31", "ended", False),
    ],
)
def test_in_force_in_some_of_the_days_is_in_force(first: str, last: str, status: str, may: bool) -> None:
    days = date.fromisoformat(first), date.fromisoformat(last)
    assert status_over(source(DONG_NAI).metadata, *days) == status
    assert may_hold(source(DONG_NAI).metadata, *days) is may


def test_an_outlook_may_hold_and_so_may_what_tells_no_period_once_it_is_issued() -> None:
    assert may_hold(METADATA, date(2028, 1, 1), date(2028, 12, 31))
    told = replace(METADATA, valid_from=None, valid_to=None, outlook_to=None, issued_on=date(2018, 5, 1))
    assert may_hold(told, date(2018, 5, 1), date(2018, 5, 1))
    assert not may_hold(told, date(2018, 4, 1), date(2018, 4, 30))
