"""Whether a webhook call comes from Zalo.

X-ZEvent-Signature: "mac=" and the hex (or the bare hex) of SHA-256 over app id + raw body + timestamp + the OA's secret key; no HMAC, and
not the app's secret. Sources disagree on whether the timestamp is the body's or the header's (X-ZEvent-Timestamp): either is taken.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping

SIGNATURE, TIMESTAMP = "x-zevent-signature", "x-zevent-timestamp"


def sign(app_id: str, secret: str, body: bytes, timestamp: str) -> str:
    """The signature in hex, without "mac="."""
    return hashlib.sha256(app_id.encode() + body + timestamp.encode("utf-8", "replace") + secret.encode()).hexdigest()


class Signature:
    """The check of one OA's webhook."""

    def __init__(self, app_id: str, secret: str) -> None:
        """`secret`: the OA's secret key, not the app's."""
        self._app_id = app_id
        self._secret = secret

    def verify(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether it is signed by the body's timestamp or the header's, compared in constant time. Never raises."""
        named = {name.lower(): value for name, value in headers.items()}
        given = named.get(SIGNATURE, "").strip().removeprefix("mac=").lower().encode("utf-8", "replace")
        genuine = False
        for timestamp in _timestamps(body, named):
            genuine |= hmac.compare_digest(sign(self._app_id, self._secret, body, timestamp).encode(), given)
        return genuine

    def is_probe(self, body: bytes) -> bool:
        """Zalo's console posts nothing at all when the address is entered: 200, whatever the signature."""
        return not body.strip()


def _timestamps(body: bytes, headers: Mapping[str, str]) -> Iterator[str]:
    """The body's timestamp first, as it is written there; then the header's."""
    try:
        decoded = json.loads(body)
    except (ValueError, RecursionError):
        decoded = None
    stamp = decoded.get("timestamp") if isinstance(decoded, dict) else None
    if isinstance(stamp, str | int) and not isinstance(stamp, bool):
        yield str(stamp)
    if headers.get(TIMESTAMP):
        yield headers[TIMESTAMP].strip()
