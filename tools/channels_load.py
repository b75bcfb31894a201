"""How long the channels take: the acknowledgement of what arrives, danger in a storm of 429, and answers end to end.

Loads are open where a rate is named: a message is due whether or not the ones before were answered, and its wait counts from when it was
due.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from bot.services import trim_memory
from tools.bench import questions
from tools.bench_first_answer import DANGER
from tools.bench_throughput import cpu_seconds, processes
from tools.channels_drill import House
from tools.channels_service import Arrival, Courier, Service

ACKNOWLEDGED_PER_S = 200
CONVERSATIONS = 2_000
STORM_PER_S, DANGER_PER_S = 20, 2
ANSWERED_PER_S = 30
AT_ONCE = 48
"""People who wait for an answer at once, at saturation: more than the house works on."""
_COURIERS = 200
_LATE_S = 30.0
_URGENT = "urgent"


@dataclass(frozen=True)
class Waits:
    """Milliseconds, and how many never came."""

    taken: list[float]
    missing: int = 0


class Crowd:
    """Brings messages when they are due and knows when each was acknowledged and answered. Names are numbers; a chat has one message."""

    def __init__(self, service: Service, port: int) -> None:
        service.on_arrival = self._arrived
        self.due: dict[str, float] = {}
        self.acknowledged: dict[str, float] = {}
        self.answered: dict[str, float] = {}
        self._port, self._idle = port, [Courier(port) for _ in range(_COURIERS)]
        self._events: dict[str, asyncio.Event] = {}
        trim_memory()  # who measures does not stop to look through what was loaded

    def _arrived(self, arrival: Arrival) -> None:
        self.answered.setdefault(arrival.chat, arrival.at)
        if event := self._events.get(arrival.chat):
            event.set()

    async def bring(self, chat: str, text: str, number: int) -> None:
        """Once it is due, which is now."""
        name = f"m{number}"
        self.due[name] = time.perf_counter()
        self.due.setdefault(chat, self.due[name])
        courier = self._idle.pop() if self._idle else Courier(self._port)
        await courier.insist(chat, name, text)
        self.acknowledged[name] = time.perf_counter()
        self._idle.append(courier)

    async def flow(self, rate: float, seconds: float, texts: Iterator[str], chats: Iterator[str], numbers: Iterator[int]) -> None:
        """So many a second. Whether the ones before were acknowledged does not matter."""
        began, tasks = time.perf_counter(), set[asyncio.Task[None]]()
        for at in range(round(rate * seconds)):
            await asyncio.sleep(max(0.0, began + at / rate - time.perf_counter()))
            task = asyncio.create_task(self.bring(next(chats), next(texts), next(numbers)))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)

    async def wait(self, chat: str) -> None:
        """Until the chat has an answer, or it is too late for one."""
        event = self._events.setdefault(chat, asyncio.Event())
        if chat not in self.answered:
            with suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), _LATE_S)

    def close(self) -> None:
        """Gives the connections back."""
        for courier in self._idle:
            courier.close()


async def acknowledgement(folder: Path, mode: str, seconds: float) -> tuple[Waits, Waits]:
    """The acknowledgement at 200/s, and danger in a storm, in a house without Rasa."""
    service = Service(Random(1))  # noqa: S311
    async with service.open() as address:
        house = House(folder, mode, address)
        await house.start()
        crowd, numbers, texts = Crowd(service, house.port), itertools.count(), itertools.cycle(questions())
        for number, text in zip(range(20), texts, strict=False):  # what the first ones wait for is not the rate's
            await crowd.bring(f"warm{number}", text, next(numbers))
        service.storm = lambda chat: not chat.startswith(_URGENT)
        urgent, others = (f"{_URGENT}{n}" for n in itertools.count()), (f"storm{n}" for n in itertools.count())
        cries = itertools.cycle(DANGER)
        await asyncio.gather(
            crowd.flow(STORM_PER_S, seconds, texts, others, numbers), crowd.flow(DANGER_PER_S, seconds, cries, urgent, numbers)
        )
        cried = [chat for chat in crowd.due if chat.startswith(_URGENT)]
        for chat in cried:
            await crowd.wait(chat)
        storm = _waits(crowd.due, crowd.answered, cried)
        service.storm = lambda chat: False
        while await asyncio.to_thread(house.left):  # what the storm held back is not part of the next load
            await asyncio.sleep(0.2)
        first = next(numbers)
        many = itertools.cycle(f"many{n}" for n in range(CONVERSATIONS))
        await crowd.flow(ACKNOWLEDGED_PER_S, seconds, texts, many, numbers)
        measured = [f"m{number}" for number in range(first + 1, next(numbers))]
        crowd.close()
        await house.stop()
    return _waits(crowd.due, crowd.acknowledged, measured), storm


@dataclass(frozen=True)
class Saturated:
    """As many as go through. `cpu_ms`: for a message, by process."""

    per_second: float
    cpu_ms: dict[str, float]


async def answers(folder: Path, seconds: float) -> tuple[Saturated, Waits]:
    """`trogiup serve` with Rasa: answered messages a second at saturation, and the waits at 30/s."""
    service = Service(Random(1))  # noqa: S311
    async with service.open() as address:
        house = House(folder, "serve", address)
        await house.start()
        crowd, numbers, texts = Crowd(service, house.port), itertools.count(), itertools.cycle(questions())
        ends = [time.perf_counter() + 2.0]

        async def person() -> None:
            while time.perf_counter() < ends[0]:
                number = next(numbers)
                await crowd.bring(f"full{number}", next(texts), number)
                await crowd.wait(f"full{number}")

        await asyncio.gather(*(person() for _ in range(AT_ONCE)))
        watched = processes(house.pid)
        before, used, began = len(crowd.answered), cpu_seconds(watched), time.perf_counter()
        ends[0] = began + seconds
        await asyncio.gather(*(person() for _ in range(AT_ONCE)))
        many, took = len(crowd.answered) - before, time.perf_counter() - began
        cpu_ms = {name: (spent - used[name]) * 1000 / max(1, many) for name, spent in cpu_seconds(watched).items()}
        asked = [f"open{number}" for number in range(round(ANSWERED_PER_S * seconds))]
        await crowd.flow(ANSWERED_PER_S, seconds, texts, iter(asked), numbers)
        for chat in asked:
            await crowd.wait(chat)
        crowd.close()
        await house.stop()
    return Saturated(many / took, cpu_ms), _waits(crowd.due, crowd.answered, asked)


def _waits(due: dict[str, float], come: dict[str, float], names: list[str]) -> Waits:
    taken = [(come[name] - due[name]) * 1000 for name in names if name in come]
    return Waits(taken, len(names) - len(taken))
