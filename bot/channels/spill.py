"""Where events are kept that the database does not take: a file of JSON lines, on the disk before they are acknowledged.

Each append is one write with O_DSYNC (open(2)). A replay takes the file away by renaming it, under the lock, and works in peace; it may be
stopped anywhere and run again, for an event that the inbox knows changes nothing there. What a database refuses that answers is set aside
in `path`.torn, for somebody to look at.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from knowledge.errors import StoreError
from knowledge.store import InboxRow, Store
from knowledge.store.database import is_passing

logger = logging.getLogger("trogiup.spill")
_ADVICE = "The file of channel events cannot be written or read: check the disk and the rights on TROGIUP_HOME."


class Spill:
    """The file at `path`; `path`.lock, .replaying and .torn stand beside it when needed. Nothing is touched before the first use."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._replaying, self._torn, self._lock = (path.with_name(path.name + end) for end in (".replaying", ".torn", ".lock"))
        self._one_at_a_time = threading.Lock()
        """The file's lock is the program's; this one is for its threads."""

    def append(self, rows: Sequence[InboxRow]) -> None:
        """Put events on the disk. Raises StoreError when it does not take them."""
        lines = [{**asdict(row), "received_at": row.received_at.astimezone(UTC).isoformat()} for row in rows]
        try:
            with self._locked():
                _write(self._path, b"".join(json.dumps(line).encode("ascii") + b"\n" for line in lines))
        except OSError as error:
            raise StoreError(_ADVICE) from error

    def waiting(self) -> bool:
        """Whether anything is here. Raises StoreError."""
        try:
            return any(path.exists() and path.stat().st_size > 0 for path in (self._path, self._replaying))
        except OSError as error:
            raise StoreError(_ADVICE) from error

    def replay(self, store: Store) -> int:
        """Move the events into the inbox; how many it did not have yet. Raises StoreError when the database does not answer."""
        moved = 0
        try:
            while self._take():
                with self._replaying.open("rb") as file:
                    fcntl.flock(file, fcntl.LOCK_EX)
                    if not self._replaying.exists() or not os.path.samestat(os.fstat(file.fileno()), self._replaying.stat()):
                        continue  # another program has just finished
                    moved += self._move(file.read().splitlines(), store)
                    self._replaying.unlink()
        except FileNotFoundError:
            pass  # another program has just finished
        except OSError as error:
            raise StoreError(_ADVICE) from error
        return moved

    def _move(self, lines: Sequence[bytes], store: Store) -> int:
        rows = [row for line in filter(None, lines) if (row := self._row(line))]
        try:
            return store.inbox.add(rows)
        except StoreError as error:
            if is_passing(error):
                raise
        return sum(self._moved_alone(row, store) for row in rows)

    def _moved_alone(self, row: InboxRow, store: Store) -> int:
        try:
            return store.inbox.add([row])
        except StoreError as error:
            if is_passing(error):
                raise
            line = {**asdict(row), "received_at": row.received_at.isoformat()}
            _write(self._torn, json.dumps(line).encode("ascii") + b"\n")
            logger.critical("event=spill_set_aside channel=%s event_id=%s", row.channel, row.event_id)
            return 0

    def _row(self, line: bytes) -> InboxRow | None:
        try:
            values = json.loads(line)
            return InboxRow(**{**values, "received_at": datetime.fromisoformat(values["received_at"])})
        except (KeyError, TypeError, ValueError):  # cut off by a crash: it was not acknowledged, and is sent again
            _write(self._torn, line + b"\n")
            logger.error("event=spill_line_torn bytes=%d", len(line))
            return None

    def _take(self) -> bool:
        """Whether there is a file to work on: one that an earlier replay has left, else the file itself, renamed."""
        if self._replaying.exists():
            return True
        with self._locked():
            if not self._replaying.exists() and self._path.exists():
                self._path.rename(self._replaying)
        return self._replaying.exists()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._one_at_a_time:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield
            finally:
                os.close(descriptor)


def _write(path: Path, data: bytes) -> None:
    """Add lines to a file; they are on the disk afterwards. A line torn by a crash must not swallow the first."""
    missing = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_DSYNC | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            data = b"\n" + data
        while data:
            data = data[os.write(descriptor, data) :]
    finally:
        os.close(descriptor)
    if missing:
        folder = os.open(path.parent, os.O_RDONLY)
        with suppress(OSError):
            os.fsync(folder)
        os.close(folder)
