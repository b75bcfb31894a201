"""Who is offered a case next: the officer on duty with the fewest cases, then the others, then everybody, then the fallback number.

Pure: the clocks stand in the case's row, so that it does not matter which program asks, or that none was running for a while.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from actions.duty.roster import Roster
from actions.triage import Risk
from knowledge.store import EVERYBODY, Case, Step
from knowledge.store.duty import StepKind


@dataclass(frozen=True, slots=True)
class Policy:
    """How long is waited. The defaults are what the office promises in docs/safety.md."""

    danger_answers: timedelta = timedelta(minutes=2)
    """For whoever is offered somebody in danger now."""
    answers: timedelta = timedelta(minutes=10)
    danger_away: timedelta = timedelta(minutes=3)
    """A holder not seen for this long has vanished: danger now, and threats."""
    away: timedelta = timedelta(minutes=15)
    look_again: timedelta = timedelta(minutes=1)
    """The roster may change while everybody has been asked."""

    def answer_within(self, risk: int) -> timedelta:
        """How long a case is offered before it passes on."""
        return self.danger_answers if risk >= Risk.DANGER_NOW else self.answers

    def away_after(self, risk: int) -> timedelta:
        """How long a holder may be out of sight."""
        return self.danger_away if risk >= Risk.THREAT else self.away


def next_step(case: Case, roster: Roster, in_hand: Mapping[str, int], now: datetime, policy: Policy) -> Step | None:
    """What becomes of a case at `now`; None: nothing yet. `in_hand`: how many cases each account holds."""
    if case.state == "taken":
        return _lost(case, now, policy)
    if case.state == "closed" or case.due_at is None or case.due_at > now:
        return None
    wait = policy.answer_within(case.risk)
    if case.offer_until and now < case.offer_until:  # looked at before its time: it has become graver
        until = min(case.offer_until, now + wait)
        return Step("waits", case.offered_to, until, until, case.asked)
    asked = () if _new_round(case, roster, now) else case.asked
    on_duty = roster.on_duty(now, case.province)
    if whom := _next_officer(case, roster, on_duty, asked, in_hand, now):
        return Step("passed_on" if asked else "offered", whom, now + wait, now + wait, (*asked, whom))
    look_again = min(now + policy.look_again, roster.next_shift(now, case.province) or now + policy.look_again)
    if case.offered_to == EVERYBODY:
        kind: StepKind = "fallback" if case.offer_until else "waits"
        return Step(kind, EVERYBODY, None, look_again, asked)
    if not on_duty and not asked:
        return Step("nobody_on_duty", EVERYBODY, None, look_again, ())
    return Step("offered_to_all", EVERYBODY, now + wait, now + wait, asked)


def _lost(case: Case, now: datetime, policy: Policy) -> Step | None:
    if case.holder is None or case.holder_seen_at is None or now - case.holder_seen_at < policy.away_after(case.risk):
        return None
    return Step("seen_lost", None, None, now, (case.holder,))


def _new_round(case: Case, roster: Roster, now: datetime) -> bool:
    """Whether a shift has begun since everybody was asked."""
    return case.offered_to == EVERYBODY and case.offered_at is not None and roster.began(case.offered_at, now, case.province)


def _next_officer(
    case: Case, roster: Roster, on_duty: tuple[str, ...], asked: tuple[str, ...], in_hand: Mapping[str, int], now: datetime
) -> str | None:
    """Who has the fewest cases in hand of those not asked yet; of a case that was opened again, first who had it before."""
    if case.last_holder and case.offered_at is None and not asked and roster.may_be_asked(case.last_holder, now):
        return case.last_holder
    return min(
        (account for account in on_duty if account not in asked), key=lambda account: (in_hand.get(account, 0), account), default=None
    )
