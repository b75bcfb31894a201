"""An editor keeps the directory, looks at what people asked and counts it, in a real Chromium: telephone and desktop, axe-core, no mouse.

Screenshots lie in var/screenshots/ afterwards; with TROGIUP_PICTURES=1 it makes pictures of docs/can-bo.vi.md.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from keeping_house import KeepingHouse
from people_house import BY
from playwright.sync_api import Browser, Page, expect
from real_pages import picture

from knowledge.model import Document, Metadata

pytestmark = pytest.mark.e2e

SCREENSHOTS = Path(__file__).parents[2] / "var" / "screenshots"
SIZES = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
ASKED = "trẻ mồ côi được hỗ trợ bao nhiêu tiền"
PLAN = Metadata("Kế hoạch", "1/KH-UBND", "Kế hoạch trẻ em", None, "Cà Mau", None, None, None, None, None, (), None)


@pytest.fixture
def site(house: KeepingHouse) -> Iterator[str]:
    """The house behind a real server; its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(house.app, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.started
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=10)


def people_ask(house: KeepingHouse) -> None:
    document = Document("d1", "a.txt", "Trẻ em mồ côi được hỗ trợ theo Điều 5.\n", PLAN)
    house.store.documents.add_version("d1", source_file="a.txt", content=b"x", text=document.text, metadata_json="{}")
    house.documents.append(document)
    for _ in range(6):
        house.asks(ASKED, "abstain", who="web:1")
    house.asks("Trẻ mồ côi ở Cà Mau được hỗ trợ bao nhiêu tiền? Số em là 0912 345 678", "abstain", who="zalo:2", channel="zalo-bot")
    house.asks("Chị Hoa hỏi giấy khuyết tật làm ở đâu", "abstain", who="telegram:3", channel="telegram")
    house.asks("Cơ sở nào nuôi người già ở Đồng Nai?", "answer", who="web:4")
    house.store.chats.feedback("web:4", f"m{house.messages}", False)


def look(page: Page, name: str) -> None:
    """At both widths, one light, one dark: nothing sticks out, axe-core finds nothing; on a telephone nothing to tap is too small."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for (size, viewport), scheme in zip(SIZES.items(), ("light", "dark"), strict=True):
        page.set_viewport_size(viewport)  # type: ignore[arg-type]
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.screenshot(path=SCREENSHOTS / f"keeping-{name}-{size}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (name, size)
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, .field input, select, summary, .check, .button, nav a")]
             .map(node => [node.textContent.trim() || node.name, node.getBoundingClientRect()])
             .filter(([, box]) => box.width && (box.height < 44 || box.width < 44)).map(([name]) => name)"""
    )
    assert small == [], name


def test_an_editors_day(browser: Browser, house: KeepingHouse, site: str) -> None:
    people_ask(house)
    context = browser.new_context(locale="vi-VN")
    context.set_default_timeout(10_000)
    name, token = house.cookie(house.add("minh", "editor"))
    context.add_cookies([{"name": name, "value": token, "url": site}])
    asked: list[str] = []
    complaints: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    context.on("console", lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None)
    page = context.new_page()

    page.goto(f"{site}/can-bo/cau-hoi")
    expect(page.get_by_role("link", name="Câu hỏi", exact=True)).to_have_attribute("aria-current", "page")
    picture(page, "cau-hoi")
    house.asks("Chị Hoa hỏi giấy khuyết tật " + "nhiềulắm" * 20, "abstain", who="telegram:3", channel="telegram")
    page.reload()
    look(page, "questions")
    page.get_by_role("link", name=ASKED).click()
    picture(page, "mot-nhom")
    page.get_by_label("Câu chữ của tài liệu").fill("được hỗ trợ theo Điều 5")
    page.locator("#mau-sach").check()
    page.get_by_role("button", name="Lưu câu hỏi mẫu").click()
    expect(page.get_by_role("status")).to_have_text("Đã lưu câu hỏi mẫu.")
    page.get_by_label("Cần", exact=True).select_option(label="Thêm dòng danh bạ")
    page.get_by_label("Ghi chú").fill("Hỏi lại Sở xem ai phụ trách")
    page.locator("#viec-sach").check()
    page.get_by_role("button", name="Ghi việc").click()
    look(page, "question")
    page.get_by_role("link", name="Thêm từ người dân hay dùng").click()
    look(page, "word")
    page.goto(f"{site}/can-bo/cau-hoi/mau")
    look(page, "gold")
    page.get_by_role("link", name="Về các nhóm câu hỏi").click()
    page.get_by_role("link", name="1 việc cần làm").click()
    look(page, "needs")
    page.get_by_role("button", name="Đánh dấu đã xong").click()
    expect(page.get_by_role("button", name="Làm lại")).to_be_visible()

    page.get_by_role("link", name="Danh bạ", exact=True).click()
    picture(page, "danh-ba")
    look(page, "directory")
    page.goto(f"{site}/can-bo/danh-ba/hotlines")
    look(page, "hotlines")
    page.goto(f"{site}/can-bo/danh-ba/hotlines/111")
    look(page, "hotline")
    page.goto(f"{site}/can-bo/danh-ba/successions")
    look(page, "successions")
    house.store.gold.add("g1", None, "bình đẳng giới", "answer", (), BY)
    page.get_by_role("link", name="Sửa bình đẳng giới").click()
    page.get_by_label("Nay do ai làm").fill("Sở Tư pháp")
    look(page, "succession")
    page.get_by_role("button", name="Xem câu trả lời sẽ đổi thế nào").click()
    expect(page.get_by_text("Sở Tư pháp").last).to_be_visible()
    picture(page, "thu-cau-tra-loi")
    look(page, "preview")
    page.get_by_role("button", name="Lưu").click()
    expect(page.get_by_role("status")).to_contain_text("Đã lưu")
    page.goto(f"{site}/can-bo/danh-ba/provinces/ben-tre")
    look(page, "province")
    page.get_by_role("link", name="Báo cáo").click()
    picture(page, "bao-cao")
    look(page, "report")
    context.close()
    assert [url for url in asked if not url.startswith(site + "/")] == []
    assert complaints == []
