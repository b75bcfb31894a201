"""The webhook's lock: the secret that was handed to setWebhook comes back in a header (https://core.telegram.org/bots/api#setwebhook)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

HEADER = "x-telegram-bot-api-secret-token"


@dataclass(frozen=True)
class TelegramVerifier:
    """`Verifier` of bot/channels/webhooks.py. `secret`: 1–256 characters of A–Z, a–z, 0–9, _ and -."""

    secret: str = field(repr=False)

    def verify(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether Telegram sent it; compared in constant time. The names of `headers` may be written large or small."""
        given = next((value for name, value in headers.items() if name.lower() == HEADER), "")
        return bool(self.secret) and hmac.compare_digest(given.encode("utf-8", "replace"), self.secret.encode())

    def is_probe(self, body: bytes) -> bool:
        """Telegram sends no probes."""
        return False
