"""A desk of its own for each test, on a copy of one empty database."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from duty_house import DeskClock, DeskHouse, make_desk

from bot.duty.live import Live
from knowledge.store import Store, sqlite_url


@pytest.fixture(scope="session")
def empty_desk_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty-desk") / "trogiup.db"
    Store.open(sqlite_url(path), DeskClock()).close()
    return path


@pytest.fixture
def clock() -> DeskClock:
    return DeskClock()


@pytest.fixture
def store(empty_desk_database: Path, tmp_path: Path, clock: DeskClock) -> Iterator[Store]:
    path = shutil.copy(empty_desk_database, tmp_path / "trogiup.db")
    store = Store.open(sqlite_url(path), clock)
    yield store
    store.close()


@pytest.fixture
def house(store: Store, clock: DeskClock) -> DeskHouse:
    return make_desk(store, clock, Live(lambda: store.desk.pulse(4), every=0.02, stream_s=0.15))
