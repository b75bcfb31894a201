"""Where an urgent message is kept when the database does not answer: a file of JSON lines, on the disk before the person is answered.

Appending waits for nothing but the disk. `replay` moves the entries into the store later. The two may run in several programs at once: an
append holds the file's lock for one line; a replay takes the file away under that lock, by renaming it, and works on it in peace.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random, SystemRandom
from typing import TYPE_CHECKING

from knowledge.errors import StoreError
from knowledge.store.cases import NewCase, new_case_id

if TYPE_CHECKING:
    from knowledge.store import Store

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """An urgent message that could not be accepted; the arguments of `Conversations.accept`."""

    conversation_id: str
    message_id: str
    text: str = field(repr=False)
    received_at: datetime
    channel: str
    case: NewCase


class CaseJournal:
    """The journal at `path`; `path`.replaying and `path`.torn stand beside it when needed. Nothing is touched before the first use."""

    def __init__(self, path: Path, rng: Random | None = None) -> None:
        """`rng` draws the case ids; the system's own randomness by default."""
        self._path = path
        self._replaying = path.with_name(path.name + ".replaying")
        self._torn = path.with_name(path.name + ".torn")
        self._rng = rng or SystemRandom()

    def append(self, entry: JournalEntry) -> str:
        """Put an entry on the disk and return the id its case will have, the same for every entry of a conversation that waits here.

        (If the conversation already had an open case in the database, the entry joins that one and keeps its id.) Raises StoreError when
        the disk does not take it.
        """
        try:
            with self._locked() as journal:
                case_id = self._waiting_case(entry.conversation_id) or new_case_id(self._rng)
                line = {**asdict(entry), "received_at": entry.received_at.astimezone(UTC).isoformat(), "case_id": case_id}
                # A line torn by a crash must not swallow this one.
                start = b"" if _ends_whole(journal) else b"\n"
                _write_all(journal, start + json.dumps(line).encode("ascii") + b"\n")
                return case_id
        except OSError as error:
            raise StoreError("The case journal cannot be written: check the disk and the rights on TROGIUP_HOME.") from error

    def replay(self, store: Store) -> int:
        """Move the entries into the store; how many messages it did not have yet.

        May be stopped anywhere and run again: nothing gets there twice. Stops at the first entry when the store still does not answer; an
        entry that the store alone refuses stays for the next time. Lines that are not whole go to `path`.torn.
        """
        moved = 0
        try:
            while self._take():
                with self._replaying.open("rb") as lines:
                    try:
                        fcntl.flock(lines, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    except BlockingIOError:
                        return moved  # another program is at it
                    if not _is_at(lines.fileno(), self._replaying):
                        continue  # another program has just finished
                    count, kept = self._move(lines.read().splitlines(), store)
                    moved += count
                    if kept:
                        return moved
                    self._replaying.unlink()
        except FileNotFoundError:
            return moved  # another program has just finished
        except OSError as error:
            raise StoreError("The case journal cannot be read: check the disk and the rights on TROGIUP_HOME.") from error
        return moved

    def _move(self, lines: list[bytes], store: Store) -> tuple[int, int]:
        """How many messages were new to the store, and how many entries have to stay."""
        moved = kept = 0
        for line in filter(None, lines):
            try:
                entry, case_id = _parse(line)
            except ValueError:
                self._set_aside(line)
                continue
            arguments = (entry.conversation_id, entry.message_id, entry.text, entry.received_at, entry.channel, entry.case)
            try:
                moved += store.conversations.accept(*arguments, case_id=case_id).fresh
            except StoreError:
                kept += 1
                _log.warning("case journal: entry stays", extra={"case_id": case_id, "message_id": entry.message_id})
                if not _answers(store):
                    break
        return moved, kept

    def _take(self) -> bool:
        """Whether there is a file to work on: one that an earlier replay has left, else the journal itself, renamed."""
        if self._replaying.exists():
            return True
        if not self._path.exists():
            return False
        with self._locked():
            if self._replaying.exists():
                return True
            self._path.rename(self._replaying)
            _sync_folder(self._path)
        return True

    def _waiting_case(self, conversation_id: str) -> str | None:
        """The case id that an earlier entry of the conversation was given."""
        sign = json.dumps(conversation_id).encode("ascii")
        for path in (self._replaying, self._path):
            try:
                lines = path.read_bytes().splitlines()
            except FileNotFoundError:
                continue
            for line in lines:
                if sign in line:
                    try:
                        entry, case_id = _parse(line)
                    except ValueError:
                        continue
                    if entry.conversation_id == conversation_id:
                        return case_id
        return None

    def _set_aside(self, line: bytes) -> None:
        descriptor = os.open(self._torn, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            _write_all(descriptor, line + b"\n")
        finally:
            os.close(descriptor)
        _log.error("case journal: a line is not whole and was set aside", extra={"bytes": len(line)})

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """The journal's file, made if missing, with its lock held; never one that was renamed while waiting for the lock."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        while True:
            descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if not _is_at(descriptor, self._path):
                    continue
                if os.fstat(descriptor).st_size == 0:
                    _sync_folder(self._path)
                yield descriptor
                return
            finally:
                os.close(descriptor)


def _parse(line: bytes) -> tuple[JournalEntry, str]:
    """The entry of a line and its case id. Raises ValueError for anything that `append` cannot have written whole."""
    try:
        values = json.loads(line)
        case_id, received_at, case = values.pop("case_id"), datetime.fromisoformat(values.pop("received_at")), NewCase(**values.pop("case"))
        entry = JournalEntry(received_at=received_at, case=case, **values)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("not an entry") from error
    words = (case_id, entry.conversation_id, entry.message_id, entry.text, entry.channel, case.kind, case.reason, case.province or "")
    if not all(isinstance(word, str) for word in words) or not isinstance(case.risk, int) or received_at.tzinfo is None:
        raise ValueError("not an entry")
    return entry, case_id


def _answers(store: Store) -> bool:
    try:
        store.health()
    except StoreError:
        return False
    return True


def _ends_whole(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
    os.fsync(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
