"""An application behind a real server, pages of it in a real Chromium, and the pictures of docs/can-bo.vi.md (TROGIUP_PICTURES=1)."""

from __future__ import annotations

import io
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from PIL import Image
from playwright.sync_api import Browser, Page

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
SHEET = {"width": 960, "height": 720}

Opener = Callable[..., Page]
"""A path of the site ("/" where none is given), and options of the browser's context."""


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The address of an application on a free port of the loopback."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.started
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=10)


@contextmanager
def pages_of(site: str, browser: Browser, patience_ms: float = 10_000, **usual: Any) -> Iterator[Opener]:
    """Each page in a fresh context. Afterwards: nothing was asked of another origin, no policy was broken, and no script failed."""
    contexts: list[Any] = []
    asked: list[str] = []
    complaints: list[str] = []

    def opener(path: str = "/", **options: Any) -> Page:
        context = browser.new_context(**({"locale": "vi-VN"} | usual | options))
        context.set_default_timeout(patience_ms)
        contexts.append(context)
        context.on("request", lambda request: asked.append(request.url))
        context.on("console", lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        page = context.new_page()
        page.goto(site + path)
        return page

    yield opener
    for context in contexts:
        context.close()
    assert [url for url in asked if not url.startswith(site + "/")] == []
    assert complaints == []


def weight(page: Page) -> int:
    """Bytes that a page has loaded, itself included, without compression; events that stream are not waited for."""
    page.wait_for_load_state("load")
    return int(
        page.evaluate(
            """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
                 .reduce((sum, it) => sum + it.decodedBodySize, 0)"""
        )
    )


def picture(page: Page, name: str, at: str = "h1") -> None:
    """For the manual: what a person sees, from the heading `at` on. Only where they are asked for: they are kept with the manual."""
    if os.environ.get("TROGIUP_PICTURES") != "1":
        return
    PICTURES.mkdir(exist_ok=True)
    page.set_viewport_size(SHEET)  # type: ignore[arg-type]
    page.emulate_media(color_scheme="light")
    page.locator(at).first.evaluate("it => window.scrollTo(0, it.getBoundingClientRect().top + window.scrollY - 80)")
    page.wait_for_load_state("networkidle")
    taken = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    taken.save(PICTURES / f"can-bo-{name}.webp", quality=70, method=6)
