"""What is done to a case: taken, passed on, spoken in, given back, closed; and the steps of the dispatcher.

Everything here is one transaction that locks the case first and reads it then: two people, two clicks or two programs come one after the
other, and the second sees what the first has done. `tell` makes the notice to the citizen of the case as it will be; it is put into the
outbox in the same transaction.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, and_, func, or_, select, update

from knowledge.errors import CaseTaken, CaseUnread, KnowledgeError
from knowledge.store.cases import (
    EVERYBODY,
    NOBODY_HOLDS,
    NOBODY_IS_ASKED,
    RISKS,
    Case,
    CaseEvent,
    add_event,
    change_case,
    close_case,
    events,
    find_case,
    live_case,
    lock_case,
    transcript,
)
from knowledge.store.database import Database, insert
from knowledge.store.outgoing import Outgoing, send, sent_about, sent_by_key
from knowledge.store.schema import CaseTable, MessageTable, storable
from knowledge.store.schema_accounts import AccountTable
from knowledge.store.schema_duty import CaseNoteTable

OFFICER = "duty_officer"
"""The role of whoever may have cases."""
_SEEN_EVERY = timedelta(seconds=10)
"""A sign of life this soon after the last is not written down."""

StepKind = Literal["offered", "passed_on", "offered_to_all", "fallback", "nobody_on_duty", "seen_lost", "waits"]


@dataclass(frozen=True, slots=True)
class Notice:
    """What a citizen is told by the house itself. `name`: of the text, for the events."""

    name: str
    text: str = field(repr=False)


Tell = Callable[[Case], Notice | None]


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of a case that is due: see Case for the fields. `waits` changes only when it is looked at again.

    `seen_lost`: its holder has vanished, and it is in nobody's hands; the other fields are those of a case that is due at once.
    """

    kind: StepKind
    offered_to: str | None
    offer_until: datetime | None
    due_at: datetime
    asked: tuple[str, ...]
    notice: Notice | None = None


Decide = Callable[[Case, Mapping[str, int], datetime], Step | None]
"""A case, how many cases each account has in hand, and the moment → what becomes of it."""


