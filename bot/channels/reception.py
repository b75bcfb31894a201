"""What arrives by any channel: on the disk first, then answered, one conversation in order, many side by side.

An event is worked at least once, and what is said is sent once: the gateway gives the same answer for the same message, and each call has a
key (knowledge/store/sends.py). So the program may be killed at any moment. Whoever is in danger overtakes everybody, their own earlier
messages too, and is answered even while the database is down.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import math
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from bot.channels.aside import Aside
from bot.channels.at_once import AtOnce
from bot.channels.bell import Bell
from bot.channels.coding import calls, read_incoming, write_buttons, write_incoming
from bot.channels.grouped import Grouped
from bot.channels.left_out import LeftOut
from bot.channels.metrics import ChannelMetrics
from bot.channels.model import Channel, Incoming, Lane, Malformed, Reply
from bot.channels.postman import is_metered
from bot.channels.spill import Spill
from bot.gateway import MAX_ID, TooMany
from bot.lanes import Hanging, RightOfWay
from bot.lanes import Lane as Thread
from bot.recollection import Listening
from knowledge.errors import StoreError
from knowledge.store import InboxItem, InboxRow, NewMenu, NewSend, Store, Worked

logger = logging.getLogger("trogiup.reception")

SIDE_BY_SIDE = 16
"""Conversations that are answered at once, beside those in danger: as many as two cores answer in a quarter of a second."""
TRIES = 3
_PAUSES_S = (1.0, 5.0)
_EVERY_S = 0.5
_TOGETHER = 4
"""So many hands are free before they take up something new: one visit to the database costs little more for four than for one."""
_GATHERS_S = 0.015
"""When most hands are full, answers wait this long for others, to be kept with them; and the database is not looked into oftener."""
_GATHERS_IN_S = 0.005
"""When several bring something at once, one of them waits this long for others: three commits to the disk take as long."""
_STAND_ASIDE_S = 0.25
"""So long the next answer waits at most for what is just being taken in: a service wants to know soon that a message is kept, and answers
begun beside it would have to wait for each other."""
_DATABASE_S = 1.0
_RETRY_S = (0.2, 0.5, 1.0, 2.0)
_UNKNOWN_CHANNEL = timedelta(minutes=10)
_TYPING_AFTER_S = 0.3
_FEW = 8
"""Conversations in hand at which typing is still shown."""
_LONG = 1_500
"""Characters; longer texts are read beside the event loop."""
_MAX_EVENT_ID = 200
_CHATTER_RESERVE = 2
"""Messages of a quota that small talk leaves for what matters."""
_WRITING = frozenset({"text", "edit", "choice", "media", "joined", "unsupported"})
"""Kinds by which the person shows that they are there."""


class Concierge(Protocol):
    """What is said to whatever arrives; knows no channel."""

    async def handle(self, incoming: Incoming) -> Sequence[Reply]:
        """The same for the same event, however often. TooMany: later. Raises whatever it does."""
        ...

    def flooded(self, incoming: Incoming, skipped: int) -> Reply:
        """That only the last of very many messages are read."""
        ...

    def failed(self, incoming: Incoming) -> Reply:
        """That something of ours went wrong, with the numbers to call."""
        ...


class Reception:
    """Takes events in and has them worked. One for a process; used on one event loop."""

    def __init__(
        self,
        store: Store,
        channels: Mapping[str, Channel],
        concierge: Concierge,
        ear: Listening,
        clock: Callable[[], datetime],
        spill: Spill,
        *,
        to_send: Callable[..., None] = lambda **_: None,
        metrics: ChannelMetrics | None = None,
        alone: bool = False,
        right_of_way: RightOfWay | None = None,
    ) -> None:
        """`to_send`: called, as Postman.wake, when there is something to send. `alone`: no other program works on this database, so that
        what one had in hand is not in hand any more. `right_of_way`: taken while something is being taken in.
        """
        self._store = store
        self._channels = channels
        self._concierge = concierge
        self._ear = ear
        self._clock = clock
        self._put_aside = Aside(spill, store)
        self._to_send = to_send
        self._metrics = metrics or ChannelMetrics()
        self._alone = alone
        self._taking, self._working = Thread("channel-inbox"), Thread("channel-work")
        self._reading = Thread("channel-triage")
        self._incoming: Grouped[InboxRow] = Grouped(self._keep, pause=lambda: _GATHERS_IN_S if self._receiving > 1 else 0.0)
        self._receiving = 0
        """How many bring something at this moment."""
        self._done: Grouped[Worked] = Grouped(self._finish, pause=self._pause)
        self._bell = Bell(_GATHERS_S)
        self._alarm = False
        """Something of danger came in, or is over, since anybody looked."""
        self._spilled = False
        """Something was spilled since anybody looked."""
        self._right_of_way = right_of_way or RightOfWay()
        self._busy: dict[Lane, dict[str, asyncio.Task[None]]] = {"danger": {}, "normal": {}}
        self._aside: set[asyncio.Task[None]] = set()
        self._at_once = AtOnce(channels, concierge)
        self._left_out = LeftOut(store, self._working, concierge, clock, to_send, self._metrics)

    # Taking in

    async def receive(self, channel_name: str, events: Sequence[Incoming]) -> None:
        """Returns once they are on the disk: then they may be acknowledged. StoreError: neither database nor disk took them.

        Malformed where an event names a conversation that cannot be one.
        """
        self._receiving += 1
        try:
            with self._right_of_way.taken():
                rows = await self._rows(channel_name, events)
                danger = any(row.lane == "danger" for row in rows)
                await self._incoming.put(*rows, at_once=danger)
                self._alarm = self._alarm or danger
        finally:
            self._receiving -= 1
            self._bell.ring(urgent=self._alarm)

    async def _rows(self, channel_name: str, events: Sequence[Incoming]) -> list[InboxRow]:
        rows = []
        for event in events:
            if event.kind == "ignored":
                continue
            if len(event.conversation_id) > MAX_ID or not event.chat:
                raise Malformed("An event names no conversation of this service.", channel=channel_name)
            lane = await self._lane(event)
            body = write_incoming(event)
            wrote = event.kind in _WRITING
            rows.append(InboxRow(channel_name, _id(event.event_id), event.conversation_id, lane, body, self._clock(), wrote))
        return rows

    async def _lane(self, event: Incoming) -> Lane:
        if event.kind == "unsupported":  # from a protected account: answered at once with the numbers
            return "danger"
        if not event.text or event.kind in {"staff", "left"}:
            return "normal"
        if len(event.text) <= _LONG:
            urgent = self._ear.hear(event.conversation_id, event.text).urgent
        else:
            urgent = (await self._reading.run(self._ear.hear, event.conversation_id, event.text)).urgent
        return "danger" if urgent else "normal"

    async def _keep(self, rows: Sequence[InboxRow]) -> None:
        """Many events at once; into the database, or else onto the disk."""
        direct, behind = await self._put_aside.split(rows)
        try:
            new = await self._taking.run_within(_DATABASE_S, self._store.inbox.add, direct) if direct else 0
            self._count(direct, new)
        except (StoreError, Hanging) as error:
            logger.error("event=events_spilled events=%d why=%s", len(direct), type(error).__name__)
            for row in direct:
                if row.lane == "danger":
                    self._start(self._at_once.answer(read_incoming(row.body_json)))
            behind = list(rows)
        if behind:
            for row in behind:
                self._metrics.spilled.labels(row.channel).inc()
            await self._put_aside.put(behind)
            self._spilled = True

    def _count(self, rows: Sequence[InboxRow], new: int) -> None:
        channels = {row.channel for row in rows}
        for channel in channels if len(channels) == 1 else ():
            self._metrics.received.labels(channel).inc(new)
            self._metrics.duplicates.labels(channel).inc(len(rows) - new)
        if len(channels) > 1:  # a transaction tells one number; which repeats were whose is not worth a second look
            for row in rows:
                self._metrics.received.labels(row.channel).inc()

    # Working

    async def run(self) -> None:
        """Until cancelled. What is in hand then is worked by the next program."""
        if self._alone:
            await self._surely(self._store.inbox.release)
        looked_at = -math.inf
        try:
            while True:
                now = asyncio.get_running_loop().time()
                if all_lanes := now - looked_at >= _EVERY_S:  # what other programs, failures and lapsed leases have left
                    looked_at = now
                try:
                    if all_lanes or self._spilled:
                        await self._replay()
                    await self.round(all_lanes=all_lanes)
                except StoreError as error:
                    logger.error("event=inbox_waits why=%s", error.advice)
                await self._bell.wait(_EVERY_S)
        finally:
            await self.close()

    async def close(self) -> None:
        """Lets go of what is in hand."""
        tasks = [*self._busy["danger"].values(), *self._busy["normal"].values(), *self._aside]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def round(self, *, all_lanes: bool = True) -> int:
        """Begin work on what is due, as far as hands are free; on how many events. Raises StoreError.

        `all_lanes`: look for danger also where none is known to have come.
        """
        begun = await self._begin_danger() if all_lanes or self._alarm else 0
        danger, normal = self._busy["danger"], self._busy["normal"]
        if (free := SIDE_BY_SIDE - len(normal)) >= _TOGETHER:
            for item in await self._working.run(self._store.inbox.due, free, frozenset(normal.keys() | danger.keys()), "normal"):
                await asyncio.sleep(0)  # one by one, so that what comes in does not wait for all
                await self._right_of_way.clear(_STAND_ASIDE_S, unless=lambda: self._alarm)
                if self._alarm:
                    with contextlib.suppress(StoreError):  # the others are in hand: left lying, they wait for the end of their lease
                        begun += await self._begin_danger()
                self._begin(item)
                begun += 1
        return begun

    async def _begin_danger(self) -> int:
        self._alarm = False
        items = await self._working.run(self._store.inbox.due, SIDE_BY_SIDE, frozenset(self._busy["danger"]), "danger")
        for item in items:
            self._begin(item)
        return len(items)

    async def idle(self) -> None:
        """Returns when nothing is in hand."""
        while tasks := [*self._busy["danger"].values(), *self._busy["normal"].values(), *self._aside]:
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _replay(self) -> None:
        self._spilled = False
        if moved := await self._put_aside.replay():
            logger.warning("event=spill_replayed events=%d", moved)

    def _begin(self, item: InboxItem) -> None:
        task = asyncio.create_task(self._work(item))
        busy = self._busy[item.lane]
        busy[item.conversation_id] = task

        def ended(done: asyncio.Task[None]) -> None:
            if busy.get(item.conversation_id) is done:
                del busy[item.conversation_id]
            self._alarm = self._alarm or item.lane == "danger"  # the next of this conversation may be worked
            self._bell.ring(urgent=self._alarm)
            if not done.cancelled() and (error := done.exception()):
                logger.error(
                    "event=work_lost row=%d why=%s", item.row_id, type(error).__name__
                )  # its lease lapses, then it is worked again

        task.add_done_callback(ended)

    async def _work(self, item: InboxItem) -> None:
        channel = self._channels.get(item.channel)
        if channel is None:
            await self._surely(self._store.inbox.later, item.row_id, self._clock() + _UNKNOWN_CHANNEL)
            return
        try:
            incoming = read_incoming(item.body_json)
            await self._left_out.thin_out(item, incoming, channel)
            if await self._left_out.is_edited(item, incoming):
                worked = Worked(item.row_id)
            else:
                with self._typing(channel, incoming):
                    replies = await self._concierge.handle(incoming)
                worked = await self._worked(item, channel, incoming, replies)
        except TooMany as error:
            await self._surely(self._store.inbox.later, item.row_id, self._clock() + timedelta(seconds=error.retry_after))
        except StoreError:  # not the event's fault
            await self._surely(self._store.inbox.later, item.row_id, self._clock() + timedelta(seconds=_PAUSES_S[0]))
        except Exception as error:  # whatever it is, others go on; its words may be the person's, so only its kind is logged
            await self._failed(item, channel, error)
        else:
            danger = item.lane == "danger" or any(send.lane == "danger" for send in worked.sends)
            await self._retried(lambda: self._done.put(worked, at_once=danger))
            self._to_send(danger=danger)

    async def _worked(self, item: InboxItem, channel: Channel, incoming: Incoming, replies: Sequence[Reply]) -> Worked:
        """What is to be sent; the menus are kept with it, before anybody can see them."""
        now = self._clock()
        sends: list[NewSend] = []
        menus: list[NewMenu] = []
        for reply in replies:
            if reply.chatter and is_metered(channel):
                quota = await self._working.run(self._store.chats.quota, incoming.conversation_id)
                if quota.spent >= channel.quota - _CHATTER_RESERVE:
                    continue
            if reply.menu and reply.buttons:
                menus.append(NewMenu(incoming.conversation_id, reply.menu, write_buttons(reply.buttons)))
            sends += calls(channel, reply, incoming.conversation_id, now)
        unsaid = [send for send in sends if not self._at_once.has_said(send.channel, send.key)]
        return Worked(item.row_id, unsaid, menus)

    async def _failed(self, item: InboxItem, channel: Channel, error: Exception) -> None:
        logger.error("event=work_failed row=%d channel=%s why=%s", item.row_id, item.channel, type(error).__name__)
        if item.failures + 1 < TRIES:
            at = self._clock() + timedelta(seconds=_PAUSES_S[min(item.failures, len(_PAUSES_S) - 1)])
            await self._retried(lambda: self._working.run(self._store.inbox.later, item.row_id, at, failed=True))
            return
        self._metrics.failed.labels(item.channel).inc()
        sends: Sequence[NewSend] = ()
        try:
            incoming = read_incoming(item.body_json)
            sends = calls(channel, self._concierge.failed(incoming), item.conversation_id, self._clock())
        except Exception as worse:
            logger.critical("event=apology_failed row=%d why=%s", item.row_id, type(worse).__name__)
        await self._surely(self._store.inbox.fail, item.row_id, sends)
        self._to_send()

    @contextlib.contextmanager
    def _typing(self, channel: Channel, incoming: Incoming) -> Any:
        """Shows that an answer is being worked out, where that takes a moment, and not because everybody writes at once: then each of these
        calls would make all wait longer.
        """

        async def show() -> None:
            await asyncio.sleep(_TYPING_AFTER_S)
            if len(self._busy["normal"]) <= _FEW:
                await channel.typing(incoming.chat)

        task = self._start(show()) if incoming.kind in {"text", "edit", "choice"} else None
        try:
            yield
        finally:
            if task:
                task.cancel()

    def _pause(self) -> float:
        return _GATHERS_S if 2 * len(self._busy["normal"]) > SIDE_BY_SIDE else 0.0

    async def _finish(self, worked: Sequence[Worked]) -> None:
        await self._working.run(self._store.inbox.done_all, worked)

    async def _surely(self, call: Callable[..., Any], *arguments: Any) -> None:
        await self._retried(lambda: self._working.run(call, *arguments))

    async def _retried(self, attempt: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Until the database answers."""
        tries = 0
        while True:
            try:
                await attempt()
                return
            except StoreError as error:
                logger.error("event=inbox_waits why=%s", error.advice)
                await asyncio.sleep(_RETRY_S[min(tries, len(_RETRY_S) - 1)])
                tries += 1

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)
        return task


def _id(event_id: str) -> str:
    """Short enough for an index of any database."""
    return event_id if len(event_id) <= _MAX_EVENT_ID else hashlib.sha256(event_id.encode("utf-8", "surrogatepass")).hexdigest()
