from __future__ import annotations

import pytest

from bot.throttle import Throttle


class Seconds:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


def test_a_burst_passes_and_the_next_is_told_how_long_to_wait(clock: Seconds) -> None:
    throttle = Throttle(rate=0.5, burst=3, clock=clock)
    assert [throttle.wait_for("a") for _ in range(5)] == [0, 0, 0, 2, 2]


def test_who_waits_as_long_as_told_may_go_on(clock: Seconds) -> None:
    throttle = Throttle(rate=0.4, burst=1, clock=clock)
    assert throttle.wait_for("a") == 0
    wait = throttle.wait_for("a")
    assert wait == 3
    clock.now += wait
    assert throttle.wait_for("a") == 0


def test_being_refused_costs_nothing(clock: Seconds) -> None:
    throttle = Throttle(rate=1, burst=1, clock=clock)
    throttle.wait_for("a")
    for _ in range(100):
        assert throttle.wait_for("a") == 1
    clock.now += 1
    assert throttle.wait_for("a") == 0


def test_the_bucket_never_holds_more_than_a_burst(clock: Seconds) -> None:
    throttle = Throttle(rate=1, burst=2, clock=clock)
    throttle.wait_for("a")
    clock.now += 1_000_000
    assert [throttle.wait_for("a") for _ in range(3)] == [0, 0, 1]


def test_everybody_has_a_bucket_of_their_own(clock: Seconds) -> None:
    throttle = Throttle(burst=1, clock=clock)
    assert throttle.wait_for("a") == throttle.wait_for("b") == 0
    assert throttle.wait_for("a") > 0


def test_only_those_seen_last_are_remembered(clock: Seconds) -> None:
    throttle = Throttle(burst=1, size=2, clock=clock)
    for key in "abc":
        throttle.wait_for(key)
    assert throttle.wait_for("c") > 0
    assert throttle.wait_for("a") == 0  # forgotten, so it begins anew
    assert throttle.wait_for("c") > 0