@dataclass(frozen=True, slots=True)
class Note:
    """What an officer wrote down for the colleagues."""

    note_id: int
    account_id: str
    at: datetime
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of what was said: by the citizen, the assistant, an officer (`account_id`), or as a notice of the house.

    `outgoing_id`, `attachment` and `replaces` are those of a row of the outbox. `text` is None where it was forgotten.
    """

    at: datetime
    author: Literal["citizen", "assistant", "officer", "notice"]
    text: str | None = field(repr=False)
    account_id: str | None = None
    outgoing_id: int | None = None
    attachment: str | None = None
    replaces: int | None = None


@dataclass(frozen=True, slots=True)
class CaseFile:
    """All that is known of a case."""

    case: Case
    lines: tuple[Line, ...]
    events: tuple[CaseEvent, ...]
    notes: tuple[Note, ...]


class Duty:
    """Work on the cases of a store. Every method raises StoreError, and KnowledgeError where there is no case of that number."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    # Reading

    def file(self, case_id: str) -> CaseFile:
        """A case with all that was said, done and noted. Write down who looks: `looked`."""
        with self._database.read() as connection:
            return case_file(connection, case_id)

    def looked(self, case_id: str, account_id: str) -> None:
        """Write down that somebody has seen the case."""
        with self._database.write() as connection:
            add_event(connection, find_case(connection, case_id).case_id, self._clock(), "looked", account_id)

    def in_hand(self) -> Mapping[str, int]:
        """How many cases each account holds; those without any are missing."""
        with self._database.read() as connection:
            return _in_hand(connection)

    # An officer

    def take(self, case_id: str, account_id: str, tell: Tell | None = None) -> Case:
        """Into the hands of an account. The same account may take it twice, which changes nothing.

        Raises CaseTaken when another has it, KnowledgeError when it is closed.
        """
        with self._changing(case_id) as (connection, case, now):
            if case.state == "taken":
                _must_be_held_by(connection, case, account_id)
                return case
            if case.state == "closed":
                raise KnowledgeError("The case is closed already.", case_id=case_id)
            add_event(connection, case_id, now, "taken", account_id)
            held = {"state": "taken", "holder": account_id, "held_since": now, "holder_seen_at": now}
            return _tell(connection, change_case(connection, case, **{**NOBODY_IS_ASKED, **held}), now, tell)

    def pass_on(self, case_id: str, account_id: str) -> Case:
        """Who is offered a case lets the next be asked at once. Nothing happens when it is not offered to this account."""
        with self._changing(case_id) as (connection, case, now):
            if case.state != "open" or case.offered_to != account_id:
                return case
            return change_case(connection, case, offer_until=now, due_at=now)

    def give_back(self, case_id: str, account_id: str, tell: Tell | None = None) -> Case:
        """Out of the hands of its holder; somebody else is asked. Raises CaseTaken or KnowledgeError when the account does not hold it."""
        with self._changing(case_id) as (connection, case, now):
            _must_be_held_by(connection, case, account_id)
            add_event(connection, case_id, now, "given_back", account_id)
            return _tell(connection, _free(connection, case, now), now, tell)

    def transfer(self, case_id: str, account_id: str, to: str, tell: Tell | None = None) -> Case:
        """From the hands of its holder into those of another duty officer. Raises as `give_back`, and KnowledgeError for anybody else."""
        with self._changing(case_id) as (connection, case, now):
            _must_be_held_by(connection, case, account_id)
            if not _is_officer(connection, to):
                raise KnowledgeError("Only a duty officer can be handed a case.", case_id=case_id)
            add_event(connection, case_id, now, "transferred", account_id, to=to)
            return _tell(connection, change_case(connection, case, holder=to, held_since=now, holder_seen_at=now), now, tell)

    def close(self, case_id: str, account_id: str, code: str, words: str, tell: Tell | None = None, *, seen: int | None = None) -> Case:
        """Done: the code of how it ended and the officer's words. `seen`: how many messages of the case the officer has read.

        Raises as `give_back`, and CaseUnread when there are others by now: nobody in danger is closed away unread.
        """
        with self._changing(case_id) as (connection, case, now):
            _must_be_held_by(connection, case, account_id)
            if seen is not None and seen != _messages(connection, case_id):
                raise CaseUnread("A message has come that was not read yet: read it, then close.", case_id=case_id)
            return _tell(connection, close_case(connection, case, now, account_id, code, words), now, tell)

    def say(
        self,
        case_id: str,
        account_id: str,
        text: str,
        *,
        attachment: str | None = None,
        replaces: int | None = None,
        client_key: str | None = None,
    ) -> Outgoing:
        """The holder's words to the citizen, into the outbox; `replaces`: what they correct. Raises as `give_back`.

        `client_key`: whoever hands the words in again under the same key, as a double click does, has them sent once. KnowledgeError also
        when `replaces` is no message of an officer in this case.
        """
        with self._changing(case_id) as (connection, case, now):
            if client_key is not None and (before := sent_by_key(connection, case_id, client_key)):
                if before.text == storable(text):
                    return before
                client_key = None  # other words under an old key, as from a page that was gone back to, are not lost
            _must_be_held_by(connection, case, account_id)
            if replaces is not None and replaces not in {row.outgoing_id for row in sent_about(connection, case_id) if row.author}:
                raise KnowledgeError("There is no such message to correct.", case_id=case_id)
            change_case(connection, case, holder_seen_at=now)
            said = send(connection, case, now, text, author=account_id, attachment=attachment, replaces=replaces, client_key=client_key)
            add_event(connection, case_id, now, "message", account_id, outgoing_id=said.outgoing_id)
            return said

    def note(self, case_id: str, account_id: str, text: str) -> None:
        """Write something down for the colleagues; the citizen never sees it. Raises KnowledgeError when the case was erased."""
        with self._changing(case_id) as (connection, case, now):
            _must_be_kept(case)
            row = {"case_id": case_id, "account_id": account_id, "at": now, "text": text}
            connection.execute(insert(connection, CaseNoteTable).values(row))
            add_event(connection, case_id, now, "note", account_id)
            if case.holder == account_id:
                change_case(connection, case, holder_seen_at=now)

    def describe(self, case_id: str, by: str | None, *, changes: Mapping[str, str | bool | None]) -> Case:
        """Set province, commune, safe_contact or consent; None: not known. `by`: the officer, None when the citizen said it.

        Raises as `give_back` when an officer does not hold the case, KnowledgeError for other fields and when the case was erased.
        """
        if not set(changes) <= {"province", "commune", "safe_contact", "consent"}:
            raise KnowledgeError("Only the province, commune, safe contact and consent of a case can be set.", case_id=case_id)
        with self._changing(case_id) as (connection, case, now):
            _must_be_kept(case)
            if by is not None:
                _must_be_held_by(connection, case, by)
            changed = {name: value for name, value in changes.items() if getattr(case, name) != value}
            if not changed:
                return case
            add_event(connection, case_id, now, "note", by, fields=",".join(sorted(changed)))
            return change_case(connection, case, **changed)

    def unreachable(self, conversation_id: str) -> str | None:
        """Nothing that is written reaches the person any more; the case that this was written down in, if one is open."""
        with self._database.write() as connection:
            case = live_case(connection, conversation_id)
            if case is None:
                return None
            add_event(connection, case.case_id, self._clock(), "unreachable")
            change_case(connection, case)  # whoever looks at it sees that something has happened
            return case.case_id

    def seen(self, account_id: str) -> None:
        """A sign of life of an account: what it holds stays in its hands."""
        now = self._clock()
        stale = (CaseTable.holder == account_id, CaseTable.state == "taken", CaseTable.holder_seen_at <= now - _SEEN_EVERY)
        with self._database.read() as connection:
            if connection.execute(select(CaseTable.case_id).where(*stale).limit(1)).first() is None:
                return  # without waiting for other writers
        with self._database.write() as connection:
            connection.execute(update(CaseTable).where(*stale).values(holder_seen_at=now))

    # The dispatcher

    def due(self, now: datetime, away: Callable[[int], timedelta], limit: int = 200) -> tuple[str, ...]:
        """Cases that something has to become of now, the gravest first: those to be offered, and those whose holder was not seen for
        longer than `away` of their risk.
        """
        lost = [and_(CaseTable.risk == risk, CaseTable.holder_seen_at <= now - away(risk)) for risk in RISKS]
        to_offer = select(CaseTable.case_id, CaseTable.risk, CaseTable.due_at.label("at")).where(
            CaseTable.state == "open", CaseTable.due_at <= now
        )
        to_free = select(CaseTable.case_id, CaseTable.risk, CaseTable.holder_seen_at.label("at")).where(
            CaseTable.state == "taken", CaseTable.holder_seen_at <= now - min(map(away, RISKS)), or_(*lost)
        )
        found = to_offer.union_all(to_free).subquery()
        statement = select(found.c.case_id).order_by(found.c.risk.desc(), found.c.at).limit(limit)
        with self._database.read() as connection:
            return tuple(connection.execute(statement).scalars())

    def advance(self, case_id: str, decide: Decide) -> Step | None:
        """Let `decide` say what becomes of a case as it is now, do that, and tell the citizen; None: nothing has to be done."""
        with self._changing(case_id) as (connection, case, now):
            step = decide(case, _in_hand(connection), now)
            if step is None:
                return None
            changed = _apply(connection, case, step, now)
            if step.notice:
                notice = step.notice
                _tell(connection, changed, now, lambda _: notice)
            return step

    @contextmanager
    def _changing(self, case_id: str) -> Iterator[tuple[Connection, Case, datetime]]:
        with self._database.write() as connection:
            case = lock_case(connection, case_id)
            yield connection, case, self._clock()


