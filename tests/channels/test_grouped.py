"""One write for all that comes meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from bot.channels.grouped import Grouped


class Written:
    """What was written together."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.slow = asyncio.Event()
        self.slow.set()

    async def write(self, items: Sequence[int]) -> None:
        self.batches.append(list(items))
        await self.slow.wait()
        if 13 in items:
            raise ValueError("13")


async def test_what_comes_during_a_write_is_written_together() -> None:
    written = Written()
    grouped = Grouped(written.write)
    written.slow.clear()
    first = asyncio.create_task(grouped.put(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = [asyncio.create_task(grouped.put(n)) for n in (2, 3)]
    await asyncio.sleep(0)
    written.slow.set()
    await asyncio.gather(first, *others)
    assert written.batches == [[1], [2, 3]]


async def test_a_write_waits_for_others_as_long_as_it_is_told() -> None:
    written = Written()
    grouped = Grouped(written.write, pause=lambda: 0.05)
    first = asyncio.create_task(grouped.put(1))
    await asyncio.sleep(0.01)
    await asyncio.gather(first, grouped.put(2))
    assert written.batches == [[1, 2]]


async def test_who_is_in_a_hurry_waits_for_nobody_and_takes_the_others_along() -> None:
    written = Written()
    grouped = Grouped(written.write, pause=lambda: 60.0)
    first = asyncio.create_task(grouped.put(1))
    await asyncio.sleep(0.01)
    async with asyncio.timeout(5):
        await asyncio.gather(first, grouped.put(2, at_once=True))
    assert written.batches == [[1, 2]]


async def test_all_of_a_failed_write_are_told_and_the_next_is_written() -> None:
    written = Written()
    grouped = Grouped(written.write, pause=lambda: 0.01)
    told = await asyncio.gather(grouped.put(1), grouped.put(13), return_exceptions=True)
    assert [type(one) for one in told] == [ValueError, ValueError]
    await grouped.put(2)
    assert written.batches == [[1, 13], [2]]


async def test_a_program_that_ends_leaves_nobody_waiting() -> None:
    grouped = Grouped(Written().write, pause=lambda: 60.0)
    waiting = asyncio.create_task(grouped.put(1))
    await asyncio.sleep(0.01)
    assert grouped._writing
    grouped._writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
