"""A house of its own for each test, on a copy of one empty database."""

from __future__ import annotations

import pytest
from keeping_house import KeepingHouse, make_keeping
from people_house import Clock, clock, empty_database, store

from knowledge.places import Gazetteer
from knowledge.store import Store

__all__ = ["clock", "empty_database", "store"]


@pytest.fixture
def house(store: Store, clock: Clock, gazetteer: Gazetteer) -> KeepingHouse:
    return make_keeping(store, clock, gazetteer)
