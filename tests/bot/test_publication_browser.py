"""The whole story in a real Chromium: a file comes in, is corrected, passes the gate, a second person approves, the citizen's page answers
from it, one click takes it back, and it no longer does. The pictures of docs/can-bo.vi.md are made here (var/screenshots/)."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from publication_house import EVIDENCE, PASSWORD, QUESTION, Office, docx

from bot.services import Services

pytestmark = pytest.mark.e2e

SCREENSHOTS = Path(__file__).parents[2] / "var" / "screenshots"
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 800}


@pytest.fixture
def office(services: Services) -> Iterator[Office]:
    """With its jobs done in the background."""
    office, stop = Office.of(services), threading.Event()
    office.add("lan", "editor")
    office.add("minh", "approver")

    def work() -> None:
        while not stop.is_set():
            if not office.worker.step():
                stop.wait(0.05)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield office
    stop.set()
    thread.join(timeout=30)


@pytest.fixture
def site(office: Office) -> Iterator[str]:
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(office.app, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=10)


@pytest.fixture
def open_page(browser: Browser, site: str) -> Iterator[Callable[[str], Page]]:
    """A browser of its own. Afterwards: nothing was asked of another origin, and no policy was broken."""
    contexts, asked, complaints = [], [], []

    def opener(path: str) -> Page:
        context = browser.new_context(viewport=DESKTOP, locale="vi-VN")
        context.set_default_timeout(30_000)
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


def sign_in(page: Page, name: str) -> None:
    page.get_by_label("Tên đăng nhập").fill(name)
    page.get_by_label("Mật khẩu").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Tài liệu")


def look(page: Page, name: str) -> None:
    """Nothing sticks out, axe-core finds nothing, pictures for the eye."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for size, viewport in (("phone", PHONE), ("desktop", DESKTOP)):
        page.set_viewport_size(viewport)  # type: ignore[arg-type]
        page.evaluate("window.scrollTo(0, 0)")
        page.screenshot(path=SCREENSHOTS / f"can-bo-{name}-{size}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (name, size)
        results = Axe().run(page)
        assert results.violations_count == 0, (name, results.generate_report())


def ask(page: Page) -> str:
    """The citizen's question, on a page of their own."""
    page.get_by_label("Câu hỏi của bạn").fill(QUESTION)
    page.keyboard.press("Enter")
    answer = page.locator(".reply").last
    expect(answer).to_be_visible()
    return answer.inner_text()


def test_the_whole_story(open_page: Callable[[str], Page], site: str) -> None:
    lan = open_page("/can-bo")
    sign_in(lan, "lan")
    lan.get_by_label("Chọn tệp").set_input_files({"name": "ke-hoach-91.docx", "mimeType": "application/octet-stream", "buffer": docx()})
    lan.get_by_role("button", name="Đưa vào").click()
    lan.get_by_role("link", name="Mở bản thảo").click()

    expect(lan.get_by_role("heading", level=1)).to_have_text("91/KH-UBND")
    look(lan, "draft")
    lan.get_by_label("Người ký").fill("Nguyễn Thị Mai Hương")
    lan.get_by_role("button", name="Lưu hồ sơ").click()
    expect(lan.get_by_role("status")).to_have_text("Đã lưu.")
    expect(lan.get_by_label("Người ký")).to_have_value("Nguyễn Thị Mai Hương")

    lan.get_by_role("link", name="Xem và sửa văn bản").click()
    lan.get_by_role("link", name="Sửa dòng 2. Sở Y tế").click()
    look(lan, "text")
    lan.get_by_label("Chữ của dòng này").fill("2. Sở Y tế khám, chữa bệnh cho người tạm lánh.")
    lan.get_by_role("button", name="Lưu dòng").click()
    expect(lan.get_by_text("Máy đã đọc: 2. Sở Y tế bảo đảm")).to_be_visible()
    lan.get_by_role("link", name="Về bản thảo").click()

    lan.get_by_text("Thêm câu hỏi").first.click()
    lan.get_by_label("Câu hỏi", exact=True).fill(QUESTION)
    lan.get_by_label("Những chữ phải có").fill(EVIDENCE)
    lan.get_by_role("button", name="Thêm câu hỏi").click()
    lan.get_by_role("button", name="Hỏi thử").click()
    expect(lan.get_by_role("heading", name=QUESTION)).to_contain_text("Được thêm", timeout=60_000)
    look(lan, "gate")
    while lan.get_by_label("Chấp nhận mất câu này").count():
        lan.get_by_label("Chấp nhận mất câu này").first.check()
        lan.get_by_label("Lý do").fill("Đã xem, câu trả lời mới vẫn đúng")
        lan.get_by_role("button", name="Ghi nhận").click()
    lan.get_by_role("button", name="Xác nhận đã kiểm").click()
    expect(lan.get_by_role("status")).to_contain_text("Chờ một người khác duyệt")
    expect(lan.get_by_role("button", name="Duyệt và công bố")).to_have_count(0)

    assert EVIDENCE not in ask(open_page("/"))
    minh = open_page("/can-bo/tai-lieu")
    sign_in(minh, "minh")
    expect(minh.get_by_text("Chờ người duyệt (không phải Nguyễn Lan)")).to_be_visible()
    minh.get_by_role("link", name="Xem 91/KH-UBND").click()
    minh.get_by_role("button", name="Duyệt và công bố").click()
    expect(minh.locator(".documents li", has_text="91/KH-UBND")).to_contain_text("Đang công bố", timeout=60_000)
    expect(minh.locator("#viec[data-live]")).to_have_count(0)
    look(minh, "overview")
    assert EVIDENCE in ask(open_page("/"))

    minh.get_by_role("button", name="Lùi lại một bước").click()
    expect(minh.get_by_role("status")).to_have_text("Đã lùi lại.")
    assert EVIDENCE not in ask(open_page("/"))
