"""The dispatcher: lets no case wait longer than it may. Several may run at once, in one program or in many.

It has no memory: what is due stands in the rows, each step is one transaction that looks at the case again, and a database that does not
answer is asked again until it does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from actions.duty.escalation import Policy, next_step
from actions.duty.notices import DutyNotices
from actions.duty.roster import Roster
from knowledge.errors import StoreError
from knowledge.store import Case, Step, Store

logger = logging.getLogger("trogiup.duty")
_EVERY_S = 0.5


@dataclass(frozen=True)
class Dispatcher:
    """Offers what waits, passes on what nobody takes, gives back what nobody looks after."""

    store: Store
    notices: DutyNotices
    clock: Callable[[], datetime]
    policy: Policy = field(default_factory=Policy)

    def round(self) -> int:
        """Every step that is due now; how many. Raises StoreError when the database does not answer."""
        steps = 0
        while case_ids := self.store.duty.due(self.clock(), self.policy.away_after):
            roster = Roster(self.store.roster.rows())
            taken = sum(self._advance(case_id, roster) for case_id in case_ids)
            if not taken:
                break  # another program was faster
            steps += taken
        return steps

    async def run(self, every: float = _EVERY_S) -> None:
        """A round every so many seconds, until cancelled."""
        answers = True
        while True:
            try:
                await asyncio.to_thread(self.round)
                answers = True
            except Exception as error:  # whatever it is, somebody waits: the next round comes
                if answers:
                    logger.critical("event=dispatcher_waits why=%s", type(error).__name__)
                answers = False
            await asyncio.sleep(every)

    def _advance(self, case_id: str, roster: Roster) -> bool:
        def decide(case: Case, in_hand: Mapping[str, int], now: datetime) -> Step | None:
            step = next_step(case, roster, in_hand, now, self.policy)
            return step and replace(step, notice=self.notices.of_step(case, step, roster, now))

        try:
            step = self.store.duty.advance(case_id, decide)
        except StoreError:
            raise
        except Exception as error:  # a case that cannot be worked on must not end the watch over the others
            logger.critical("event=case_stuck case=%s why=%s", case_id, type(error).__name__)
            return False
        if step and step.kind != "waits":
            logger.warning("event=case_step case=%s step=%s to=%s", case_id, step.kind, step.offered_to)
        return step is not None
