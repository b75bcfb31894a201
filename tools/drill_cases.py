"""`make drill`: thousands of cases with officers who vanish, double clicks, restarts and kill -9 in the middle of work.

The clock is virtual and driven from here; the programs, the database and the journal are real. Each half second of the drill its commands
are handed to the programs at once, so that they meet in the database; a program that is to be killed is killed while it works. What a
killed program did not acknowledge is sent again, as a channel does. Afterwards tools/drill_checks.py reads what is there.
"""

from __future__ import annotations

import argparse
import heapq
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from random import Random, SystemRandom
from typing import Any

from actions.duty.notices import DutyNotices
from knowledge.directory import VIETNAM, Directory
from knowledge.store import Actor, NewCase, Shift, Store, sqlite_url
from tools.drill_checks import CHECKS, LATE_S, START, Diary, Found, Sent, check
from tools.drill_programs import Program, in_child, locker
from tools.drill_worker import Command, Reply

TICK_S = 0.5
RATE = 0.7
"""New cases a second."""
PROGRAMS = 2
OFFICERS = 64
FEW = 4
"""Of them on duty for one province alone, which has more cases than they can take."""
LOOKS_S = 24.0
"""How often an officer's page asks."""
MOST_IN_HAND = 6
Then = Callable[[Reply | None], None]
"""What follows a reply; None: the program was killed before it came, or none was there."""


@dataclass
class Officer:
    """Somebody with a page open. `ends`: when the work on each case in hand is done."""

    account: str
    ends: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Size:
    """How much is done."""

    cases: int
    kills: int
    locks: int

    @property
    def long(self) -> float:
        """Virtual seconds for which the longest things last: somebody is away, somebody writes again."""
        return 1500.0 if self.cases > 1000 else 300.0

    @property
    def span(self) -> float:
        """Virtual seconds in which people write."""
        return self.cases / RATE


