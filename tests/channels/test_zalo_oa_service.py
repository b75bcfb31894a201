"""Sending, and the tokens, over real HTTP against the emulator; the database is real, the clock stands still."""

from __future__ import annotations

import asyncio
import logging
import shutil
import stat
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from zalo_emulator import (
    ACCESS_LIFE,
    APP_ID,
    APP_SECRET,
    FIRST_REFRESH,
    OA_SECRET,
    QUOTA,
    NotAcknowledged,
    Person,
    ZaloEmulator,
    serving,
)

from bot.channels.model import Block, Button, Gone, Later, Refused, Reply, Uncertain
from bot.channels.zalo_oa.channel import ZaloOA
from bot.channels.zalo_oa.oauth import OAuth, TokenRefused
from bot.channels.zalo_oa.signature import Signature
from bot.channels.zalo_oa.tokens import LEASE, TokenKeeper, check, pending_path
from bot.settings import Settings
from knowledge.errors import SettingsError, StoreError, TrogiupError
from knowledge.store import Store, sqlite_url


class FixedClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 5, 4, 5, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("zalo") / "trogiup.db"
    Store.open(sqlite_url(path), FixedClock()).close()
    return path


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def open_store(empty_database: Path, tmp_path: Path, clock: FixedClock) -> Iterator[Callable[[], Store]]:
    """Opens the test's database, each time as another program would."""
    path, opened = Path(shutil.copy(empty_database, tmp_path / "trogiup.db")), []

    def open_one() -> Store:
        opened.append(Store.open(sqlite_url(path), clock))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[[], Store]) -> Store:
    return open_store()


@pytest.fixture
def zalo(clock: FixedClock) -> Iterator[ZaloEmulator]:
    emulator = ZaloEmulator(clock)
    emulator.people["12"] = Person(wrote_at=clock())
    with serving(emulator):
        yield emulator


async def _soon(seconds: float) -> None:
    await asyncio.sleep(min(seconds, 0.01))


@asynccontextmanager
async def account(
    zalo: ZaloEmulator, store: Store, clock: FixedClock, home: Path, *, by: str = "a", first: str | None = FIRST_REFRESH, rows: Any = None
) -> AsyncIterator[ZaloOA]:
    client = httpx.AsyncClient(trust_env=False)
    oauth = OAuth(zalo.url, APP_ID, APP_SECRET)
    keeper = TokenKeeper(rows or store.tokens, oauth, client, clock, first=first, pending=pending_path(home), by=by, sleep=_soon)
    channel = ZaloOA(zalo.url, Signature(APP_ID, OA_SECRET), keeper, client, clock, timeout_s=0.3)
    try:
        yield channel
    finally:
        await channel.close()


def said(text: str, *buttons: Button) -> Reply:
    return Reply("k", "normal", (Block("text", text),), buttons, "m1")


async def tell(channel: ZaloOA, text: str, chat: str = "12") -> str | None:
    (call,) = channel.render(said(text), chat)
    return await channel.send(call)


# Sending


async def test_a_message_arrives_and_a_press_comes_back(zalo: ZaloEmulator, store: Store, clock: FixedClock, tmp_path: Path) -> None:
    async with account(zalo, store, clock, tmp_path) as channel:
        (call,) = channel.render(said("Gọi 111.", Button("Gọi 111", "call", "111"), Button("Gặp người", "say", "gặp người")), "12")
        message_id = await channel.send(call)
        (shown,) = zalo.shown("12")
        assert (shown["text"], shown["msg_id"]) == ("Gọi 111.", message_id)
        (press,) = channel.read(zalo.press("12", "Gặp người"))
        assert dict(press.data) == {"menu": "m1", "number": "1"}


@pytest.mark.parametrize(
    ("fault", "error", "after"),
    [
        (500, Later, 0),
        (503, Later, 0),
        (429, Later, 7),
        (-32, Later, 60),
        (404, Refused, None),
        (-9999, Refused, None),
        (-224, Refused, None),
        (-213, Gone, None),
        ("hang", Uncertain, None),
        ("garbage", Uncertain, None),
    ],
)
async def test_each_failure_says_what_to_do_and_never_what_was_to_be_said(
    zalo: ZaloEmulator, store: Store, clock: FixedClock, tmp_path: Path, fault: Any, error: type[Exception], after: float | None
) -> None:
    async with account(zalo, store, clock, tmp_path) as channel:
        zalo.faults = [fault]
        with pytest.raises(error) as caught:
            await tell(channel, "bí mật của chị")
        assert "bí mật" not in str(caught.value)
        if isinstance(caught.value, Later):
            assert (caught.value.after, caught.value.everyone) == (after, True)
        assert (await tell(channel, "lần sau")) == zalo.shown("12")[-1]["msg_id"]


