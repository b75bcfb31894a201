"""What every channel says: an Incoming becomes the Replies to it, whichever app it came by.

Danger comes first: triage reads whatever somebody wrote, in a command, an edit, a caption or the middle of a long text, before anything
is looked up, and the number to call waits for no database. What an officer is to read goes through the gateway or into the case
(case_notes.py); the rest is the person's own side: the province, the menus, the passages, the wish to be forgotten.

The same event gives the same replies under the same keys, so that it may be worked again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from actions.texts import Texts
from bot.channels.case_notes import CaseNotes
from bot.channels.chat_memory import ChatMemory, Chats
from bot.channels.commands import Command, Commands, Name
from bot.channels.model import Block, Button, Event, Incoming, Reply
from bot.channels.passages import Library, Passages, Search
from bot.channels.provinces import Provinces
from bot.channels.replies import Replies, menu_name
from bot.channels.standing import Standing
from bot.gateway import MAX_TEXT, Gateway, TooMany
from bot.search_view import search_view
from bot.services import Services
from knowledge.directory import VIETNAM, Directory
from knowledge.errors import IndexFault, RequestRefused, UnknownDocument
from knowledge.model import Metadata
from knowledge.places import Gazetteer
from knowledge.store.conversations import Conversations
from knowledge.store.updates import Updates
from knowledge.text import clean_message, folded_line, words

TEXTS = Path(__file__).parent / "texts.yml"
SILENT_FOR = timedelta(minutes=60)
"""After words of the office's own, written in the app."""
_OVERLAP = 200
"""Characters that two pieces of a long text share, so that no sentence of danger is cut apart."""
_NOBODY = frozenset({"", "unknown"})
"""The chat of a message whose sender cannot be addressed."""
_NOTHING: tuple[Reply, ...] = ()
R = TypeVar("R")


class ChannelStore(Protocol):
    """What is used of the store."""

    @property
    def chats(self) -> Chats:
        """What is known of chats."""
        ...

    @property
    def conversations(self) -> Conversations:
        """What was written."""
        ...

    @property
    def updates(self) -> Updates:
        """Whether there is a live case."""
        ...


@dataclass(frozen=True, slots=True)
class Turn:
    """Something that somebody said, whichever way: `text` is read, `message_id` is what the gateway knows it by."""

    incoming: Incoming
    text: str = field(repr=False)
    message_id: str

    @property
    def conversation_id(self) -> str:
        """Of the incoming."""
        return self.incoming.conversation_id

    @property
    def key(self) -> str:
        """Of the reply: one an event."""
        return self.incoming.event_id

    @property
    def reply_to(self) -> str | None:
        """The message that is answered; a press answers none."""
        return None if self.incoming.kind == "choice" else self.incoming.message_id


