"""The pages in a real Chromium, as a person meets them: phone and desktop, keyboard, without JavaScript, a lost network, axe-core.

Screenshots of what was looked at lie in var/screenshots/ afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect
from real_pages import Opener, pages_of, served
from web_fakes import QUOTE, FakeConversation, FakeLibrary, make_app

pytestmark = pytest.mark.e2e

SCREENSHOTS = Path(__file__).parents[2] / "var" / "screenshots"
PHONE = {"width": 390, "height": 844}
SMALL = {"width": 320, "height": 568}
DESKTOP = {"width": 1280, "height": 800}
API = "**/api/v1/messages"
FIGURE, DANGER, UNKNOWN = "Đồng Nai có bao nhiêu cơ sở trợ giúp xã hội?", "chồng đánh tôi", "Làm hộ chiếu ở đâu?"


@pytest.fixture(scope="module")
def conversation() -> FakeConversation:
    return FakeConversation(FakeLibrary())


@pytest.fixture(scope="module")
def site(conversation: FakeConversation) -> Iterator[str]:
    with served(make_app(conversation, conversation.library)) as address:
        yield address


@pytest.fixture
def open_page(browser: Browser, site: str) -> Iterator[Opener]:
    with pages_of(site, browser, viewport=PHONE) as opener:
        yield opener


def ask(page: Page, text: str) -> Any:
    """Sends a question as a person does and waits for its answer."""
    before = page.locator(".reply").count()
    page.get_by_label("Câu hỏi của bạn").fill(text)
    page.keyboard.press("Enter")
    answer = page.locator(".reply").nth(before)
    expect(answer).to_be_visible()
    return answer


def assert_accessible(page: Page) -> None:
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


def assert_nothing_sticks_out(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def in_view(page: Page, selector: str) -> bool:
    """Whether the first such element shows between the sticky top and the sticky form."""
    return bool(
        page.evaluate(
            """selector => {
              const box = document.querySelector(selector).getBoundingClientRect();
              const top = document.querySelector(".top").getBoundingClientRect().bottom;
              return box.top >= top - 1 && box.top < window.innerHeight;
            }""",
            selector,
        )
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("size", "viewport"), [("phone", PHONE), ("small", SMALL), ("desktop", DESKTOP)])
def test_every_view_fits_and_passes_axe(open_page: Opener, site: str, size: str, viewport: dict[str, int], scheme: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page = open_page(viewport=viewport, color_scheme=scheme)

    def look(name: str) -> None:
        assert_nothing_sticks_out(page)
        page.screenshot(path=SCREENSHOTS / f"{name}-{size}-{scheme}.png")
        assert_accessible(page)

    look("chat")
    for name, question in (("answer", FIGURE), ("abstain", UNKNOWN), ("clarify", "Hỏi ở tỉnh nào?"), ("urgent", DANGER)):
        ask(page, question)
        look(name)
    start = FakeLibrary().document("d735").text.index(QUOTE)
    for name, path in (
        ("document", f"/tai-lieu/d735?tu={start}&den={start + len(QUOTE)}#trich"),
        ("document-top", "/tai-lieu/d735?tu=7&den=3"),
        ("documents", "/tai-lieu"),
        ("missing", "/tai-lieu/khong-co"),
        ("exit", "/thoat"),
    ):
        page.goto(site + path)
        look(name)


def test_everything_to_tap_is_large_enough(open_page: Opener) -> None:
    page = open_page()
    ask(page, FIGURE)
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, .strip a, .bar a, .call, .sources a, summary, textarea")]
             .map(node => [node.textContent.trim(), node.getBoundingClientRect()])
             .filter(([, box]) => box.width && (box.height < 44 || box.width < 44)).map(([name]) => name)"""
    )
    assert small == []


def test_a_cited_answer_leads_to_its_words(open_page: Opener) -> None:
    page = open_page()
    answer = ask(page, FIGURE)
    expect(answer).to_contain_text("16 cơ sở trợ giúp xã hội")
    assert answer.locator(".call").get_attribute("href") == "tel:111"
    with page.context.expect_page() as opened:
        answer.get_by_role("link", name="2735/KH-UBND, Đồng Nai").click()
    document = opened.value
    document.wait_for_load_state()
    assert document.locator("mark#trich").text_content() == QUOTE
    assert in_view(document, "#trich")
    expect(page.locator(".reply")).to_have_count(1)


