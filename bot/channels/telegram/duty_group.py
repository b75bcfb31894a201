"""The duty desk in Telegram, for offices without one: alerts in the duty group, and the case in the officer's own chat with the bot.

The group learns that there is a case, how grave and where, and who has it; never what somebody wrote. That goes to the chat of the officer
who has the case, whose answers to any message about it go to the person. Who is an officer says the link of an account to a number in
Telegram (knowledge/store/messengers.py). All of it goes by the inbox and the sends like everything else: nothing is lost, nothing is
done twice.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import yaml

from actions.duty.desk import DutyDesk
from actions.duty.notices import DutyNotices
from bot.channels.coding import calls
from bot.channels.model import Block, Button, Incoming, Reply
from bot.channels.telegram.channel import TelegramChannel
from bot.channels.telegram.reading import conversation_of
from knowledge.directory import VIETNAM
from knowledge.errors import CaseTaken, CaseUnread, KnowledgeError, SettingsError, StoreError
from knowledge.store import EVERYBODY, Account, Case, CaseEvent, Store, TranscriptLine
from knowledge.store.duty import OFFICER

logger = logging.getLogger("trogiup.telegram")
LINK = "/lienket"
_DATA = Path(__file__).with_name("duty_texts.yml")
_DUTY_DATA = Path(__file__).parents[2] / "duty" / "data"
_CASE_MENU, _END_MENU = "duty", "dutyend"
_FOR_ALL, _OWN = ("take", "pass", "view"), ("close", "pass")
"""What can be pressed under an alert, and under what the officer who has the case is told."""
_EVERY_S = 1.0
_VIEWED = 20
"""Messages of a case that are shown to who is asked to take it, the last."""
_NEWS = timedelta(hours=24)
"""What is older is no alert any more: it has been one, as long as there is a program at all."""


@dataclass(frozen=True)
class DutyWords:
    """duty_texts.yml, and what the intake report calls kinds and risks, and how a case may end."""

    texts: Mapping[str, Any]
    kinds: Mapping[str, str]
    risks: Mapping[int, str]
    outcomes: Sequence[Mapping[str, str]]

    @classmethod
    def load(cls) -> DutyWords:
        """Reads the files."""
        paths = (_DATA, _DUTY_DATA / "intake_report.yml", _DUTY_DATA / "outcomes.yml")
        texts, report, outcomes = (yaml.safe_load(path.read_text("utf-8")) for path in paths)
        return cls(texts, report["kinds"], report["risks"], outcomes)

    def head(self, case_id: str) -> str:
        """How a message about a case begins."""
        return str(self.texts["head"].format(case=case_id))

    def case_of(self, shown: str) -> str | None:
        """The case that a message of ours is about."""
        head = re.escape(self.texts["head"]).replace(re.escape("{case}"), "(TG-[0-9A-Z]{6})")
        about = re.match(rf"{head}\b", shown)
        return about[1] if about else None

    def said(self, name: str, case_id: str = "", /, **values: str) -> str:
        """A line of `said`."""
        return str(self.texts["said"][name].format(head=self.head(case_id), **values))

    def alert(self, case: Case, event: CaseEvent) -> str:
        """What the group is told of a case; nothing of what somebody wrote."""
        since = case.waiting_since.astimezone(VIETNAM).strftime("%H:%M")
        province = case.province or self.texts["no_province"]
        values = {"what": self.texts["what"][event.kind], "province": province, "since": since, **self._nature(case)}
        return str(self.texts["alert"].format(**values))

    def about(self, case: Case) -> str:
        """What its officer is told first."""
        return str(self.texts["about"].format(**self._nature(case)))

    def _nature(self, case: Case) -> dict[str, str]:
        kinds = ", ".join(self.kinds.get(kind, self.kinds["other"]) for kind in case.kinds)
        return {"head": self.head(case.case_id), "kinds": kinds[:1].upper() + kinds[1:], "risk": self.risks[case.risk]}


class DutyGroup:
    """Both ways between the cases of a store and the officers in Telegram. `chat`: the duty group's number."""

    def __init__(
        self,
        store: Store,
        channel: TelegramChannel,
        notices: DutyNotices,
        clock: Callable[[], datetime],
        chat: str,
        to_send: Callable[[], None] = lambda: None,
    ) -> None:
        """`to_send`: called when there is something for the postman. SettingsError: the chat is no number."""
        if not re.fullmatch(r"-?[0-9]+", chat):
            raise SettingsError("TROGIUP_TELEGRAM_DUTY_CHAT must be the group's number, such as -1001234567890.")
        self._store = store
        self._channel = channel
        self._clock = clock
        self._chat = chat
        self._to_send = to_send
        self._desk = DutyDesk(store, notices, clock)
        self._words = DutyWords.load()
        self._told: dict[str, int] = {}
        """Of live cases: the version that the group knows."""
        self._brought: dict[str, tuple[str, int]] = {}
        """Of taken cases: whose they were and how many messages were brought there."""

    # From the house

    async def run(self, every: float = _EVERY_S) -> None:
        """A round every so many seconds, until cancelled."""
        goes = True
        while True:
            try:
                await asyncio.to_thread(self.round)
                goes = True
            except Exception as error:  # whatever it is, the next round comes
                if goes:
                    logger.error("event=duty_group_waits why=%s", type(error).__name__)
                goes = False
            await asyncio.sleep(every)

    def round(self) -> int:
        """Tells the group what is new, and the officers what was written to them; how many calls are new. Raises StoreError."""
        live = {case.case_id: case for case in self._store.cases.list()}
        new = 0
        for case in live.values():
            if self._told.get(case.case_id) != case.version:
                new += self._alert(case)
                self._told[case.case_id] = case.version
            if case.state == "taken":
                new += self._bring(case)
        self._told = {case_id: version for case_id, version in self._told.items() if case_id in live}
        self._brought = {case_id: brought for case_id, brought in self._brought.items() if case_id in live}
        if new:
            self._to_send()
            if self._store.chats.get(conversation_of(int(self._chat))).blocked_at:
                logger.critical("event=duty_group_gone")  # what was told there before did not arrive; the desk's pages show every case
        return new

    def _alert(self, case: Case) -> int:
        since = self._clock() - _NEWS
        events = [
            event for event in self._store.cases.events(case.case_id) if event.kind in self._words.texts["what"] and event.at >= since
        ]
        buttons = () if case.state == "taken" else self._buttons(*_FOR_ALL)
        new = 0
        for event in events:
            key = f"duty:{case.case_id}:{event.event_id}"
            reply = Reply(key, "danger", _blocks(self._words.alert(case, event)), buttons, self._menu(case.case_id))
            new += self._send(reply, conversation_of(int(self._chat)))
        return new

    def _bring(self, case: Case) -> int:
        """What the person wrote, to the officer who has the case."""
        officer = self._store.messengers.author_of(self._channel.name, case.holder or "")
        if officer is None:
            return 0
        conversation_id = conversation_of(int(officer))
        file = self._store.cases.get(case.case_id)
        if self._brought.get(case.case_id) == (officer, len(file.transcript)):
            return 0
        held = f"duty:{case.case_id}:{officer}:{case.held_since.timestamp() if case.held_since else 0}"
        about = Reply(held, "danger", _blocks(self._words.about(case)), self._buttons(*_OWN), self._menu(case.case_id, "own"))
        new = self._send(about, conversation_id)
        for line in file.transcript:
            new += self._send(Reply(f"{held}:{line.message_id}", "danger", self._line(case.case_id, line)), conversation_id)
        if new:
            self._store.duty.looked(case.case_id, case.holder or "")
        self._brought[case.case_id] = (officer, len(file.transcript))
        return new

    def _line(self, case_id: str, line: TranscriptLine) -> tuple[Block, ...]:
        at = line.received_at.astimezone(VIETNAM).strftime("%H:%M")
        head = self._words.texts["words"].format(head=self._words.head(case_id), at=at)
        return (Block("lead", head), Block("quote", line.text or self._words.texts["forgotten"]))

    def _send(self, reply: Reply, conversation_id: str) -> int:
        """How many of its calls are new."""
        return self._store.sends.add(calls(self._channel, reply, conversation_id, self._clock()))

    # From the officers

    async def handle(self, incoming: Incoming) -> tuple[Reply, ...] | None:
        """What is said to an officer; None: this is nothing of the duty's. Raises StoreError: it is to be worked again."""
        answered = await asyncio.to_thread(self._handle, incoming)
        if answered is None:
            return None
        return tuple(replace(reply, key=f"duty:{incoming.event_id}:{number}") for number, reply in enumerate(answered))

    def _handle(self, incoming: Incoming) -> tuple[Reply, ...] | None:
        author = incoming.data.get("author", "")
        kind, _, of_case = incoming.data.get("menu", "").partition(":")
        if incoming.kind == "choice" and kind in (_CASE_MENU, _END_MENU):
            return self._chosen(of_case, incoming, ended=kind == _END_MENU)
        if incoming.kind == "text" and incoming.chat == author and incoming.text.partition(" ")[0].lower() == LINK:
            linked = self._officer(author)
            return self._say("linked", name=linked.display_name) if linked else self._say("link", number=author)
        case_id = self._words.case_of(incoming.data.get("reply_to_text", ""))
        if case_id is None or incoming.kind not in ("text", "edit", "media"):
            return None
        officer = self._officer(author)
        if officer is None:
            return self._say("unknown") if incoming.chat == self._chat else None
        return self._tried(case_id, lambda: self._answered(case_id, officer, incoming))

    def _chosen(self, of_case: str, incoming: Incoming, *, ended: bool) -> tuple[Reply, ...]:
        officer = self._officer(incoming.data.get("author", ""))
        if officer is None:
            return self._say("unknown")
        case_id, _, more = of_case.partition(":")
        number = int(incoming.data["number"])
        if ended:
            return self._tried(case_id, lambda: self._ended(case_id, officer, number, more))
        return self._tried(case_id, lambda: self._pressed(case_id, officer, number, more, incoming.event_id))

    def _tried(self, case_id: str, act: Callable[[], tuple[Reply, ...]]) -> tuple[Reply, ...]:
        """What came of it, or why nothing did."""
        try:
            return act()
        except StoreError:
            raise
        except CaseTaken as error:
            return self._say("held", case_id, name=error.holder_name)
        except CaseUnread:
            return self._say("unread", case_id)
        except KnowledgeError:
            return self._say("is_closed", case_id)

    def _pressed(self, case_id: str, officer: Account, number: int, own: str, event_id: str) -> tuple[Reply, ...]:
        self._store.duty.seen(officer.account_id)
        names = _OWN if own else _FOR_ALL
        action = names[number - 1] if 1 <= number <= len(names) else ""
        case = self._store.cases.get(case_id)
        if action == "take":
            self._desk.take(case_id, officer.account_id)
            return self._say("taken", case_id, name=officer.display_name)
        if action == "pass" and case.holder == officer.account_id:
            self._desk.give_back(case_id, officer.account_id)
            return self._say("given_back", case_id, name=officer.display_name)
        if action == "pass":
            self._store.duty.pass_on(case_id, officer.account_id)
            return self._say("passed", case_id)
        if action == "view":
            return self._viewed(case, officer, event_id)
        if action == "close":
            buttons = tuple(Button(outcome["label"], "say", outcome["code"]) for outcome in self._words.outcomes)
            asked = self._words.texts["close_as"].format(head=self._words.head(case_id))
            return (Reply("", "danger", _blocks(asked), buttons, f"{_END_MENU}:{case_id}:{len(case.transcript)}"),)
        return ()

    def _viewed(self, case: Case, officer: Account, event_id: str) -> tuple[Reply, ...]:
        """To whoever has the case or is asked to take it, in their own chat."""
        theirs = self._store.messengers.author_of(self._channel.name, officer.account_id)
        if theirs is None or (officer.account_id not in (case.holder, case.offered_to) and case.offered_to != EVERYBODY):
            return self._say("take_first", case.case_id)
        self._store.duty.looked(case.case_id, officer.account_id)
        key = f"duty:{case.case_id}:view:{event_id}"
        for line in case.transcript[-_VIEWED:]:
            self._send(Reply(f"{key}:{line.message_id}", "danger", self._line(case.case_id, line)), conversation_of(int(theirs)))
        self._to_send()
        return ()

    def _ended(self, case_id: str, officer: Account, number: int, seen: str) -> tuple[Reply, ...]:
        if not (1 <= number <= len(self._words.outcomes) and seen.isascii() and seen.isdigit()):
            return ()
        outcome = self._words.outcomes[number - 1]
        words = self._words.texts["closed_words"]
        self._desk.close(case_id, officer.account_id, outcome["code"], words, seen=int(seen))
        closed = self._words.said("closed", case_id, name=officer.display_name, outcome=outcome["label"])
        self._send(Reply(f"duty:{case_id}:closed:{seen}", "danger", _blocks(closed)), conversation_of(int(self._chat)))
        return self._say("closed", case_id, name=officer.display_name, outcome=outcome["label"])

    def _answered(self, case_id: str, officer: Account, incoming: Incoming) -> tuple[Reply, ...]:
        """An officer's words go to the person; who answers a case that nobody has takes it."""
        if incoming.kind == "edit":
            return self._say("no_edit", case_id)
        if not incoming.text.strip():
            return self._say("words_only", case_id)
        taken = self._store.cases.get(case_id).state == "open"
        self._desk.take(case_id, officer.account_id)
        self._store.duty.say(case_id, officer.account_id, incoming.text, client_key=f"{self._channel.name}:{incoming.event_id}")
        said = self._say("taken", case_id, name=officer.display_name) if taken else ()
        return (*said, *self._say("words_only", case_id)) if incoming.kind == "media" else said

    def _officer(self, author: str) -> Account | None:
        account = self._store.messengers.account_of(self._channel.name, author)
        return account if account and account.has(OFFICER) else None

    def _say(self, name: str, case_id: str = "", /, **values: str) -> tuple[Reply, ...]:
        return (Reply("", "danger", _blocks(self._words.said(name, case_id, **values))),)

    def _buttons(self, *names: str) -> tuple[Button, ...]:
        return tuple(Button(self._words.texts["buttons"][name], "say", name) for name in names)

    def _menu(self, case_id: str, own: str = "") -> str:
        return f"{_CASE_MENU}:{case_id}" + (f":{own}" if own else "")


