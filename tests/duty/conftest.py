"""A desk of its own for each test, on a copy of one empty database."""

from __future__ import annotations

import pytest
from duty_house import DeskHouse, make_desk
from people_house import Clock, clock, empty_database, store

from bot.duty.live import Live
from knowledge.store import Store

__all__ = ["clock", "empty_database", "store"]


@pytest.fixture
def house(store: Store, clock: Clock) -> DeskHouse:
    return make_desk(store, clock, Live(lambda: store.desk.pulse(4), every=0.02, stream_s=0.15))
