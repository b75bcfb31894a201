"""What no change may make worse in triage. Only counts are looked at: the held-out sets must not be read, and no failure prints a line."""

from __future__ import annotations

from functools import cache

import pytest

from actions.triage import Triage
from tools.bench_triage import Judged, false_alarms, held_out, judged, policy, recall, writings

pytestmark = pytest.mark.no_cover
"""Thousands of lines are read here, each of which other tests trace: tracing them again triples the time."""

# What was reached, less a little more than one standard error of it. Raise them after a gain; never lower one to let a change pass.
RECALL = {"as written": 0.91, "stripped": 0.91, "typos": 0.90}
NOW = {"as written": 0.94, "stripped": 0.94, "typos": 0.93}
FALSE_ALARMS = {"as written": 0.04, "stripped": 0.04, "typos": 0.04}


@cache
def triage() -> Triage:
    return Triage.load()


@cache
def found(how: str) -> tuple[Judged, ...]:
    return tuple(judged(triage(), held_out(), writings()[how]))


@pytest.mark.parametrize("how", RECALL)
def test_danger_is_found(how: str) -> None:
    every, now, *_ = recall(found(how))
    assert every.share >= RECALL[how]
    assert now.name == "danger_now"
    assert now.share >= NOW[how]


@pytest.mark.parametrize("how", FALSE_ALARMS)
def test_what_only_looks_like_danger_raises_few_alarms(how: str) -> None:
    share = next(iter(false_alarms(found(how)))).share  # not in the assertion, which would print lines of the set
    assert share <= FALSE_ALARMS[how]


def test_questions_about_policy_raise_no_alarm() -> None:
    """None of those that nothing was learned from, as written. Those left tell of the writer's own harm (docs/safety.md)."""
    alarms = {figure.name.removeprefix("policy questions of "): figure.met for figure in policy(triage())}
    assert [alarms[f"{name}, as written"] for name in ("regression", "heldout", "voices")] == [0, 0, 0]
    assert max(alarms[f"{name}, stripped"] for name in ("regression", "heldout", "voices")) <= 1
    assert max(alarms[f"train, {how}"] for how in ("as written", "stripped")) <= 2
