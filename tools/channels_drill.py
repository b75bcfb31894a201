"""The drill of the channels: people who write, a service that fails, and a house that is killed in the middle of work.

The emulated service lives here and outlives the house, which is a program of its own (tools/channels_house.py). What was not acknowledged
is brought again, and the next message of a conversation only when the one before was acknowledged, as services do it. Nobody writes more
than a few messages ahead of the answers: more would be a flood, which is thinned out on purpose.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sqlite3
import sys
import time
from collections import Counter, OrderedDict, deque
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from bot.supervisor import dying_with_parent, free_port
from tools.bench import ROOT, all_ready, questions
from tools.bench_first_answer import DANGER
from tools.channels_checks import Diary, Found, Written, check
from tools.channels_service import SECRET, TOKEN, Arrival, Courier, Service

COURIERS = 48
AHEAD, AHEAD_IN_ALL = 5, 400
"""Messages that one person, and all together, write ahead of the answers."""
_GIVEN_UP_S = 20.0
"""Who has no answer by then writes on all the same: it may be one of those whose outcome is not known."""
_SETTLE = timedelta(seconds=5)
_READY_S, _END_S = 600.0, 300.0


@dataclass(frozen=True)
class Size:
    """How much is done, and the shares of it that go wrong."""

    messages: int = 100_000
    conversations: int = 2_000
    kills: int = 20
    duplicates: float = 0.05
    throttled: float = 0.02
    faulty: float = 0.01
    danger: float = 0.02
    """Share of the conversations in which everything is a cry for help."""


@dataclass
class House:
    """A program that holds the house, and its successors on the same port and database."""

    folder: Path
    mode: str
    service: str
    port: int = field(default_factory=free_port)
    starting_cpu_s: float = 0.0
    """What the starts took, of what all programs took."""
    _process: asyncio.subprocess.Process | None = None

    @property
    def database(self) -> Path:
        """The file."""
        return self.folder / "trogiup.db"

    @property
    def pid(self) -> int:
        """Of the program that runs."""
        assert self._process  # noqa: S101 - started
        return self._process.pid

    async def start(self) -> None:
        """Returns when it answers: `trogiup serve`, when all of its parts do."""
        environ = {key: value for key, value in os.environ.items() if not key.startswith("TROGIUP_")}
        bot = {"TOKEN": TOKEN, "SECRET": SECRET, "BASE_URL": self.service}
        environ |= {f"TROGIUP_ZALO_BOT_{name}": value for name, value in bot.items()}
        environ |= {
            "TROGIUP_HOME": str(self.folder),
            "TROGIUP_PORT": str(self.port),
            "TROGIUP_HOST": "127.0.0.1",
            "OMP_NUM_THREADS": "1",
            "PYTHONUNBUFFERED": "1",
        }
        command = dying_with_parent([sys.executable, "-m", "tools.channels_house", self.mode])
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "house.log").open("ab") as log:
            pipe = asyncio.subprocess.PIPE
            self._process = await asyncio.create_subprocess_exec(*command, env=environ, cwd=ROOT, stdout=pipe, stderr=log)
        try:
            async with asyncio.timeout(_READY_S):
                await (self._all_ready() if self.mode == "serve" else self._said_so())
        except TimeoutError:
            await self.kill()
            sys.exit(f"bench_channels: the house did not start in {_READY_S:.0f} s; `trogiup doctor` may know why.")

    async def _said_so(self) -> None:
        assert self._process  # noqa: S101 - started
        assert self._process.stdout  # noqa: S101 - a pipe
        while line := await self._process.stdout.readline():
            if line.startswith(b"{"):
                self.starting_cpu_s += json.loads(line)["cpu_s"]
                return
        sys.exit("bench_channels: the house did not start: `python -m tools.channels_house` with the same settings says why.")

    async def _all_ready(self) -> None:
        """Rasa, too, after it was trained."""
        while not await asyncio.to_thread(all_ready, f"http://127.0.0.1:{self.port}"):
            await asyncio.sleep(0.2)

    async def kill(self) -> None:
        """kill -9."""
        assert self._process  # noqa: S101 - started
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> None:
        """As an office stops it."""
        if self._process and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()

    def left(self) -> int:
        """Events and calls that are not over."""
        waiting = "SELECT (SELECT count(*) FROM channel_inbox WHERE state = 'waiting') + "
        waiting += "(SELECT count(*) FROM channel_sends WHERE state IN ('waiting', 'sending'))"
        with closing(sqlite3.connect(self.database, timeout=10)) as connection:
            return int(connection.execute(waiting).fetchone()[0])


class Drill:
    """One run in a folder of its own."""

    def __init__(self, folder: Path, size: Size, seed: int, mode: str = "light") -> None:
        self.size, self.rng = size, Random(seed)  # noqa: S311
        self.diary, self.counts = Diary(), Counter[str]()
        self.service = Service(Random(seed + 1), size.throttled, size.faulty, on_arrival=self._arrived)  # noqa: S311
        self.seconds = self.cpu_s = self.starting_cpu_s = 0.0
        self._folder, self._mode = folder, mode
        self._texts = questions()
        self._plan = {chat: self._conversation(chat, number) for number, chat in enumerate(f"c{n}" for n in range(size.conversations))}
        self._ready = deque(chat for chat, plan in self._plan.items() if plan)
        self._waiting: OrderedDict[str, float] = OrderedDict()
        self._open: Counter[str] = Counter()
        self._answered: set[str] = set()
        self._late: list[asyncio.Task[None]] = []

    def _conversation(self, chat: str, number: int) -> deque[Written]:
        many = self.size.messages // self.size.conversations + (number < self.size.messages % self.size.conversations)
        danger = self.rng.random() < self.size.danger
        plan = deque(Written(f"m{number + at * self.size.conversations}", chat, at, danger) for at in range(many))
        self.diary.written |= {written.name: written for written in plan}
        return plan

    async def run(self) -> Found:
        """Everything; what is found then."""
        cpu = _children_cpu_s()
        async with self.service.open() as address:
            house = House(self._folder, self._mode, address)
            await house.start()
            began = time.perf_counter()
            killer = asyncio.create_task(self._kill(house))
            couriers = [Courier(house.port) for _ in range(COURIERS)]
            await asyncio.gather(*(self._bring(courier) for courier in couriers))
            await killer
            await asyncio.gather(*self._late)
            ends = time.perf_counter() + _END_S
            while await asyncio.to_thread(house.left) and time.perf_counter() < ends:
                await asyncio.sleep(0.2)
            self.seconds = time.perf_counter() - began
            for courier in couriers:
                courier.close()
            await house.stop()
        self.cpu_s, self.starting_cpu_s = _children_cpu_s() - cpu, house.starting_cpu_s
        return check(house.database, self.diary, self.service.arrivals)

    async def _bring(self, courier: Courier) -> None:
        while (written := self._next()) is not None:
            if isinstance(written, float):
                await asyncio.sleep(written)
                continue
            text = self.rng.choice(DANGER if written.danger else self._texts)
            if self.rng.random() < self.size.duplicates:
                self._late.append(asyncio.create_task(self._again(courier.port, written, text)))
            self.counts["deliveries repeated"] += await courier.insist(written.chat, written.name, text) - 1
            self.diary.acknowledged.add(written.name)
            if written.name not in self._answered:
                self._waiting[written.name] = time.perf_counter()
                self._open[written.chat] += 1
            if self._plan[written.chat]:
                self._ready.append(written.chat)

    async def _again(self, port: int, written: Written, text: str) -> None:
        """The same message once more: at once, or when everybody has forgotten it."""
        await asyncio.sleep(self.rng.choice((0.0, self.rng.uniform(0, 5))))
        other = Courier(port)
        await other.insist(written.chat, written.name, text)
        other.close()
        self.counts["duplicates"] += 1

    def _next(self) -> Written | float | None:
        """The next message; or how long to wait for one; None: there is no more."""
        now = time.perf_counter()
        while self._waiting and now - next(iter(self._waiting.values())) > _GIVEN_UP_S:
            self._forget(next(iter(self._waiting)))
        if len(self._waiting) < AHEAD_IN_ALL:
            for _ in range(len(self._ready)):
                chat = self._ready.popleft()
                if self._open[chat] < AHEAD:
                    return self._plan[chat].popleft()
                self._ready.append(chat)
        return 0.02 if any(self._plan.values()) else None

    def _arrived(self, arrival: Arrival) -> None:
        if arrival.name:
            self._answered.add(arrival.name)
            self._forget(arrival.name)

    def _forget(self, name: str) -> None:
        if self._waiting.pop(name, None) is not None:
            self._open[self.diary.written[name].chat] -= 1

    async def _kill(self, house: House) -> None:
        """At so many random moments of the work, by what was acknowledged until then."""
        for at in sorted(self.rng.uniform(0.02, 0.98) * self.size.messages for _ in range(self.size.kills)):
            while len(self.diary.acknowledged) < at:
                await asyncio.sleep(0.01)
            await asyncio.sleep(self.rng.uniform(0, 0.3))
            killed = datetime.now(UTC)
            await house.kill()
            left = await asyncio.to_thread(house.left)
            self.counts["kills"] += 1
            self.counts["kills in the middle of work"] += left > 0
            await house.start()
            self.diary.kills.append((killed, datetime.now(UTC) + _SETTLE))


def _children_cpu_s() -> float:
    """User and system time of the programs that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
