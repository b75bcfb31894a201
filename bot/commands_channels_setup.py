"""`trogiup channels setup …`: connects an app, by questions or, with --yes, by what the environment and the files say."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
import secrets as randomness
import sys
from collections.abc import Mapping

from bot.channels.setup import TELEGRAM, ZALO_BOT, Console, Setup, Wish, load_texts, set_up_bot, value_of
from bot.services import ROOT, utc_now
from bot.settings import Settings
from knowledge.errors import SettingsError
from knowledge.store import Store

_BOTS = {bot.channel: bot for bot in (TELEGRAM, ZALO_BOT)}
_SECRET_BYTES = 32
"""64 hex digits: what both bots take (1–256 and 8–256 of A-Z a-z 0-9 _ -)."""


class Terminal:
    """Somebody at a keyboard."""

    def ask(self, question: str) -> str:
        """What is typed; nothing at the end of the input."""
        try:
            return input(question)
        except EOFError:
            return ""

    def ask_secret(self, question: str) -> str:
        """What is typed without being shown."""
        try:
            return getpass.getpass(question)
        except EOFError:
            return ""

    def say(self, line: str) -> None:
        """On standard output."""
        print(line, flush=True)


class Unattended(Terminal):
    """Nobody: everything is as it is set."""

    def ask(self, question: str) -> str:
        """Nothing."""
        return ""

    def ask_secret(self, question: str) -> str:
        """Nothing."""
        return ""


def setup(settings: Settings, arguments: argparse.Namespace) -> int:
    """One channel."""
    texts = load_texts()
    if not arguments.yes and not sys.stdin.isatty():
        raise SettingsError(texts["errors"]["no_terminal"])
    console: Console = Unattended() if arguments.yes else Terminal()
    run = Setup(settings, console, texts, lambda: randomness.token_hex(_SECRET_BYTES))
    wish = Wish(arguments.address, arguments.polling)
    bot = _BOTS.get(arguments.channel)
    kept = asyncio.run(set_up_bot(run, bot, wish)) if bot else _set_up_oa(run, wish)
    _say_what_overrules(run, kept)
    return 0


def _set_up_oa(run: Setup, wish: Wish) -> Mapping[str, str | None]:
    from bot.channels.setup_zalo_oa import set_up_oa

    run.settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = Store.open(run.settings.database_url, utc_now)
    try:
        return asyncio.run(set_up_oa(run, wish, store, utc_now, lambda: randomness.token_urlsafe(_SECRET_BYTES)))
    finally:
        store.close()


def _say_what_overrules(run: Setup, kept: Mapping[str, str | None]) -> None:
    """The environment and .env go before what was just kept: somebody who does not know would wonder why nothing changes."""
    used = Settings.load(os.environ, ROOT)
    overruled = [name for name, value in kept.items() if value_of(used, name) != value]
    if overruled:
        run.say("overruled", names=", ".join(overruled))
