"""Where a message of danger is kept first: a file of JSON lines, on the disk before the person is answered.

Appending waits for nothing but the disk, and for that once: the file stays open, a line is one write with O_DSYNC (open(2)), and the case
ids that wait here are remembered, not read again. `replay` moves the entries into the store later. The two may run in several programs at
once: an append holds the lock (`path`.lock) for one line; a replay holds it while it takes the file away, by renaming it, and puts an empty
one in its place; then it works in peace.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random, SystemRandom
from typing import TYPE_CHECKING

from knowledge.errors import StoreError
from knowledge.store.cases import RISKS, NewCase, new_case_id
from knowledge.store.database import is_passing

if TYPE_CHECKING:
    from knowledge.store import Store

_log = logging.getLogger(__name__)
_TRIES = 5
"""How often a store that answers may refuse an entry before that is set aside."""
_SETTLED = timedelta(seconds=5)
"""By then whoever took a message has told the store of it, or has given that up."""
UNANSWERED = NewCase("handover", 0, "handover")
"""What a message to an officer becomes whose case has ended before it got here: nobody has answered it."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A message of a case: the arguments of `Conversations.accept`, and what it was answered.

    `case`: None where it only goes on with the case that its conversation has. `case_id`: the id a case opened by it is to have.
    `by_assistant`: whether the assistant answers it; else it is left to an officer, and asks for one where its case has ended meanwhile.
    """

    conversation_id: str
    message_id: str
    text: str = field(repr=False)
    received_at: datetime
    channel: str
    case: NewCase | None
    case_id: str | None = None
    answer_json: str | None = field(default=None, repr=False)
    by_assistant: bool = False


class CaseJournal:
    """The journal at `path`; `path`.lock, .replaying and .torn stand beside it when needed. Nothing is touched before the first use."""

    def __init__(self, path: Path, rng: Random | None = None, clock: Callable[[], datetime] | None = None) -> None:
        """`rng` draws the case ids; the system's own randomness by default.

        `clock`: with it, a replay leaves what came a moment ago for an officer to the program that took it: whether the officer still has
        the case is answered there, and asking for another officer here would be one too many.
        """
        self._path = path
        self._replaying = path.with_name(path.name + ".replaying")
        self._torn = path.with_name(path.name + ".torn")
        self._lock = path.with_name(path.name + ".lock")
        self._rng = rng or SystemRandom()
        self._clock = clock
        self._one_at_a_time = threading.Lock()
        """The file's lock is the program's; this one is for its threads."""
        self._lock_file: int | None = None
        self._file: int | None = None
        self._known: dict[int, tuple[int, dict[str, str]]] = {}
        """Of each file, by inode: how much of it was read, and the case ids it gives to conversations."""
        self._refused: Counter[bytes] = Counter()
        """How often a store that answers has refused a line, by the line's hash."""

    def append(self, entry: JournalEntry) -> str:
        """Put an entry on the disk and return the id its case will have, the same for every entry of a conversation that waits here.

        An id that another entry of the conversation was given goes before the entry's own. (If the conversation already had a live case in
        the database, the entry joins that one and keeps its id.) Raises StoreError when the disk does not take it.
        """
        try:
            with self._locked():
                case_id = self._ids().get(entry.conversation_id) or entry.case_id or new_case_id(self._rng)
                line = {**asdict(entry), "received_at": entry.received_at.astimezone(UTC).isoformat(), "case_id": case_id}
                if case_id != entry.case_id:
                    line["answer_json"] = None  # it names another case
                self._write(json.dumps(line).encode("ascii") + b"\n")
                return case_id
        except OSError as error:
            raise StoreError("The case journal cannot be written: check the disk and the rights on TROGIUP_HOME.") from error

    def waiting(self) -> Mapping[str, str]:
        """The case ids of the conversations that wait here. Raises StoreError when the files cannot be read."""
        try:
            with self._locked():
                return self._ids()
        except OSError as error:
            raise StoreError("The case journal cannot be read: check the disk and the rights on TROGIUP_HOME.") from error

    def replay(self, store: Store) -> int:
        """Move the entries into the store; how many messages it did not have yet.

        May be stopped anywhere and run again: nothing gets there twice. Stops at the first entry when the store still does not answer; an
        entry that a store refuses that answers stays for the next time, a few times. What it goes on refusing, and lines that are not
        whole, go to `path`.torn, for somebody to look at.
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
                    count, kept, later = self._move(lines.read().splitlines(), store)
                    moved += count
                    if kept:
                        return moved
                    self._replaying.unlink()
                    if later:
                        return moved
        except FileNotFoundError:
            return moved  # another program has just finished
        except OSError as error:
            raise StoreError("The case journal cannot be read: check the disk and the rights on TROGIUP_HOME.") from error
        return moved

    def set_aside(self) -> int:
        """How many lines stand in `path`.torn. Raises StoreError when it cannot be read."""
        try:
            return len(self._torn.read_bytes().splitlines())
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise StoreError("The case journal cannot be read: check the disk and the rights on TROGIUP_HOME.") from error

    def purge(self, before: datetime) -> bool:
        """Delete `path`.torn if nothing was added to it since a moment; whether it did. Raises StoreError when it cannot be deleted."""
        try:
            if self._torn.stat().st_mtime >= before.timestamp():
                return False
            self._torn.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StoreError("The case journal cannot be written: check the disk and the rights on TROGIUP_HOME.") from error
        return True

    def _move(self, lines: list[bytes], store: Store) -> tuple[int, int, int]:
        """How many messages were new to the store, how many entries have to stay, and how many it is too early for."""
        moved = kept = later = 0
        for line in filter(None, lines):
            try:
                entry = _parse(line)
            except ValueError:
                self._set_aside(line)
                _log.error("case journal: a line is not whole and was set aside", extra={"bytes": len(line)})
                continue
            about = {"case_id": entry.case_id, "message_id": entry.message_id}
            key = hashlib.sha256(line).digest()
            if self._refused[key] >= _TRIES:
                continue  # set aside already, while others of its file wait
            if self._is_in_hand(entry):
                with self._locked():
                    self._write(line + b"\n")  # behind what waits; should this be done twice, the store takes it once
                later += 1
                continue
            try:
                moved += _accept(store, entry)
            except Exception as error:  # one that cannot be moved must not hold up the others, whatever it is
                if not is_passing(error) and _answers(store):
                    self._refused[key] += 1
                if self._refused[key] >= _TRIES:
                    self._set_aside(line)
                    _log.critical("case journal: an entry cannot be moved and was set aside", extra=about | {"why": type(error).__name__})
                    continue
                kept += 1
                _log.warning("case journal: entry stays", extra=about)
                if not _answers(store):
                    break
        if not kept:
            self._refused.clear()
        return moved, kept, later

    def _is_in_hand(self, entry: JournalEntry) -> bool:
        for_officer = entry.case is None and not entry.by_assistant
        return self._clock is not None and for_officer and self._clock() - entry.received_at < _SETTLED

    def _take(self) -> bool:
        """Whether there is a file to work on: one that an earlier replay has left, else the journal itself, renamed."""
        if self._replaying.exists():
            return True
        if not self._path.exists() or self._path.stat().st_size == 0:
            return False
        with self._locked() as journal:
            if self._replaying.exists():
                return True
            if os.fstat(journal).st_size == 0:
                return False
            self._path.rename(self._replaying)
            self._open()  # the next entry must not wait for a file to be made
        return True

    def _ids(self) -> dict[str, str]:
        """The case ids given to conversations in the files as they are now; the earlier file's first. Call it with the lock held."""
        found: dict[str, str] = {}
        known: dict[int, tuple[int, dict[str, str]]] = {}
        for path in (self._replaying, self._path):
            with suppress(FileNotFoundError):
                state = path.stat()
                size, ids = self._known.get(state.st_ino, (0, {}))
                if size > state.st_size:
                    size, ids = 0, {}
                if size < state.st_size:
                    with path.open("rb") as lines:
                        lines.seek(size)
                        for line in lines.read(state.st_size - size).splitlines():
                            with suppress(ValueError):
                                entry = _parse(line)
                                ids.setdefault(entry.conversation_id, entry.case_id or "")
                known[state.st_ino] = (state.st_size, ids)
                found = {**ids, **found}
        self._known = known
        return found

    def _write(self, line: bytes) -> None:
        """Add a line to the open file; it is on the disk afterwards. One torn by a crash must not swallow it."""
        journal = self._file
        assert journal is not None  # noqa: S101 - the lock is held
        size = os.fstat(journal).st_size
        data = line if size == 0 or os.pread(journal, 1, size - 1) == b"\n" else b"\n" + line
        while data:
            data = data[os.write(journal, data) :]

    def _set_aside(self, line: bytes) -> None:
        descriptor = os.open(self._torn, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """The journal's file, opened, with the lock held."""
        with self._one_at_a_time:
            if self._lock_file is None:
                self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._lock_file = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock_file, fcntl.LOCK_EX)
            try:
                if self._file is None or not _is_at(self._file, self._path):
                    self._open()
                assert self._file is not None  # noqa: S101 - _open has set it
                yield self._file
            finally:
                fcntl.flock(self._lock_file, fcntl.LOCK_UN)

    def _open(self) -> None:
        """Open the file, made if it is missing. What is written to it is on the disk when `write` returns."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        missing = not self._path.exists()
        self._file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_DSYNC | os.O_CLOEXEC, 0o600)
        if missing:
            _sync_folder(self._path)


def _parse(line: bytes) -> JournalEntry:
    """The entry of a line. Raises ValueError for anything that `append` cannot have written whole."""
    try:
        values = json.loads(line)
        received_at, case = datetime.fromisoformat(values.pop("received_at")), values.pop("case")
        entry = JournalEntry(received_at=received_at, case=None if case is None else NewCase(**case), **values)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("not an entry") from error
    words: list[object] = [entry.case_id, entry.conversation_id, entry.message_id, entry.text, entry.channel]
    maybe: list[object] = [entry.answer_json]
    if entry.case:
        words += [entry.case.kind, entry.case.reason]
        maybe += [entry.case.province, entry.case.voice]
    risk = entry.case.risk if entry.case else RISKS[0]
    whole = isinstance(entry.by_assistant, bool)
    whole = whole and all(isinstance(word, str) for word in words) and all(word is None or isinstance(word, str) for word in maybe)
    if not whole or not isinstance(risk, int) or risk not in RISKS or received_at.tzinfo is None:
        raise ValueError("not an entry")
    return entry


def _accept(store: Store, entry: JournalEntry) -> bool:
    """Whether the message was new to the store."""
    arguments = (entry.conversation_id, entry.message_id, entry.text, entry.received_at, entry.channel, entry.case)
    unless_joined = None if entry.by_assistant else UNANSWERED
    accepted = store.conversations.accept(*arguments, case_id=entry.case_id, unless_joined=unless_joined)
    if entry.answer_json and not accepted.answer_json and not accepted.human:
        store.conversations.finish(entry.conversation_id, entry.message_id, entry.answer_json, None)
    return accepted.fresh


def _answers(store: Store) -> bool:
    try:
        store.health()
    except StoreError:
        return False
    return True


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
