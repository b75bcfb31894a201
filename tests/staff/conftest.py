"""A house of its own for each test, on a copy of one empty database."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from staff_house import Clock, House, make_house

from knowledge.store import Store, sqlite_url


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "trogiup.db"
    Store.open(sqlite_url(path), Clock()).close()
    return path


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(empty_database: Path, tmp_path: Path, clock: Clock) -> Iterator[Store]:
    path = shutil.copy(empty_database, tmp_path / "trogiup.db")
    store = Store.open(sqlite_url(path), clock)
    yield store
    store.close()


@pytest.fixture
def house(store: Store, clock: Clock) -> House:
    return make_house(store, clock)
