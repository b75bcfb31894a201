"""Bring a database to the newest revision, once, however many programs start together.

The whole of it is one transaction that first takes the database's write lock (SQLite) or an advisory lock (PostgreSQL): who comes second
waits, then finds nothing to do; who is killed leaves the database as it was.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, text

from knowledge.errors import StoreError
from knowledge.store.database import Database
from knowledge.store.schema import VERSION_TABLE

_PATIENCE = 30.0
"""Seconds to wait for another program that is migrating."""
_ADVISORY_LOCK = 0x7206_1D00


def migrate(url: URL) -> None:
    """Bring the database to the newest revision. Raises StoreError (also for one that a newer version has made, and a read-only one)."""
    database = Database(url, timeout=_PATIENCE)
    try:
        if url.get_backend_name() == "sqlite":
            _use_wal(url.database or "")
        with database.write() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            upgrade(connection)
    finally:
        database.close()


def upgrade(connection: Connection) -> None:
    """Run what is missing in the connection's transaction. Raises StoreError."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    revision = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()
    if revision is not None and revision not in known:
        raise StoreError(
            "The database was made by a newer version: update this program, or set TROGIUP_HOME to another folder.", revision=revision
        )
    if revision != scripts.get_current_head():
        command.upgrade(config, "head")
    # A write of nothing: whether it may be written to is found now, and not at the first message.
    connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = version_num"))  # noqa: S608


def _use_wal(path: str) -> None:
    """Write-ahead log; the file remembers it. SQLite does not wait by itself for the lock that the switch takes.

    A file that cannot be switched (read-only, no database) is left to the first transaction, which says why.
    """
    deadline = time.monotonic() + _PATIENCE
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.Error as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    return
                time.sleep(0.02)
