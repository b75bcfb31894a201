"""A private PostgreSQL for the tests of the store, and the two kinds of database they run on."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random

import psycopg
import pytest
from sqlalchemy import Connection, text

from knowledge.store import Store, sqlite_url
from knowledge.store.database import Database, make_private_file, parse_url
from knowledge.store.migrate import migrate
from knowledge.store.schema import Base

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **length: float) -> datetime:
        self.now += timedelta(**length)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def new_postgres() -> Iterator[Callable[[], str]]:
    """Makes an empty PostgreSQL database each time it is called, on a server of this test run alone; its URL."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        reason = "PostgreSQL is not installed (apt-get install postgresql): the store is not tested on it"
        if os.environ.get("TROGIUP_REQUIRE_ALL_TESTS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # not tmp_path: the path of a socket is at most 107 bytes
    as_postgres = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        as_postgres = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")

    def run(name: str, *arguments: str) -> None:
        command = [*as_postgres, str(programs[-1].with_name(name)), "-D", str(folder / "data"), *arguments]
        subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL)

    numbers = count(1)

    def new_database() -> str:
        name = f"trogiup_{next(numbers)}"
        with psycopg.connect(host=str(folder), user="postgres", dbname="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql://postgres@/{name}?host={folder}"

    try:
        run("initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync")
        options = f"-k {folder} -c listen_addresses='' -c fsync=off -c max_connections=60"
        run("pg_ctl", "start", "--wait", "--silent", "--log", str(folder / "log"), "-o", options)
        try:
            yield new_database
        finally:
            run("pg_ctl", "stop", "--mode=immediate", "--silent")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _empty_database(kind: str, folder: Path, request: pytest.FixtureRequest) -> str:
    if kind == "sqlite":
        return sqlite_url(folder / "state" / "trogiup.sqlite")
    new_database: Callable[[], str] = request.getfixturevalue("new_postgres")
    return new_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    return _empty_database(request.param, tmp_path, request)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database of each kind with its tables, that waits long, for a busy machine's sake."""
    url = parse_url(_empty_database(request.param, tmp_path_factory.mktemp("database"), request))
    make_private_file(url)
    migrate(url)
    opened = Database(url, timeout=20)
    yield opened
    opened.close()


@contextmanager
def _triggers_off(connection: Connection) -> Iterator[None]:
    """Only here may a log that is append-only be emptied."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        yield
        return
    triggers = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
    for name, _ in triggers:
        connection.exec_driver_sql(f"DROP TRIGGER {name}")
    yield
    for _, sql in triggers:
        connection.exec_driver_sql(sql)


@pytest.fixture
def store(database: Database, clock: Clock) -> Store:
    """A store with nothing in it, on each kind of database."""
    with database.write() as connection, _triggers_off(connection):
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())
    return Store(database, clock, Random(7))