def case_file(connection: Connection, case_id: str) -> CaseFile:
    """All that is known of a case. Raises KnowledgeError when there is none of that id."""
    case = replace(find_case(connection, case_id), transcript=transcript(connection, case_id))
    columns = (CaseNoteTable.note_id, CaseNoteTable.account_id, CaseNoteTable.at, CaseNoteTable.text)
    notes = connection.execute(select(*columns).where(CaseNoteTable.case_id == case_id).order_by(CaseNoteTable.note_id))
    sent = sent_about(connection, case_id)
    lines = [line for message in case.transcript for line in _lines(message.received_at, message.text, message.answer_json)]
    lines += [Line(row.created_at, row.kind, row.text, row.author, row.outgoing_id, row.attachment, row.replaces) for row in sent]
    lines.sort(key=lambda line: line.at)
    return CaseFile(case, tuple(lines), events(connection, case_id), tuple(Note(*row) for row in notes))


def _lines(at: datetime, text: str | None, answer_json: str | None) -> Iterator[Line]:
    yield Line(at, "citizen", text)
    if answer_json:
        yield Line(at, "assistant", json.loads(answer_json).get("text"))


def _apply(connection: Connection, case: Case, step: Step, now: datetime) -> Case:
    if step.kind == "waits":
        return change_case(connection, case, offer_until=step.offer_until, due_at=step.due_at)
    if step.kind == "seen_lost":
        add_event(connection, case.case_id, now, "seen_lost", case.holder)
        add_event(connection, case.case_id, now, "given_back", case.holder)
        return _free(connection, case, now)
    whom = None if step.offered_to in (None, EVERYBODY) else step.offered_to
    add_event(connection, case.case_id, now, step.kind, whom, until=step.offer_until.isoformat() if step.offer_until else None)
    offer = {"offered_to": step.offered_to, "offered_at": now, "offer_until": step.offer_until, "due_at": step.due_at}
    return change_case(connection, case, **offer, asked=step.asked)


