"""Passwords: argon2id, and which are refused.

NIST SP 800-63B, 5.1.1: at least a length, a list of what is common or names the person, no rules of composition, no yearly change.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from base64 import b64encode
from pathlib import Path
from typing import Literal

import anyio
import anyio.to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from knowledge.text import fold

MIN_LENGTH = 12
MAX_LENGTH = 200
_LONG_NAME = 6
_COMMON = Path(__file__).parent / "data" / "common_passwords.txt"
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
_AT_ONCE = 2
"""More would take every core and, at 19 MiB each, memory from those who answer citizens."""

Weakness = Literal["short", "long", "common", "username"]


def standard_hasher() -> PasswordHasher:
    """Argon2id with 19 MiB, two passes, one lane (OWASP, Password Storage Cheat Sheet)."""
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class Passwords:
    """Hashes and checks. Text is NFKC first, so that the same key strokes fit whatever keyboard composed the Vietnamese letters."""

    def __init__(self, common: frozenset[str], hasher: PasswordHasher) -> None:
        """`common`: folded letters of what is refused."""
        self._common = common
        self._hasher = hasher
        self._limiter: anyio.CapacityLimiter | None = None

    @classmethod
    def load(cls, hasher: PasswordHasher | None = None) -> Passwords:
        """With the list of data/common_passwords.txt."""
        lines = _COMMON.read_text("utf-8").splitlines()
        return cls(frozenset(line for line in lines if line and not line.startswith("#")), hasher or standard_hasher())

    def weakness(self, password: str, username: str) -> Weakness | None:
        """Why a new password is refused; None where it is good.

        Digits and signs around a common word do not make it a better one, nor does saying it twice; digits alone are somebody's number.
        """
        if len(password) > MAX_LENGTH:
            return "long"
        folded = fold(unicodedata.normalize("NFC", _normal(password)))
        if _names(folded, username):
            return "username"
        if len(_normal(password)) < MIN_LENGTH:
            return "short"
        letters = "".join(char for char in folded if char.isalpha())
        return "common" if len(set(folded)) < 4 or _once(letters) in self._common | {""} else None

    def hash_now(self, password: str) -> str:
        """The hash, in this thread."""
        return self._hasher.hash(_normal(password))

    async def hash(self, password: str) -> str:
        """The hash."""
        return await anyio.to_thread.run_sync(self.hash_now, password, limiter=self._limit())

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether they fit. With None it takes as long as with a hash, and they never do."""
        return await anyio.to_thread.run_sync(self._fits, password_hash or self._nobodys(), password, limiter=self._limit())

    def is_outdated(self, password_hash: str) -> bool:
        """Whether it was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(password_hash)

    def _fits(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, _normal(password[: MAX_LENGTH + 1]))
        except (VerificationError, InvalidHashError):
            return False

    def _nobodys(self) -> str:
        """A hash that no password is known to have."""
        salt, digest = (
            b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (self._hasher.salt_len, self._hasher.hash_len)
        )
        hasher = self._hasher
        return f"$argon2id$v=19$m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}${salt}${digest}"

    def _limit(self) -> anyio.CapacityLimiter:
        """Made in the event loop that it belongs to."""
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(_AT_ONCE)
        return self._limiter


def one_time_password() -> str:
    """Sixteen letters and digits in four groups (78 random bits), to be read out and typed on a telephone."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))


def _normal(password: str) -> str:
    return unicodedata.normalize("NFKC", password)


def _names(folded: str, username: str) -> bool:
    """Whether the user name stands in it; a short one only as a word, or "lan" would refuse every "lang"."""
    if len(username) >= _LONG_NAME:
        return username in folded
    return re.search(rf"(?<![a-z]){re.escape(username)}(?![a-z])", folded) is not None


def _once(letters: str) -> str:
    """What is repeated, where the whole is a repetition: "trogiuptrogiup" → "trogiup"."""
    at = (letters + letters).find(letters, 1) if letters else 0
    return letters[:at] if 0 < at < len(letters) else letters
