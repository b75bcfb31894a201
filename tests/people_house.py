"""What the houses of the pages for staff share: a clock that stands still, people with the second factor set up, their browsers."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient

from bot.staff.guard import COOKIE
from knowledge.store import Account, Actor, Store, sqlite_url

BY = Actor()
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Clock:
    """Stands still until it is moved. 10:00 in Vietnam, a Monday."""

    def __init__(self) -> None:
        self.now = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **length: float) -> None:
        self.now += timedelta(**length)


@dataclass
class PeopleHouse:
    """The application, its store and clock."""

    app: FastAPI
    store: Store
    clock: Any

    def add(self, username: str, *roles: str, name: str | None = None) -> Account:
        """Somebody with the second factor set up."""
        account = self.store.accounts.add(username, name or f"Nguyễn {username.title()}", roles, "-", by=BY)
        self.store.accounts.set_password(account.account_id, "-", must_change=False, by=BY)
        self.store.accounts.offer_totp(account.account_id, "JBSWY3DPEHPK3PXP")
        self.store.accounts.confirm_totp(account.account_id, 0, [], BY)
        return self.store.accounts.get(account.account_id)

    def cookie(self, account: Account) -> tuple[str, str]:
        """A session as the log-in makes it: the name and value of its cookie."""
        token, now = secrets.token_hex(8), self.clock()
        session_id = hashlib.sha256(token.encode()).hexdigest()
        about = {"csrf_secret": f"csrf-of-{account.account_id}", "second_factor": True, "address": None, "browser": None}
        self.store.sessions.open(session_id, account.account_id, expires_at=now + timedelta(hours=12), **about)
        return COOKIE, token

    def browser_of(self, account: Account) -> TestClient:
        """The browser of somebody who is signed in; does not follow redirects by itself."""
        client = TestClient(self.app, headers={"Accept": "text/html"}, follow_redirects=False)
        client.cookies.set(*self.cookie(account))
        return client


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "trogiup.db"
    Store.open(sqlite_url(path), Clock()).close()
    return path


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(empty_database: Path, tmp_path: Path, clock: Clock) -> Iterator[Store]:
    """On a copy of the empty database."""
    path = shutil.copy(empty_database, tmp_path / "trogiup.db")
    store = Store.open(sqlite_url(path), clock)
    yield store
    store.close()
