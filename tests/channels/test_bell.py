from __future__ import annotations

import asyncio

from bot.channels.bell import Bell

LONG_S = 60.0
"""No test gets to its end."""


async def waits(bell: Bell) -> asyncio.Task[None]:
    task = asyncio.create_task(bell.wait(LONG_S))
    for _ in range(5):
        await asyncio.sleep(0)
    return task


async def test_the_first_ring_wakes_at_once_and_one_that_came_before_is_heard() -> None:
    bell = Bell(LONG_S)
    bell.ring(urgent=False)
    assert (await waits(bell)).done()


async def test_the_next_waits_for_others_unless_it_is_urgent() -> None:
    bell = Bell(LONG_S)
    bell.ring(urgent=False)
    await bell.wait(LONG_S)
    bell.ring(urgent=False)
    waiting = await waits(bell)
    assert not waiting.done()
    bell.ring(urgent=True)
    await waiting
    next_wait = await waits(bell)
    assert not next_wait.done()  # all of them were heard
    next_wait.cancel()


async def test_without_a_ring_it_waits_no_longer_than_it_is_told() -> None:
    await Bell(0.0).wait(0.001)
