"""A thread of its own for one kind of work, so that it takes its turns and nothing else waits for it.

Python runs one thread at a time. Whoever is in danger is answered on the event loop; every thread that computes beside it makes it wait
for `sys.getswitchinterval()` each time it wants to go on. So what computes is done by one thread, however many people ask.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

SWITCH_S = 0.0005
"""Python's own 5 ms are half of what a first answer may take; tools/bench_first_answer.py."""


def switch_quickly() -> None:
    """At the start of a service: threads that compute give way sooner."""
    sys.setswitchinterval(SWITCH_S)


_STAND_ASIDE_S = 0.05
"""At most: many in danger at once do not stop everybody else."""
_LOOK_EVERY_S = 0.002


class RightOfWay:
    """While somebody in danger is being answered, or a message is being taken in, lanes begin nothing new; and two lanes do not compute at
    once, if one does not hang.
    """

    def __init__(self) -> None:
        self._taken = 0
        self._turn = threading.Lock()
        self._free = threading.Event()
        self._free.set()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """On the event loop."""
        self._taken += 1
        self._free.clear()
        try:
            yield
        finally:
            self._taken -= 1
            if not self._taken:
                self._free.set()

    async def clear(self, seconds: float, unless: Callable[[], bool] = lambda: False) -> None:
        """On the event loop: returns when it is not taken, or after so long, or when `unless` says that there is no time to wait."""
        ends = time.monotonic() + seconds
        while self._taken and time.monotonic() < ends and not unless():
            await asyncio.sleep(_LOOK_EVERY_S)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """In a lane, around each call."""
        mine = self._turn.acquire(timeout=_STAND_ASIDE_S)
        try:
            self._free.wait(_STAND_ASIDE_S)
            yield
        finally:
            if mine:
                self._turn.release()


class Hanging(Exception):
    """The lane did not come to the call, or not to its end, in time."""


class Lane:
    """One thread. Calls are done in the order they come."""

    def __init__(self, name: str, right_of_way: RightOfWay | None = None) -> None:
        self._thread = ThreadPoolExecutor(1, name)
        self._right_of_way = right_of_way
        self._stuck: Future[Any] | None = None

    async def run(self, call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """What the call returns or raises."""
        return await asyncio.wrap_future(self._submit(call, *args, **kwargs))

    async def run_within(self, seconds: float, call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """As `run`; Hanging when it takes longer, or at once while an earlier call still does. A call that was begun goes on by itself."""
        if self._stuck is not None and not self._stuck.done():
            raise Hanging
        submitted = self._submit(call, *args, **kwargs)
        waiting = asyncio.wrap_future(submitted)
        done, _ = await asyncio.wait({waiting}, timeout=seconds)
        if done:
            return waiting.result()
        waiting.add_done_callback(lambda late: late.cancelled() or late.exception())  # nobody asks any more
        if not submitted.cancel():
            self._stuck = submitted
        raise Hanging

    def _submit(self, call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        def in_turn() -> R:
            with self._right_of_way.turn() if self._right_of_way else nullcontext():
                return call(*args, **kwargs)

        return self._thread.submit(in_turn)
