"""The office's Chatwoot as a second desk: what a live case holds is brought there, and what its agents answer goes to the person.

Beside the first answer, never in its way. What was brought stands in the store (knowledge/store/chatwoot.py), so Chatwoot may be down, or
this program killed, for as long as it likes. Every agent there works under one account that nobody can sign in with, so that a case is in
one hand, there or at the desk.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import yaml
from fastapi import APIRouter

from actions.duty.desk import DutyDesk
from actions.duty.notices import DutyNotices
from bot.duty.chatwoot import AgentReply, Chatwoot, ChatwootUnavailable, Resolved, Thread, Webhook
from bot.settings import Settings
from knowledge.errors import CaseTaken, CaseUnread, KnowledgeError, SettingsError, StoreError
from knowledge.store import Account, AccountRefused, Actor, Case, ChatwootItem, Notice, Store
from knowledge.store.duty import OFFICER

logger = logging.getLogger("trogiup.chatwoot")
USERNAME = "chatwoot"
_NO_PASSWORD = "!"  # noqa: S105  (no hash at all: nothing fits it)
_DATA = Path(__file__).parent / "data"
_EVERY_S = 1.0
_AT_ONCE = 8
"""Things brought of one case before the next case has its turn."""
_LEASE = timedelta(minutes=3)
"""Longer than `_AT_ONCE` requests that all wait for Chatwoot as long as they may."""
_PAUSES_S = (1, 2, 5, 10, 30, 60)
_GIVE_UP_AFTER = 3
"""Cases in a row that Chatwoot did not take: it is down, and the round ends."""
_TRIES = 3
_REFUSES_NOTES = (401, 403, 404)
_GONE = 404


@dataclass(frozen=True)
class ChatwootWords:
    """data/chatwoot.yml, and what the report calls kinds and risks."""

    texts: Mapping[str, Any]
    kinds: Mapping[str, str]
    risks: Mapping[int, str]

    @classmethod
    def load(cls) -> ChatwootWords:
        """Reads the files."""
        texts, report = (yaml.safe_load((_DATA / name).read_text("utf-8")) for name in ("chatwoot.yml", "intake_report.yml"))
        return cls(texts, report["kinds"], report["risks"])

    def about(self, case: Case) -> str:
        """What agents read of a case before its first line."""
        kinds = ", ".join(self.kinds.get(kind, self.kinds["other"]) for kind in case.kinds)
        said: str = self.texts["about"].format(case=case.case_id, kinds=kinds, risk=self.risks[case.risk])
        return said


class ChatwootDesk:
    """Both ways between a store and one inbox of Chatwoot."""

    def __init__(self, store: Store, chatwoot: Chatwoot, notices: DutyNotices, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._chatwoot = chatwoot
        self._notices = notices
        self._clock = clock
        self._words = ChatwootWords.load()
        self._desk = DutyDesk(store, notices, clock)
        self._failures: dict[str, int] = {}
        """Of cases that Chatwoot has not taken: how often in a row."""

    @classmethod
    def of(
        cls, settings: Settings, store: Store, notices: DutyNotices, clock: Callable[[], datetime], client: httpx.AsyncClient
    ) -> ChatwootDesk:
        """As the office has set it; `settings.chatwoot_url` and `chatwoot_inbox` are there."""
        url, inbox = settings.chatwoot_url or "", settings.chatwoot_inbox or ""
        chatwoot = Chatwoot(client, base_url=url, inbox_identifier=inbox, api_token=settings.chatwoot_token)
        return cls(store, chatwoot, notices, clock)

    def router(self, secret: str) -> APIRouter:
        """The webhook. SettingsError when the secret is too short."""
        return Webhook(self.receive, secret=secret, clock=self._clock, resolved=self.resolved).router()

    # There

    async def run(self, every: float = _EVERY_S) -> None:
        """A round every so many seconds, until cancelled."""
        goes = True
        while True:
            try:
                await self.round()
                goes = True
            except Exception as error:  # whatever it is, the next round comes
                if goes:
                    logger.error("event=chatwoot_waits why=%s", type(error).__name__)
                goes = False
            await asyncio.sleep(every)

    async def round(self) -> int:
        """Brings what waits, the gravest case first; how many things arrived. Raises StoreError."""
        arrived = failures = 0
        for case_id in await asyncio.to_thread(self._store.chatwoot.waiting):
            brought, whole = await self._case(case_id)
            arrived += brought
            failures = 0 if whole else failures + 1
            if failures == _GIVE_UP_AFTER:
                break
        return arrived

    async def _case(self, case_id: str) -> tuple[int, bool]:
        """How much arrived, and whether Chatwoot took what it was given."""
        state = self._store.chatwoot
        place = await asyncio.to_thread(state.lease, case_id, _LEASE)
        if place is None:
            return 0, True  # another program is at it
        arrived, again_at = 0, None
        try:
            if place.source_id is None or place.number is None:
                thread = await self._chatwoot.open(case_id, self._words.texts["contact"].format(case=case_id))
                await asyncio.to_thread(state.opened, case_id, thread.source_id, thread.conversation_id)
            else:
                thread = Thread(place.source_id, place.number)
            for item in (await asyncio.to_thread(state.unsent, case_id))[:_AT_ONCE]:
                await self._bring(case_id, thread, item)
                await asyncio.to_thread(state.sent, case_id, item.key)
                arrived += 1
            self._failures.pop(case_id, None)
        except Exception as error:  # one case that cannot be brought must not end the work on the others
            if isinstance(error, ChatwootUnavailable) and error.context.get("status") == _GONE:
                await asyncio.to_thread(state.opened, case_id, None, None)  # somebody has deleted the conversation there
            failures = self._failures[case_id] = self._failures.get(case_id, 0) + 1
            again_at = self._clock() + timedelta(seconds=_PAUSES_S[min(failures, len(_PAUSES_S)) - 1])
            why = error.context if isinstance(error, ChatwootUnavailable) else type(error).__name__
            logger.warning("event=chatwoot_not_brought case=%s failures=%d why=%s", case_id, failures, why)
        finally:  # also when the house is shut, so that the next one need not wait
            await asyncio.to_thread(state.release, case_id, again_at)
        return arrived, again_at is None

    async def _bring(self, case_id: str, thread: Thread, item: ChatwootItem) -> None:
        if item.kind == "message":
            await self._chatwoot.say(thread, item.text or "")
        elif item.kind == "answer":
            if item.text:  # empty while an officer has the conversation
                await self._aside(thread, self._words.texts["answer"].format(text=item.text))
        elif item.kind == "about":
            await self._aside(thread, self._words.about(await asyncio.to_thread(self._store.cases.get, case_id)))
        else:
            await self._aside(thread, await asyncio.to_thread(self._noted, item.key))

    async def _aside(self, thread: Thread, text: str) -> None:
        """For agents only; a marked line of the conversation where no private note can be written."""
        try:
            await self._chatwoot.note(thread, text)
            return
        except SettingsError:
            pass
        except ChatwootUnavailable as error:
            if error.context.get("status") not in _REFUSES_NOTES:
                raise
            logger.error("event=chatwoot_refuses_notes status=%s", error.context["status"])
        await self._chatwoot.say(thread, self._words.texts["without_notes"].format(text=text))

    def _noted(self, key: str) -> str:
        _, _, code, account_id = key.split(":")
        name = self._store.accounts.get(account_id).display_name if account_id else ""
        said: str = self._words.texts["notes"][code].format(name=name)
        return said

    # Back

    async def receive(self, reply: AgentReply) -> None:
        """An agent's words: the case is taken, if nobody has it, and they are sent; once, however often they come. Raises StoreError."""
        await self._kept(lambda: self._receive(reply))

    async def resolved(self, end: Resolved) -> None:
        """A conversation has ended there: so does its case, if it is theirs and nothing in it is unread there. Raises StoreError."""
        await self._kept(lambda: self._end(end))

    async def _kept(self, work: Callable[[], None]) -> None:
        """Chatwoot delivers once: a database that is busy for a moment is asked again."""
        for _ in range(_TRIES - 1):
            try:
                return await asyncio.to_thread(work)
            except StoreError:
                await asyncio.sleep(0.1)
        await asyncio.to_thread(work)

    def _receive(self, reply: AgentReply) -> None:
        case_id = self._store.chatwoot.case_of(reply.conversation_id, reply.source_id)
        if case_id is None:
            logger.warning("event=chatwoot_unknown conversation=%d", reply.conversation_id)
            return
        of_this = f"note:{reply.message_id}:"
        is_new = bool(reply.text.strip()) and not self._store.chatwoot.handled(case_id, reply.client_key, of_this)
        if is_new and (refused := self._said(case_id, reply)):
            self._store.chatwoot.note(case_id, of_this + refused)
        if reply.attachments:
            self._store.chatwoot.note(case_id, f"files:{reply.message_id}:file:")

    def _said(self, case_id: str, reply: AgentReply) -> str | None:
        """None; else why not, as the end of a note's key."""
        account = self._account()
        if account is None:
            return "disabled:"

        def tell(case: Case) -> Notice:
            if reply.agent:
                return self._notices.say("joined", case, self._clock(), name=reply.agent)
            return self._notices.say("joined_unnamed", case, self._clock())

        try:
            self._store.duty.take(case_id, account.account_id, tell)
            self._store.duty.say(case_id, account.account_id, reply.text, client_key=reply.client_key)
        except CaseTaken as error:
            return f"held:{error.holder}"
        except StoreError:
            raise
        except KnowledgeError:
            return "closed:"
        return None

    def _end(self, end: Resolved) -> None:
        case_id = self._store.chatwoot.case_of(end.conversation_id, end.source_id)
        if case_id is None or self._store.cases.get(case_id).state == "closed":
            return
        if refused := self._closed(case_id):
            self._store.chatwoot.note(case_id, f"note:end {int(self._clock().timestamp())}:{refused}")

    def _closed(self, case_id: str) -> str | None:
        """As `_said`. A case that was given back because its agent was silent is still theirs to close, one that no agent ever answered
        is not: Chatwoot also ends conversations by itself.
        """
        account, outcome = self._account(), self._words.texts["outcome"]
        if account is None:
            return "disabled:"
        try:
            if self._store.cases.get(case_id).state == "open":
                if not self._store.chatwoot.spoke(case_id, account.account_id):
                    return "nobody:"
                self._store.duty.take(case_id, account.account_id)
            shown = self._store.chatwoot.shown(case_id)
            self._desk.close(case_id, account.account_id, outcome["code"], outcome["words"], seen=shown)
        except CaseTaken as error:
            return f"held_end:{error.holder}"
        except CaseUnread:
            return "unread:"
        except StoreError:
            raise
        except KnowledgeError:  # somebody was faster
            return None
        return None

    def _account(self) -> Account | None:
        """The one that all agents share, made where there is none; None when it may not have cases."""
        accounts = self._store.accounts
        try:
            account = accounts.by_username(USERNAME)
        except AccountRefused:
            try:
                account = accounts.add(USERNAME, self._words.texts["account"], [OFFICER], _NO_PASSWORD, by=Actor())
            except AccountRefused:  # another program has just made it
                account = accounts.by_username(USERNAME)
        return account if account.disabled_at is None and account.has(OFFICER) else None


def check(settings: Settings) -> str:
    """What the doctor says of it. Raises ChatwootUnavailable when the inbox cannot be reached."""
    url = f"{(settings.chatwoot_url or '').rstrip('/')}/public/api/v1/inboxes/{quote(settings.chatwoot_inbox or '', safe='')}"
    try:
        httpx.get(url, timeout=5).raise_for_status()
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        raise ChatwootUnavailable(
            f"Chatwoot answers {status} for the inbox: check TROGIUP_CHATWOOT_URL and TROGIUP_CHATWOOT_INBOX."
        ) from error
    except httpx.HTTPError as error:
        raise ChatwootUnavailable("Chatwoot does not answer: check TROGIUP_CHATWOOT_URL, and that it runs.") from error
    return "the inbox answers" if settings.chatwoot_token else "the inbox answers; without a token notes are marked lines"