class Citizens(Protocol):
    """The concierge, as reception.py knows it."""

    async def handle(self, incoming: Incoming) -> Sequence[Reply]:
        """What is said to whatever arrives."""
        ...

    def flooded(self, incoming: Incoming, skipped: int) -> Reply:
        """That only the last of very many messages are read."""
        ...

    def failed(self, incoming: Incoming) -> Reply:
        """That something of ours went wrong."""
        ...


@dataclass(frozen=True)
class DutyFirst:
    """The concierge of a house with a duty group: what is the officers' goes there, everything else to the citizens' concierge."""

    group: DutyGroup
    citizens: Citizens

    async def handle(self, incoming: Incoming) -> Sequence[Reply]:
        """See Citizens."""
        answered = await self.group.handle(incoming) if incoming.channel == "telegram" else None
        return await self.citizens.handle(incoming) if answered is None else answered

    def flooded(self, incoming: Incoming, skipped: int) -> Reply:
        """See Citizens."""
        return self.citizens.flooded(incoming, skipped)

    def failed(self, incoming: Incoming) -> Reply:
        """See Citizens."""
        return self.citizens.failed(incoming)


def _blocks(text: str) -> tuple[Block, ...]:
    """The first line is what is seen first."""
    first, _, rest = text.partition("\n")
    return (Block("lead", first), Block("text", rest)) if rest else (Block("text", first),)
