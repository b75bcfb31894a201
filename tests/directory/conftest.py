"""A house of its own for each test, on a copy of one empty database."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from keeping_house import KeepingClock, KeepingHouse, make_keeping

from knowledge.places import Gazetteer
from knowledge.store import Store, sqlite_url


@pytest.fixture(scope="session")
def empty_keeping_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty-keeping") / "trogiup.db"
    Store.open(sqlite_url(path), KeepingClock()).close()
    return path


@pytest.fixture
def clock() -> KeepingClock:
    return KeepingClock()


@pytest.fixture
def store(empty_keeping_database: Path, tmp_path: Path, clock: KeepingClock) -> Iterator[Store]:
    path = shutil.copy(empty_keeping_database, tmp_path / "trogiup.db")
    store = Store.open(sqlite_url(path), clock)
    yield store
    store.close()


@pytest.fixture
def house(store: Store, clock: KeepingClock, gazetteer: Gazetteer) -> KeepingHouse:
    return make_keeping(store, clock, gazetteer)
