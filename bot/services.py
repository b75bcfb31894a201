"""The composition root: everything with state is made here, once, from the settings, and handed in."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib.util
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import make_url

from actions.answering import Answerer
from actions.assistant import Assistant
from actions.duty.contact import Contact
from actions.duty.notices import DutyNotices
from actions.eligibility_outcome import Eligibility
from actions.followup import FollowUps
from actions.hotlines import HotlineDesk
from actions.notices import Notices
from actions.routing import Router
from actions.texts import Texts
from actions.triage import Triage
from bot.directory.keeper import DirectoryKeeper
from bot.gateway import Parts
from bot.knowledge_base import KnowledgeBase
from bot.publication.publisher import Publisher
from bot.settings import Settings
from index import snapshot
from index.answerability import Answerability
from index.demands import Demands
from index.search import Retriever
from index.understanding import Understanding
from knowledge.collection import Collection
from knowledge.directory import VIETNAM, Directory
from knowledge.errors import IndexFault, StoreError
from knowledge.model import Document, Status
from knowledge.places import Gazetteer, load_gazetteer
from knowledge.store import CaseJournal, Store

logger = logging.getLogger("trogiup.services")

ROOT = Path(__file__).parent.parent
_TURN_S = 0.0005
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The clock of a running service."""
    return datetime.now(UTC)


@dataclass
class Services:
    """The open parts. `close` gives them back."""

    settings: Settings
    clock: Clock
    store: Store
    journal: CaseJournal
    gazetteer: Gazetteer
    knowledge_base: KnowledgeBase
    directory: Directory
    texts: Texts
    notices: Notices
    understanding: Understanding
    triage: Triage
    answerability: Answerability
    demands: Demands
    directory_keeper: DirectoryKeeper
    _answerer: Answerer | None = field(default=None, repr=False)
    _tried: str | None = None
    """The snapshot that was in use when one was opened last."""
    _refreshing: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def open(cls, settings: Settings, clock: Clock = utc_now) -> Services:
        """Opens the store and reads the tables. The snapshot is opened with the first question, or by `warm`."""
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        store = Store.open(settings.database_url, clock)
        texts = Texts.load()
        keeper = DirectoryKeeper.load(store, load_gazetteer())
        gazetteer = keeper.gazetteer
        with contextlib.suppress(StoreError):
            keeper.refresh()
        knowledge_base = KnowledgeBase(store, gazetteer, settings.home, settings.encoder or snapshot.EMBEDDED, settings.database_url, clock)
        services = cls(
            settings,
            clock,
            store,
            CaseJournal(_beside(settings.database_url, settings.home) / "cases.journal", clock=clock),
            gazetteer,
            knowledge_base,
            keeper.live,
            texts,
            Notices(texts, gazetteer, keeper.successions),
            Understanding.load(gazetteer),
            Triage.load(),
            Answerability.load(),
            Demands.load(),
            keeper,
        )
        keeper.when_changed = services.forget
        services.forget()
        return services

    def answerer(self) -> Answerer:
        """The answerer on the snapshot in use. IndexFault when there is none."""
        if self._answerer is None:
            self.warm()
        assert self._answerer is not None  # noqa: S101 - warm has just made it
        return self._answerer

    def warm(self) -> tuple[str, ...]:
        """Opens the snapshot in use, in place of the one that was open. Returns what was wrong with newer ones."""
        self._tried = self._newest()
        held = self._answerer.retriever.snapshot if self._answerer else None
        opened = snapshot.open_current(self.settings.home, self.knowledge_base.encoder, held)
        retriever = Retriever(opened, self.gazetteer)
        answerer = Answerer(retriever, self.texts, self.notices, self.directory, self.answerability, self.demands)
        answerer.warm(held.collection if held else None)
        self._answerer = answerer
        gc.freeze()  # a collection that looked through all of it again would stop every thread for a second
        return opened.warnings

    def forget(self) -> None:
        """Takes up the words of staff, and drops what is remembered of questions, once a table that they were read or answered by has
        changed.
        """
        try:
            self.understanding.lexicon.take_up(self.directory_keeper.merged.words)
        except IndexFault as error:  # a row that was checked as it was kept: by another version
            logger.error("event=words_of_staff_refused row=%s", error.context["row"])
        self.understanding.forget()
        if self._answerer is not None:
            self._answerer = replace(self._answerer)

    def refresh(self) -> tuple[str, ...]:
        """Takes up a snapshot that was swapped in since; else does nothing. As `warm`; what was open stays open when that fails."""
        with self._refreshing:
            if self._newest() == self._tried:
                return ()
            with _in_small_turns():
                return self.warm()

    def _newest(self) -> str | None:
        try:
            return snapshot.read_manifest(self.settings.home).name
        except IndexFault:
            return None

    def assistant(self) -> Assistant:
        """What Rasa's actions and the direct path share."""
        desk = HotlineDesk.load(self.directory, self.texts)
        return Assistant(self.answerer, FollowUps.load(self.understanding), Router.load(), desk, self.texts)

    def gateway_parts(self) -> Parts:
        """For bot.gateway.Gateway."""
        assistant = self.assistant()
        eligibility = Eligibility.of(assistant)
        contact = Contact.load(self.gazetteer, assistant.router, DutyNotices.load(self.directory), self.understanding.lexicon.normalise)
        return Parts(
            self.triage, self.directory, assistant, self.texts, self.store, self.journal, self.clock, self.area, eligibility, contact
        )

    def area(self, text: str) -> str | None:
        """The first province that a text names."""
        return next((mention.province for mention in self.gazetteer.mentions(text)), None)

    def library(self) -> Library:
        """For the document pages."""
        return Library(self)

    def publisher(self) -> Publisher:
        """What works on the way to publication."""
        from bot.publication.apart import process_of  # it opens services itself

        return Publisher(self.knowledge_base, self.clock, process_of(self.knowledge_base), self.refresh)

    def close(self) -> None:
        """Gives the database back."""
        self.store.close()


