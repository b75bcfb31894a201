"""Setting a channel up: what is asked, tried, registered and kept, and what is said when something is wrong."""

from __future__ import annotations

import asyncio
import logging
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from botapi_fake import TOKEN as telegram_token
from botapi_fake import Answer, BotApi
from zalo_bot_emulator import TOKEN, ZaloBotEmulator, serving

from bot import commands_channels_setup
from bot.channels import secrets
from bot.channels.checks import channel_checks
from bot.channels.setup import TELEGRAM, ZALO_BOT, Setup, SetupFailed, Wish, load_texts, set_up_bot
from bot.channels.setup_zalo_oa import set_up_oa
from bot.cli import main
from bot.settings import SECRETS_FILE, Settings, read_env_file
from knowledge.errors import SettingsError, TrogiupError
from knowledge.store import Store

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
ADDRESS = "https://trogiup.example.gov.vn"
TEXTS = load_texts()


class Script:
    """Somebody at the keyboard: gives the answers in order, and keeps what was shown."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.shown: list[str] = []

    def ask(self, question: str) -> str:
        self.shown.append(question)
        return self.answers.pop(0)

    ask_secret = ask

    def say(self, line: str) -> None:
        self.shown.append(line)

    @property
    def text(self) -> str:
        return "\n".join(self.shown)


@pytest.fixture
async def emulator() -> AsyncIterator[tuple[ZaloBotEmulator, str]]:
    made = ZaloBotEmulator()
    async with serving(made.app) as address:
        yield made, address
        made.released.set()


def settings_of(home: Path, address: str = "http://127.0.0.1:9", **environ: str) -> Settings:
    """Both bots at the emulator: it is one and the same form."""
    bases = {"TROGIUP_TELEGRAM_BASE_URL": f"{address}/bot", "TROGIUP_ZALO_BOT_BASE_URL": address}
    return Settings.load({"TROGIUP_HOME": str(home), **bases, **environ}, home)


def setup_of(home: Path, address: str, console: Script, secret: str = "5" * 64, **environ: str) -> Setup:
    return Setup(settings_of(home, address, **environ), console, TEXTS, lambda: secret)


def kept(home: Path) -> dict[str, str]:
    return read_env_file(home / SECRETS_FILE)


# A bot


async def test_a_zalo_bot_with_a_webhook(emulator: tuple[ZaloBotEmulator, str], tmp_path: Path) -> None:
    service, address = emulator
    console = Script(TOKEN, ADDRESS + "/")
    await set_up_bot(setup_of(tmp_path, address, console), ZALO_BOT, Wish())
    assert service.webhook == {"url": f"{ADDRESS}/channels/zalo-bot", "secret_token": "5" * 64}
    assert kept(tmp_path) == {"TROGIUP_ZALO_BOT_TOKEN": TOKEN, "TROGIUP_ZALO_BOT_SECRET": "5" * 64}
    assert stat.S_IMODE((tmp_path / SECRETS_FILE).stat().st_mode) == 0o600
    assert "bot.TroGiup" in console.text
    assert f"{ADDRESS}/channels/zalo-bot" in console.text
    assert TOKEN not in console.text
    assert "5" * 64 not in console.text


async def test_again_with_enter_everything_stays(emulator: tuple[ZaloBotEmulator, str], tmp_path: Path) -> None:
    service, address = emulator
    await set_up_bot(setup_of(tmp_path, address, Script(TOKEN, ADDRESS)), ZALO_BOT, Wish())
    before, webhook = kept(tmp_path), dict(service.webhook)
    console = Script("", "")
    await set_up_bot(setup_of(tmp_path, address, console, secret="6" * 64), ZALO_BOT, Wish())
    assert (kept(tmp_path), service.webhook) == (before, webhook)
    assert f"[{ADDRESS}/channels/zalo-bot]" in console.text
    assert TOKEN not in console.text


async def test_telegram_without_an_address_asks_for_its_messages(emulator: tuple[ZaloBotEmulator, str], tmp_path: Path) -> None:
    service, address = emulator
    service.webhook = {"url": "https://old", "secret_token": "x" * 8}
    secrets.keep(tmp_path, {"TROGIUP_TELEGRAM_WEBHOOK_SECRET": "old", "TROGIUP_HOST": "0.0.0.0"})
    await set_up_bot(setup_of(tmp_path, address, Script(TOKEN, "-100123", "-")), TELEGRAM, Wish())
    assert service.webhook == {}
    assert kept(tmp_path) == {"TROGIUP_HOST": "0.0.0.0", "TROGIUP_TELEGRAM_TOKEN": TOKEN, "TROGIUP_TELEGRAM_DUTY_CHAT": "-100123"}


async def test_telegram_with_a_webhook_names_the_kinds_of_update(emulator: tuple[ZaloBotEmulator, str], tmp_path: Path) -> None:
    service, address = emulator
    await set_up_bot(setup_of(tmp_path, address, Script(TOKEN, "")), TELEGRAM, Wish(address=f"{ADDRESS}:8443/sub"))
    assert service.webhook["url"] == f"{ADDRESS}:8443/sub/channels/telegram"
    assert set(kept(tmp_path)) == {"TROGIUP_TELEGRAM_TOKEN", "TROGIUP_TELEGRAM_WEBHOOK_SECRET"}


@pytest.mark.parametrize(
    "address",
    ["http://a.vn", "a.vn", "https://", "https://u:p@a.vn", "https://a.vn/?x=1", "https://a.vn:99999", "https://a vn", "https://[::1"],
)
async def test_an_address_that_no_service_calls(address: str, tmp_path: Path) -> None:
    console = Script()
    with pytest.raises(SettingsError, match="https://"):
        await set_up_bot(setup_of(tmp_path, "http://127.0.0.1:9", console), ZALO_BOT, Wish(address=address))
    assert console.shown == []


async def test_wrong_use(tmp_path: Path) -> None:
    for bot, wish in ((TELEGRAM, Wish(address="https://a.vn:8000")), (TELEGRAM, Wish(address=ADDRESS, polling=True))):
        with pytest.raises(SettingsError):
            await set_up_bot(setup_of(tmp_path, "http://127.0.0.1:9", Script()), bot, wish)
    for typed in ("", "two words", "tiếng", 'quo"te'):
        with pytest.raises(SettingsError) as caught:
            await set_up_bot(setup_of(tmp_path, "http://127.0.0.1:9", Script(typed)), ZALO_BOT, Wish())
        assert not typed or typed not in caught.value.advice
    assert not (tmp_path / SECRETS_FILE).exists()


@pytest.mark.parametrize(
    ("trouble", "key"),
    [(("status", 401), "token"), (("status", 500), "busy"), (("garbage", 200), "strange"), (("status", 400), "refused")],
)
@pytest.mark.parametrize("at", [0, 1])
async def test_what_the_service_refuses_is_said_in_a_line_and_not_kept(
    emulator: tuple[ZaloBotEmulator, str], tmp_path: Path, trouble: tuple[str, int], key: str, at: int, caplog: pytest.LogCaptureFixture
) -> None:
    service, address = emulator
    caplog.set_level(logging.DEBUG)
    if at:
        await set_up_bot(setup_of(tmp_path, address, Script(TOKEN)), ZALO_BOT, Wish(polling=True))
        service.trouble.append(("well", 0))  # getMe goes well, setWebhook does not
    service.trouble.append(trouble)
    before = kept(tmp_path)
    with pytest.raises(SetupFailed) as caught:
        await set_up_bot(setup_of(tmp_path, address, Script("another:token")), ZALO_BOT, Wish(address=ADDRESS))
    begins = TEXTS["errors"][key].format(service="Zalo Bot", advice="")
    assert caught.value.advice.startswith(begins)
    assert "\n" not in caught.value.advice
    assert "another:token" not in caught.value.advice + caplog.text
    assert kept(tmp_path) == before


async def test_no_network(tmp_path: Path) -> None:
    with pytest.raises(SetupFailed) as caught:
        await set_up_bot(setup_of(tmp_path, "http://127.0.0.1:9", Script(TOKEN)), ZALO_BOT, Wish(polling=True))
    assert caught.value.advice == TEXTS["errors"]["network"].format(service="Zalo Bot")


async def test_a_time_out(tmp_path: Path) -> None:
    def late(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("late")

    setup = Setup(settings_of(tmp_path), Script(TOKEN), TEXTS, lambda: "5" * 64, httpx.MockTransport(late))
    with pytest.raises(SetupFailed) as caught:
        await set_up_bot(setup, TELEGRAM, Wish(polling=True))
    assert caught.value.advice == TEXTS["errors"]["timeout"].format(service="Telegram")


# The Official Account


class Zalo:
    """The OAuth of Zalo: refresh tokens that are spent by their first use, codes that want their verifier."""

    def __init__(self) -> None:
        self.good = {"refresh-0"}
        self.given = 0
        self.calls = 0
        self.challenge = ""
        self.down = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        if self.down:
            raise httpx.ReadTimeout("late")
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        wanted = form.get("refresh_token") or form.get("code", "")
        if request.headers["secret_key"] != "app-secret" or form["app_id"] != "123" or wanted not in self.good:
            return httpx.Response(200, json={"error": -14020 if wanted == "spent" else -14014, "error_name": "Invalid"})
        self.good.remove(wanted)
        self.given += 1
        self.good.add(f"refresh-{self.given}")
        return httpx.Response(200, json={"access_token": "access", "refresh_token": f"refresh-{self.given}", "expires_in": "90000"})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(f"sqlite:///{tmp_path / 'trogiup.db'}", lambda: NOW)
    yield store
    store.close()


def oa(home: Path, store: Store, zalo: Zalo, console: Script, **environ: str) -> Callable[[Wish], Any]:
    setup = Setup(settings_of(home, **environ), console, TEXTS, lambda: "", httpx.MockTransport(zalo))
    return lambda wish: set_up_oa(setup, wish, store, lambda: NOW, lambda: "v" * 43)


async def test_an_account_with_a_refresh_token_spends_it_once(tmp_path: Path, store: Store) -> None:
    zalo, console = Zalo(), Script("123", "app-secret", "oa-secret", "refresh-0")
    await oa(tmp_path, store, zalo, console)(Wish(address=ADDRESS))
    row = store.tokens.get("zalo-oa")
    assert row is not None
    assert (row.access_token, row.refresh_token, row.expires_at) == ("access", "refresh-1", NOW + timedelta(seconds=90000))
    assert zalo.calls == 1
    assert kept(tmp_path) == {
        "TROGIUP_ZALO_OA_APP_ID": "123",
        "TROGIUP_ZALO_APP_SECRET": "app-secret",
        "TROGIUP_ZALO_OA_SECRET": "oa-secret",
    }
    assert f"{ADDRESS}/channels/zalo-oa" in console.text
    assert "user_send_text" in console.text
    assert not any(secret in console.text for secret in ("app-secret", "oa-secret", "refresh-"))

    again = Script("", "", "", "", ADDRESS)
    await oa(tmp_path, store, zalo, again)(Wish())
    assert zalo.calls == 1
    assert TEXTS["say"]["tokens_kept"] in again.text


async def test_an_account_without_a_token_is_allowed_in_the_browser(tmp_path: Path, store: Store) -> None:
    zalo = Zalo()
    zalo.good = {"the-code"}
    back = f"{ADDRESS}/zalo?oa_id=9&code=the-code"
    console = Script("123", "app-secret", "oa-secret", "", f"{ADDRESS}/zalo", back)
    await oa(tmp_path, store, zalo, console)(Wish(address=ADDRESS))
    link = next(line for line in console.text.split() if line.startswith("https://oauth.zaloapp.com"))
    asked = parse_qs(urlsplit(link).query)
    assert asked["redirect_uri"] == [f"{ADDRESS}/zalo"]
    assert "v" * 43 not in link
    row = store.tokens.get("zalo-oa")
    assert row is not None
    assert row.refresh_token == "refresh-1"


async def test_when_the_database_does_not_take_the_tokens_the_new_one_is_not_lost(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no(*_: object) -> None:
        raise TrogiupError("the disk is full")

    monkeypatch.setattr(store.tokens, "keep", no)
    with pytest.raises(TrogiupError):
        await oa(tmp_path, store, Zalo(), Script("123", "app-secret", "oa-secret", "refresh-0"))(Wish(address=ADDRESS))
    assert settings_of(tmp_path).zalo_oa_refresh_token == "refresh-1"


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        (("123", "wrong-secret", "oa-secret", "refresh-0"), SetupFailed),
        (("123", "app-secret", "oa-secret", "spent"), SetupFailed),
        (("12a", "app-secret", "oa-secret", "refresh-0"), SettingsError),
        (("123", "app-secret", "oa-secret", "", ""), SettingsError),
        (("123", "app-secret", "oa-secret", "", ADDRESS, f"{ADDRESS}?error=1"), SettingsError),
    ],
)
async def test_an_account_that_cannot_be_set_up(tmp_path: Path, store: Store, answers: tuple[str, ...], kind: type[TrogiupError]) -> None:
    with pytest.raises(kind) as caught:
        await oa(tmp_path, store, Zalo(), Script(*answers))(Wish(address=ADDRESS))
    assert not any(word in caught.value.advice for word in ("-secret", "refresh-0", "spent"))
    assert kept(tmp_path) == {}
    right = Script("123", "app-secret", "oa-secret", "refresh-0")
    await oa(tmp_path, store, Zalo(), right)(Wish(address=ADDRESS))  # a slip of the hand keeps nobody waiting


async def test_while_the_service_renews_the_tokens_nobody_else_does(tmp_path: Path, store: Store) -> None:
    assert store.tokens.take_turn("zalo-oa", "the service", timedelta(seconds=60))
    zalo = Zalo()
    with pytest.raises(SetupFailed, match="gia hạn"):
        await oa(tmp_path, store, zalo, Script("123", "app-secret", "oa-secret", "refresh-0"))(Wish(address=ADDRESS))
    assert zalo.calls == 0


async def test_a_silent_zalo(tmp_path: Path, store: Store) -> None:
    zalo = Zalo()
    zalo.down = True
    with pytest.raises(SetupFailed, match="không trả lời kịp"):
        await oa(tmp_path, store, zalo, Script("123", "app-secret", "oa-secret", "refresh-0"))(Wish(address=ADDRESS))


# The file


def test_other_lines_stay_and_a_broken_write_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / SECRETS_FILE
    path.write_text("# by hand\nexport TROGIUP_ZALO_BOT_TOKEN='old'\nTROGIUP_PORT=9000", "utf-8")
    path.chmod(0o600)
    secrets.keep(tmp_path, {"TROGIUP_ZALO_BOT_TOKEN": "new", "TROGIUP_ZALO_BOT_SECRET": "s=1#2"})
    text = path.read_text("utf-8")
    assert text == "# by hand\nTROGIUP_PORT=9000\nTROGIUP_ZALO_BOT_TOKEN=new\nTROGIUP_ZALO_BOT_SECRET=s=1#2\n"
    loaded = Settings.load({"TROGIUP_HOME": str(tmp_path)}, tmp_path)
    assert (loaded.zalo_bot_token, loaded.zalo_bot_secret, loaded.port) == ("new", "s=1#2", 9000)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="space"):
        secrets.keep(tmp_path, {"TROGIUP_ZALO_BOT_TOKEN": "newer"})
    assert path.read_text("utf-8") == text
    assert [entry.name for entry in tmp_path.iterdir()] == [SECRETS_FILE]


def test_the_environment_and_env_go_before_what_was_kept(tmp_path: Path) -> None:
    secrets.keep(tmp_path / "var", {"TROGIUP_ZALO_BOT_TOKEN": "kept", "TROGIUP_TELEGRAM_TOKEN": "kept"})
    (tmp_path / ".env").write_text("TROGIUP_ZALO_BOT_TOKEN=by-hand\n")
    (tmp_path / ".env").chmod(0o600)
    loaded = Settings.load({}, tmp_path)
    assert (loaded.zalo_bot_token, loaded.telegram_token) == ("by-hand", "kept")
    (tmp_path / "var" / SECRETS_FILE).chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        Settings.load({}, tmp_path)


# The command, and the doctor


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    answers = {"getMe": {"username": "TroGiupBot"}, "getWebhookInfo": {"url": ""}, "deleteWebhook": True}

    def telegram(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"ok": True, "result": answers[request.url.path.rpartition("/")[2]]})

    made = Setup.__init__
    monkeypatch.setattr(Setup, "__init__", lambda self, *a: made(self, *a, httpx.MockTransport(telegram)))
    for name in ("HOME", "DUTY_CHAT", "TOKEN"):
        monkeypatch.delenv(f"TROGIUP_TELEGRAM_{name}", raising=False)
    monkeypatch.setattr("bot.cli.ROOT", tmp_path)
    monkeypatch.setattr(commands_channels_setup, "ROOT", tmp_path)
    monkeypatch.setenv("TROGIUP_HOME", str(tmp_path / "home"))

    assert main(["channels", "setup", "telegram"]) == 2  # nobody at a keyboard
    assert main(["channels", "setup", "telegram", "--yes"]) == 2  # and nothing set
    assert "TROGIUP_TELEGRAM_TOKEN" in capsys.readouterr().err
    monkeypatch.setenv("TROGIUP_TELEGRAM_TOKEN", TOKEN)
    assert main(["channels", "setup", "telegram", "--yes"]) == 0
    out, err = capsys.readouterr()
    assert "TroGiupBot" in out
    assert TOKEN not in out + err
    assert kept(tmp_path / "home") == {"TROGIUP_TELEGRAM_TOKEN": TOKEN}

    (tmp_path / ".env").write_text("TROGIUP_TELEGRAM_WEBHOOK_SECRET=by-hand\n")
    (tmp_path / ".env").chmod(0o600)
    assert main(["channels", "setup", "telegram", "--yes", "--polling"]) == 0
    assert "Lưu ý: TROGIUP_TELEGRAM_WEBHOOK_SECRET" in capsys.readouterr().out

    assert main(["channels", "setup", "telegram", "--yes", "--address", "http://a.vn"]) == 2
    assert main(["channels", "setup", "zalo-oa", "--yes", "--polling"]) == 2


async def test_the_doctor_looks_at_what_is_set_up(emulator: tuple[ZaloBotEmulator, str], tmp_path: Path) -> None:
    service, address = emulator
    store = Store.open(f"sqlite:///{tmp_path / 'trogiup.db'}", lambda: NOW)

    async def look(channel: str, **environ: str) -> str:
        checks = channel_checks(settings_of(tmp_path, address, **environ), lambda: store)
        assert list(checks) == [channel]
        try:
            return await asyncio.to_thread(checks[channel])
        except TrogiupError as error:
            return f"BAD {error.advice}"

    assert not channel_checks(settings_of(tmp_path, address), lambda: store)
    assert await look("zalo-bot", TROGIUP_ZALO_BOT_TOKEN=TOKEN) == f"bot.TroGiup: {TEXTS['doctor']['polling']}"
    assert (await look("zalo-bot", TROGIUP_ZALO_BOT_TOKEN=TOKEN, TROGIUP_ZALO_BOT_SECRET="s" * 64)).startswith("BAD Zalo Bot chưa có")
    assert (await look("zalo-bot", TROGIUP_ZALO_BOT_SECRET="s" * 64)).startswith("BAD Có chuỗi bí mật")
    service.webhook = {"url": "https://old", "secret_token": "s" * 64}
    assert "https://old" in await look("zalo-bot", TROGIUP_ZALO_BOT_TOKEN=TOKEN)
    wrong = await look("zalo-bot", TROGIUP_ZALO_BOT_TOKEN="1:wrong")
    assert wrong == f"BAD {TEXTS['errors']['token'].format(service='Zalo Bot')}"
    async with BotApi() as telegram:
        telegram.script["getwebhookinfo"].append(Answer.of({"url": "https://here"}))
        there = {"TROGIUP_TELEGRAM_BASE_URL": telegram.base_url, "TROGIUP_TELEGRAM_WEBHOOK_SECRET": "s"}
        assert await look("telegram", TROGIUP_TELEGRAM_TOKEN=telegram_token, **there) == TEXTS["doctor"]["webhook"]
    assert (await look("telegram", TROGIUP_TELEGRAM_WEBHOOK_SECRET="s")).startswith("BAD Có chuỗi bí mật")
    assert "TROGIUP_ZALO_APP_SECRET" in await look("zalo-oa", TROGIUP_ZALO_OA_APP_ID="123")
    whole = {"TROGIUP_ZALO_OA_APP_ID": "123", "TROGIUP_ZALO_APP_SECRET": "a", "TROGIUP_ZALO_OA_SECRET": "b"}
    assert "BAD" in await look("zalo-oa", **whole)
