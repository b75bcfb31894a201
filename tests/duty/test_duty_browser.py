"""An officer at the desk in a real Chromium: somebody in danger arrives live, is taken, answered and closed; every page is looked at.

Screenshots lie in var/screenshots/ afterwards.
"""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from datetime import time as day_time
from pathlib import Path

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from duty_house import DeskHouse, make_desk
from playwright.sync_api import Browser, BrowserContext, Page, expect
from real_pages import weight

from bot.duty.live import Live
from knowledge.store import Absence, Account, Holiday, Shift, Store, sqlite_url

pytestmark = pytest.mark.e2e

SCREENSHOTS = Path(__file__).parents[2] / "var" / "screenshots"
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 800}
LONG = '{"text": "Gọi ngay 113. Bạn ở gần lối ra, tránh bếp. ' + "Có người đang được báo. " * 15 + '", "hotlines": [{"phone": "113"}]}'


def wall() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def real(empty_database: Path, tmp_path: Path) -> Iterator[tuple[DeskHouse, str]]:
    """A desk behind a real server, on the wall's clock; its address."""
    path = tmp_path / "trogiup.db"
    shutil.copy(empty_database, path)
    store = Store.open(sqlite_url(path), wall)
    house = make_desk(store, wall, Live(lambda: store.desk.pulse(4), every=0.1, stream_s=5))
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(house.app, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
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


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What the console said and what went wrong in a page: nothing."""
    found: list[str] = []
    yield found
    assert found == []


def at_desk(browser: Browser, house: DeskHouse, site: str, account: Account, complaints: list[str], *, script: bool = True) -> Page:
    context: BrowserContext = browser.new_context(viewport=PHONE, locale="vi-VN", java_script_enabled=script)  # type: ignore[arg-type]
    context.set_default_timeout(10_000)
    name, token = house.cookie(account)
    context.add_cookies([{"name": name, "value": token, "url": site}])
    context.on("request", lambda request: complaints.append(request.url) if not request.url.startswith(f"{site}/") else None)
    context.on("console", lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None)
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    page = context.new_page()
    page.goto(f"{site}/truc")
    return page


def look(page: Page, name: str, *, axe: bool = True) -> None:
    """At both widths, in light and dark: nothing sticks out, nothing to tap is too small, axe-core finds nothing (where `axe`)."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for size, viewport, scheme in (("phone", PHONE, "dark"), ("desktop", DESKTOP, "light"), ("phone", PHONE, "light")):
        page.set_viewport_size(viewport)  # type: ignore[arg-type]
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.screenshot(path=SCREENSHOTS / f"duty-{name}-{size}-{scheme}.png", full_page=size == "desktop" or scheme == "dark")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (name, size)
        if axe and (size, scheme) != ("phone", "light"):
            results = Axe().run(page)
            assert results.violations_count == 0, results.generate_report()
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, .field input, select, summary, .check, .button, nav a, .edit a, .whole")]
             .map(node => [node.textContent.trim() || node.name, node.getBoundingClientRect()])
             .filter(([, box]) => box.width && (box.height < 44 || box.width < 44)).map(([name]) => name)"""
    )
    assert small == [], name


def test_danger_arrives_live_is_taken_answered_and_closed(browser: Browser, real: tuple[DeskHouse, str], complaints: list[str]) -> None:
    house, site = real
    lan = house.add("lan", "duty_officer", on_duty=True, name="Nguyễn Thị Lan")
    mai = house.add("mai", "duty_officer", name="Trần Mai")
    house.writes("cho tôi gặp cán bộ", who="a", risk=0, kind="handover", province="Cà Mau")
    worried = house.writes("con tôi hay buồn", who="b", risk=1, kind="suicide", voice="adult")
    house.store.duty.take(worried, mai.account_id)
    house.writes("nó dọa giết cả nhà", who="c", risk=3, kind="other_violence", province="Đồng Nai")
    page = at_desk(browser, house, site, lan, complaints)
    expect(page.locator("[data-case]")).to_have_count(3)
    assert 20_000 < weight(page) <= 1_500_000
    page.get_by_role("button", name="Bật âm báo").click()
    expect(page.get_by_role("button", name="Tắt âm báo")).to_have_attribute("aria-pressed", "true")
    rang = int(page.locator("html").get_attribute("data-rang") or 0)

    case_id = house.writes("chồng tôi đang đánh tôi", who="d", answer=LONG, voice="adult")
    first = page.locator("[data-case]").first
    expect(first).to_contain_text(case_id)
    expect(first).to_contain_text("Nguy hiểm ngay")
    expect(page).to_have_title("(1) NGUY HIỂM NGAY")
    assert int(page.locator("html").get_attribute("data-rang") or 0) > rang
    assert "icon-alarm" in (page.locator('link[rel="icon"]').get_attribute("href") or "")
    expect(first.locator("time")).to_have_text("0:02")
    look(page, "queue")

    first.get_by_role("button", name="Nhận ca").click()
    expect(page.get_by_role("status").filter(has_text="Anh/chị đã nhận ca")).to_be_visible()
    expect(page).to_have_title(f"{case_id} – Trợ Giúp – nội bộ")
    page.locator(".long summary").click()
    page.get_by_text("Câu soạn sẵn").click()
    page.get_by_role("link", name="Hỏi lúc này có an toàn không").click()
    box = page.get_by_label("Trả lời", exact=True)
    expect(box).to_have_value("Ngay lúc này anh/chị có được an toàn không? Anh/chị trả lời “có” hoặc “không” là được.")
    expect(box).to_be_focused()

    house.writes("tôi đang ở trong phòng tắm", who="d")  # the draft stays while a message comes
    expect(page.get_by_role("log")).to_contain_text("tôi đang ở trong phòng tắm")
    assert box.input_value().startswith("Ngay lúc này")
    assert in_view(page, ".by-citizen")
    expect(page.locator(".long")).to_have_attribute("open", "")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("log")).to_contain_text("Ngay lúc này anh/chị có được an toàn không?")
    look(page, "case", axe=False)
    for part in ("Ghi chú riêng", "Thông tin liên hệ an toàn", "Đóng ca", "Chuyển cho…", "Phiếu tiếp nhận", "Diễn biến"):
        page.locator("summary", has_text=part).click()
    look(page, "case-open")

    house.writes("công an đến rồi", who="d")
    expect(page.get_by_role("log")).to_contain_text("công an đến rồi")
    page.get_by_label("Kết quả").select_option(label="Đã chuyển công an")
    page.get_by_label("Ghi thêm").last.fill("Công an xã đã tới lúc 10 giờ")
    page.get_by_role("button", name="Đóng ca").click()
    expect(page).to_have_url(f"{site}/truc")
    assert house.store.cases.get(case_id).outcome_code == "police"
    page.get_by_role("link", name="Đóng hôm nay 1").click()
    expect(page.locator("[data-case]")).to_contain_text("Nguyễn Thị Lan đã đóng")
    look(page, "closed", axe=False)
    page.context.close()


def in_view(page: Page, selector: str) -> bool:
    """Whether the last such line shows in the conversation."""
    return bool(
        page.evaluate(
            """selector => {
              const box = [...document.querySelectorAll(selector)].at(-1).getBoundingClientRect();
              const place = document.getElementById("cuon").getBoundingClientRect();
              return box.top >= place.top - 1 && box.bottom <= place.bottom + 1;
            }""",
            selector,
        )
    )


def test_two_officers_and_one_case(browser: Browser, real: tuple[DeskHouse, str], complaints: list[str]) -> None:
    house, site = real
    lan, mai = (house.add(name, "duty_officer", on_duty=True, name=name.title()) for name in ("lan", "mai"))
    case_id = house.writes("cứu tôi với")
    first, second = (at_desk(browser, house, site, account, complaints) for account in (lan, mai))
    second.goto(f"{site}/truc/ca/{case_id}")
    first.get_by_role("button", name="Nhận ca").click()
    expect(first.get_by_text("Anh/chị đang giữ")).to_be_visible()
    expect(second.get_by_text("Lan đang giữ")).to_be_visible()  # by itself
    expect(second.get_by_role("button", name="Nhận ca")).to_have_count(0)
    first.get_by_label("Trả lời", exact=True).fill("Chào chị")
    house.store.duty.transfer(case_id, lan.account_id, mai.account_id)
    expect(first.get_by_text("Ca này vừa đổi.")).to_be_visible()
    expect(first.get_by_label("Trả lời", exact=True)).to_have_value("Chào chị")
    first.get_by_role("button", name="Gửi").click()
    expect(first.get_by_role("heading", level=1)).to_have_text("Ca đã có người nhận")
    look(first, "refused")
    for page in (first, second):
        page.context.close()


def test_without_javascript(browser: Browser, real: tuple[DeskHouse, str], complaints: list[str]) -> None:
    house, site = real
    lan = house.add("lan", "duty_officer", on_duty=True)
    for number in range(12):
        house.writes(f"tin thứ {number}", who="d")
    page = at_desk(browser, house, site, lan, complaints, script=False)
    page.get_by_role("button", name="Nhận ca").click()
    newest = page.get_by_text("tin thứ 11")
    expect(newest).to_be_in_viewport()
    page.locator("summary", has_text="Câu soạn sẵn").click()
    page.get_by_role("link", name="Vẫn đang ở đây").click()
    page.get_by_role("button", name="Gửi").click()
    expect(page.get_by_role("log")).to_contain_text("Tôi vẫn ở đây.")
    page.get_by_role("link", name="Sửa tin này").click()
    page.get_by_label("Sửa tin đã gửi").fill("Tôi đang ở đây.")
    page.get_by_role("button", name="Gửi bản sửa").click()
    expect(page.get_by_role("log")).to_contain_text("(đã sửa)")
    page.context.close()


def test_the_roster(browser: Browser, real: tuple[DeskHouse, str], complaints: list[str]) -> None:
    house, site = real
    lan, mai = (house.add(name, "duty_officer", name=full) for name, full in (("lan", "Nguyễn Thị Lan"), ("mai", "Trần Mai")))
    boss = house.add("boss", "administrator", name="Lê Văn Bình")
    roster, monday = house.store.roster, datetime(2030, 5, 6).date()
    roster.add_shift(Shift(lan.account_id, day_time(7), day_time(17, 30), weekdays=("mon", "tue", "wed", "thu", "fri"), on_holidays=True))
    roster.add_shift(Shift(mai.account_id, day_time(17, 30), day_time(7), weekdays=("mon", "wed", "fri"), provinces=("Cà Mau", "Đồng Nai")))
    roster.add_absence(Absence(lan.account_id, datetime(2030, 5, 8, tzinfo=UTC), datetime(2030, 5, 9, tzinfo=UTC)))
    roster.add_holiday(Holiday(monday + timedelta(days=1), "Giỗ Tổ Hùng Vương"))
    page = at_desk(browser, house, site, boss, complaints)
    page.goto(f"{site}/truc/lich?tuan={monday}")
    look(page, "roster", axe=False)
    page.get_by_text("Thêm ca hằng tuần").click()
    page.get_by_label("Ai").first.select_option(label="Trần Mai")
    page.get_by_label("Thứ bảy").check()
    page.get_by_label("Từ", exact=True).first.fill("07:00")
    page.get_by_label("Đến", exact=True).first.fill("17:00")
    page.get_by_label("Chỉ phụ trách").first.fill("Atlantis")
    page.get_by_role("button", name="Thêm", exact=True).first.click()
    expect(page.get_by_role("alert")).to_contain_text("Atlantis")
    look(page, "roster-add")
    page.get_by_label("Chỉ phụ trách").first.fill("Cà Mau")
    page.get_by_role("button", name="Thêm", exact=True).first.click()
    expect(page.get_by_role("status").filter(has_text="Đã thêm.")).to_be_visible()
    expect(page.locator(".day").nth(5)).to_contain_text("07:00–17:00 Trần Mai")
    page.context.close()
    other = at_desk(browser, house, site, lan, complaints)
    other.goto(f"{site}/truc/thong-ke")
    look(other, "stats")
    other.context.close()
