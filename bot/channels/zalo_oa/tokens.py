"""The tokens of the Official Account: renewed ahead of time, by one program at a time, and never lost between Zalo and the database.

A refresh token is spent by its first use; whoever loses the new one has locked the account out. So: a lease in the database, taken by one
UPDATE; the new pair is written to a file of this user alone the moment it arrives; then both tokens go into the database in one
transaction; then the file is removed; then the access token is used. Who is killed in between leaves the file, and the next renewal takes
it up in place of asking Zalo.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from bot.channels.model import Later
from bot.channels.zalo_oa.events import NAME
from bot.channels.zalo_oa.oauth import OAuth, Pair, TokenRefused, TokenUnanswered
from knowledge.errors import StoreError, TrogiupError
from knowledge.store import Store, Tokens
from knowledge.store.tokens import ChannelTokens

logger = logging.getLogger("trogiup.zalo_oa")

EARLY = 0.8
"""Of its life an access token is used; then it is renewed while it still works."""
LEASE = timedelta(seconds=60)
_PAUSE = timedelta(seconds=60)
"""Between two renewals that failed."""
_LOOK_S, _LOOKS = 0.2, 100
"""While another program renews them."""
_WAIT_S = 3.0
"""A message waits that long for a token, then it comes later. Whoever sends it gives up after 10 s, not knowing that nothing was sent."""
_UPKEEP_S = 300.0


@dataclass(slots=True)
class _Held:
    """What this program knows without asking the database."""

    access: str
    renew_at: datetime
    expires_at: datetime


class TokenKeeper:
    """Of one account. Called on one event loop; the database is asked in threads.

    A renewal is a task of its own: whoever waits for it may give up, and must not break it off when Zalo has spent the old token.
    """

    def __init__(
        self,
        rows: ChannelTokens,
        oauth: OAuth,
        client: httpx.AsyncClient,
        clock: Callable[[], datetime],
        *,
        first: str | None,
        pending: Path,
        by: str,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`first`: the refresh token of the settings; what the database holds counts before it. `pending`: where a new pair lies until the
        database has it. `by`: names this program among those that share the database.
        """
        self._rows, self._oauth, self._client, self._clock, self._sleep = rows, oauth, client, clock, sleep
        self._first, self._pending, self._by = first, pending, by
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[str]] = set()
        self._held: _Held | None = None
        self._unkept: Pair | None = None
        self._rest_until: datetime | None = None

    async def access(self) -> str:
        """An access token that works as far as we know. Later when there is none for now."""
        held = self._held
        if held and self._clock() < held.renew_at:
            return held.access
        return await self._in_time(self._current())

    async def renewed(self, stale: str) -> str:
        """An access token other than `stale`, which Zalo has refused. Later when there is none for now."""
        return await self._in_time(self._other_than(stale))

    async def run(self) -> None:
        """Keeps them alive also where nobody writes: a refresh token that is not used dies after three months."""
        while True:
            try:
                await self.access()
            except Later:
                pass  # said in the log, on the duty desk and by the doctor
            except Exception as error:  # the next round tries again
                logger.error("event=zalo_oa_upkeep_failed why=%s", type(error).__name__)
            await self._sleep(_UPKEEP_S)

    async def close(self) -> None:
        """Waits for a renewal that has begun: what it brings must be kept."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _in_time(self, work: Coroutine[Any, Any, str]) -> str:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._over)
        try:
            async with asyncio.timeout(_WAIT_S):
                return await asyncio.shield(task)
        except TimeoutError:
            raise Later("The tokens of Zalo OA are being renewed.", everyone=True) from None

    def _over(self, task: asyncio.Task[str]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # nobody may be left who asks

    async def _current(self) -> str:
        async with self._turn:
            held, now = await self._look(), self._clock()
            usable = held is not None and now < held.expires_at
            if held and (now < held.renew_at or (usable and self._resting(now))):
                return held.access
            try:
                return await self._renew(held.access if held else None, looks=1 if usable else _LOOKS)
            except Later:
                if held and self._clock() < held.expires_at:
                    return held.access
                raise

    async def _other_than(self, stale: str) -> str:
        async with self._turn:
            held = await self._look()
            if held and held.access != stale:
                return held.access
            return await self._renew(stale, looks=_LOOKS)

    async def _renew(self, stale: str | None, looks: int) -> str:
        """`looks`: how often it is tried while another program is at it. Later, with whatever went wrong said and written down."""
        if self._resting(self._clock()):
            raise Later("The tokens of Zalo OA cannot be renewed for now.", _PAUSE.total_seconds(), everyone=True)
        try:
            for _ in range(looks):
                if await asyncio.to_thread(self._rows.take_turn, NAME, self._by, LEASE):
                    return await self._renew_in_turn(stale)
                await self._sleep(_LOOK_S)
                held = await self._look()
                if held and held.access != stale and self._clock() < held.expires_at:
                    return held.access
        except StoreError:
            logger.error("event=zalo_oa_tokens_failed why=database")
            raise Later("The database does not give or take the tokens of Zalo OA.", everyone=True) from None
        raise Later("Another program is renewing the tokens of Zalo OA.", everyone=True)

    async def _renew_in_turn(self, stale: str | None) -> str:
        row = await asyncio.to_thread(self._rows.get, NAME)
        held, now = _held(row), self._clock()
        if held and held.access != stale and now < held.renew_at:
            return held.access  # another program was faster
        left = self._unkept or await asyncio.to_thread(_read, self._pending)
        if left and (held is None or left.expires_at > held.expires_at):
            return await self._keep(left)
        # The settings' own token comes after the stored one: it is the first, or one that somebody has entered anew.
        candidates = dict.fromkeys(token for token in (row.refresh_token if row else None, self._first) if token)
        refused: TrogiupError = TokenRefused("Zalo OA has no refresh token: run trogiup channels setup zalo-oa.", 0)
        for token in candidates:
            try:
                return await self._keep(await self._oauth.refresh(self._client, token, now))
            except TokenRefused as error:
                refused = error
            except TokenUnanswered as error:
                refused = error
                break
        self._rest_until = self._clock() + _PAUSE
        lost = isinstance(refused, TokenRefused) or held is None or self._clock() >= held.expires_at
        logger.log(logging.CRITICAL if lost else logging.WARNING, "event=zalo_oa_tokens_failed why=%s", refused.advice)
        if lost:  # somebody has to do something, or nothing can be sent
            await asyncio.to_thread(self._rows.failed, NAME, refused.advice)
        raise Later(refused.advice, _PAUSE.total_seconds(), everyone=True)

    async def _keep(self, pair: Pair) -> str:
        """Into the file, then into the database, then it may be used."""
        self._unkept = pair
        try:
            await asyncio.to_thread(_write, self._pending, pair)
        except OSError:
            logger.critical("event=zalo_oa_pending_not_written")
        await asyncio.to_thread(self._rows.keep, NAME, pair.access, pair.refresh, pair.expires_at)
        self._unkept = None
        with suppress(OSError):
            self._pending.unlink()
        logger.info("event=zalo_oa_tokens_renewed expires_at=%s", pair.expires_at.isoformat())
        await self._look()
        return pair.access

    async def _look(self) -> _Held | None:
        """What the database holds now; what was known while it does not answer."""
        with suppress(StoreError):
            self._held = _held(await asyncio.to_thread(self._rows.get, NAME))
        return self._held

    def _resting(self, now: datetime) -> bool:
        return self._rest_until is not None and now < self._rest_until


def _held(row: Tokens | None) -> _Held | None:
    if not (row and row.access_token and row.expires_at and row.refreshed_at):
        return None
    return _Held(row.access_token, row.refreshed_at + EARLY * (row.expires_at - row.refreshed_at), row.expires_at)


def _write(path: Path, pair: Pair) -> None:
    """For this user alone from the first byte on, whole or not at all, and on the disk when it returns."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump({"access": pair.access, "refresh": pair.refresh, "expires_at": pair.expires_at.isoformat()}, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read(path: Path) -> Pair | None:
    """The pair that a killed program left; None when there is none that can be read."""
    try:
        told = json.loads(path.read_text("utf-8"))
        return Pair(told["access"], told["refresh"], datetime.fromisoformat(told["expires_at"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        logger.error("event=zalo_oa_pending_unreadable")
        return None


def pending_path(home: Path) -> Path:
    """Where a new pair lies until the database has it."""
    return home / "secrets" / "zalo-oa-tokens.json"


def check(store: Store, home: Path, first: str | None) -> str:
    """What the doctor says of the tokens. Raises TrogiupError when somebody has to do something."""
    row = store.tokens.get(NAME)
    if row and row.failed_at:
        raise TrogiupError(f"Zalo OA's tokens could not be renewed: {row.why}")
    if row and row.expires_at:
        return f"tokens until {row.expires_at:%Y-%m-%d %H:%M} UTC, renewed ahead of time"
    if first or pending_path(home).exists():
        return "the first refresh token is used when the service starts"
    raise TrogiupError("Zalo OA has no refresh token: run trogiup channels setup zalo-oa.")