async def test_who_cannot_be_reached_and_what_is_not_free_any_more(
    zalo: ZaloEmulator, store: Store, clock: FixedClock, tmp_path: Path
) -> None:
    async with account(zalo, store, clock, tmp_path) as channel:
        with pytest.raises(Refused, match=r"-201: user_id is invalid"):
            await tell(channel, "ai đó", chat="404")
        assert channel.quota == QUOTA
        for number in range(channel.quota):
            await tell(channel, str(number))
        with pytest.raises(Refused, match="-211"):
            await tell(channel, "nữa")
        zalo.text("12", "Tôi viết lại")
        await tell(channel, "được")
        clock.now += channel.window + timedelta(minutes=1)
        with pytest.raises(Refused, match="-230"):
            await tell(channel, "muộn")
        zalo.event("unfollow", "12")
        with pytest.raises(Gone):
            await tell(channel, "đã bỏ")
        zalo.in_package = False
        with pytest.raises(Refused, match="-224"):
            await tell(channel, "hết gói")


async def test_without_a_server_a_message_comes_later(store: Store, clock: FixedClock, tmp_path: Path) -> None:
    nowhere = ZaloEmulator(clock)
    with serving(nowhere):
        nowhere.people["12"] = Person(wrote_at=clock())
        async with account(nowhere, store, clock, tmp_path) as channel:
            await tell(channel, "một")
    async with account(nowhere, store, clock, tmp_path) as channel:
        with pytest.raises(Later):
            await tell(channel, "hai")


async def test_a_refused_token_is_renewed_once(zalo: ZaloEmulator, store: Store, clock: FixedClock, tmp_path: Path) -> None:
    async with account(zalo, store, clock, tmp_path) as channel:
        await tell(channel, "một")
        zalo.access.clear()
        await tell(channel, "hai")
        assert (zalo.refreshes, zalo.sends) == (2, 3)
        zalo.faults = [-216, -216]
        with pytest.raises(Later):
            await tell(channel, "ba")
        assert (zalo.refreshes, zalo.sends) == (3, 5)


# The tokens


async def test_the_first_token_is_used_once_and_the_stored_one_counts_from_then_on(
    zalo: ZaloEmulator, store: Store, clock: FixedClock, tmp_path: Path
) -> None:
    async with account(zalo, store, clock, tmp_path) as channel:
        await tell(channel, "một")
    async with account(zalo, store, clock, tmp_path, by="after a restart") as channel:
        await tell(channel, "hai")
        assert zalo.refreshes == 1
        clock.now += 0.81 * ACCESS_LIFE
        zalo.text("12", "vẫn ở đây")
        assert store.tokens.get("zalo-oa").expires_at > clock()  # type: ignore[union-attr, operator]
        await tell(channel, "ba")
    assert zalo.refreshes == 2
    assert zalo.spent_tokens == {FIRST_REFRESH, next(iter(zalo.spent_tokens - {FIRST_REFRESH}))}
    assert "tokens until" in check(store, tmp_path, None)


async def test_a_renewal_ahead_of_time_that_fails_holds_nothing_up(
    zalo: ZaloEmulator, store: Store, clock: FixedClock, tmp_path: Path
) -> None:
    async with account(zalo, store, clock, tmp_path) as channel:
        await tell(channel, "một")
        clock.now += 0.9 * ACCESS_LIFE
        zalo.text("12", "vẫn ở đây")
        zalo.token_faults = [503, 503]
        await tell(channel, "hai")
        await tell(channel, "ba")
        assert zalo.refreshes == 2, "not asked again at once"
        assert store.tokens.get("zalo-oa").failed_at is None  # type: ignore[union-attr]
        clock.now += 0.11 * ACCESS_LIFE
        zalo.text("12", "vẫn ở đây")
        with pytest.raises(Later):
            await tell(channel, "bốn")
        with pytest.raises(TrogiupError, match="could not be renewed"):
            check(store, tmp_path, None)
        clock.now += timedelta(minutes=2)
        await tell(channel, "năm")
        assert store.tokens.get("zalo-oa").failed_at is None  # type: ignore[union-attr]


