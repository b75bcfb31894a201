"""`trogiup channels setup`: asks for what a channel needs, tries it with the service, registers the webhook, keeps the secrets.

Everything can be run again: what is set is kept by pressing Enter, and nothing is written before the service has taken it. No secret is
ever shown, logged or put into an error.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx
import yaml

from bot.channels import secrets
from bot.channels.bot_api import BotApi, TimedOut, TokenRefused, Unreachable
from bot.channels.model import Later, NotSent, Uncertain
from bot.channels.zalo_bot.channel import api_of
from bot.settings import Settings
from knowledge.errors import SettingsError, TrogiupError

_TAKE_AWAY = "-"


class SetupFailed(TrogiupError):
    """The service did not take what it was given, or could not be asked. Nothing was kept."""


class Console(Protocol):
    """Who is asked. An empty answer keeps what is set."""

    def ask(self, question: str) -> str:
        """What is typed."""
        ...

    def ask_secret(self, question: str) -> str:
        """What is typed, unseen."""
        ...

    def say(self, line: str) -> None:
        """Tells."""
        ...


@dataclass(frozen=True, slots=True)
class Wish:
    """How messages shall come. `address`: the service's public https address; `polling`: the service asks. Neither: ask, or keep."""

    address: str | None = None
    polling: bool = False


@dataclass(frozen=True, slots=True)
class Bot:
    """A channel that is a bot in Telegram's manner. Settings by their names; `ports`: that its webhook may have, None for all."""

    channel: str
    token: str
    secret: str
    ports: frozenset[int] | None = None

    def api(self, settings: Settings, token: str, transport: httpx.AsyncBaseTransport | None = None) -> BotApi:
        """The bot with this token."""
        if self is TELEGRAM:
            return BotApi("Telegram", settings.telegram_base_url, token, transport)
        return api_of(settings, token, transport)


TELEGRAM = Bot("telegram", "TROGIUP_TELEGRAM_TOKEN", "TROGIUP_TELEGRAM_WEBHOOK_SECRET", frozenset({443, 80, 88, 8443}))
ZALO_BOT = Bot("zalo-bot", "TROGIUP_ZALO_BOT_TOKEN", "TROGIUP_ZALO_BOT_SECRET")
_DUTY_CHAT = "TROGIUP_TELEGRAM_DUTY_CHAT"


def load_texts() -> Mapping[str, Any]:
    """setup_texts.yml."""
    texts: Mapping[str, Any] = yaml.safe_load(Path(__file__).with_name("setup_texts.yml").read_text("utf-8"))
    return texts


def value_of(settings: Settings, name: str) -> str | None:
    """What a setting is now, by its name in the environment."""
    value: str | None = getattr(settings, name.removeprefix("TROGIUP_").lower())
    return value


@dataclass(frozen=True)
class Setup:
    """One run. `new_secret`: 64 hex digits, fresh each time; `transport`: for tests, None for the network."""

    settings: Settings
    console: Console
    texts: Mapping[str, Any]
    new_secret: Callable[[], str]
    transport: httpx.AsyncBaseTransport | None = None

    # Asking

    def secret(self, name: str) -> str:
        """A secret as it is typed, or as it is set. SettingsError when it is neither or cannot be one."""
        held = value_of(self.settings, name)
        question = self.texts["ask"]["secret_kept" if held else "secret"]
        typed = self.console.ask_secret(question.format(name=self.texts["names"][name])).strip()
        return self.checked(name, typed or held or "")

    def plain(self, name: str, *, needed: bool = False) -> str | None:
        """What is no secret; None where there is none. SettingsError as for `secret`."""
        held = value_of(self.settings, name)
        question = self.texts["ask"]["plain_kept" if held else "plain"]
        typed = self.console.ask(question.format(name=self.texts["names"][name], value=held)).strip()
        value = None if typed == _TAKE_AWAY else typed or held
        return self.checked(name, value or "") if value or needed else None

    def checked(self, name: str, value: str) -> str:
        """The value, if it is there and can be a token or an id."""
        if not value:
            raise self.wrong("missing", name=self.texts["names"][name], setting=name)
        if not secrets.fits(value):
            raise self.wrong("signs", name=self.texts["names"][name])
        return value

    def wrong(self, key: str, **values: str) -> SettingsError:
        """Wrong use, in the words of the texts."""
        return SettingsError(self.texts["errors"][key].format(**values))

    def webhook_url(self, address: str, channel: str, ports: frozenset[int] | None = None) -> str:
        """Where the service sends to. SettingsError: no https address, or a port that the service does not call."""
        service = self.texts["services"][channel]
        try:
            parts = urlsplit(address)
            port = parts.port or 443
        except ValueError:
            raise self.wrong("not_https", service=service) from None
        odd = parts.query or parts.fragment or "@" in parts.netloc or not secrets.fits(address)
        if parts.scheme != "https" or not parts.hostname or odd:
            raise self.wrong("not_https", service=service)
        if ports is not None and port not in ports:
            raise self.wrong("port")
        path = f"/channels/{channel}"
        return f"https://{parts.netloc}{parts.path.rstrip('/').removesuffix(path)}{path}"

    # Telling

    def say(self, key: str, **values: str) -> None:
        """One of the texts."""
        self.console.say(self.texts["say"][key].format(**values))

    def keep(self, values: Mapping[str, str | None]) -> None:
        """Puts them on the disk, and says where."""
        self.say("kept", path=str(secrets.keep(self.settings.home, values)))

    async def tried(self, channel: str, work: Awaitable[Any]) -> Any:
        """What the service answers. SetupFailed says what went wrong in words for the office."""
        try:
            return await work
        except NotSent as error:
            raise failure(self.texts, channel, error) from error


