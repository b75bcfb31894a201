"""The engine: URL, connections, transactions, and other libraries' errors turned into StoreError.

SQLite: WAL, foreign keys on, every commit on the disk (synchronous=FULL: a case outlives a power cut), freed pages overwritten
(secure_delete: what is forgotten is gone). A writing transaction begins with BEGIN IMMEDIATE, so that it waits for its turn at the start
and never fails half-way because somebody else wrote meanwhile. PostgreSQL: psycopg 3, READ COMMITTED, rows locked where order matters.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, OperationalError, SQLAlchemyError, StatementError

from knowledge.errors import StoreError
from knowledge.store.schema import Base
from knowledge.store.turns import Turns

_WRITES = "trogiup_writes"
_CONNECT_SECONDS = 2
_ADVICE = (
    # (words of SQLite or PostgreSQL, SQLSTATE), what to do. The first that fits.
    (
        ("readonly database", "25006", "42501"),
        "The database is read-only: let this user write to it (for SQLite, to the file and its folder).",
    ),
    (
        ("database is locked", "55P03", "57014", "40P01", "queuepool"),
        "The database is busy: another program has been writing for too long; try again.",
    ),
    (("disk is full", "53100", "disk i/o error"), "The disk of the database is full or failing: make room, then try again."),
    (("not a database", "malformed"), "The database file is damaged or not a database: put a backup in its place, or move it away."),
    (("unable to open",), "The database file cannot be opened: check TROGIUP_HOME or TROGIUP_DATABASE_URL and the rights on the folder."),
    (("28P01", "28000", "password"), "The database refuses the user or password: check TROGIUP_DATABASE_URL."),
    (("no such table", "42P01"), "The database is not the one that was opened: start the program again."),
    (("3D000", "does not exist"), "The database in TROGIUP_DATABASE_URL does not exist: create it (createdb)."),
    (("already exists", "42P07"), "The database holds another program's tables: set TROGIUP_DATABASE_URL to an empty one."),
)
_NO_ANSWER = "The database does not answer: check that it runs and that TROGIUP_DATABASE_URL names it."


class Database:
    """Transactions on one engine. Shared by threads."""

    def __init__(self, url: URL, timeout: float) -> None:
        """`timeout`: seconds that a statement may wait for another writer. Connects on first use."""
        self._engine = _engine(url, timeout)
        self._writing = self._engine.execution_options(**{_WRITES: True})
        self._timeout = timeout
        self._turns = Turns() if url.get_backend_name() == "sqlite" else None
        """SQLite has one writer. Threads that wait for it in its own way look again after 1 to 100 ms, and whoever comes in between is
        first; here they are woken."""

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view; nothing written in it is kept. Raises StoreError."""
        with _translated(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self, *, first: bool = False) -> Iterator[Connection]:
        """One transaction: all of it is kept, or, when anything is raised, none. Raises StoreError. `first`: it overtakes who waits."""
        with _translated(), self._in_turn(first), self._writing.begin() as connection:
            yield connection

    @contextmanager
    def _in_turn(self, first: bool) -> Iterator[None]:
        """After the timeout it goes on all the same, and SQLite says what is wrong."""
        mine = self._turns is not None and self._turns.take(self._timeout, first=first)
        try:
            yield
        finally:
            if mine and self._turns is not None:
                self._turns.give_back()

    def close(self) -> None:
        """Give back every connection."""
        self._engine.dispose()


def is_passing(error: BaseException) -> bool:
    """Whether a StoreError comes from the state of the database (locked, full, not there) and not from what was to be written."""
    return isinstance(error.__cause__, SQLAlchemyError) and not isinstance(error.__cause__, DataError | IntegrityError)


def insert(connection: Connection, table: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """INSERT of the connection's dialect: the one that knows ON CONFLICT."""
    return insert_of(connection.dialect.name, table)


def insert_of(dialect: str, table: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """INSERT of a dialect, "sqlite" or "postgresql"."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def parse_url(url: str) -> URL:
    """A SQLite file or a PostgreSQL database (by psycopg 3). Raises StoreError for anything else."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StoreError("TROGIUP_DATABASE_URL is not a URL: use sqlite:///PATH or postgresql://USER@HOST/NAME.") from error
    if parsed.drivername in {"postgres", "postgresql", "postgresql+psycopg"}:
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername in {"sqlite", "sqlite+pysqlite"} and parsed.database and parsed.database != ":memory:":
        return parsed
    raise StoreError("TROGIUP_DATABASE_URL must name a SQLite file or a PostgreSQL database.", driver=parsed.drivername)


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite file, with what means something in a URL (% ? #) written so that it does not."""
    return URL.create("sqlite", database=str(path)).render_as_string()


def make_private_file(url: URL) -> None:
    """Create the SQLite file and its folder when missing, for this user alone (SQLite gives its -wal and -shm files the same mode)."""
    if url.get_backend_name() != "sqlite":
        return
    path = Path(url.database or "")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT, 0o600))
        if path.stat().st_mode & 0o077 and path.stat().st_uid == os.geteuid():
            path.chmod(0o600)
    except OSError as error:
        raise StoreError(
            "The database file cannot be made: check TROGIUP_HOME or TROGIUP_DATABASE_URL, the rights and the disk."
        ) from error


def _engine(url: URL, timeout: float) -> Engine:
    if url.get_backend_name() == "sqlite":
        # hide_parameters: what people wrote must not get into a log by way of an error.
        # Each use ends with a commit or a rollback of its own: the pool need not say another.
        engine = create_engine(
            url, hide_parameters=True, pool_timeout=timeout, pool_reset_on_return=None, connect_args={"timeout": timeout}
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    milliseconds = max(1, round(timeout * 1000))
    network = {
        "connect_timeout": _CONNECT_SECONDS,
        # A server that has vanished is noticed by these, not by the operating system's fifteen minutes.
        "tcp_user_timeout": milliseconds,
        "keepalives_idle": 5,
        "keepalives_interval": 1,
        "keepalives_count": 3,
    }
    engine = create_engine(url, hide_parameters=True, pool_timeout=timeout, pool_pre_ping=True, connect_args=network)

    def prepare(connection: Any, _record: object) -> None:
        connection.execute(f"SET statement_timeout = {milliseconds}")
        connection.commit()

    event.listen(engine, "connect", prepare)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # _begin_sqlite says BEGIN, not the driver
    for pragma in ("foreign_keys = ON", "synchronous = FULL", "secure_delete = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """By the driver itself: through SQLAlchemy it costs as much as the transaction's first statement."""
    statement = "BEGIN IMMEDIATE" if connection.get_execution_options().get(_WRITES) else "BEGIN"
    driver: Any = connection.connection.driver_connection
    try:
        driver.execute(statement)
    except sqlite3.Error as error:
        raise OperationalError(statement, None, error) from error


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        if isinstance(error, StatementError) and not isinstance(error, DBAPIError) and error.orig is not None:
            raise error.orig from None  # a value of ours that does not fit: a bug, not the database
        sqlstate = getattr(getattr(error, "orig", None), "sqlstate", None)
        raise StoreError(_advice(error), error=type(error).__name__, sqlstate=sqlstate) from error


def _advice(error: SQLAlchemyError) -> str:
    orig = getattr(error, "orig", None) or error
    said = f"{getattr(orig, 'sqlstate', None)} {orig}".lower()
    return next((advice for signs, advice in _ADVICE if any(sign.lower() in said for sign in signs)), _NO_ANSWER)