async def test_a_lost_answer_costs_the_refresh_token_and_is_said_while_the_old_access_token_still_works(
    zalo: ZaloEmulator, store: Store, clock: FixedClock, tmp_path: Path
) -> None:
    async with account(zalo, store, clock, tmp_path) as channel:
        await tell(channel, "một")
        clock.now += 0.9 * ACCESS_LIFE
        zalo.text("12", "vẫn ở đây")
        zalo.token_faults = ["lost"]
        await tell(channel, "hai")
        clock.now += timedelta(minutes=2)
        await tell(channel, "ba")
        row = store.tokens.get("zalo-oa")
        assert row
        assert row.failed_at == clock()
        assert row.why
        assert "used before" in row.why


async def test_programs_that_renew_at_once_ask_zalo_once(
    zalo: ZaloEmulator, open_store: Callable[[], Store], clock: FixedClock, tmp_path: Path
) -> None:
    tokens: list[str] = []
    start = threading.Barrier(4)

    async def program(store: Store, name: str) -> None:
        async with account(zalo, store, clock, tmp_path, by=name) as channel:
            await asyncio.to_thread(start.wait, 10)
            tokens.extend(await asyncio.gather(channel.tokens.access(), channel.tokens.access()))

    stores = [open_store() for _ in range(4)]
    await asyncio.gather(*(asyncio.to_thread(lambda s, n: asyncio.run(program(s, n)), one, str(at)) for at, one in enumerate(stores)))
    assert zalo.refreshes == 1
    assert tokens == list(zalo.access) * 8


async def test_a_pair_outlives_a_program_that_is_killed_before_it_is_kept(
    zalo: ZaloEmulator, store: Store, clock: FixedClock, tmp_path: Path
) -> None:
    class Killed(BaseException):
        """No code of ours runs after it."""

    class Rows:
        """The program dies on its way to the database."""

        def __getattr__(self, name: str) -> Any:
            return getattr(store.tokens, name)

        def keep(self, *_: Any) -> None:
            raise Killed

    pending = pending_path(tmp_path)
    async with account(zalo, store, clock, tmp_path, rows=Rows()) as channel:
        with pytest.raises(Killed):
            await channel.tokens.access()
    assert stat.S_IMODE(pending.stat().st_mode) == 0o600
    assert stat.S_IMODE(pending.parent.stat().st_mode) == 0o700
    async with account(zalo, store, clock, tmp_path, by="the next") as channel:
        clock.now += LEASE + timedelta(seconds=1)
        await tell(channel, "đến nơi")
    assert zalo.refreshes == 1
    assert not pending.exists()


async def test_a_database_that_fails_at_that_moment_loses_nothing_either(
    zalo: ZaloEmulator, store: Store, clock: FixedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: Any) -> None:
        raise StoreError("busy")

    async with account(zalo, store, clock, tmp_path) as channel:
        with monkeypatch.context() as patch:
            patch.setattr(store.tokens, "keep", busy)
            with pytest.raises(Later):
                await tell(channel, "một")
        await tell(channel, "hai")
    assert zalo.refreshes == 1
    assert zalo.shown("12")[-1]["text"] == "hai"


async def test_what_was_kept_is_not_taken_up_a_second_time(zalo: ZaloEmulator, store: Store, clock: FixedClock, tmp_path: Path) -> None:
    async with account(zalo, store, clock, tmp_path) as channel:
        await tell(channel, "một")
        row = store.tokens.get("zalo-oa")
        assert row
        left = f'{{"access": "{row.access_token}", "refresh": "{row.refresh_token}", "expires_at": "{row.expires_at}"}}'
        pending_path(tmp_path).write_text(left)
        zalo.access.clear()
        await tell(channel, "hai")
        pending_path(tmp_path).write_text("{")
        zalo.access.clear()
        await tell(channel, "ba")
    assert zalo.refreshes == 3