class Drill:
    """One run in a folder of its own."""

    def __init__(self, folder: Path, size: Size, seed: int) -> None:
        self.folder, self.size, self.rng = folder, size, Random(seed)  # noqa: S311
        self.diary, self.counts = Diary(), Counter[str]()
        self._notices = DutyNotices.load(Directory.load())
        self._programs = [Program() for _ in range(PROGRAMS)]
        self._officers: list[Officer] = []
        self._numbers = count(1)
        self._calendar: list[tuple[float, int, Callable[[], None]]] = []
        self._then: dict[int, Then] = {}
        self._now = 0.0
        self._out_since: float | None = None
        self._locked = False
        self._left = 1

    def run(self) -> Found:
        """From the first message until every case is closed; what is found then."""
        with locker(self.folder / "drill.sqlite") as lock:
            # Nothing is opened in this process: the children that it forks would share its locks on the file.
            self._officers = [Officer(account) for account in in_child(self._prepare)]
            self._plan(lock)
            while self._left and self._now < self.size.span + 8 * 3600:  # longer: something is stuck, and the checks say what
                self._look_after_programs()
                while self._calendar and self._calendar[0][0] <= self._now:
                    heapq.heappop(self._calendar)[2]()
                self._routine()
                self._exchange()
                self._now += TICK_S
        for program in self._programs:
            program.stop()
        if self._out_since is not None:
            self.diary.outages.append((self._out_since, self._now))
        return check(self.folder / "drill.sqlite", self.diary)

    # The plan

    def _prepare(self) -> list[str]:
        with closing(Store.open(sqlite_url(self.folder / "drill.sqlite"), lambda: START, timeout=10)) as store:
            names = [f"officer{number:02}" for number in range(OFFICERS)]
            accounts = [store.accounts.add(name, name, ["duty_officer"], "x", by=Actor()).account_id for name in names]
            for begins, lasts, group, provinces in self._shifts():
                starts = START.astimezone(VIETNAM) + timedelta(seconds=begins)
                ends = (starts + timedelta(seconds=lasts)).time()
                for account in accounts[group]:
                    store.roster.add_shift(Shift(account, starts.time(), ends, day=starts.date(), provinces=provinces))
            return accounts

    def _shifts(self) -> list[tuple[float, float, slice, tuple[str, ...]]]:
        """Begins, lasts, who, where: for a while nobody is on duty in the first provinces."""
        span, half = self.size.span, FEW + (OFFICERS - FEW) // 2
        most = ("Hà Nội", "Đồng Nai")
        return [
            (0.0, round(span * 0.45), slice(FEW, half), most),
            (float(round(span * 0.5)), 20 * 3600, slice(half, OFFICERS), most),
            (float(round(span * 0.2)), 20 * 3600, slice(0, FEW), ("Cà Mau",)),
        ]

    def _plan(self, lock: Callable[[bool], None]) -> None:
        self.diary.shifts = [(begins, provinces) for begins, _, _, provinces in self._shifts()]
        span, rng = self.size.span, self.rng
        for number in range(self.size.cases):
            at, province = rng.uniform(0, span), rng.choices([None, "Hà Nội", "Đồng Nai", "Cà Mau"], [5, 2, 2, 1])[0]
            self._person(f"drill:{number}", at, province)
        for _ in range(self.size.kills):
            self._at(rng.uniform(1, span), self._kill)
        for _ in range(self.size.locks):
            begins = rng.uniform(1, span)
            self._at(begins, lambda: self._lock(lock, True))
            self._at(begins + rng.uniform(2, 6), lambda: self._lock(lock, False))
        for officer in self._officers:
            self._at(rng.uniform(0, LOOKS_S), lambda officer=officer: self._look(officer))

    def _person(self, conversation: str, at: float, province: str | None) -> None:
        """Writes once, or again while somebody helps, or again when it is over."""
        moments = [at]
        if self.rng.random() < 0.4:
            moments.append(at + self.rng.uniform(2, self.size.long / 5))
        if self.rng.random() < 0.06:
            moments.append(at + self.rng.uniform(0.4, 1.4) * self.size.long)
        for moment in moments:
            risk = self.rng.choices([4, 3, 2, 1, 0], [8, 4, 3, 2, 3])[0]
            case = NewCase("other_violence", risk, "danger", province) if risk else NewCase("handover", 0, "handover", province)
            message = f"m{next(self._numbers)}"
            self.diary.sent[message] = Sent(conversation, message, risk > 0, risk)
            self._at(moment, lambda message=message, case=case: self._send(message, case))

    # What happens

    def _send(self, message: str, case: NewCase) -> None:
        sent, at = self.diary.sent[message], self._now
        sent.attempts.append(at)
        self.counts["messages sent"] += 1

        def then(reply: Reply | None) -> None:
            if reply and reply.outcome == "done":
                sent.acknowledged = at
                self.counts["messages that went to the journal"] += reply.value[1]
            else:
                self._at(at + 3, lambda: self._send(message, case))

        self._post("receive", sent.conversation, message, case, then=then)

    def _kill(self) -> None:
        running = [program for program in self._programs if program.process and not program.to_be_killed]
        if running:
            self.rng.choice(running).to_be_killed = True
        else:
            self._at(self._now + 5, self._kill)

    def _lock(self, lock: Callable[[bool], None], on: bool) -> None:
        if on != self._locked:
            lock(on)
            self._locked = on
            self.counts["times the database was locked"] += on

    def _look(self, officer: Officer) -> None:
        """The page of an officer asks what there is, which is a sign of life."""
        if self._now < self.size.span and self.rng.random() < 0.012:
            self.counts["officers who vanished"] += 1
            self._at(self._now + self.rng.uniform(0.1, 1) * self.size.long, lambda: self._look(officer))
            return
        at = self._now

        def seen(reply: Reply | None) -> None:
            if reply is None or reply.outcome == "done":
                self.diary.signs[officer.account].append((at, reply is not None))

        self._post("seen", officer.account, then=seen)
        self._post("look", officer.account, then=lambda reply: self._act(officer, reply.value) if reply and reply.value else None)
        self._at(at + LOOKS_S * self.rng.uniform(0.8, 1.2), lambda: self._look(officer))

    def _act(self, officer: Officer, shown: list[tuple[str, str | None, str | None]]) -> None:
        mine = [case_id for case_id, holder, _ in shown if holder == officer.account]
        officer.ends = {case_id: officer.ends.get(case_id, self._now + self.rng.uniform(20, 160)) for case_id in mine}
        for case_id, ends in officer.ends.items():
            chance = self.rng.random()
            if self._now >= ends:
                self._post("finish", case_id, officer.account)
            elif chance < 0.25:
                self._post("say", case_id, officer.account)
            elif chance < 0.27:
                self._post("transfer", case_id, officer.account, self.rng.choice(self._officers).account)
            elif chance < 0.29:
                self._post("give_back", case_id, officer.account)
        room = MOST_IN_HAND - len(mine)
        for case_id, holder, offered_to in shown:
            if holder is None and room > 0:
                chance = self.rng.random()
                if chance < 0.05:
                    self._post("pass_on", case_id, officer.account)
                elif chance < (0.9 if offered_to == officer.account else 0.25):
                    self._take(officer, case_id)
                    room -= 1

    def _take(self, officer: Officer, case_id: str) -> None:
        takers = [officer.account]
        if self.rng.random() < 0.1:
            self.counts["double clicks"] += 1
            takers.append(officer.account)
        if self.rng.random() < 0.1:
            self.counts["two officers at once"] += 1
            takers.append(self.rng.choice(self._officers).account)
        for account in takers:

            def then(reply: Reply | None, account: str = account) -> None:
                if reply and reply.outcome == "done":
                    self.diary.takes.append((case_id, account))
                self.counts["taken by another first"] += bool(reply and reply.outcome == "refused")

            self._post("take", case_id, account, then=then)

    def _routine(self) -> None:
        """Dispatcher and upkeep of each program, in turns; what is left, once nobody writes any more."""
        tick = round(self._now / TICK_S)
        for number, program in enumerate(self._programs):
            if program.process and (tick + number) % PROGRAMS == 0:
                self._post("dispatch", program=program)
            if program.process and (tick + number) % 4 == 0:
                self._post("upkeep", program=program)
        if tick % 40 == 0 and self._now > self.size.span and all(sent.acknowledged for sent in self.diary.sent.values()):

            def then(reply: Reply | None) -> None:
                if reply and reply.outcome == "done":
                    self._left = reply.value

            self._post("left", then=then)

    # The programs

    def _at(self, at: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._calendar, (at, next(self._numbers), do))

    def _post(self, name: str, *arguments: Any, then: Then = lambda _: None, program: Program | None = None) -> None:
        """A command for a program, any that runs."""
        running = [program] if program else [each for each in self._programs if each.process]
        if not running:
            then(None)
            return
        command = Command(next(self._numbers), self._now, name, arguments)
        self._then[command.number] = then
        self.rng.choice(running).batch.append(command)

    def _look_after_programs(self) -> None:
        for program in self._programs:
            if program.process is None and program.back_at <= self._now and not self._locked:
                program.start(self.folder, self._notices, self.rng.getrandbits(32), self._programs)
        out = self._locked or not any(program.process for program in self._programs)
        if out and self._out_since is None:
            self._out_since = self._now
        elif not out and self._out_since is not None:
            self.diary.outages.append((self._out_since, self._now))
            self._out_since = None

    def _exchange(self) -> None:
        """Hand each program its batch, kill who is to be killed while it works, and take the replies."""
        given = []
        for program in self._programs:
            if program.pipe and program.batch:
                self.rng.shuffle(program.batch)
                program.pipe.send(program.batch)
                given.append((program, [command.number for command in program.batch]))
            program.batch = []
        for program, numbers in given:
            if program.to_be_killed and program.process and program.process.pid:
                time.sleep(self.rng.uniform(0, 0.003 * len(numbers)))  # of the wall's clock: somewhere in its work
                os.kill(program.process.pid, signal.SIGKILL)
        for program, numbers in given:
            replies = program.replies(len(numbers))
            if program.to_be_killed or len(replies) < len(numbers):
                self.counts["kills"] += program.to_be_killed
                self.counts["kills in the middle of work"] += len(replies) < len(numbers)
                locked_out = not program.to_be_killed and program.found_no_database()
                self.counts["programs that started on a locked database"] += locked_out
                self.counts["programs that ended by themselves"] += not program.to_be_killed and not locked_out
                program.stop()
                program.back_at = self._now + self.rng.uniform(0.5, 12)
            for number in numbers:
                self._then.pop(number)(replies.get(number))


