"""Signing in with a telephone's code in a real Chromium, and every page of accounts looked at: phone and desktop, light and dark, axe-core.

Screenshots lie in var/screenshots/ afterwards; with TROGIUP_PICTURES=1 it makes pictures of docs/can-bo.vi.md.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from openid_provider import CLIENT, SECRET, provider_running
from playwright.sync_api import Browser, Page, expect
from real_pages import picture
from staff_house import BY, PASSWORD, House, make_house

from bot.staff.openid import OfficeLogin
from knowledge.store import Actor, Store, Subject, sqlite_url

pytestmark = pytest.mark.e2e

SCREENSHOTS = Path(__file__).parents[2] / "var" / "screenshots"
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 800}
NEW = "gà gáy sáng rồi"


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, str]]:
    """A house with people in it behind a real server, on the wall's clock, with an office's log-in; its address."""
    with provider_running(lambda: datetime.now(UTC)) as provider:
        office = OfficeLogin(provider.issuer, CLIENT, SECRET, lambda: datetime.now(UTC))
        yield from serving(tmp_path_factory, office)


def serving(tmp_path_factory: pytest.TempPathFactory, office: OfficeLogin) -> Iterator[tuple[House, str]]:
    store = Store.open(sqlite_url(tmp_path_factory.mktemp("staff") / "trogiup.db"), lambda: datetime.now(UTC))
    house = make_house(store, lambda: datetime.now(UTC), office)
    house.add("boss", "administrator", "duty_officer", first=True)
    for name, roles in (("minh", ("editor",)), ("hoa", ("approver", "collaborator")), ("cuong", ("duty_officer",))):
        house.add(name, *roles)
    minh = store.accounts.by_username("minh").account_id
    store.identities.bind(minh, office.issuer, subject="", email="lan.nguyen@soyte.gov.vn", by=BY)
    store.accounts.disable(store.accounts.by_username("hoa").account_id, BY)
    store.audit.record(Actor(store.accounts.by_username("cuong").account_id, "203.0.113.x"), "looked", Subject("case", "TG-23AC45"))
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(house.app, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.started
    yield house, f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=10)
    store.close()


def look(page: Page, name: str) -> None:
    """At both widths, in light and dark: nothing sticks out, nothing to tap is too small, axe-core finds nothing."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for size, viewport, scheme in (("phone", PHONE, "dark"), ("desktop", DESKTOP, "light"), ("phone", PHONE, "light")):
        page.set_viewport_size(viewport)  # type: ignore[arg-type]
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.screenshot(path=SCREENSHOTS / f"staff-{name}-{size}-{scheme}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (name, size)
        if (size, scheme) != ("phone", "light"):
            results = Axe().run(page)
            assert results.violations_count == 0, results.generate_report()
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, .field input, select, summary, .check, .button, nav a")]
             .map(node => [node.textContent.trim() || node.name, node.getBoundingClientRect()])
             .filter(([, box]) => box.width && (box.height < 44 || box.width < 44)).map(([name]) => name)"""
    )
    assert small == [], name


def test_signing_in_on_a_phone_and_every_page(browser: Browser, real: tuple[House, str]) -> None:
    house, site = real
    context = browser.new_context(viewport=PHONE, locale="vi-VN")
    context.set_default_timeout(10_000)
    asked: list[str] = []
    complaints: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    context.on("console", lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None)
    page = context.new_page()

    def enter(label: str, words: str) -> None:
        page.get_by_label(label, exact=True).fill(words)

    page.goto(f"{site}/quan-tri/tai-khoan")
    expect(page.get_by_label("Tên đăng nhập")).to_be_focused()
    page.keyboard.type("boss")
    page.keyboard.press("Tab")
    page.keyboard.type("sai rồi nhé bạn")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("không đúng")
    expect(page.get_by_label("Mật khẩu")).to_be_focused()
    look(page, "login")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("Đặt mật khẩu của riêng mình")
    look(page, "new-password")
    enter("Mật khẩu mới", NEW)
    enter("Nhập lại mật khẩu mới", NEW)
    page.get_by_role("button", name="Đặt mật khẩu").click()

    expect(page.get_by_role("img", name="Mã QR")).to_be_visible()
    page.get_by_text("Không quét được?").click()
    secret = (page.locator("code.secret").text_content() or "").replace(" ", "")
    look(page, "second-factor")
    enter("Mã 6 số", house.code(secret, -1))
    page.get_by_role("button", name="Bật hai bước").click()
    expect(page.locator(".codes li")).to_have_count(10)
    recovery = page.locator(".codes li").first.text_content() or ""
    look(page, "recovery-codes")
    page.get_by_role("link", name="Tôi đã cất các mã").click()
    expect(page).to_have_url(f"{site}/quan-tri/tai-khoan")

    # Once more, with the code of the telephone, then with a recovery code.
    for field, button, code in (("Mã 6 số", "Xác nhận", house.code(secret)), ("Mã dự phòng", "Dùng mã dự phòng", recovery)):
        page.get_by_role("button", name="Đăng xuất", exact=True).click()
        enter("Tên đăng nhập", "boss")
        enter("Mật khẩu", NEW)
        page.keyboard.press("Enter")
        page.get_by_text("Không có điện thoại bên mình?").click()
        look(page, "code")
        enter(field, code)
        page.get_by_role("button", name=button).click()
        expect(page).to_have_url(f"{site}/truc")
        page.goto(f"{site}/tai-khoan")

    expect(page.get_by_text("Còn 9 mã dự phòng")).to_be_visible()
    look(page, "account")
    page.get_by_role("link", name="Người dùng").click()
    expect(page.get_by_role("link", name="Người dùng")).to_have_attribute("aria-current", "page")
    look(page, "accounts")
    page.get_by_text("Thêm tài khoản").click()
    enter("Tên đăng nhập", "thao.le")
    enter("Họ tên", "Lê Thị Thảo")
    page.get_by_label("Cán bộ trực").check()
    look(page, "accounts-add")
    page.get_by_role("button", name="Thêm và tạo mật khẩu").click()
    expect(page.locator("code.secret")).to_be_visible()
    look(page, "first-password")
    page.get_by_role("link", name="Về danh sách").click()
    page.get_by_role("link", name="Sửa Lê Thị Thảo").click()
    look(page, "account-edit")
    page.locator("section", has=page.locator("#co-quan")).locator("p").first.evaluate(
        "(it, address) => { it.textContent = it.textContent.replace(/http:\\S+(?=,)/, address) }", "https://dang-nhap.tinh.vn"
    )
    picture(page, "gan-co-quan", "h2:has-text('Tài khoản cơ quan')")
    page.get_by_role("link", name="Nhật ký").click()
    look(page, "audit")
    page.get_by_label("Việc").select_option(label="Thêm tài khoản")
    page.get_by_role("button", name="Tìm").click()
    expect(page.locator(".rows li").first).to_contain_text("Lê Thị Thảo")
    with page.expect_download() as download:
        page.get_by_role("link", name="Tải về (CSV)").click()
    assert download.value.suggested_filename == "nhat-ky.csv"
    context.close()
    assert [url for url in asked if not url.startswith(site + "/")] == []
    assert complaints == []


def test_signing_in_with_the_office_s_account(browser: Browser, real: tuple[House, str]) -> None:
    _, site = real
    context = browser.new_context(viewport=PHONE, locale="vi-VN")
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.goto(f"{site}/tai-khoan")
    picture(page, "dang-nhap")
    page.get_by_role("link", name="Đăng nhập bằng tài khoản cơ quan").click()
    expect(page).to_have_url(f"{site}/tai-khoan")
    expect(page.get_by_text("Nguyễn Minh").first).to_be_visible()
    context.close()
