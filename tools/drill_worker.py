"""A program of the drill: takes messages in, dispatches, and does what officers click, on the real store, journal and dispatcher.

It is told what time it is with every command, and may be killed at any moment.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

from actions.duty.desk import DutyDesk
from actions.duty.notices import DutyNotices
from bot.duty.dispatcher import Dispatcher
from knowledge.errors import KnowledgeError, StoreError
from knowledge.store import CaseJournal, JournalEntry, NewCase, Store, sqlite_url
from tools.drill_checks import START

BUSY_S = 0.1
"""How long a statement waits for another writer: the drill's clock is not the wall's."""


@dataclass(frozen=True)
class Command:
    """What a program is to do at a moment (virtual seconds)."""

    number: int
    at: float
    name: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Reply:
    """`outcome`: done, refused (somebody else was faster), or failed (the database does not answer)."""

    number: int
    outcome: str
    value: Any = None


NO_DATABASE = 3
"""Exit status of a program that found the database locked when it started."""


def work(folder: Path, notices: DutyNotices, pipe: Connection, others: Iterable[Connection], seed: int) -> None:
    """Do what the pipe says until it is closed. `others`: ends of pipes that a fork has left open here."""
    for other in others:
        other.close()
    logging.disable(logging.CRITICAL)
    now = [START]
    try:
        opened = _Program(folder, notices, lambda: now[0], Random(seed))  # noqa: S311
    except StoreError:
        sys.exit(NO_DATABASE)  # as the service does; whoever watches it starts it again
    with closing(opened) as program:
        while True:
            try:
                batch: list[Command] = pipe.recv()
            except EOFError:
                return
            for command in batch:
                now[0] = START + timedelta(seconds=command.at)
                pipe.send(program.do(command))


class _Program:
    def __init__(self, folder: Path, notices: DutyNotices, clock: Callable[[], datetime], rng: Random) -> None:
        self._clock = clock
        self._store = Store.open(sqlite_url(folder / "drill.sqlite"), clock, timeout=BUSY_S, rng=rng)
        self._journal = CaseJournal(folder / "cases.journal", rng)
        self._desk = DutyDesk(self._store, notices, clock)
        self._dispatcher = Dispatcher(self._store, notices, clock)
        self.close = self._store.close

    def do(self, command: Command) -> Reply:
        try:
            return Reply(command.number, "done", getattr(self, command.name)(*command.arguments))
        except StoreError:
            return Reply(command.number, "failed")
        except KnowledgeError:
            return Reply(command.number, "refused")

    def receive(self, conversation: str, message: str, case: NewCase) -> tuple[str | None, bool]:
        """As the gateway does it: into the database, or into the journal beside it. The case, and whether it is in the journal."""
        arguments = (conversation, message, "cứu em với", self._clock(), "drill", case)
        try:
            return self._store.conversations.accept(*arguments).case_id, False
        except StoreError:
            return self._journal.append(JournalEntry(*arguments)), True

    def upkeep(self) -> int:
        return self._journal.replay(self._store)

    def dispatch(self) -> int:
        return self._dispatcher.round()

    def left(self) -> int:
        """How many cases are not closed."""
        return len(self._store.cases.list())

    def look(self, account: str) -> list[tuple[str, str | None, str | None]]:
        """What an officer's page shows: case, holder, to whom it is offered."""
        return [(case.case_id, case.holder, case.offered_to) for case in self._store.cases.queue(account)]

    def seen(self, account: str) -> None:
        self._store.duty.seen(account)

    def take(self, case_id: str, account: str) -> None:
        self._desk.take(case_id, account)

    def pass_on(self, case_id: str, account: str) -> None:
        self._store.duty.pass_on(case_id, account)

    def give_back(self, case_id: str, account: str) -> None:
        self._desk.give_back(case_id, account)

    def transfer(self, case_id: str, account: str, to: str) -> None:
        self._desk.transfer(case_id, account, to)

    def say(self, case_id: str, account: str) -> None:
        self._store.duty.say(case_id, account, "Chào em, cô đây.")

    def finish(self, case_id: str, account: str) -> None:
        self._desk.close(case_id, account, "helped", "đã trao đổi")