def _free(connection: Connection, case: Case, now: datetime) -> Case:
    """Out of its holder's hands, who is not asked in the round that begins."""
    asked = (case.holder,) if case.holder else ()
    return change_case(connection, case, **{**NOBODY_HOLDS, **NOBODY_IS_ASKED, "state": "open", "due_at": now, "asked": asked})


def _tell(connection: Connection, case: Case, now: datetime, tell: Tell | None) -> Case:
    notice = tell(case) if tell else None
    if notice:
        said = send(connection, case, now, notice.text)
        add_event(connection, case.case_id, now, "told", notice=notice.name, outgoing_id=said.outgoing_id)
    return case


def _must_be_held_by(connection: Connection, case: Case, account_id: str) -> None:
    if case.holder == account_id:
        return
    if case.holder is None:
        words = "The case is closed already." if case.state == "closed" else "Nobody has the case: take it first."
        raise KnowledgeError(words, case_id=case.case_id)
    name = connection.execute(select(AccountTable.display_name).where(AccountTable.account_id == case.holder)).scalar() or case.holder
    raise CaseTaken(f"{name} has the case already.", holder=case.holder, holder_name=name, case_id=case.case_id)


def _must_be_kept(case: Case) -> None:
    if case.erased_at is not None:  # what is written now would never be erased
        raise KnowledgeError("The case was erased: nothing is written down about it any more.", case_id=case.case_id)


def _is_officer(connection: Connection, account_id: str) -> bool:
    statement = select(AccountTable.roles).where(AccountTable.account_id == account_id, AccountTable.disabled_at.is_(None))
    return OFFICER in (connection.execute(statement).scalar() or ())


def _messages(connection: Connection, case_id: str) -> int:
    return connection.execute(select(func.count()).where(MessageTable.case_id == case_id)).scalar_one()


def _in_hand(connection: Connection) -> Mapping[str, int]:
    statement = select(CaseTable.holder, func.count()).where(CaseTable.holder.is_not(None)).group_by(CaseTable.holder)
    return {str(holder): count for holder, count in connection.execute(statement)}
