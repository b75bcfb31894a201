"""Where a message of a case is kept before it is answered: on the disk first, then in the database, and in memory while both fail.

The case's id is fixed before anything is written, so that it does not matter which of the writes is done when, how often, or last: all of
them name one message of one case (knowledge/store/conversations.py, `accept`). The journal costs one write to the disk; the database costs
several times that, and may wait for others. So the journal comes first, and an answer does not wait for the database, which is told at once
all the same. What stands in both is moved over once (knowledge/store/journal.py).
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from random import Random, SystemRandom
from typing import Any

from actions.model import Message
from knowledge.errors import StoreError
from knowledge.store import Accepted, CaseJournal, JournalEntry, NewCase, Store
from knowledge.store.cases import new_case_id
from knowledge.store.journal import UNANSWERED

logger = logging.getLogger("trogiup.intake")

_DATABASE_S = 0.0
"""How long an answer waits for the database once the message is on the disk."""
_AFTERWARDS_S = 0.005
_HANGS_S = 0.25
"""A database that has taken this long over one message is not given more; the journal moves them over when it is done."""
_DISK_S = 2.0
"""A disk, and then a database, that hangs for this long counts as failing: the person cannot wait for it."""
_RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0)
_REMEMBERED = 20_000
"""Conversations whose case is known without asking the database."""

Compose = Callable[[str | None], Mapping[str, Any]]
"""The answer object for a case id; None: nothing could be written."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A message that was kept. `case_id`: None where nothing has written it yet; `accepted`: what the database said, if it did in time."""

    case_id: str | None
    accepted: Accepted | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """The case that a conversation has, as far as is known without asking; `taken`: an officer has it."""

    case_id: str
    taken: bool