def failure(texts: Mapping[str, Any], channel: str, error: NotSent) -> SetupFailed:
    """What an error of the service means to somebody who sets it up."""
    service, errors = texts["services"][channel], texts["errors"]
    match error:
        case TokenRefused():
            key = "token"
        case Unreachable():
            key = "network"
        case TimedOut():
            key = "timeout"
        case Later():
            key = "busy"
        case Uncertain():
            key = "strange"
        case _:
            key = "refused"
    return SetupFailed(errors[key].format(service=service, advice=error.advice))


async def set_up_bot(setup: Setup, bot: Bot, wish: Wish) -> Mapping[str, str | None]:
    """Telegram or Zalo Bot: its token, tried by getMe; its webhook, or none. What was kept: name → value, None for taken out."""
    if wish.address and wish.polling:
        raise setup.wrong("both")
    given = setup.webhook_url(wish.address, bot.channel, bot.ports) if wish.address else None
    token = setup.secret(bot.token)
    api = bot.api(setup.settings, token, setup.transport)
    try:
        told = await setup.tried(bot.channel, api.call("getMe"))
        setup.say("found", bot=name_of(told))
        values: dict[str, str | None] = {bot.token: token}
        if bot is TELEGRAM:
            values[_DUTY_CHAT] = _duty_chat(setup)
        url = given if given or wish.polling else await _asked_url(setup, bot, api)
        values[bot.secret] = await _register(setup, bot, api, url)
    finally:
        await api.close()
    setup.keep(values)
    return values


def name_of(told: Any) -> str:
    """How getMe calls the bot."""
    known = told if isinstance(told, dict) else {}
    return str(known.get("username") or known.get("account_name") or known.get("id") or "?")


def webhook_of(told: Any) -> str:
    """The address in getWebhookInfo's answer; "" for none."""
    url = told.get("url") if isinstance(told, dict) else None
    return url if isinstance(url, str) else ""


def _duty_chat(setup: Setup) -> str | None:
    chat = setup.plain(_DUTY_CHAT)
    if chat and not (chat.removeprefix("-").isdigit() or chat.startswith("@")):
        raise setup.wrong("duty_chat")
    return chat


async def _asked_url(setup: Setup, bot: Bot, api: BotApi) -> str | None:
    """What is typed; else what the service has now; None: the service shall ask for its messages."""
    now = webhook_of(await setup.tried(bot.channel, api.call("getWebhookInfo")))
    question = setup.texts["ask"]["address_kept" if now else "address"]
    typed = setup.console.ask(question.format(value=now)).strip()
    address = None if typed == _TAKE_AWAY else typed or now
    return setup.webhook_url(address, bot.channel, bot.ports) if address else None


async def _register(setup: Setup, bot: Bot, api: BotApi, url: str | None) -> str | None:
    """Sets the webhook, or takes it away; its secret. A secret that is there goes on: a running service need not be restarted."""
    service = setup.texts["services"][bot.channel]
    if url is None:
        await setup.tried(bot.channel, api.call("deleteWebhook"))
        setup.say("polling", service=service)
        if bot is ZALO_BOT:
            setup.say("polling_zalo")
        return None
    secret = value_of(setup.settings, bot.secret) or setup.new_secret()
    await setup.tried(bot.channel, api.call("setWebhook", {"url": url, "secret_token": secret, **_more(bot)}))
    setup.say("webhook", service=service, url=url)
    return secret


def _more(bot: Bot) -> Mapping[str, Any]:
    """Telegram keeps the kinds of update of an earlier webhook unless they are named."""
    if bot is not TELEGRAM:
        return {}
    from bot.channels.telegram.reading import ALLOWED

    return {"allowed_updates": list(ALLOWED)}
