"""Opening the store, and what goes wrong with it; on SQLite and on PostgreSQL."""

import multiprocessing
import os
import sqlite3
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text

from knowledge.errors import StoreError
from knowledge.store import Store, sqlite_url
from knowledge.store.database import parse_url
from knowledge.store.schema import VERSION_TABLE, Base
from knowledge.store.turns import Turns


@contextmanager
def beside(url: str) -> Iterator[Connection]:
    """A connection of somebody else to the same database."""
    engine = create_engine(parse_url(url), connect_args={"timeout": 20} if url.startswith("sqlite") else {})
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def sql(url: str, *statements: str) -> None:
    with beside(url) as connection:
        for statement in statements:
            connection.execute(text(statement))
        connection.commit()


# --- opening


def test_the_migrations_make_what_the_models_describe(url: str, clock: Callable[[], datetime]) -> None:
    Store.open(url, clock).close()
    with beside(url) as connection:
        migrations = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(migrations, Base.metadata) == []
        names = "sqlite_master" if url.startswith("sqlite") else "pg_indexes"
        column = "sql" if url.startswith("sqlite") else "indexdef"
        indexes = connection.execute(text(f"SELECT {column} FROM {names} WHERE {column} LIKE '%UNIQUE INDEX uq_%WHERE%'")).all()
        assert len(indexes) == 2  # one published version, one open case: compare_metadata does not look at WHERE


def test_who_is_first_overtakes_who_waits(tmp_path: Path, clock: Callable[[], datetime]) -> None:
    store, order = Store.open(sqlite_url(tmp_path / "trogiup.db"), clock), []
    database = store._database

    def write(name: str, *, first: bool) -> None:
        with database.write(first=first):
            order.append(name)

    with ThreadPoolExecutor(3) as threads:
        with database.write():
            waiting = []
            for name in ("one", "another"):
                waiting.append(threads.submit(write, name, first=False))
                time.sleep(0.05)
            waiting.append(threads.submit(write, "first", first=True))
            time.sleep(0.05)
        for done in waiting:
            done.result()
    store.close()
    assert order.index("first") <= 1
    assert order[2] == "another"


def test_who_has_waited_long_enough_goes_on_and_is_not_handed_the_turn() -> None:
    turns = Turns()
    assert turns.take(0)
    assert not turns.take(0.01)
    assert not turns.take(0.01, first=True)
    turns.give_back()
    assert turns.take(0)


def open_and_write(url: str, together: Any, message_id: str) -> None:
    together.wait(30)
    store = Store.open(url, lambda: datetime.now(UTC), timeout=20)
    store.conversations.accept("c", message_id, "xin chào", datetime.now(UTC), "api")
    store.close()