class Intake:
    """Keeps messages of cases. One for a gateway; used on its event loop only."""

    def __init__(self, store: Store, journal: CaseJournal, rng: Random | None = None) -> None:
        self._store = store
        self._journal = journal
        self._rng = rng or SystemRandom()
        # Threads of their own: when the database hangs, all other threads may be waiting for it.
        self._database_thread = ThreadPoolExecutor(1, "case-database")
        self._journal_thread = ThreadPoolExecutor(1, "case-journal")
        self._joined: OrderedDict[str, Joined] = OrderedDict()
        self._late: dict[asyncio.Future[Any], float] = {}
        """Writes to the database, and since when they run."""
        self._left_out = False
        """Whether messages wait in the journal that the database was not asked to take."""
        self._moving: asyncio.Future[int] | None = None
        self._unwritten: deque[JournalEntry] = deque()
        self._retrying: asyncio.Task[None] | None = None

    def joined(self, conversation_id: str) -> Joined | None:
        """The case that a conversation has, as far as is known."""
        return self._joined.get(conversation_id)

    def learn(self, conversation_id: str, case_id: str, *, taken: bool) -> None:
        """What the database said of a conversation."""
        self._joined.pop(conversation_id, None)
        self._joined[conversation_id] = Joined(case_id, taken)
        while len(self._joined) > _REMEMBERED:
            self._joined.popitem(last=False)

    async def refresh(self) -> None:
        """Reads which case each conversation has: at the start, and now and then. Raises StoreError; what was known stays known then."""
        waiting = await asyncio.get_running_loop().run_in_executor(self._journal_thread, self._journal.waiting)
        for conversation_id, case_id in waiting.items():
            if conversation_id not in self._joined:
                self.learn(conversation_id, case_id, taken=False)
        known = set(self._joined)
        joined = await asyncio.to_thread(self._store.cases.joined)
        for conversation_id in known - joined.keys() - waiting.keys():
            self._joined.pop(conversation_id, None)  # it has ended, and is over
        for conversation_id, (case_id, taken) in joined.items():
            self.learn(conversation_id, case_id, taken=taken)

    async def keep(self, message: Message, case: NewCase | None, compose: Compose | None = None, *, within: float | None = None) -> Kept:
        """Keep a message of a case. Returns when it is on the disk, or when neither disk nor database takes it; then it is tried again.

        `compose`: what it is answered, kept with it. `within`: seconds to wait for the database once it is on the disk.
        """
        joined = self._joined.get(message.conversation_id)
        case_id = joined.case_id if joined else new_case_id(self._rng)
        said = json.dumps(compose(case_id), ensure_ascii=False) if compose else None
        about = (message.conversation_id, message.message_id, message.text, message.received_at, message.channel)
        entry = JournalEntry(*about, case, case_id, said, by_assistant=not (joined and joined.taken))
        self.learn(message.conversation_id, case_id, taken=bool(joined and joined.taken))
        try:
            async with asyncio.timeout(_DISK_S):
                case_id = await asyncio.shield(self._on(self._journal_thread, self._journal.append, entry))
        except (StoreError, TimeoutError):
            return await self._without_journal(entry)
        if case_id != entry.case_id:
            entry = replace(entry, case_id=case_id, answer_json=None)
            self.learn(message.conversation_id, case_id, taken=bool(joined and joined.taken))
        within = _DATABASE_S if within is None else within
        if not within or self._hangs():
            self._afterwards(entry)
            return Kept(case_id)
        accepted = await self._accepted(entry, within)
        return Kept(accepted.case_id or case_id, accepted) if accepted else Kept(case_id)

    def _afterwards(self, entry: JournalEntry) -> None:
        """Tells the database when the answer is out: its thread would take Python from the event loop in the meantime."""

        def tell() -> None:
            if self._hangs():
                self._left_out = True  # the journal moves it over when the database is done
            else:
                self._tell_database(entry)[0].cancel()

        asyncio.get_running_loop().call_later(_AFTERWARDS_S, tell)

    def _hangs(self) -> bool:
        """Whether the database has been busy with one message for too long."""
        return bool(self._late) and asyncio.get_running_loop().time() - next(iter(self._late.values())) > _HANGS_S

    async def close(self) -> None:
        """Waits for what is being written, and tries once more what could be written nowhere."""
        if self._retrying:
            self._retrying.cancel()
        await asyncio.sleep(_AFTERWARDS_S)
        while self._late or (self._moving and not self._moving.done()):
            await asyncio.gather(*self._late, *filter(None, [self._moving]), return_exceptions=True)
        for entry in self._unwritten:
            await self._written(entry)

    async def _accepted(self, entry: JournalEntry, within: float) -> Accepted | None:
        """What the database said, if it did in time; else it goes on by itself."""
        accepted, writing = self._tell_database(entry)
        either: set[asyncio.Future[Any]] = {accepted, writing}
        await asyncio.wait(either, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        if accepted.done():
            return accepted.result()
        accepted.cancel()
        return None

    def _tell_database(self, entry: JournalEntry) -> tuple[asyncio.Future[Accepted], asyncio.Future[None]]:
        """Tells the database: what it says once it has the message, and when its thread is done with it."""
        accepted: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        writing: asyncio.Future[None] = self._on(self._database_thread, self._write, entry, accepted)
        self._late[writing] = asyncio.get_running_loop().time()
        writing.add_done_callback(self._caught_up)
        return accepted, writing

    def _write(self, entry: JournalEntry, told: asyncio.Future[Accepted]) -> None:
        """In the database's thread. Raises StoreError."""
        arguments = (entry.conversation_id, entry.message_id, entry.text, entry.received_at, entry.channel, entry.case)
        accepted = self._store.conversations.accept(*arguments, case_id=entry.case_id)
        if told.cancelled() and not entry.by_assistant and not accepted.case_id:  # the officer it was left to has closed the case
            accepted = self._store.conversations.accept(*arguments[:-1], UNANSWERED, case_id=entry.case_id)
        with suppress(RuntimeError):  # the service has ended meanwhile
            told.get_loop().call_soon_threadsafe(self._take_in, entry, accepted, told)
        if entry.answer_json and accepted.case_id == entry.case_id and not accepted.human and not accepted.answer_json:
            self._store.conversations.finish(entry.conversation_id, entry.message_id, entry.answer_json, None)

    def _take_in(self, entry: JournalEntry, accepted: Accepted, told: asyncio.Future[Accepted]) -> None:
        if accepted.case_id:
            self.learn(entry.conversation_id, accepted.case_id, taken=accepted.human)
            if accepted.case_id != entry.case_id:
                logger.warning("event=case_goes_on case=%s proposed=%s", accepted.case_id, entry.case_id)
        if not told.done():
            told.set_result(accepted)

    def _caught_up(self, writing: asyncio.Future[Any]) -> None:
        self._late.pop(writing, None)
        if failed := _seen(writing):
            logger.error("event=database_down why=%s", type(failed).__name__)
        elif self._left_out:
            self._left_out = False
            self._moving = self._on(self._database_thread, self._journal.replay, self._store)
            self._moving.add_done_callback(_seen)

    async def _without_journal(self, entry: JournalEntry) -> Kept:
        logger.critical("event=journal_down conversation=%s message=%s", entry.conversation_id, entry.message_id)
        if not self._hangs() and (accepted := await self._accepted(entry, _DISK_S)):
            return Kept(accepted.case_id, accepted)
        logger.critical("event=case_not_written conversation=%s message=%s", entry.conversation_id, entry.message_id)
        self._unwritten.append(replace(entry, answer_json=None))
        if self._retrying is None or self._retrying.done():
            self._retrying = asyncio.create_task(self._retry())
        return Kept(None)

    async def _retry(self) -> None:
        """Until everything is written."""
        tries = 0
        while self._unwritten:
            await asyncio.sleep(_RETRY_S[min(tries, len(_RETRY_S) - 1)])
            tries += 1
            while self._unwritten and await self._written(self._unwritten[0]):
                entry = self._unwritten.popleft()
                logger.critical("event=case_written_late conversation=%s message=%s", entry.conversation_id, entry.message_id)

    async def _written(self, entry: JournalEntry) -> bool:
        """Whether the disk, or else the database, has it now."""
        with suppress(StoreError):
            await self._on(self._journal_thread, self._journal.append, entry)
            return True
        with suppress(StoreError):
            told: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
            await self._on(self._database_thread, self._write, entry, told)
            return True
        return False

    @staticmethod
    def _on(thread: ThreadPoolExecutor, call: Callable[..., Any], *arguments: Any) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().run_in_executor(thread, call, *arguments)


def _seen(done: asyncio.Future[Any]) -> BaseException | None:
    """Why it failed, if it did; asking is what keeps asyncio from complaining that nobody has."""
    return None if done.cancelled() else done.exception()
