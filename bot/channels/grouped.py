"""One write for all that comes while the one before is being written: a disk that takes 5 ms a commit takes hundreds of events a second."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Grouped(Generic[T]):
    """Used on one event loop. What `write` raises, all whose items it was given are told."""

    def __init__(self, write: Callable[[Sequence[T]], Awaitable[None]], most: int = 500, pause: Callable[[], float] = lambda: 0.0) -> None:
        """`most`: items that are written at once. `pause`: seconds that a write waits for others to come, asked before each."""
        self._write = write
        self._most = most
        self._pause = pause
        self._hurry = asyncio.Event()
        self._pending: list[tuple[T, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def put(self, *items: T, at_once: bool = False) -> None:
        """Returns when they are written, together with others or not. Who is cancelled meanwhile does not stop the write.

        `at_once`: nobody is waited for.
        """
        if not items:
            return
        if at_once:
            self._hurry.set()
        loop = asyncio.get_running_loop()
        waits = [loop.create_future() for _ in items]
        self._pending.extend(zip(items, waits, strict=True))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._all())
        failures = await asyncio.gather(*waits, return_exceptions=True)
        if failed := next((failure for failure in failures if failure is not None), None):
            raise failed

    async def _all(self) -> None:
        while self._pending:
            batch: list[tuple[T, asyncio.Future[None]]] = []
            try:
                if pause := self._pause():
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(pause):
                            await self._hurry.wait()
                self._hurry.clear()
                batch, self._pending = self._pending[: self._most], self._pending[self._most :]
                await self._write([item for item, _ in batch])
            except Exception as error:
                _told(batch, error)
            except BaseException as error:  # the program ends: nobody will write the others either
                rest, self._pending = self._pending, []
                _told([*batch, *rest], error)
            else:
                _told(batch, None)


def _told(batch: Sequence[tuple[T, asyncio.Future[None]]], failure: BaseException | None) -> None:
    for _, wait in batch:
        if not wait.done():
            wait.set_exception(failure) if failure else wait.set_result(None)
