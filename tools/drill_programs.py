"""The processes of the drill of cases (tools/drill_cases.py): the programs that are killed, and one that locks the database."""

from __future__ import annotations

import multiprocessing
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from actions.duty.notices import DutyNotices
from tools.drill_worker import NO_DATABASE, Command, Reply, work

_FORK = multiprocessing.get_context("fork")


@dataclass
class Program:
    """A program that runs, or one that was killed and comes back at `back_at`. `batch`: what it is to do next."""

    process: BaseProcess | None = None
    pipe: Connection | None = None
    back_at: float = 0.0
    batch: list[Command] = field(default_factory=list)
    to_be_killed: bool = False

    def start(self, folder: Path, notices: DutyNotices, seed: int, beside: Iterable[Program]) -> None:
        """Starts it. `beside`: the programs that may run already, whose ends of pipes a fork would leave open in it."""
        ours, theirs = _FORK.Pipe()
        others = [ours, *(each.pipe for each in beside if each.pipe)]
        self.process = _FORK.Process(target=work, args=(folder, notices, theirs, others, seed), daemon=True)
        self.process.start()
        theirs.close()
        self.pipe = ours

    def replies(self, expected: int) -> dict[int, Reply]:
        """What it answers to its batch, by the commands' numbers; fewer than `expected` when it was killed or ended."""
        got: dict[int, Reply] = {}
        try:
            while self.pipe and len(got) < expected:
                reply: Reply = self.pipe.recv()
                got[reply.number] = reply
        except (EOFError, ConnectionResetError):
            pass
        return got

    def found_no_database(self) -> bool:
        """Whether it ended, its pipe closed, because the database could not be opened."""
        if self.process is None:
            return False
        self.process.join(5)
        return self.process.exitcode == NO_DATABASE

    def stop(self) -> None:
        """Waits for its end."""
        if self.pipe:
            self.pipe.close()
        if self.process:
            self.process.join()
        self.process = self.pipe = None
        self.to_be_killed = False


def in_child(do: Callable[[], list[str]]) -> list[str]:
    """What `do` gives, done in a process of its own."""
    ours, theirs = _FORK.Pipe()
    process = _FORK.Process(target=lambda: theirs.send(do()), daemon=True)
    process.start()
    theirs.close()
    with ours:
        said: list[str] = ours.recv()
    process.join()
    return said


@contextmanager
def locker(database: Path) -> Iterator[Callable[[bool], None]]:
    """A program that keeps others from writing, while it is told to."""
    ours, theirs = _FORK.Pipe()

    def hold() -> None:
        ours.close()
        connection: sqlite3.Connection | None = None
        try:
            while True:
                wanted = theirs.recv()
                if wanted is None:
                    return
                if wanted:
                    connection = sqlite3.connect(database, timeout=30, isolation_level=None)
                    connection.execute("BEGIN IMMEDIATE")
                elif connection:
                    connection.close()
                theirs.send(None)
        except EOFError:
            return

    def lock(on: bool) -> None:
        ours.send(on)
        ours.recv()

    process = _FORK.Process(target=hold, daemon=True)
    process.start()
    theirs.close()
    try:
        yield lock
    finally:
        ours.send(None)  # a program forked meanwhile has this end open, too: no end of file would come
        process.join()
