"""Hashing and what is refused."""

from __future__ import annotations

import asyncio
import threading
import time
import unicodedata

import pytest
from argon2 import PasswordHasher
from staff_house import QUICK

from bot.staff.passwords import Passwords, one_time_password, standard_hasher
from bot.staff.second_factor import new_recovery_codes, recovery_hash


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords.load(QUICK)


def test_the_standard_is_argon2id_with_19_mib() -> None:
    assert standard_hasher().hash("x").startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_only_the_password_fits_however_it_was_composed(passwords: Passwords) -> None:
    kept = await passwords.hash(unicodedata.normalize("NFC", "Trời sáng rồi"))
    assert await passwords.verify(kept, unicodedata.normalize("NFD", "Trời sáng rồi"))
    assert not await passwords.verify(kept, "Trời sáng rôi")
    assert not await passwords.verify(None, "Trời sáng rồi")
    assert not await passwords.verify("no hash at all", "Trời sáng rồi")


async def test_nobodys_hash_costs_what_a_real_one_does(passwords: Passwords) -> None:
    nobodys, real = passwords._nobodys(), await passwords.hash("x")
    assert nobodys.rsplit("$", 2)[0] == real.rsplit("$", 2)[0]
    assert len(nobodys) == len(real)
    assert not QUICK.check_needs_rehash(nobodys)


def test_a_hash_of_other_parameters_is_outdated(passwords: Passwords) -> None:
    assert passwords.is_outdated(PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash("x"))
    assert not passwords.is_outdated(QUICK.hash("x"))


@pytest.mark.parametrize(
    ("password", "weakness"),
    [
        ("mười một ký", "short"),
        ("a" * 201, "long"),
        ("qwertyuiop12", "common"),
        ("MậtKhẩu123456", "common"),
        ("matkhaumatkhau", "common"),
        ("079012345678", "common"),  # twelve digits: an identity card
        ("aaaaaaaaaaaaaaa", "common"),
        ("toi.la.Lan.99", "username"),
        ("trời mưa ngập ngõ", None),
        ("khoai lang nướng 3 củ", None),
    ],
)
def test_what_is_refused(passwords: Passwords, password: str, weakness: str | None) -> None:
    assert passwords.weakness(password, "lan") == weakness


def test_what_is_made_here_is_good_and_never_twice_the_same(passwords: Passwords) -> None:
    made = {one_time_password() for _ in range(50)}
    assert len(made) == 50
    assert {passwords.weakness(password, "lan") for password in made} == {None}
    codes = new_recovery_codes()
    assert len({recovery_hash(code) for code in codes}) == 10


class Counting:
    """A hasher that notes how many work at the same time."""

    def __init__(self) -> None:
        self.working = self.most = 0
        self._lock = threading.Lock()

    def hash(self, password: str) -> str:
        with self._lock:
            self.working += 1
            self.most = max(self.most, self.working)
        time.sleep(0.01)
        with self._lock:
            self.working -= 1
        return password


async def test_no_more_than_two_are_hashed_at_a_time() -> None:
    hasher = Counting()
    passwords = Passwords(frozenset(), hasher)  # type: ignore[arg-type]
    assert await asyncio.gather(*(passwords.hash(str(number)) for number in range(6))) == list("012345")
    assert hasher.most == 2
