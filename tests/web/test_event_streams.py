"""Server-sent events for the page: the stream itself, its route, and a browser that listens, loses it and comes back."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, Page, expect
from web_fakes import FakeConversation, FakeLibrary, make_app

from bot.web.events import A_CONVERSATION, EventStreams, build_events
from knowledge.errors import StoreError

ID = "c" * 22


class Sent:
    """What was sent to a conversation. `asked`: (after, whether what came before had arrived)."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.asked: list[tuple[int, bool]] = []
        self.waits = True
        self.failing: StoreError | None = None

    def say(self, text: str) -> None:
        row = {"id": len(self.rows) + 1, "kind": "officer", "author": "cán bộ trực", "text": text, "created_at": "", "replaces": None}
        self.rows.append(row)

    async def updates(self, conversation_id: str, after: int, wait: float, *, arrived: bool = True) -> list[dict[str, Any]]:
        self.asked.append((after, arrived))
        if self.failing:
            raise self.failing
        ends = asyncio.get_running_loop().time() + (wait if self.waits else 0)
        while not (rows := self.rows[after:]) and asyncio.get_running_loop().time() < ends:
            await asyncio.sleep(0.01)
        return rows


@pytest.fixture
def sent() -> Sent:
    return Sent()


async def events(streams: EventStreams, after: int = 0) -> list[str]:
    return [event async for event in streams.stream(ID, after)]


async def test_each_row_is_an_event_with_its_id(sent: Sent) -> None:
    sent.say("một")
    sent.say("hai\ndòng")
    first, one, two, *_ = await events(EventStreams(sent.updates, keep_alive_s=0.02, stream_s=0.05))
    assert first.startswith("retry: ")
    assert one.split("\n")[0] == "id: 1"
    assert json.loads(two.split("\n")[1].removeprefix("data: "))["text"] == "hai\ndòng"
    assert two.endswith("\n\n")
    assert two.count("\n") == 3  # a line end of the text would end the event


async def test_silence_is_kept_alive_and_nothing_is_called_arrived_that_was_only_written(sent: Sent) -> None:
    sent.say("một")
    told = await events(EventStreams(sent.updates, keep_alive_s=0.02, stream_s=0.1))
    assert told.count(": \n\n") >= 2
    assert sent.asked[0] == (0, True)
    assert set(sent.asked[1:]) == {(1, False)}


async def test_a_stream_ends_where_nobody_is_made_to_wait(sent: Sent) -> None:
    sent.waits = False
    assert len(await events(EventStreams(sent.updates, keep_alive_s=5, stream_s=60))) == 2


async def test_a_stream_ends_with_the_database_and_is_not_counted_any_more(sent: Sent) -> None:
    sent.failing = StoreError("The database does not answer.")
    streams = EventStreams(sent.updates)
    assert len(await events(streams)) == 1
    assert not streams.full(ID)


async def test_one_conversation_has_a_few_streams_at_most(sent: Sent) -> None:
    streams = EventStreams(sent.updates)
    opened = [streams.stream(ID, 0) for _ in range(A_CONVERSATION)]
    for stream in opened:
        await anext(stream)
    assert streams.full(ID)
    assert not streams.full("d" * 22)
    app = FastAPI()
    app.include_router(build_events(streams))
    assert TestClient(app).get(f"/api/v1/conversations/{ID}/events").status_code == 429
    await opened[0].aclose()  # type: ignore[attr-defined]
    assert not streams.full(ID)


@pytest.mark.parametrize(("header", "after"), [("2", 2), ("0", 0), ("x", 1), ("²", 1), ("", 1)])
def test_a_browser_that_comes_back_says_what_it_has(sent: Sent, header: str, after: int) -> None:
    app = FastAPI()
    app.include_router(build_events(EventStreams(sent.updates, stream_s=0.05)))
    answer = TestClient(app).get(f"/api/v1/conversations/{ID}/events?after=1", headers={"Last-Event-ID": header.encode()})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert sent.asked[0] == (after, True)


# In a browser


@contextmanager
def site(sent: Sent, stream_s: float | None) -> Iterator[str]:
    """The page with its updates; `stream_s` None: without streams."""
    app = make_app(FakeConversation(FakeLibrary()), FakeLibrary())
    if stream_s is not None:
        app.include_router(build_events(EventStreams(sent.updates, keep_alive_s=0.2, stream_s=stream_s)))

    @app.get("/api/v1/conversations/{conversation_id}/updates")
    async def updates(conversation_id: str, after: int, wait: float) -> JSONResponse:
        return JSONResponse({"updates": await sent.updates(conversation_id, after, min(wait, 0.2))})

    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=10)


def asked_for_somebody(browser: Browser, address: str, asked: list[str]) -> Page:
    """A page whose answer names a case, so that it listens from then on."""
    page = browser.new_page(locale="vi-VN")
    page.set_default_timeout(15_000)
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda said: asked.append(f"console {said.text}") if "Content Security Policy" in said.text else None)
    page.goto(address)
    page.get_by_label("Câu hỏi của bạn").fill("chồng đánh tôi")
    page.keyboard.press("Enter")
    expect(page.locator(".reply.urgent")).to_be_visible()
    return page


@pytest.mark.e2e
def test_words_arrive_by_stream_once_each_also_over_a_stream_that_ends(browser: Browser, sent: Sent) -> None:
    asked: list[str] = []
    with site(sent, stream_s=1.0) as address:
        page = asked_for_somebody(browser, address, asked)
        for text in ("Chào em.", "Em đang ở đâu?"):
            sent.say(text)
            expect(page.locator(".turn.officer").last).to_contain_text(text)
        while sum("/events?" in url for url in asked) < 2:  # the first has ended by itself
            page.wait_for_timeout(50)
        sent.say("Công an đang tới.")
        expect(page.locator(".turn.officer")).to_have_count(3)
        expect(page.locator(".turn.officer").last).to_contain_text("Công an đang tới.")
        while (3, True) not in sent.asked:  # the page has told that it has it
            page.wait_for_timeout(50)
        page.close()
    assert not [url for url in asked if "wait=25" in url or url.startswith("console")]


@pytest.mark.e2e
def test_without_streams_the_page_asks_again_and_again(browser: Browser, sent: Sent) -> None:
    asked: list[str] = []
    with site(sent, stream_s=None) as address:
        page = asked_for_somebody(browser, address, asked)
        sent.say("Chào em.")
        expect(page.locator(".turn.officer")).to_contain_text("Chào em.")
        page.close()
    assert [url for url in asked if "wait=25" in url]
