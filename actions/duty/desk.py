"""What an officer does with a case, with what the citizen is told of it: for the desk's pages and a messenger's buttons alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from actions.duty.notices import DutyNotices
from knowledge.store import Case, Notice, Store
from knowledge.store.duty import Tell


@dataclass(frozen=True)
class DutyDesk:
    """Raises what `knowledge.store.duty.Duty` raises: CaseTaken, KnowledgeError, StoreError."""

    store: Store
    notices: DutyNotices
    clock: Callable[[], datetime]

    def take(self, case_id: str, account_id: str) -> Case:
        """The officer has the conversation, and the citizen is told who joined."""
        return self.store.duty.take(case_id, account_id, self._named("joined", account_id))

    def give_back(self, case_id: str, account_id: str) -> Case:
        """The officer cannot go on; somebody else is asked, and the citizen is told."""
        return self.store.duty.give_back(case_id, account_id, lambda case: self.notices.say("away", case, self.clock()))

    def transfer(self, case_id: str, account_id: str, to: str) -> Case:
        """Another officer goes on, and the citizen is told who."""
        return self.store.duty.transfer(case_id, account_id, to, self._named("handed_on", to))

    def close(self, case_id: str, account_id: str, code: str, words: str, seen: int | None = None) -> Case:
        """The officer has ended it: the outcome's code and words are kept, and the citizen is told that the assistant is back.

        `seen`: how many of the citizen's messages the officer has read; CaseUnread when there are others by now.
        """
        tell: Tell = lambda case: self.notices.say("closed", case, self.clock())  # noqa: E731
        return self.store.duty.close(case_id, account_id, code, words, tell, seen=seen)

    def reopen(self, case_id: str, account_id: str) -> Case:
        """A closed case goes on with this officer, and the citizen is told who joined."""
        return self.store.desk.reopen(case_id, account_id, self._named("joined", account_id))

    def _named(self, name: str, account_id: str) -> Tell:
        display_name = self.store.accounts.get(account_id).display_name

        def tell(case: Case) -> Notice:
            return self.notices.say(name, case, self.clock(), name=display_name)

        return tell