def test_an_urgent_answer_is_announced_at_once_and_seen_from_its_first_line(open_page: Opener) -> None:
    page = open_page()
    for _ in range(2):
        ask(page, FIGURE)
    page.evaluate("window.scrollTo(0, 0)")
    page.get_by_label("Câu hỏi của bạn").fill(DANGER)
    page.get_by_role("button", name="Gửi", exact=True).click()
    alarm = page.get_by_role("alert").filter(has_text="113")
    expect(alarm).to_contain_text("Khẩn cấp – hãy gọi ngay. Gọi 113, Công an.")
    assert in_view(page, ".urgent-label")
    assert page.locator(".urgent .call").first.get_attribute("href") == "tel:113"


def test_both_ways_show_the_same(open_page: Opener) -> None:
    """What chat.js builds and what the server renders must not drift apart."""
    shape = """node => {
      const squeezed = text => text.trim().replace(/\\s+/g, " ");
      const names = ["class", "href", "target", "value", "form", "formnovalidate", "aria-label"];
      const walk = n => n.nodeType === 3 ? squeezed(n.textContent)
        : [n.tagName, ...names.map(name => n.getAttribute(name)), [...n.childNodes].map(walk).filter(Boolean)];
      return walk(node);
    }"""
    scripted, plain = open_page(), open_page(java_script_enabled=False)
    for question in (FIGURE, DANGER, UNKNOWN, "Hỏi ở tỉnh nào?", "<b>"):
        answer = ask(scripted, question).evaluate(shape)
        plain.get_by_label("Câu hỏi của bạn").fill(question)
        plain.get_by_role("button", name="Gửi", exact=True).click()
        rendered = plain.locator(".reply")
        expect(rendered).to_have_count(1)
        assert rendered.evaluate(shape) == answer


def test_without_javascript(open_page: Opener, conversation: FakeConversation) -> None:
    page = open_page(java_script_enabled=False)
    page.get_by_role("button", name=FIGURE).click()
    expect(page.locator(".mine")).to_contain_text(FIGURE)
    expect(page.locator(".reply")).to_contain_text("16 cơ sở")
    page.get_by_role("button", name="Còn ở Cà Mau?").click()
    expect(page.locator(".mine")).to_contain_text("Còn ở Cà Mau?")
    assert len({asked[0] for asked in conversation.asked[-2:]}) == 1
    page.screenshot(path=SCREENSHOTS / "no-javascript-phone-light.png")
    page.get_by_role("link", name="Thoát nhanh").click()
    expect(page).to_have_title("Trang mới")


def test_by_keyboard_alone(open_page: Opener) -> None:
    page = open_page(viewport=DESKTOP)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    box = page.get_by_label("Câu hỏi của bạn")
    expect(box).to_be_focused()
    page.keyboard.type("Đồng Nai có bao nhiêu")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("cơ sở?")
    expect(box).to_have_value("Đồng Nai có bao nhiêu\ncơ sở?")
    page.keyboard.press("Enter")
    expect(page.locator(".reply")).to_be_visible()
    expect(box).to_be_focused()
    expect(box).to_have_value("")
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("button", name="Ai được nhận vào cơ sở trợ giúp xã hội?")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".reply")).to_have_count(2)


def test_enter_while_a_letter_is_put_together_does_not_send(open_page: Opener) -> None:
    page = open_page()
    box = page.get_by_label("Câu hỏi của bạn")
    box.fill("Đồng Na")
    box.dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    expect(page.locator(".turn")).to_have_count(0)
    expect(box).to_have_value("Đồng Na")


def test_a_lost_network_is_tried_again_with_the_same_message(open_page: Opener, conversation: FakeConversation) -> None:
    page = open_page()
    lost: list[str] = []

    def lose_twice(route: Route) -> None:
        lost.append(route.request.post_data_json["message_id"])
        if len(lost) == 1:
            route.abort("connectionreset")
        elif len(lost) == 2:
            route.fulfill(status=429, headers={"Retry-After": "1"}, json={"detail": "chậm"})
        else:
            route.fallback()

    page.route(API, lose_twice)
    page.get_by_label("Câu hỏi của bạn").fill(FIGURE)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("gửi lại")
    expect(page.locator(".reply")).to_be_visible()
    expect(page.locator("#waiting")).to_be_empty()
    assert len(lost) == 3
    assert {*lost} == {conversation.asked[-1][2]}


