"""The second factor: time-based codes (RFC 6238) from an app on the telephone, and recovery codes for when it is lost."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import datetime

import pyotp
import segno
from markupsafe import Markup

RECOVERY_CODES = 10
_WINDOW = (0, -1, 1)
"""Steps of 30 s that a code may be off, the likeliest first: clocks of telephones differ, and people type slowly."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


def new_secret() -> str:
    """160 random bits in base 32."""
    return pyotp.random_base32()


def provisioning_uri(secret: str, username: str, issuer: str) -> str:
    """otpauth://totp/… for the app."""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=issuer)


def matching_step(secret: str | None, code: str, now: datetime) -> int | None:
    """The time step whose code this is, now or one step off; None when it is none of them. Blanks in the code do not matter.

    Without a secret no code fits.
    """
    digits = re.sub(r"\s", "", code)
    if not secret or not re.fullmatch(r"[0-9]{6}", digits, re.ASCII):
        return None
    totp = pyotp.TOTP(secret)
    current = totp.timecode(now)
    return next((current + off for off in _WINDOW if hmac.compare_digest(totp.generate_otp(current + off), digits)), None)


def qr(text: str) -> Markup:
    """An inline SVG, black on white also where the page is dark, without style attributes (the content security policy refuses them)."""
    return Markup(segno.make(text, error="m").svg_inline(scale=5, border=3, dark="#000", light="#fff", omitsize=True))  # noqa: S704


def new_recovery_codes() -> list[str]:
    """Ten codes of 80 random bits, in four groups."""
    return ["-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4)) for _ in range(RECOVERY_CODES)]


def recovery_hash(code: str) -> str:
    """How the store knows a code, however it was typed."""
    return hashlib.sha256(re.sub(r"[^a-z2-7]", "", code.lower()).encode()).hexdigest()
