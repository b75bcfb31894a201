"""`trogiup accounts …`: how the first administrator is made, and the way back in when nobody can sign in."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bot.services import utc_now
from bot.settings import Settings
from bot.staff.passwords import MIN_LENGTH, Passwords, Weakness, one_time_password
from knowledge.errors import SettingsError
from knowledge.store import Account, Actor, Store
from knowledge.store.accounts import fold_username
from knowledge.store.duty import OFFICER

_BY = Actor()
TELEGRAM = "telegram"
_REFUSED: dict[Weakness, str] = {
    "short": f"The password is too short: at least {MIN_LENGTH} characters.",
    "long": "The password is too long: at most 200 characters.",
    "common": "The password is one that many people use: take another one.",
    "username": "The password holds the user name: take another one.",
}


@contextmanager
def _store(settings: Settings) -> Iterator[Store]:
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = Store.open(settings.database_url, utc_now)
    try:
        yield store
    finally:
        store.close()


def add(settings: Settings, arguments: argparse.Namespace) -> int:
    """A new account."""
    with _store(settings) as store:
        passwords = Passwords.load()
        password, typed = _password(fold_username(arguments.name), passwords)
        shown = arguments.display_name or arguments.name
        account = store.accounts.add(arguments.name, shown, arguments.role, passwords.hash_now(password), by=_BY)
        _say_password(account, password, typed)
    return 0


def list_(settings: Settings, arguments: argparse.Namespace) -> int:
    """One line an account: user name, state, roles, display name."""
    with _store(settings) as store:
        for account in store.accounts.list():
            state = "disabled" if account.disabled_at else "second-factor" if account.totp_confirmed_at else "password-only"
            print("\t".join((account.username, state, ",".join(sorted(account.roles)), account.display_name)))
    return 0


def disable(settings: Settings, arguments: argparse.Namespace) -> int:
    """Nobody signs in with it any more."""
    return _with(settings, arguments, lambda store, account: store.accounts.disable(account.account_id, _BY))


def reset_totp(settings: Settings, arguments: argparse.Namespace) -> int:
    """The second factor is set up anew at the next log-in."""
    return _with(settings, arguments, lambda store, account: store.accounts.reset_totp(account.account_id, _BY))


def reset_password(settings: Settings, arguments: argparse.Namespace) -> int:
    """A password for one log-in."""

    def change(store: Store, account: Account) -> None:
        passwords = Passwords.load()
        password, typed = _password(account.username, passwords)
        store.accounts.set_password(account.account_id, passwords.hash_now(password), must_change=True, by=_BY)
        _say_password(account, password, typed)

    return _with(settings, arguments, change)


def link_telegram(settings: Settings, arguments: argparse.Namespace) -> int:
    """Who writes there under that number is this officer; "none": nobody any more."""

    def change(store: Store, account: Account) -> None:
        if arguments.number == "none":
            store.messengers.unlink(TELEGRAM, account.account_id, _BY)
            return
        if not (arguments.number.isascii() and arguments.number.isdigit()):
            raise SettingsError("A person's number in Telegram has digits only: the bot answers it to /lienket.")
        if not account.has(OFFICER):
            raise SettingsError(f"{account.username} is no duty officer: only officers answer cases.")
        store.messengers.link(TELEGRAM, arguments.number, account.account_id, _BY)

    return _with(settings, arguments, change)


def _with(settings: Settings, arguments: argparse.Namespace, change: Callable[[Store, Account], None]) -> int:
    with _store(settings) as store:
        change(store, store.accounts.by_username(arguments.name))
    return 0


def _password(username: str, passwords: Passwords) -> tuple[str, bool]:
    """What is typed twice at a terminal; where nothing is typed, or there is no terminal, one that is made here. And whether typed."""
    typed = getpass.getpass("Password (empty: one is made): ") if sys.stdin.isatty() else ""
    if not typed:
        return one_time_password(), False
    if weakness := passwords.weakness(typed, username):
        raise SettingsError(_REFUSED[weakness])
    if getpass.getpass("Once more: ") != typed:
        raise SettingsError("The two passwords differ: try again.")
    return typed, True


def _say_password(account: Account, password: str, typed: bool) -> None:
    """On standard output the password alone, so that it can be handed on; what to do with it beside."""
    if not typed:
        print(password)
    print(f"{account.username}: sign in at /dang-nhap; a password of one's own is asked for there.", file=sys.stderr)
