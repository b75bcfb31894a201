"""The stream: one question for all who listen, and none while nobody does."""

from __future__ import annotations

import asyncio
import json

from bot.duty.live import Live
from knowledge.errors import StoreError
from knowledge.store import Pulse


def numbers(events: list[str]) -> list[int]:
    return [json.loads(event.partition("data: ")[2])["number"] for event in events if "data: " in event]


async def test_all_tabs_hear_a_change_from_one_question() -> None:
    asked = 0

    def read() -> Pulse:
        nonlocal asked
        asked += 1
        if asked == 3:
            raise StoreError("away")
        return Pulse(1 if asked < 5 else 2, ())

    live = Live(read, every=0.01, stream_s=0.3)

    async def listen() -> list[str]:
        return [event async for event in live.stream()]

    first, second = await asyncio.gather(listen(), listen())
    assert first == second
    assert numbers(first) == [1, 1, 2, 2]  # each change twice: the assistant's answer makes no event of its own
    done = asked
    await asyncio.sleep(0.05)
    assert asked <= done + 1


async def test_who_comes_later_hears_how_things_stand_at_once() -> None:
    live = Live(lambda: Pulse(7, ("TG-1",)), every=60, stream_s=0.2)
    first = live.stream()
    assert await anext(first) == "retry: 500\n\n"
    assert numbers([await anext(first)]) == [7]
    later = live.stream()
    await anext(later)
    assert json.loads((await anext(later)).partition("data: ")[2]) == {"number": 7, "danger": ["TG-1"]}
    assert [event async for event in later] == [event async for event in first] == []
