"""The state of the product: documents, conversations, cases. SQLite in one file, or PostgreSQL by URL.

    store = Store.open(sqlite_url(home / "trogiup.sqlite"), clock)
    accepted = store.conversations.accept("telegram:1", "m1", text, received_at, "telegram", NewCase("violence", 4, "danger"))
    store.conversations.finish("telegram:1", "m1", answer_json, context_json)

Threads may share a store. Whatever goes wrong in the database is a StoreError.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from random import Random, SystemRandom

from sqlalchemy import text

from knowledge.store.accounts import ROLES, Account, AccountRefused, Accounts, Credentials
from knowledge.store.audit import Actor, AuditEntry, AuditFilter, AuditLog, Subject
from knowledge.store.cases import EVERYBODY, Case, CaseEvent, Cases, NewCase, TranscriptLine
from knowledge.store.chats import Chat, Chats, Menu, NewMenu, Quota
from knowledge.store.chatwoot import ChatwootItem, ChatwootState
from knowledge.store.conversations import Accepted, Conversations
from knowledge.store.database import Database, make_private_file, parse_url, sqlite_url
from knowledge.store.desk import DeskView, Pulse, Wait
from knowledge.store.directory_rows import DirectoryChanged, DirectoryRows, RowChange
from knowledge.store.documents import DocumentRow, Documents, EventRow, VersionRow, corpus_hash, text_sha256
from knowledge.store.drafts import Corrections, Drafts, Edit, Overtaken, PublicationRefused, Work
from knowledge.store.duty import CaseFile, Duty, Line, Note, Notice, Step
from knowledge.store.identities import Identities, Identity, LoginBegun
from knowledge.store.inbox import Inbox, InboxCounts, InboxItem, InboxRow, Worked
from knowledge.store.jobs import Job, JobKind, Jobs
from knowledge.store.journal import CaseJournal, JournalEntry
from knowledge.store.messengers import Messengers
from knowledge.store.migrate import migrate
from knowledge.store.outgoing import Outbox, Outgoing
from knowledge.store.publication import GoldQuestion, GoldQuestions, Publications, Published
from knowledge.store.questions import Asked, DayCount, Need, NeedChanged, NeedKind, Questions, Unhelped
from knowledge.store.retention import Retention
from knowledge.store.roster import Absence, Holiday, RosterRows, RosterTable, Shift
from knowledge.store.schema import VERSION_TABLE
from knowledge.store.sends import NewSend, Send, SendCounts, Sends
from knowledge.store.sessions import Session, Sessions
from knowledge.store.tokens import ChannelTokens, Tokens
from knowledge.store.updates import Thread, Updates

__all__ = [
    "EVERYBODY",
    "ROLES",
    "Absence",
    "Accepted",
    "Account",
    "AccountRefused",
    "Accounts",
    "Actor",
    "Asked",
    "AuditEntry",
    "AuditFilter",
    "AuditLog",
    "Case",
    "CaseEvent",
    "CaseFile",
    "CaseJournal",
    "Chat",
    "ChatwootItem",
    "ChatwootState",
    "Corrections",
    "Credentials",
    "DayCount",
    "DeskView",
    "DirectoryChanged",
    "DocumentRow",
    "Edit",
    "EventRow",
    "GoldQuestion",
    "Holiday",
    "Identity",
    "InboxCounts",
    "InboxItem",
    "InboxRow",
    "Job",
    "JobKind",
    "JournalEntry",
    "Line",
    "LoginBegun",
    "Menu",
    "Messengers",
    "Need",
    "NeedChanged",
    "NeedKind",
    "NewCase",
    "NewMenu",
    "NewSend",
    "Note",
    "Notice",
    "Outgoing",
    "Overtaken",
    "PublicationRefused",
    "Published",
    "Pulse",
    "Quota",
    "RosterRows",
    "RowChange",
    "Send",
    "SendCounts",
    "Session",
    "Shift",
    "Step",
    "Store",
    "Subject",
    "Thread",
    "Tokens",
    "TranscriptLine",
    "Unhelped",
    "VersionRow",
    "Wait",
    "Work",
    "Worked",
    "corpus_hash",
    "sqlite_url",
    "text_sha256",
]


class Store:
    """One open database."""

    def __init__(self, database: Database, clock: Callable[[], datetime], rng: Random) -> None:
        """Use `Store.open`."""
        self._database = database
        self.documents = Documents(database, clock)
        self.drafts = Drafts(database, clock)
        self.gold = GoldQuestions(database, clock)
        self.publications = Publications(database, clock)
        self.jobs = Jobs(database, clock)
        self.conversations = Conversations(database, clock, rng)
        self.cases = Cases(database, clock)
        self.duty = Duty(database, clock)
        self.desk = DeskView(database, clock)
        self.roster = RosterTable(database, clock)
        self.outbox = Outbox(database, clock)
        self.updates = Updates(database, clock)
        self.chatwoot = ChatwootState(database, clock)
        self.retention = Retention(database, clock)
        self.accounts = Accounts(database, clock, rng)
        self.sessions = Sessions(database, clock)
        self.identities = Identities(database, clock)
        self.audit = AuditLog(database, clock)
        self.directory = DirectoryRows(database, clock)
        self.questions = Questions(database, clock)
        self.inbox = Inbox(database, clock)
        self.sends = Sends(database, clock)
        self.chats = Chats(database, clock)
        self.tokens = ChannelTokens(database, clock)
        self.messengers = Messengers(database, clock)

    @classmethod
    def open(cls, url: str, clock: Callable[[], datetime], *, timeout: float = 2.0, rng: Random | None = None) -> Store:
        """Make the database when missing, bring it to the newest revision, and open it.

        `url`: sqlite:///PATH (see `sqlite_url`) or postgresql://…; `clock` gives aware moments; `timeout`: seconds that a statement waits
        for another writer; `rng` draws the case ids, by default the system's own randomness. Raises StoreError when the database does not
        answer, is read-only or was made by a newer version.
        """
        parsed = parse_url(url)
        make_private_file(parsed)
        migrate(parsed)
        return cls(Database(parsed, timeout), clock, rng or SystemRandom())

    def health(self) -> None:
        """One quick query. Raises StoreError when the database does not answer."""
        with self._database.read() as connection:
            connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).one()  # noqa: S608

    def close(self) -> None:
        """Give back every connection."""
        self._database.close()