def _beside(database_url: str, home: Path) -> Path:
    """Where the journal lies: one journal for one database, so that an evaluation's cases never get into the office's."""
    url = make_url(database_url)
    return Path(url.database).parent if url.get_backend_name() == "sqlite" and url.database else home


@dataclass(frozen=True)
class Library:
    """The published documents as the pages read them: those of the snapshot that answers."""

    services: Services

    @property
    def _collection(self) -> Collection:
        return self.services.answerer().retriever.snapshot.collection

    def _today(self) -> datetime:
        return self.services.clock().astimezone(VIETNAM)

    def document(self, document_id: str) -> Document:
        """UnknownDocument when there is none."""
        return self._collection.document(document_id)

    def documents(self) -> list[Document]:
        """In the order they are listed."""
        return list(self._collection.documents)

    def notices(self, document_id: str) -> list[str]:
        """What a reader must know of its validity and successors today."""
        document = self.document(document_id)
        today = self._today().date()
        said = self.services.notices.validity(document, self._collection, today)
        said += self.services.notices.body(document.text, document.metadata.title or "", today)
        province = self._collection.province(document)
        return [*said, *self.services.notices.merger([province] if province else [], [province], today)]

    def status(self, document_id: str) -> Status:
        """Its validity today."""
        return self._collection.status(self.document(document_id), self._today().date())


@contextmanager
def _in_small_turns() -> Iterator[None]:
    """Threads take turns oftener: who answers meanwhile gives the interpreter away with every step of numpy and would wait a whole turn of
    this thread each time to have it back (sys.setswitchinterval, 5 ms by default)."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_TURN_S)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def remember_missing() -> None:
    """httpcore, under httpx, looks for sniffio at every lock it makes, several a request. Python searches its whole path each time for what
    is not there, which costs as much as the request; None in sys.modules says so at once (Python's reference, "The module cache").
    """
    if importlib.util.find_spec("sniffio") is None:
        sys.modules["sniffio"] = None  # type: ignore[assignment]  # as the reference has it


def trim_memory() -> None:
    """Gives what loading left behind back to the system (glibc keeps it otherwise). What is left is not looked through again."""
    gc.collect()
    gc.freeze()
    if os.name == "posix":
        try:
            ctypes.CDLL("libc.so.6").malloc_trim(0)
        except OSError:  # another C library
            return
