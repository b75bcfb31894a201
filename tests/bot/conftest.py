"""One home with the five documents published and their snapshot, made once and copied where it is changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from house_fakes import Clock, FakeRasa, settings_of

from bot import intake
from bot.gateway import Gateway, Parts
from bot.services import Services
from bot.throttle import Throttle
from knowledge.collection import Collection
from knowledge.store import CaseJournal, Store

NewGateway = Callable[..., Gateway]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy it, change nothing in it."""
    home = tmp_path_factory.mktemp("house") / "home"
    services = Services.open(settings_of(home))
    services.knowledge_base.seed(lambda line: None)
    services.knowledge_base.build()
    services.close()
    return home


@pytest.fixture(scope="session")
def opened(built: Path) -> Iterator[Services]:
    """The services on it. Read only: what is written goes into a store of the test's own (`parts`)."""
    services = Services.open(settings_of(built))
    services.warm()
    yield services
    services.close()


@pytest.fixture
def home(built: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return shutil.copytree(built, tmp_path / "home")


@pytest.fixture
def services(home: Path, clock: Clock) -> Iterator[Services]:
    """The services on a copy."""
    services = Services.open(settings_of(home), clock)
    yield services
    services.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def collection(opened: Services) -> Collection:
    return opened.answerer().retriever.snapshot.collection


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("empty")
    Store.open(settings_of(home).database_url, Clock()).close()
    return home / "trogiup.db"


@pytest.fixture
def store(empty_database: Path, tmp_path: Path, clock: Clock) -> Iterator[Store]:
    """A store with nothing in it."""
    path = tmp_path / "state" / "trogiup.db"
    path.parent.mkdir()
    shutil.copy(empty_database, path)
    store = Store.open(settings_of(path.parent).database_url, clock)
    yield store
    store.close()


@pytest.fixture
def journal(tmp_path: Path) -> CaseJournal:
    return CaseJournal(tmp_path / "cases.journal")


@pytest.fixture
def parts(opened: Services, store: Store, journal: CaseJournal, clock: Clock) -> Parts:
    return replace(opened.gateway_parts(), store=store, journal=journal, clock=clock)


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer waits until the database has the case, so that a test finds it there, however slow the machine is."""
    monkeypatch.setattr(intake, "_DATABASE_S", 5.0)


@pytest.fixture
def rasa(parts: Parts) -> FakeRasa:
    return FakeRasa(parts.assistant)


@pytest.fixture
def gateway(parts: Parts) -> Gateway:
    """Without Rasa, and without a limit for those who ask much."""
    return Gateway(parts, None, Throttle(burst=10_000))
