"""What the services bring: checked, kept, acknowledged; everything else is refused and not logged."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from hmac import compare_digest
from pathlib import Path

import httpx
import pytest
from core_fakes import Office, OpenOffice, emptied, open_office
from fastapi import FastAPI

from bot.channels.webhooks import MAX_BODY, Webhook, webhook_router
from knowledge.errors import StoreError

SIGNED = {"x-secret": "s3cret"}
GOOD = {"id": "a", "chat": "1", "text": "chuyện riêng"}


class Signature:
    def verify(self, headers: Mapping[str, str], body: bytes) -> bool:
        return compare_digest(headers.get("x-secret", ""), "s3cret")

    def is_probe(self, body: bytes) -> bool:
        return body == b""


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenOffice]:
    yield from open_office(tmp_path_factory)


@pytest.fixture
def office(opened: OpenOffice, tmp_path: Path) -> Office:
    return Office(emptied(opened.store), tmp_path, opened.clock)


@pytest.fixture
async def client(office: Office) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(webhook_router(office.reception, Webhook("zalo-oa", office.channel, Signature()), read_s=0.2))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
        yield client


async def post(client: httpx.AsyncClient, body: bytes, headers: Mapping[str, str] = SIGNED) -> httpx.Response:
    return await client.post("/channels/zalo-oa", content=body, headers=dict(headers))


async def test_what_is_signed_is_kept_and_acknowledged(client: httpx.AsyncClient, office: Office) -> None:
    answer = await post(client, json.dumps(GOOD).encode())
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    assert office.store.inbox.counts()["fake"].waiting == 1


@pytest.mark.parametrize("headers", [{}, {"x-secret": "wrong"}])
async def test_what_is_not_signed_is_refused_without_its_words(
    client: httpx.AsyncClient, office: Office, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    assert (await post(client, json.dumps(GOOD, ensure_ascii=False).encode(), headers)).status_code == 401
    assert "webhook_refused channel=zalo-oa status=401" in caplog.text
    assert "riêng" not in caplog.text
    assert office.store.inbox.counts() == {}


async def test_the_probe_of_a_set_up_is_answered(client: httpx.AsyncClient) -> None:
    assert (await post(client, b"", {})).status_code == 200


@pytest.mark.parametrize(
    "body", [b"{", b"\xff\xfe", b"[" * 100_000, b"[]", b'"x"', b"{}", json.dumps({**GOOD, "chat": "x" * 500}).encode(), b"1" * 10_000]
)
async def test_what_is_not_the_services_format_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    assert (await post(client, body)).status_code == 400


async def test_a_body_that_is_too_large_is_counted_while_it_comes(client: httpx.AsyncClient) -> None:
    read = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            read.append(1)
            yield b"x" * 100_000

    answer = await client.post("/channels/zalo-oa", content=endless(), headers=SIGNED)
    assert answer.status_code == 413
    assert len(read) <= MAX_BODY // 100_000 + 2


async def test_a_body_that_trickles_is_let_go(client: httpx.AsyncClient) -> None:
    async def trickling() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    assert (await client.post("/channels/zalo-oa", content=trickling(), headers=SIGNED)).status_code == 408


async def test_what_cannot_be_kept_is_to_be_sent_again(client: httpx.AsyncClient, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    async def receive(*_: object) -> None:
        raise StoreError("no")

    monkeypatch.setattr(office.reception, "receive", receive)
    assert (await post(client, json.dumps(GOOD).encode())).status_code == 503