class Concierge:
    """Answers what arrives. One for the process; used on its event loop."""

    def __init__(
        self,
        gateway: Gateway,
        store: ChannelStore,
        library: Library,
        searcher: Search,
        texts: Texts,
        clock: Callable[[], datetime],
        directory: Directory,
        gazetteer: Gazetteer,
    ) -> None:
        """`texts`: of TEXTS."""
        self._gateway = gateway
        self._store = store
        self._library = library
        self._texts = texts
        self._clock = clock
        self._replies = Replies(texts, self._about)
        self._standing = Standing(self._replies, directory)
        self._memory = ChatMemory(store.chats, clock)
        self._notes = CaseNotes(gateway.intake, clock)
        self._commands = Commands.of(texts)
        self._passages = Passages(library, searcher, self._replies)
        self._provinces = Provinces(gazetteer, self._replies, self._held)
        self._events: Mapping[Event, Callable[[Incoming], Awaitable[tuple[Reply, ...]]]] = {
            "text": self._text,
            "edit": self._edit,
            "choice": self._choice,
            "media": self._media,
            "joined": self._joined,
            "left": self._left,
            "unsupported": self._unsupported,
            "staff": self._staff,
        }
        self._asked: Mapping[Name, Callable[[Turn, Command], Awaitable[tuple[Reply, ...]]]] = {
            "start": self._start,
            "help": self._help,
            "province": self._province,
            "search": self._search,
            "human": self._human,
            "forget": self._forget,
            "unknown": self._unknown,
        }

    @classmethod
    def of(cls, services: Services, gateway: Gateway, store: ChannelStore) -> Concierge:
        """On the parts of a running house."""
        parts = services.library(), partial(search_view, services), Texts.load(TEXTS), services.clock, services.directory
        return cls(gateway, store, *parts, services.gazetteer)

    async def handle(self, incoming: Incoming) -> tuple[Reply, ...]:
        """What is to be said to it; () where nothing is. TooMany: later; StoreError: once more, nothing was lost.

        Whoever sends it remembers its menus first (`Chats.keep_menu`).
        """
        answer = self._events.get(incoming.kind)
        return await answer(incoming) if answer else _NOTHING

    def flooded(self, incoming: Incoming, skipped: int) -> Reply:
        """To somebody of whose messages `skipped` are not answered one by one."""
        return self._standing.with_numbers(f"flood:{incoming.event_id}", self._texts("trouble.flooded", count=skipped))

    def failed(self, incoming: Incoming) -> Reply:
        """To somebody whose message could not be worked."""
        return self._standing.with_numbers(f"failed:{incoming.event_id}", self._texts("trouble.failed"))

    # What somebody wrote

    async def _text(self, incoming: Incoming) -> tuple[Reply, ...]:
        return await self._words(Turn(incoming, incoming.text, incoming.message_id or incoming.event_id))

    async def _edit(self, incoming: Incoming) -> tuple[Reply, ...]:
        """Read anew, under an id of its own; an officer sees that it takes the place of earlier words."""
        taken = self._notes.taken(incoming.conversation_id)
        text = self._texts("edit.mark", text=incoming.text) if taken else incoming.text
        message_id = f"{incoming.message_id or incoming.event_id}:e{int(incoming.at.timestamp())}"
        replies = await self._words(Turn(incoming, text, message_id))
        if not replies or replies[0].lane == "danger":
            return replies
        first = replace(replies[0], blocks=(Block("text", self._texts("edit.said")), *replies[0].blocks))
        return first, *replies[1:]

    async def _words(self, turn: Turn) -> tuple[Reply, ...]:
        """Danger, then commands, then the number of a menu, then everything else."""
        text = clean_message(turn.text)
        if len(text) > MAX_TEXT:
            return await self._long(turn, text)
        command = self._commands.read(text)
        if text and not (command and command.bare) and await self._gateway.reads_danger(turn.conversation_id, text):
            return await self._answered(turn, None)
        if command:
            return await self._asked[command.name](turn, command)
        known = await self._memory.known(turn.conversation_id)
        if known.silent:
            await self._notes.add(turn.conversation_id, turn.message_id, turn.text, turn.incoming.channel)
            return _NOTHING
        if button := await self._numbered(turn, text):
            return await self._pressed(turn, button)
        return await self._answered(turn, known.province)

    async def _answered(self, turn: Turn, province: str | None) -> tuple[Reply, ...]:
        try:
            answer = await self._gateway.reply(
                conversation_id=turn.conversation_id,
                text=turn.text,
                message_id=turn.message_id,
                channel=turn.incoming.channel,
                province=province,
            )
        except TooMany:
            raise
        except RequestRefused as refused:
            return (self._replies.say(turn.key, refused.advice, reply_to=turn.reply_to, chatter=True),)
        reply = self._replies.of(answer, turn.key, turn.reply_to)
        if reply and reply.menu is None and reply.lane == "normal":
            await self._memory.showed_no_menu(turn.conversation_id, menu_name(turn.key))
        return (reply,) if reply else _NOTHING

    async def _long(self, turn: Turn, text: str) -> tuple[Reply, ...]:
        """More than the assistant takes: all of it is read for danger and kept with the case, if there is one."""
        pieces = [
            replace(turn, text=text[at : at + MAX_TEXT], message_id=f"{turn.message_id}:{at}")
            for at in range(0, len(text) - _OVERLAP, MAX_TEXT - _OVERLAP)
        ]
        for piece in pieces:
            if await self._gateway.reads_danger(turn.conversation_id, piece.text):
                replies = await self._answered(piece, None)
                await self._kept([other for other in pieces if other is not piece])
                return replies
        kept = await self._kept(pieces)
        if self._notes.taken(turn.conversation_id) or (await self._memory.known(turn.conversation_id)).silent:
            return _NOTHING
        said = [self._texts("long.text"), *([self._texts("long.kept")] if kept else [])]
        return (self._replies.say(turn.key, *said, reply_to=turn.reply_to),)

    async def _kept(self, pieces: list[Turn]) -> bool:
        kept = [await self._notes.add(piece.conversation_id, piece.message_id, piece.text, piece.incoming.channel) for piece in pieces]
        return any(kept)

    # What somebody chose

    async def _choice(self, incoming: Incoming) -> tuple[Reply, ...]:
        turn = Turn(incoming, "", f"choice:{incoming.event_id}")
        number = incoming.data.get("number", "")
        button = None
        if number.isdecimal():
            button = await self._memory.pressed(turn.conversation_id, incoming.data.get("menu", ""), int(number))
        if button is None:
            return (self._replies.say(turn.key, self._texts("choice.expired"), chatter=True),)
        return await self._pressed(turn, button)

    async def _numbered(self, turn: Turn, text: str) -> Button | None:
        """The choice that a bare number means; while an officer reads along it is theirs to read."""
        said = words(text)
        before = {word for known in self._texts.choices("number_words") for word in words(known)}
        if not said or len(said) > 2 or (len(said) == 2 and said[0] not in before) or self._notes.taken(turn.conversation_id):
            return None
        number = said[-1]
        if not (number.isascii() and number.isdecimal() and len(number) <= 2):
            return None
        return await self._memory.numbered(turn.conversation_id, int(number))

    async def _pressed(self, turn: Turn, button: Button) -> tuple[Reply, ...]:
        if button.kind == "say":
            return await self._words(replace(turn, text=button.value))
        if button.kind == "passage":
            return await self._looked_up(turn, self._passages.quoted, button, turn.key, turn.reply_to)
        if button.kind == "province":
            return await self._chosen(turn, self._provinces.named(button.value))
        if button.kind == "vote":
            return await self._voted(turn, button)
        return _NOTHING

    async def _voted(self, turn: Turn, button: Button) -> tuple[Reply, ...]:
        good = button.value == "good"
        await self._memory.write(self._store.chats.feedback, turn.conversation_id, button.about or turn.key, good)
        offer = () if good else (Button(self._texts("human.button"), "say", self._texts("human.words")),)
        return (self._replies.say(turn.key, self._texts(f"vote.{button.value}"), buttons=offer, chatter=good),)

    async def _looked_up(self, turn: Turn, look: Callable[..., Reply], *arguments: object) -> tuple[Reply, ...]:
        """In the lane of answers: the index may have to be opened."""
        try:
            return (await self._gateway.answers.run(look, *arguments),)
        except IndexFault:
            return (self._standing.with_numbers(turn.key, self._texts("trouble.unavailable"), turn.reply_to),)

    # Commands

    async def _start(self, turn: Turn, command: Command) -> tuple[Reply, ...]:
        return (self._standing.welcome(turn.key, turn.reply_to),)

    async def _help(self, turn: Turn, command: Command) -> tuple[Reply, ...]:
        return (self._standing.with_numbers(turn.key, self._texts("help.text"), turn.reply_to),)

    async def _province(self, turn: Turn, command: Command) -> tuple[Reply, ...]:
        if self._provinces.clears(command.rest):
            return await self._chosen(turn, None)
        if named := self._provinces.named(command.rest):
            return await self._chosen(turn, named)
        page = self._provinces.page(command.rest)
        strange = self._texts("province.unknown") if command.rest and page is None else ""
        known = await self._memory.known(turn.conversation_id)
        return await self._looked_up(turn, self._provinces.asked, turn.key, page or 1, known.province, turn.reply_to, strange)

    async def _chosen(self, turn: Turn, province: str | None) -> tuple[Reply, ...]:
        await self._memory.write(self._store.chats.set_province, turn.conversation_id, province)
        return await self._looked_up(turn, self._provinces.chosen, province, turn.key, turn.reply_to)

    async def _search(self, turn: Turn, command: Command) -> tuple[Reply, ...]:
        if not command.rest:
            return (self._replies.say(turn.key, self._texts("search.ask"), reply_to=turn.reply_to),)
        named = self._provinces.named(command.rest)
        province = None if named else (await self._memory.known(turn.conversation_id)).province
        today = self._clock().astimezone(VIETNAM).date()
        return await self._looked_up(turn, self._passages.found, command.rest, province, today, turn.key, turn.reply_to)

    async def _human(self, turn: Turn, command: Command) -> tuple[Reply, ...]:
        asked = self._texts("human.words")
        return await self._answered(replace(turn, text=f"{asked}. {command.rest}" if command.rest else asked), None)

    async def _forget(self, turn: Turn, command: Command) -> tuple[Reply, ...]:
        """Asks once; then everything of the conversation goes but a case that somebody works on."""
        said = folded_line(command.rest)
        if any(said == folded_line(keep) for keep in self._texts.choices("forget_words.keep")):
            return (self._replies.say(turn.key, self._texts("forget.kept"), reply_to=turn.reply_to, chatter=True),)
        if not any(said == folded_line(agree) for agree in self._texts.choices("forget_words.agree")):
            buttons = [Button(self._texts(f"forget.{way}"), "say", self._texts(f"forget.{way}_words")) for way in ("agree", "keep")]
            return (self._replies.say(turn.key, self._texts("forget.ask"), buttons=buttons, reply_to=turn.reply_to),)
        live = (await self._memory.write(self._store.updates.thread, turn.conversation_id, self._clock())).live
        await self._memory.write(self._store.conversations.forget, turn.conversation_id)
        await self._memory.write(self._store.chats.forget, turn.conversation_id)
        self._gateway.forget(turn.conversation_id)
        text = [self._texts("forget.done"), *([self._texts("forget.live")] if live else [])]
        return (self._replies.say(turn.key, "\n".join(text), reply_to=turn.reply_to),)

    async def _unknown(self, turn: Turn, command: Command) -> tuple[Reply, ...]:
        if self._notes.live(turn.conversation_id):  # whoever has the case reads it
            return await self._answered(turn, None)
        return (self._replies.say(turn.key, self._texts("help.unknown"), reply_to=turn.reply_to, chatter=True),)

    # What comes without words

    async def _media(self, incoming: Incoming) -> tuple[Reply, ...]:
        """Its caption is read like any text; the thing itself is for the officer, if there is a case."""
        turn = Turn(incoming, incoming.text, incoming.message_id or incoming.event_id)
        captioned = bool(clean_message(incoming.text))
        replies = await self._words(turn) if captioned else _NOTHING
        kind, at = incoming.data.get("type", "other"), [incoming.data[name] for name in ("lat", "lon") if name in incoming.data]
        name = self._texts(f"media.name.{kind if f'media.name.{kind}' in self._texts.table else 'other'}")
        line = self._texts("media.kept_line", name=name, ref=", ".join(at) or incoming.data.get("ref", "")).strip()
        kept = await self._notes.add(turn.conversation_id, f"{turn.message_id}:media", line, incoming.channel)
        if captioned or (kept and self._notes.taken(turn.conversation_id)) or (await self._memory.known(turn.conversation_id)).silent:
            return replies
        said = self._texts("media.kept" if kept else "media.location" if kind == "location" else "media.cannot")
        return (self._standing.with_numbers(turn.key, said, turn.reply_to, chatter=kind == "sticker"),)

    async def _joined(self, incoming: Incoming) -> tuple[Reply, ...]:
        """Once a day: the same key is sent once."""
        await self._memory.write(self._store.chats.unblocked, incoming.conversation_id)
        today = self._clock().astimezone(VIETNAM).date()
        return (self._standing.welcome(f"welcome:{incoming.conversation_id}:{today.isoformat()}"),)

    async def _left(self, incoming: Incoming) -> tuple[Reply, ...]:
        await self._memory.write(self._store.chats.blocked, incoming.conversation_id, self._clock())
        return _NOTHING

    async def _unsupported(self, incoming: Incoming) -> tuple[Reply, ...]:
        """From an account of a child, or of somebody who cannot write: the numbers at once, and somebody on duty is told."""
        note, message_id = self._texts("unsupported.note"), incoming.message_id or incoming.event_id
        told = await self._notes.open(incoming.conversation_id, message_id, note, incoming.channel)
        if incoming.chat in _NOBODY or self._notes.taken(incoming.conversation_id):
            return _NOTHING
        return (self._standing.unreadable(incoming.event_id, told=told),)

    async def _staff(self, incoming: Incoming) -> tuple[Reply, ...]:
        """A human has taken over in the app's own tool."""
        await self._memory.write(self._store.chats.silence, incoming.conversation_id, self._clock() + SILENT_FOR)
        if clean_message(incoming.text):
            text = self._texts("staff.note", text=incoming.text)
            await self._notes.add(incoming.conversation_id, incoming.message_id or incoming.event_id, text, incoming.channel)
        return _NOTHING

    def _about(self, document_id: str) -> Metadata | None:
        try:
            return self._library.document(document_id).metadata
        except (UnknownDocument, IndexFault):
            return None

    def _held(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(m.province for document in self._library.documents() if (m := document.metadata).province))