def test_what_could_not_be_sent_can_be_sent_again(open_page: Opener) -> None:
    page = open_page()
    page.clock.install()
    ids: list[str] = []
    page.route(API, lambda route: (ids.append(route.request.post_data_json["message_id"]), route.abort())[1])
    page.get_by_label("Câu hỏi của bạn").fill(FIGURE)
    page.keyboard.press("Enter")
    again = page.get_by_role("button", name="Gửi lại")
    for _ in range(30):
        page.clock.run_for(1000)
        if again.count():
            break
    expect(again).to_be_visible()
    assert_accessible(page)
    page.unroute(API)
    with page.expect_request(API) as sent:
        again.click()
    expect(page.locator(".reply")).to_be_visible()
    assert {*ids, sent.value.post_data_json["message_id"]} == {ids[0]}


def test_a_refusal_is_shown_in_its_own_words(open_page: Opener) -> None:
    page = open_page()
    page.route(API, lambda route: route.fulfill(status=400, json={"detail": "Câu hỏi không đọc được."}))
    page.get_by_label("Câu hỏi của bạn").fill("x")
    page.keyboard.press("Enter")
    expect(page.locator(".error")).to_have_text("Câu hỏi không đọc được.")


def test_hostile_words_stay_words(open_page: Opener) -> None:
    page = open_page()
    answer = ask(page, "<img src=x onerror=alert(1)>")
    assert answer.locator("script, img").count() == 0
    expect(page.locator(".mine").last).to_have_text("Bạn<img src=x onerror=alert(1)>")


def test_the_counter_shows_near_the_end_and_the_end_holds(open_page: Opener) -> None:
    page = open_page()
    box = page.get_by_label("Câu hỏi của bạn")
    box.fill("a" * 3000)
    expect(page.locator("#counter")).to_be_hidden()
    box.fill("a" * 3990)
    expect(page.locator("#counter")).to_have_text("Còn 10 ký tự")
    box.press_sequentially("b" * 12)
    assert len(box.input_value()) == 4000


def test_a_reader_further_up_is_left_there(open_page: Opener) -> None:
    page = open_page()
    for _ in range(3):
        ask(page, FIGURE)
    page.route(API, lambda route: (page.evaluate("window.scrollTo(0, 0)"), route.fallback())[1])
    ask(page, FIGURE)
    assert page.evaluate("window.scrollY") == 0


@pytest.mark.parametrize("way", ["button", "keys"])
def test_the_quick_exit_leaves_no_way_back(open_page: Opener, site: str, way: str) -> None:
    page = open_page()
    ask(page, DANGER)
    other = page.context.new_page()
    other.goto(f"{site}/tai-lieu/d735")
    if way == "button":
        page.get_by_role("link", name="Thoát nhanh").click()
    else:
        for _ in range(3):
            page.keyboard.press("Shift")
    for left in (page, other):
        expect(left).to_have_title("Trang mới")
        expect(left.get_by_text("đánh")).to_have_count(0)
    page.go_back()
    assert DANGER not in page.content()


def test_nothing_is_kept_in_the_browser(open_page: Opener) -> None:
    page = open_page()
    ask(page, DANGER)
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
    page.reload()
    assert DANGER not in page.content()


def test_a_phone_on_its_side_keeps_room_to_read(open_page: Opener) -> None:
    page = open_page(viewport={"width": 640, "height": 320})
    ask(page, FIGURE)
    assert page.evaluate("[...document.querySelectorAll('.top, .ask')].map(n => getComputedStyle(n).position)") == ["static", "static"]


def test_printing_leaves_out_what_is_for_the_screen(open_page: Opener) -> None:
    page = open_page("/tai-lieu/d735?tu=40&den=90")
    page.emulate_media(media="print")
    expect(page.locator(".top")).to_be_hidden()
    expect(page.locator(".fulltext")).to_be_visible()
