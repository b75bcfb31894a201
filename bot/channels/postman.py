"""What is to be sent goes out: danger first, at the pace that each service allows, in order within a conversation, each call once.

An attempt is written down before it is made. What a service takes nothing of waits; what may have arrived is not repeated, unless somebody
is in danger: then the number twice is better than not at all.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any, Protocol, TypeGuard

from bot.channels.bell import Bell
from bot.channels.grouped import Grouped
from bot.channels.metrics import ChannelMetrics
from bot.channels.model import Channel, Gone, Lane, Later, Refused, Uncertain
from bot.channels.pacing import Gate
from bot.lanes import Lane as Thread
from knowledge.errors import StoreError
from knowledge.store import Quota, Send, Store

logger = logging.getLogger("trogiup.postman")

SIDE_BY_SIDE: Mapping[Lane, int] = {"danger": 32, "normal": 32}
"""Calls to one channel at once. Danger has hands of its own."""
CLAIMED_AT_ONCE = 4
"""Of what is claimed when the program is killed nobody knows whether it was sent; what is not claimed yet is sent by the next."""
LEASE = timedelta(seconds=60)
CALL_S = 10.0
"""A service that has not answered by then may have taken it or not."""
GIVE_UP = timedelta(hours=24)
DANGER_PAUSES_S = (1, 2, 4, 8, 15, 30)
FIRST_PAUSE_S, LAST_PAUSE_S = 1.0, 300.0
DOUBT_PAUSES_S = (3, 30, 30, 30, 30, 30)
"""After which danger is repeated whose outcome is not known; then somebody has to look at it."""
_EVERY_S = 0.5
_GATHERS_S = 0.015
"""What is not of danger waits this long for others, to be claimed with them: a visit to the database costs little more for several."""
_RECOVER_EVERY = timedelta(seconds=30)
_QUOTA_PAUSE_S = 30
_MERGED = 10
_RETRY_S = (0.2, 0.5, 1.0, 2.0)
_WHY = 200


class Metered(Protocol):
    """A channel whose service counts: `quota` messages within `window` after the person wrote last."""

    quota: int
    window: timedelta


class Merging(Protocol):
    """A channel that can say several calls in fewer messages."""

    def merge(self, calls: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        """The same words in the same order, in as few calls as the service's limits allow."""
        ...


def is_metered(channel: object) -> TypeGuard[Metered]:
    """Whether it counts. An attribute of None or 0: it does not."""
    return bool(getattr(channel, "quota", None)) and getattr(channel, "window", None) is not None


def _can_merge(channel: object) -> TypeGuard[Merging]:
    return callable(getattr(channel, "merge", None))


@dataclass(frozen=True, slots=True)
class Parcel:
    """One call, and the rows that it brings: one, or several that were merged."""

    rows: tuple[Send, ...]
    call: Mapping[str, Any]

    @property
    def first(self) -> Send:
        """The row that its fate is decided by."""
        return self.rows[0]


@dataclass(frozen=True, slots=True)
class _Want:
    """So many calls of a lane may go out now, but to conversations that are held."""

    channel: str
    lane: Lane
    free: int
    held: frozenset[str]