def report(drill: Drill, found: Found) -> str:
    """The table."""
    kinds = Counter(event.kind for events in found.events.values() for event in events)
    lines = [f"cases {len(found.cases)}", *(f"{name} {number}" for name, number in sorted(drill.counts.items()))]
    lines += [f"{kind} {kinds[kind]}" for kind in sorted(kinds)]
    lines += [f"steps timed {found.steps}, the latest {found.latest:.1f} s late (at most {LATE_S:.0f})"]
    lines += [f"{'ok ' if not found.faults[name] else 'BAD'} {what}: {len(found.faults[name])}" for name, what in CHECKS.items()]
    lines += [f"    {fault}" for name in CHECKS for fault in found.faults[name][:5]]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """The drill from the shell; 1 when a check fails."""
    parser = argparse.ArgumentParser(prog="python -m tools.drill_cases", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=320)
    parser.add_argument("--locks", type=int, default=12, help="how often the database is locked")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6))
    parser.add_argument("--keep", action="store_true", help="leave the folder with the database")
    given = parser.parse_args(arguments)
    memory = Path("/dev/shm")  # noqa: S108 - what a killed program wrote is there, too; a power cut is not drilled
    folder = Path(tempfile.mkdtemp(prefix="drill-", dir=memory if os.access(memory, os.W_OK) else None))
    print(f"seed {given.seed}, {given.cases} cases, {given.kills} kills", flush=True)
    began = time.monotonic()
    try:
        drill = Drill(folder, Size(given.cases, given.kills, given.locks), given.seed)
        found = drill.run()
    finally:
        if given.keep:
            print(folder)
        else:
            shutil.rmtree(folder)
    print(report(drill, found))
    print(f"virtual hours {drill._now / 3600:.1f}, wall seconds {time.monotonic() - began:.0f}")
    return int(any(found.faults.values()))


if __name__ == "__main__":
    sys.exit(main())
