"""The whole thing as two people meet it in a real Chromium: somebody in danger on a phone, an officer at the desk, the whole house between.

The house has no index and no Rasa, as on its worst day. Screenshots lie in var/screenshots/ afterwards.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from bot.serve import house
from bot.services import Services
from bot.settings import Settings
from bot.staff.guard import COOKIE
from knowledge.store import Actor, Store

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "var" / "screenshots"
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 800}
DANGER = "Chồng em đang cầm dao đòi giết em, cứu em với"


@dataclass
class Site:
    """A running house."""

    address: str
    store: Store

    def officer(self, name: str) -> tuple[str, str]:
        """Somebody on duty, and the value of the cookie that the log-in would set."""
        account = self.store.accounts.add(secrets.token_hex(4), name, ["duty_officer"], "x", by=Actor())
        self.store.accounts.set_password(account.account_id, "x", must_change=False, by=Actor())
        self.store.accounts.offer_totp(account.account_id, pyotp.random_base32())
        self.store.accounts.confirm_totp(account.account_id, 0, [], Actor())
        token = secrets.token_hex(16)
        about = {"csrf_secret": secrets.token_hex(16), "second_factor": True, "address": None, "browser": None}
        expires_at = account.created_at + timedelta(hours=2)
        self.store.sessions.open(hashlib.sha256(token.encode()).hexdigest(), account.account_id, expires_at=expires_at, **about)  # type: ignore[arg-type]
        return account.account_id, token


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The whole house in a thread, with its dispatcher and its journal, behind a real server."""
    services = Services.open(Settings.load({"TROGIUP_HOME": str(tmp_path_factory.mktemp("home"))}, ROOT))
    listening = socket.create_server(("127.0.0.1", 0))
    started, ends = threading.Event(), threading.Event()

    async def live() -> None:
        async with house(services, lambda line: None, with_rasa=False) as running:
            config = uvicorn.Config(running.app, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
            server = uvicorn.Server(config)
            server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
            serving = asyncio.create_task(server.serve(sockets=[listening]))
            while not server.started:
                await asyncio.sleep(0.02)
            started.set()
            await asyncio.to_thread(ends.wait)
            server.should_exit = True
            await serving

    thread = threading.Thread(target=lambda: asyncio.run(live()), daemon=True)
    thread.start()
    assert started.wait(60)
    yield Site(f"http://127.0.0.1:{listening.getsockname()[1]}", services.store)
    ends.set()
    thread.join(timeout=15)
    services.close()


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What the console said and what went wrong in a page: nothing."""
    found: list[str] = []
    yield found
    assert found == []


def person(browser: Browser, site: Site, complaints: list[str], path: str = "/", *, token: str | None = None, script: bool = True) -> Page:
    context: BrowserContext = browser.new_context(
        viewport=DESKTOP if token else PHONE,  # type: ignore[arg-type]
        locale="vi-VN",
        java_script_enabled=script,
    )
    context.set_default_timeout(15_000)
    expect.set_options(timeout=15_000)
    if token:
        context.add_cookies([{"name": COOKIE, "value": token, "url": site.address}])
    context.on("request", lambda request: complaints.append(request.url) if not request.url.startswith(f"{site.address}/") else None)
    context.on("console", lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None)
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    page = context.new_page()
    page.goto(site.address + path)
    return page


def write(page: Page, text: str) -> None:
    page.get_by_label("Câu hỏi của bạn").fill(text)
    page.keyboard.press("Enter")


def look(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"two-{name}.png")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


def test_from_the_message_of_danger_to_the_assistant_that_is_back(browser: Browser, site: Site, complaints: list[str]) -> None:
    officer, token = site.officer("Nguyễn Thị Lan")
    desk = person(browser, site, complaints, "/truc", token=token)
    citizen = person(browser, site, complaints)
    log = citizen.get_by_role("log")

    write(citizen, DANGER)
    urgent = citizen.locator(".reply.urgent")
    expect(urgent.locator(".call").first).to_contain_text("113")
    case_id = urgent.locator(".case b").inner_text()
    expect(citizen.locator(".notice").first).to_contain_text("Lúc này không có cán bộ trực")  # nobody is on the roster: said at once

    row = desk.locator("[data-case]").filter(has_text=case_id)
    expect(row).to_contain_text("Nguy hiểm ngay")
    row.get_by_role("button", name="Nhận ca").click()
    expect(log).to_contain_text("Cán bộ trực Nguyễn Thị Lan đã vào cuộc trò chuyện")
    desk.get_by_label("Trả lời", exact=True).fill("Chào em, em đang o đâu?")
    desk.keyboard.press("Control+Enter")
    words = citizen.locator(".turn.officer")
    expect(words).to_contain_text("em đang o đâu?")
    (said,) = [sent for sent in site.store.outbox.after(site.store.cases.get(case_id).conversation_id) if sent.kind == "officer"]
    site.store.duty.say(case_id, officer, "Chào em, em đang ở đâu?", replaces=said.outgoing_id)
    expect(words).to_contain_text("em đang ở đâu?")  # in its place
    expect(words).to_contain_text("Đã sửa")
    expect(words).to_have_count(1)

    write(citizen, "em đang đợi ạ")
    expect(citizen.locator(".turn.mine").last).to_contain_text("Đã gửi")
    expect(citizen.locator(".turn.reply")).to_have_count(1)  # the assistant is silent
    expect(desk.get_by_role("log")).to_contain_text("em đang đợi ạ")
    look(citizen, "with-officer")

    citizen.reload()  # nothing is lost, and what comes still arrives
    for text in (DANGER, "em đang ở đâu?", "em đang đợi ạ"):
        expect(log).to_contain_text(text)
    site.store.duty.say(case_id, officer, "Công an đang tới.")
    expect(words.last).to_contain_text("Công an đang tới.")
    look(citizen, "reloaded")

    desk.locator("summary", has_text="Đóng ca").click()
    desk.get_by_label("Kết quả").select_option(label="Đã chuyển công an")
    desk.get_by_label("Ghi thêm").last.fill("Công an xã đã tới")
    desk.get_by_role("button", name="Đóng ca").click()
    expect(log).to_contain_text("Cán bộ trực đã rời cuộc trò chuyện")
    write(citizen, "Xin chào")
    expect(citizen.locator(".reply.smalltalk")).to_be_visible()

    citizen.reload()  # the case is closed: a page that is loaded anew shows nothing of it
    expect(citizen.locator(".examples")).to_be_visible()
    expect(citizen.locator(".turn")).to_have_count(0)
    sent = site.store.outbox.after(site.store.cases.get(case_id).conversation_id)
    assert all(row.delivered_at for row in sent[:-1])
    for page in (citizen, desk):
        page.context.close()


def test_the_network_is_lost_and_comes_back(browser: Browser, site: Site, complaints: list[str]) -> None:
    officer, _ = site.officer("Trần Mai")
    citizen = person(browser, site, complaints)
    write(citizen, "cho tôi gặp cán bộ")
    expect(citizen.locator(".reply.handover .case")).to_be_visible()
    case_id = citizen.locator(".reply.handover .case b").inner_text()
    expect(citizen.locator(".notice").first).to_contain_text("không có cán bộ trực")
    site.store.duty.take(case_id, officer)
    citizen.context.set_offline(True)
    site.store.duty.say(case_id, officer, "Chào bác, cháu nghe đây ạ.")
    citizen.context.set_offline(False)
    expect(citizen.locator(".turn.officer")).to_have_text("Cán bộ trựcChào bác, cháu nghe đây ạ.")
    citizen.get_by_role("link", name="Thoát nhanh").click()
    citizen.goto(site.address)
    expect(citizen.locator(".turn")).to_have_count(0)  # the next one at this phone sees nothing
    citizen.context.close()


def test_without_javascript_by_loading_again(browser: Browser, site: Site, complaints: list[str]) -> None:
    officer, _ = site.officer("Lê Hoa")
    citizen = person(browser, site, complaints, script=False)
    citizen.get_by_label("Câu hỏi của bạn").fill(DANGER)
    citizen.get_by_role("button", name="Gửi", exact=True).click()
    expect(citizen.locator(".reply.urgent .call").first).to_contain_text("113")
    case_id = citizen.locator(".reply.urgent .case b").inner_text()
    while not any(case.case_id == case_id for case in site.store.cases.list()):
        citizen.wait_for_timeout(50)
    site.store.duty.take(case_id, officer)
    site.store.duty.say(case_id, officer, "Chị nghe đây.")
    citizen.get_by_label("Câu hỏi của bạn").fill("chị ơi")
    citizen.get_by_role("button", name="Gửi", exact=True).click()
    expect(citizen.locator(".turn.officer")).to_contain_text("Chị nghe đây.")
    expect(citizen.locator(".turn.mine").last).to_contain_text("Đã gửi")
    site.store.duty.say(case_id, officer, "Khóa cửa lại nhé.")
    citizen.get_by_role("link", name="Xem có tin mới không").click()
    expect(citizen.locator(".turn.officer").last).to_contain_text("Khóa cửa lại nhé.")
    citizen.context.close()