class Postman:
    """Sends for all channels. One for a process; used on one event loop."""

    def __init__(
        self,
        store: Store,
        channels: Mapping[str, Channel],
        clock: Callable[[], datetime],
        rng: Random,
        *,
        metrics: ChannelMetrics | None = None,
        alone: bool = False,
        call_s: float = CALL_S,
    ) -> None:
        """`rng`: spreads the pauses. `alone`: no other program sends from this database, so that what one was sending is not being sent."""
        self._store = store
        self._channels = channels
        self._clock = clock
        self._rng = rng
        self._metrics = metrics or ChannelMetrics()
        self._alone = alone
        self._call_s = call_s
        self._thread = Thread("channel-sends")
        self._gates = {name: Gate(channel.pace, clock()) for name, channel in channels.items()}
        self._busy: dict[tuple[str, Lane], dict[str, asyncio.Task[None]]] = {(name, lane): {} for name in channels for lane in SIDE_BY_SIDE}
        self._sent: Grouped[tuple[Parcel, str | None]] = Grouped(self._mark_sent)
        self._bell = Bell(_GATHERS_S)
        self._alarm = False
        """There may be something of danger that nobody has looked for."""
        self._recovered_at: datetime | None = None

    def wake(self, *, danger: bool = True) -> None:
        """There is something to send. `danger`: False where it is known to be nothing of danger."""
        self._alarm = self._alarm or danger
        self._bell.ring(urgent=danger)

    async def run(self) -> None:
        """Until cancelled. What is being sent then is for the next program to judge."""
        looked_at = -math.inf
        try:
            while True:
                now = asyncio.get_running_loop().time()
                if all_lanes := now - looked_at >= _EVERY_S:  # what other programs, failures and pauses have left
                    looked_at = now
                try:
                    await self.round(all_lanes=all_lanes)
                except StoreError as error:
                    logger.error("event=sends_wait why=%s", error.advice)
                await self._bell.wait(self._pause())
        finally:
            await self.close()

    async def close(self) -> None:
        """Stops what is under way."""
        tasks = [task for busy in self._busy.values() for task in busy.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def idle(self) -> None:
        """Returns when nothing is under way."""
        while tasks := [task for busy in self._busy.values() for task in busy.values()]:
            await asyncio.gather(*tasks, return_exceptions=True)

    async def round(self, *, all_lanes: bool = True) -> int:
        """Begin to send what is due and allowed, danger first; how many calls. Raises StoreError.

        `all_lanes`: look for danger also where none is known to be new.
        """
        await self._recover()
        lanes: Sequence[Lane] = ("danger", "normal") if all_lanes or self._alarm else ("normal",)
        self._alarm = False
        wanted = [want for lane in lanes for name in self._channels if (want := self._want(name, lane)).free > 0]
        if not wanted:
            return 0
        claimed = await self._thread.run(self._claim, wanted)
        begun = 0
        for want, sends in zip(wanted, claimed, strict=True):
            busy = self._busy[want.channel, want.lane]
            for send in sends:
                self._gates[want.channel].spend(send.conversation_id, self._clock())
                task = asyncio.create_task(self._deliver(self._channels[want.channel], send))
                busy[send.conversation_id] = task
                task.add_done_callback(partial(self._ended, busy, send))
                await asyncio.sleep(0)  # one by one: who comes in meanwhile does not wait for all of them
            if len(sends) == want.free:
                self.wake(danger=want.lane == "danger")  # there may be more
            begun += len(sends)
        return begun

    def _want(self, name: str, lane: Lane) -> _Want:
        now, gate, busy = self._clock(), self._gates[name], self._busy[name, lane]
        free = min(SIDE_BY_SIDE[lane] - len(busy), CLAIMED_AT_ONCE)
        if lane == "danger":
            return _Want(name, lane, free, frozenset(busy))
        return _Want(name, lane, min(free, gate.free(now)), frozenset(busy.keys() | gate.held(now)))

    def _claim(self, wanted: Sequence[_Want]) -> list[Sequence[Send]]:
        """In the thread of sends, all in one visit. StoreError where nothing was claimed: what was has to be sent."""
        claimed: list[Sequence[Send]] = []
        for want in wanted:
            try:
                claimed.append(self._store.sends.claim((want.channel,), want.free, LEASE, want.held, want.lane))
            except StoreError:
                if not any(claimed):
                    raise
                claimed.append(())
        return claimed

    def _ended(self, busy: dict[str, asyncio.Task[None]], send: Send, done: asyncio.Task[None]) -> None:
        if busy.get(send.conversation_id) is done:
            del busy[send.conversation_id]
        self.wake(danger=send.lane == "danger")
        if not done.cancelled() and (error := done.exception()):
            logger.error("event=send_lost send=%d why=%s", send.send_id, type(error).__name__)  # recovered when its lease is over

    async def _recover(self) -> None:
        now = self._clock()
        if self._recovered_at is None and self._alone:
            await self._thread.run(self._store.sends.recover, now + 2 * LEASE)
        elif self._recovered_at is None or now - self._recovered_at >= _RECOVER_EVERY:
            await self._thread.run(self._store.sends.recover, now)
        else:
            return
        self._recovered_at = now

    # One call

    async def _deliver(self, channel: Channel, send: Send) -> None:
        if send.lane == "normal" and is_metered(channel) and not await self._within_quota(channel, send):
            return
        parcel = await self._parcel(channel, send)
        try:
            async with asyncio.timeout(self._call_s):
                remote_id = await channel.send(parcel.call)
        except Later as error:
            await self._later(channel, parcel, error)
        except (Uncertain, TimeoutError) as error:
            await self._uncertain(parcel, getattr(error, "advice", "timeout"))
        except Refused as error:
            await self._dead(parcel, error.advice)
        except Gone:
            await self._gone(send)
        except Exception as error:  # a fault of ours: whether the service was reached is not known
            logger.error("event=send_failed send=%d why=%s", send.send_id, type(error).__name__)
            await self._uncertain(parcel, type(error).__name__)
        else:
            self._metrics.sent.labels(channel.name).inc(len(parcel.rows))
            await self._retried(lambda: self._sent.put((parcel, remote_id)))

    async def _parcel(self, channel: Channel, send: Send) -> Parcel:
        """What waits behind it is said in the same message where a quota makes each message dear."""
        call = json.loads(send.call_json or "{}")
        if send.lane == "danger" or not (is_metered(channel) and _can_merge(channel)):
            return Parcel((send,), call)
        following: Sequence[Send] = await self._surely(lambda: self._store.sends.claim_following(send, _MERGED, LEASE))
        taken = 0
        for row in following:
            merged = channel.merge([call, json.loads(row.call_json or "{}")])
            if len(merged) != 1:
                break
            call, taken = merged[0], taken + 1
        back = Parcel(tuple(following[taken:]), {})
        await self._mark(back, lambda send_id: self._store.sends.later(send_id, self._clock(), attempt=False))
        return Parcel((send, *following[:taken]), call)

    async def _within_quota(self, channel: Metered, send: Send) -> bool:
        """Whether the service takes it; else it waits until the person writes again, and not for ever."""
        if await self._is_open(channel, send):
            return True
        now = self._clock()
        if now - send.created_at >= channel.window:
            await self._dead(Parcel((send,), {}), "quota")
            return False
        at = now + timedelta(seconds=_QUOTA_PAUSE_S)
        await self._surely(lambda: self._store.sends.later(send.send_id, at, "quota", attempt=False))
        if await self._is_open(channel, send):  # the person wrote between the look and the note
            await self._surely(lambda: self._store.sends.later(send.send_id, now, "quota", attempt=False))
            self.wake()
        return False

    async def _is_open(self, channel: Metered, send: Send) -> bool:
        quota: Quota = await self._surely(lambda: self._store.chats.quota(send.conversation_id))
        return quota.wrote_at is not None and self._clock() - quota.wrote_at < channel.window and quota.spent < channel.quota

    async def _later(self, channel: Channel, parcel: Parcel, error: Later) -> None:
        now, send = self._clock(), parcel.first
        self._metrics.later.labels(send.channel).inc()
        if send.lane == "danger":
            at = now + timedelta(seconds=DANGER_PAUSES_S[min(send.attempts, len(DANGER_PAUSES_S)) - 1])
        elif now - send.created_at >= GIVE_UP:
            await self._dead(parcel, error.advice)
            return
        else:
            at = now + timedelta(seconds=error.after or self._own_pause(send.attempts))
        if error.everyone:
            rest = error.after or self._own_pause(send.attempts)
            self._gates[channel.name].rest(now + timedelta(seconds=rest))
        await self._mark(parcel, lambda send_id: self._store.sends.later(send_id, at, error.advice[:_WHY]))

    def _own_pause(self, attempts: int) -> float:
        """Growing, and spread, so that not all come back at once."""
        most: float = min(LAST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(attempts, 20) / 2)
        return most * (0.5 + self._rng.random() / 2)

    async def _uncertain(self, parcel: Parcel, why: str) -> None:
        send = parcel.first
        self._metrics.uncertain.labels(send.channel).inc()
        if send.lane == "danger" and send.doubts < len(DOUBT_PAUSES_S):
            at = self._clock() + timedelta(seconds=DOUBT_PAUSES_S[send.doubts])
            await self._surely(lambda: self._store.sends.later(send.send_id, at, why[:_WHY], doubt=True))
            return
        logger.error("event=send_uncertain send=%d channel=%s lane=%s", send.send_id, send.channel, send.lane)
        await self._mark(parcel, lambda send_id: self._store.sends.uncertain(send_id, why[:_WHY]))

    async def _dead(self, parcel: Parcel, why: str) -> None:
        send = parcel.first
        self._metrics.dead.labels(send.channel).inc(len(parcel.rows))
        level = logging.CRITICAL if send.lane == "danger" else logging.ERROR
        logger.log(level, "event=send_dead send=%d channel=%s lane=%s", send.send_id, send.channel, send.lane)
        await self._mark(parcel, lambda send_id: self._store.sends.dead(send_id, why[:_WHY]))

    async def _gone(self, send: Send) -> None:
        """Nobody is there to be written to; who is on duty for them has to know."""

        def note() -> str | None:
            self._store.chats.blocked(send.conversation_id, self._clock())
            self._store.sends.drop_all(send.conversation_id)
            return self._store.duty.unreachable(send.conversation_id)

        case_id = await self._surely(note)
        logger.warning("event=chat_gone channel=%s lane=%s case=%s", send.channel, send.lane, case_id)

    async def _mark_sent(self, delivered: Sequence[tuple[Parcel, str | None]]) -> None:
        remote_ids = {row.send_id: remote_id for parcel, remote_id in delivered for row in parcel.rows}
        merged = frozenset(row.send_id for parcel, _ in delivered for row in parcel.rows[1:])
        await self._thread.run(self._store.sends.sent, remote_ids, merged)

    def _pause(self) -> float:
        """Seconds until somebody may be written to whom the pace holds back."""
        now = self._clock()
        return min([_EVERY_S, *(gate.opens_in(now) for gate in self._gates.values())])

    async def _mark(self, parcel: Parcel, mark: Callable[[int], None]) -> None:
        def each() -> None:
            for row in parcel.rows:
                mark(row.send_id)

        await self._surely(each)

    async def _surely(self, call: Callable[[], Any]) -> Any:
        return await self._retried(lambda: self._thread.run(call))

    async def _retried(self, attempt: Callable[[], Any]) -> Any:
        """Until the database answers: what was sent must not be forgotten."""
        tries = 0
        while True:
            try:
                return await attempt()
            except StoreError as error:
                logger.error("event=sends_wait why=%s", error.advice)
                await asyncio.sleep(_RETRY_S[min(tries, len(_RETRY_S) - 1)])
                tries += 1
