"""A house of its own for each test, on a copy of one empty database."""

from __future__ import annotations

import pytest
from people_house import Clock, clock, empty_database, store
from staff_house import House, make_house

from knowledge.store import Store

__all__ = ["clock", "empty_database", "store"]


@pytest.fixture
def house(store: Store, clock: Clock) -> House:
    return make_house(store, clock)