async def test_a_spent_token_is_said_to_everybody_who_can_help_and_a_new_one_is_taken(
    zalo: ZaloEmulator, store: Store, clock: FixedClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    zalo.spent_tokens.add("refresh-spent")
    async with account(zalo, store, clock, tmp_path, first="refresh-spent") as channel:
        for _ in range(3):
            with pytest.raises(Later):
                await tell(channel, "một")
    assert zalo.refreshes == 1, "it is not asked again at once"
    (line,) = (record for record in caplog.records if record.levelno == logging.CRITICAL)
    assert "has been used before" in line.getMessage()
    assert "refresh-spent" not in caplog.text
    with pytest.raises(TrogiupError, match="channels setup zalo-oa"):
        check(store, tmp_path, "refresh-spent")
    async with account(zalo, store, clock, tmp_path, first=FIRST_REFRESH, by="set up anew") as channel:
        await tell(channel, "hai")
    assert "tokens until" in check(store, tmp_path, None)


async def test_a_renewal_goes_on_when_nobody_waits_for_it_any_more(
    zalo: ZaloEmulator, store: Store, clock: FixedClock, tmp_path: Path
) -> None:
    class Slow:
        """The database answers when the sender has given up."""

        go = threading.Event()

        def __getattr__(self, name: str) -> Any:
            return getattr(store.tokens, name)

        def keep(self, *told: Any) -> None:
            self.go.wait(10)
            store.tokens.keep(*told)

    async with account(zalo, store, clock, tmp_path, rows=Slow()) as channel:
        waiting = asyncio.create_task(tell(channel, "một"))
        async with asyncio.timeout(10):
            while not pending_path(tmp_path).exists():
                await asyncio.sleep(0.005)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        Slow.go.set()
    assert store.tokens.get("zalo-oa").access_token in zalo.access  # type: ignore[union-attr]
    assert not pending_path(tmp_path).exists()


async def test_upkeep_renews_where_nobody_writes(zalo: ZaloEmulator, store: Store, clock: FixedClock, tmp_path: Path) -> None:
    async def kept(refreshes: int) -> None:
        async with asyncio.timeout(10):
            while zalo.refreshes < refreshes or store.tokens.get("zalo-oa").access_token not in zalo.access:  # type: ignore[union-attr]
                await asyncio.sleep(0.01)

    async with account(zalo, store, clock, tmp_path) as channel:
        upkeep = asyncio.create_task(channel.run())
        await kept(1)
        clock.now += 0.9 * ACCESS_LIFE
        await kept(2)
        upkeep.cancel()


async def test_the_first_tokens_by_permission_need_the_right_verifier(zalo: ZaloEmulator, clock: FixedClock) -> None:
    oauth = OAuth(zalo.url, APP_ID, APP_SECRET)
    async with httpx.AsyncClient(trust_env=False) as client:

        async def code() -> str:
            answer = await client.get(oauth.permission_url("https://trogiup.example/", "v" * 43))
            return parse_qs(urlparse(answer.headers["location"]).query)["code"][0]

        with pytest.raises(TokenRefused):
            await oauth.first(client, await code(), "w" * 43, clock())
        pair = await oauth.first(client, await code(), "v" * 43, clock())
        assert pair.access in zalo.access
        assert pair.expires_at == clock() + ACCESS_LIFE
        assert pair.access not in repr(pair)
        with pytest.raises(TokenRefused) as caught:
            await OAuth(zalo.url, APP_ID, "wrong").refresh(client, pair.refresh, clock())
        assert caught.value.code == -14004


# The webhook that insists, and the settings


async def test_the_webhook_is_called_until_it_answers_in_time(zalo: ZaloEmulator) -> None:
    app, received = FastAPI(), []

    @app.post("/channels/zalo-oa")
    async def webhook(request: Request) -> Response:
        body = await request.body()
        received.append(Signature(APP_ID, OA_SECRET).verify(request.headers, body))
        return Response(status_code=200 if len(received) == 3 else 503)

    office = ZaloEmulator()
    office.app = app
    with serving(office):
        assert await zalo.deliver(zalo.text("12", "cứu"), f"{office.url}/channels/zalo-oa", pause_s=0) == 3
        with pytest.raises(NotAcknowledged):
            await zalo.deliver(zalo.text("12", "cứu"), f"{office.url}/elsewhere", attempts=2, pause_s=0)
    assert received == [True, True, True]


async def test_the_account_of_the_settings(store: Store, clock: FixedClock, tmp_path: Path) -> None:
    given = {"TROGIUP_HOME": str(tmp_path), "TROGIUP_ZALO_OA_APP_ID": APP_ID, "TROGIUP_ZALO_OA_SECRET": OA_SECRET}
    with pytest.raises(SettingsError, match="TROGIUP_ZALO_APP_SECRET must be set"):
        ZaloOA.of(Settings.load(given, tmp_path), store, clock)
    channel = ZaloOA.of(Settings.load({**given, "TROGIUP_ZALO_APP_SECRET": APP_SECRET}, tmp_path), store, clock)
    zalo = ZaloEmulator(clock, anybody=True)
    body, headers = zalo.signed(zalo.text("12", "chào"))
    assert channel.verify(headers, body)
    assert channel.is_probe(b"")
    assert channel.name == "zalo-oa"
    with pytest.raises(Later):  # nobody has entered a token
        await tell(channel, "một")
    with pytest.raises(TrogiupError, match="no refresh token"):
        check(store, tmp_path, None)
    await channel.typing("12")
    await channel.close()