def test_processes_may_open_a_new_database_together(url: str, clock: Callable[[], datetime]) -> None:
    forks = multiprocessing.get_context("fork")
    together = forks.Barrier(3)
    processes = [forks.Process(target=open_and_write, args=(url, together, f"m{number}")) for number in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    store = Store.open(url, clock)
    assert len(store.conversations.recent_texts("c", datetime(2000, 1, 1, tzinfo=UTC), 9)) == 3
    store.close()


def test_threads_may_open_a_new_database_together(url: str, clock: Callable[[], datetime]) -> None:
    with ThreadPoolExecutor(4) as threads:
        stores = list(threads.map(lambda _: Store.open(url, clock), range(4)))
    for store in stores:
        store.health()
        store.close()


def test_what_was_written_is_there_when_opened_again(url: str, clock: Callable[[], datetime]) -> None:
    first = Store.open(url, clock)
    first.conversations.accept("c", "m", "Đồng Nai 🆘", clock(), "api")
    first.close()
    second = Store.open(url, clock)
    assert second.conversations.recent_texts("c", clock(), 9) == ("Đồng Nai 🆘",)
    second.close()


def test_a_newer_database_is_refused(url: str, clock: Callable[[], datetime]) -> None:
    Store.open(url, clock).close()
    sql(url, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(StoreError, match="newer version"):
        Store.open(url, clock)


def test_tables_of_another_program_are_not_touched(url: str, tmp_path: Path, clock: Callable[[], datetime]) -> None:
    (tmp_path / "state").mkdir()
    sql(url, "CREATE TABLE messages (mine TEXT)", "CREATE TABLE alembic_version (version_num TEXT)")
    with pytest.raises(StoreError, match="another program's tables"):
        Store.open(url, clock)
    with beside(url) as connection:
        assert connection.execute(text("SELECT mine FROM messages")).all() == []
        with pytest.raises(Exception, match="documents"):
            connection.execute(text("SELECT * FROM documents"))


@contextmanager
def nobody() -> Iterator[None]:
    """Root may write to everything: without its rights for a moment."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_a_read_only_file_is_refused(clock: Callable[[], datetime]) -> None:
    with TemporaryDirectory() as name:  # not tmp_path: nobody may look in there
        folder, path = Path(name), Path(name) / "trogiup.sqlite"
        Store.open(sqlite_url(path), clock).close()
        path.chmod(0o444)
        folder.chmod(0o555)
        with nobody(), pytest.raises(StoreError, match="read-only"):
            Store.open(sqlite_url(path), clock)
        folder.chmod(0o755)


def test_a_read_only_server_is_refused(new_postgres: Callable[[], str], clock: Callable[[], datetime]) -> None:
    url = new_postgres()
    Store.open(url, clock).close()
    sql(url, f"ALTER DATABASE {parse_url(url).database} SET default_transaction_read_only = on")
    with pytest.raises(StoreError, match="read-only"):
        Store.open(url, clock)


@pytest.mark.parametrize("url", ["", "var/x.sqlite", "mysql://localhost/x", "sqlite://", "sqlite:///:memory:", "postgresql+psycopg2://h/x"])
def test_other_urls_are_refused(url: str, clock: Callable[[], datetime]) -> None:
    with pytest.raises(StoreError, match="TROGIUP_DATABASE_URL"):
        Store.open(url, clock)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_a_server_that_is_not_there(scheme: str, clock: Callable[[], datetime]) -> None:
    password = "s3cret"
    with pytest.raises(StoreError, match="does not answer") as caught:
        Store.open(f"{scheme}://someone:{password}@127.0.0.1:1/x", clock)
    assert password not in "".join(traceback.format_exception(caught.value))


def test_a_database_that_was_not_created(new_postgres: Callable[[], str], clock: Callable[[], datetime]) -> None:
    with pytest.raises(StoreError, match="createdb"):
        Store.open(new_postgres().replace("/trogiup_", "/other_"), clock)


def test_a_full_disk(tmp_path: Path, clock: Callable[[], datetime]) -> None:
    store = Store.open(sqlite_url(tmp_path / "x.sqlite"), clock)
    with store._database.write() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")  # as many as there are
    with pytest.raises(StoreError, match="disk"):
        store.conversations.accept("c", "m", "một" * 10_000, clock(), "api")
    assert store.conversations.recent_texts("c", clock(), 9) == ()
    store.close()


def test_files_that_are_no_database(tmp_path: Path, clock: Callable[[], datetime]) -> None:
    (tmp_path / "notes.txt").write_text("đây không phải cơ sở dữ liệu\n" * 100)
    with pytest.raises(StoreError, match="not a database"):
        Store.open(f"sqlite:///{tmp_path}/notes.txt", clock)
    with pytest.raises(StoreError, match="cannot be made"):
        Store.open(f"sqlite:///{tmp_path}/notes.txt/x.sqlite", clock)


def test_the_file_is_for_this_user_alone(tmp_path: Path, clock: Callable[[], datetime]) -> None:
    path = tmp_path / "a b%20" / "đ.sqlite"
    path.parent.mkdir()
    path.touch(0o644)
    store = Store.open(sqlite_url(path), clock)
    store.conversations.forget("c")
    files = sorted(path.parent.iterdir())
    assert [file.name for file in files] == ["đ.sqlite", "đ.sqlite-shm", "đ.sqlite-wal"]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    store.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_foreign_keys_hold(store: Store) -> None:
    with pytest.raises(StoreError), store._database.write() as connection:
        connection.execute(text("INSERT INTO document_events (document_id, action, at) VALUES ('none', 'added', '2026-01-01')"))


# --- when the database does not answer


def test_health_of_a_database_that_is_gone(url: str, clock: Callable[[], datetime]) -> None:
    store = Store.open(url, clock)
    store.health()
    if url.startswith("sqlite"):
        store.close()  # a connection still open would still have the file
        Path(parse_url(url).database or "").unlink()
    else:
        name = parse_url(url).database
        engine = create_engine(parse_url(url).set(database="postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()
    with pytest.raises(StoreError):
        store.health()
    store.close()


def test_who_waits_too_long_for_another_writer_is_told(url: str, clock: Callable[[], datetime]) -> None:
    store, words = Store.open(url, clock, timeout=0.1), "bí mật của tôi"
    store.conversations.accept("c", "m", "một", clock(), "api")
    with beside(url) as connection:
        connection.execute(text("UPDATE conversations SET context_json = '{}'"))
        began = time.monotonic()
        with pytest.raises(StoreError, match="busy") as caught:
            store.conversations.accept("c", "m2", words, clock(), "api")
        assert time.monotonic() - began < 5
    assert caught.value.__cause__ is not None
    assert words not in "".join(traceback.format_exception(caught.value))
    assert store.conversations.accept("c", "m2", words, clock(), "api").fresh
    store.close()


def test_a_naive_moment_is_a_bug_and_not_the_database(store: Store) -> None:
    with pytest.raises(ValueError, match="time zone"):
        store.conversations.accept("c", "m", "x", datetime(2026, 1, 1), "api")
