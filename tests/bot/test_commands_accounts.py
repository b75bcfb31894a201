"""`trogiup accounts …` on a home of its own."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.cli import main, parser
from bot.services import utc_now
from bot.staff.passwords import Passwords
from knowledge.store import ROLES, Actor, AuditFilter, Store, sqlite_url

PASSWORD = "khoai lang nướng ngon"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TROGIUP_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    return tmp_path / "home"


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    home.mkdir(exist_ok=True)
    store = Store.open(sqlite_url(home / "trogiup.db"), utc_now)
    yield store
    store.close()


def typing(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    answers = iter(words)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(getpass, "getpass", lambda prompt: next(answers))


def fits(store: Store, username: str, password: str) -> bool:
    credentials = store.accounts.attempt(username)
    return credentials is not None and asyncio.run(Passwords.load().verify(credentials.password_hash, password))


def test_the_first_administrator_is_made_with_a_password_for_one_log_in(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["accounts", "add", "Boss", "--role", "administrator", "--role", "editor", "--display-name", "Trần Văn Tám"]) == 0
    out, err = capsys.readouterr()
    account = store.accounts.by_username("boss")
    assert (account.display_name, account.roles, account.must_change_password) == ("Trần Văn Tám", {"administrator", "editor"}, True)
    assert fits(store, "boss", out.strip())
    assert "/dang-nhap" in err
    (entry,) = store.audit.search(AuditFilter())
    assert (entry.account_id, entry.action) == (None, "account_added")


def test_a_password_is_typed_twice(store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    typing(monkeypatch, PASSWORD, PASSWORD)
    assert main(["accounts", "add", "boss", "--role", "administrator"]) == 0
    assert capsys.readouterr().out == ""
    assert fits(store, "boss", PASSWORD)


@pytest.mark.parametrize(("words", "said"), [((PASSWORD, "khác"), "differ"), (("ngắn",), "too short"), (("boss-boss-boss",), "user name")])
def test_a_password_that_will_not_do(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    typing(monkeypatch, *words)
    assert main(["accounts", "add", "boss", "--role", "administrator"]) == 2
    assert said in capsys.readouterr().err
    assert store.accounts.list() == ()


def test_listed_disabled_and_let_in_again(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    main(["accounts", "add", "boss", "--role", "administrator"])
    main(["accounts", "add", "lan", "--role", "duty_officer"])
    account = store.accounts.by_username("lan")
    store.accounts.offer_totp(account.account_id, "SECRET")
    store.accounts.confirm_totp(account.account_id, 1, [], by=Actor())
    capsys.readouterr()
    assert main(["accounts", "list"]) == 0
    assert capsys.readouterr().out == "boss\tpassword-only\tadministrator\tboss\nlan\tsecond-factor\tduty_officer\tlan\n"
    assert main(["accounts", "reset-totp", "lan"]) == 0
    assert main(["accounts", "reset-password", "LAN"]) == 0
    assert fits(store, "lan", capsys.readouterr().out.strip())
    assert main(["accounts", "disable", "lan"]) == 0
    assert main(["accounts", "list"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "lan\tdisabled\tduty_officer\tlan"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["add", "x", "--role", "editor"], "3 to 40"),
        (["add", "lan", "--role", "king"], "duty_officer"),
        (["disable", "nobody"], "accounts list"),
        (["reset-password", "nobody"], "accounts list"),
    ],
)
def test_what_cannot_be_done_is_one_line(capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    assert main(["accounts", *words]) == 1
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines()), said in err) == ("", 1, True)


def test_the_last_administrator_is_not_disabled(capsys: pytest.CaptureFixture[str]) -> None:
    main(["accounts", "add", "boss", "--role", "administrator"])
    capsys.readouterr()
    assert main(["accounts", "disable", "boss"]) == 1
    assert "last administrator" in capsys.readouterr().err


def test_help_names_the_roles_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["accounts", "add", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert ", ".join(ROLES) in said
    with pytest.raises(SystemExit) as wrong:
        parser().parse_args(["accounts", "add", "lan"])
    assert wrong.value.code == 2
