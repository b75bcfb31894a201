"""A lock for threads that some may not be kept waiting for."""

from __future__ import annotations

import threading
import time


class Turns:
    """Who is `first` waits for whoever has it and for one more at most. Whoever gives it back may take it again before the others wake
    up: to hand it over to the next each time takes as long as a commit.
    """

    def __init__(self) -> None:
        self._turn, self._queue = threading.Lock(), threading.Lock()
        self._counting = threading.Lock()
        self._firsts = 0
        self._nobody_first = threading.Event()
        self._nobody_first.set()

    def take(self, timeout: float, *, first: bool = False) -> bool:
        """Whether it was free within so many seconds."""
        if first:
            self._count(1)
            try:
                return self._turn.acquire(timeout=timeout)
            finally:
                self._count(-1)
        ends = time.monotonic() + timeout
        if not self._queue.acquire(timeout=timeout):
            return False
        try:
            self._nobody_first.wait(max(0.0, ends - time.monotonic()))
            return self._turn.acquire(timeout=max(0.0, ends - time.monotonic()))
        finally:
            self._queue.release()

    def give_back(self) -> None:
        """To whoever comes to it."""
        self._turn.release()

    def _count(self, more: int) -> None:
        with self._counting:
            self._firsts += more
            self._nobody_first.clear() if self._firsts else self._nobody_first.set()
