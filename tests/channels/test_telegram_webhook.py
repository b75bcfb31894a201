from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from bot.channels.model import Incoming
from bot.channels.reception import Reception
from bot.channels.telegram.channel import TelegramChannel
from bot.channels.telegram.webhook import TelegramVerifier
from bot.channels.webhooks import Webhook, webhook_router

SECRET = {"X-Telegram-Bot-Api-Secret-Token": "s3cret"}
WORDS = "Em không dám về nhà"
UPDATE = {
    "update_id": 5,
    "message": {
        "message_id": 1,
        "date": 1_777_870_800,
        "chat": {"id": 7, "type": "private"},
        "from": {"id": 7, "is_bot": False, "first_name": "Lan"},
        "text": WORDS,
    },
}


class Kept:
    def __init__(self) -> None:
        self.events: list[Incoming] = []

    async def receive(self, channel: str, events: Sequence[Incoming]) -> None:
        self.events.extend(events)


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def client(kept: Kept) -> TestClient:
    channel = TelegramChannel("1:A", "http://127.0.0.1:9/bot", lambda: datetime(2026, 5, 4, 5, 0, tzinfo=UTC))
    app = FastAPI()
    app.include_router(webhook_router(cast(Reception, kept), Webhook("telegram", channel, TelegramVerifier("s3cret"))))
    return TestClient(app)


def test_what_telegram_brings_is_kept_and_acknowledged(client: TestClient, kept: Kept) -> None:
    assert client.post("/channels/telegram", json=UPDATE, headers=SECRET).status_code == 200
    assert [(event.event_id, event.text) for event in kept.events] == [("5", WORDS)]


@pytest.mark.parametrize("headers", [{}, {"X-Telegram-Bot-Api-Secret-Token": "falsch"}])
def test_anybody_else_is_refused_and_not_quoted(
    client: TestClient, kept: Kept, caplog: pytest.LogCaptureFixture, headers: dict[str, str]
) -> None:
    caplog.set_level(logging.DEBUG)
    assert client.post("/channels/telegram", json=UPDATE, headers=headers).status_code == 401
    assert kept.events == []
    assert WORDS not in caplog.text
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"update_id": 1, "message": 3}', b"\xff"])
def test_nonsense_is_refused(client: TestClient, kept: Kept, body: bytes) -> None:
    assert client.post("/channels/telegram", content=body, headers=SECRET).status_code == 400
    assert kept.events == []


def test_a_kind_of_update_that_is_not_known_is_acknowledged(client: TestClient, kept: Kept) -> None:
    update: dict[str, Any] = {"update_id": 9, "something_new": {}}
    assert client.post("/channels/telegram", json=update, headers=SECRET).status_code == 200
    assert kept.events == []
