"""The pages of /tra-cuu over HTTP, and in a real Chromium: as one types, the list, and without a network."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from fastapi import FastAPI
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, expect

from bot.api import build_app
from bot.gateway import Gateway
from bot.services import Services

SCREENSHOTS = Path(__file__).parents[2] / "var" / "screenshots"
HEAVIEST = 300_000
"""Bytes of a first load."""


@pytest.fixture(scope="module")
def app(opened: Services) -> FastAPI:
    return build_app(opened, Gateway(opened.gateway_parts(), None), lambda: {"rasa": "off"})


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app, headers={"Accept": "text/html"})


def first_passage(opened: Services) -> str:
    return opened.answerer().retriever.snapshot.collection.documents[0].passages[3].passage_id


def test_without_javascript_a_search_is_a_page(client: TestClient) -> None:
    page = client.get("/tra-cuu", params={"q": "trẻ em mồ côi", "tinh-nao": "Hưng Yên", "nam": "2015"})
    assert page.status_code == 200
    assert page.text.count('<article class="found"') > 1
    assert "<mark>" in page.text
    assert '<option value="Hưng Yên" selected>' in page.text


def test_the_fragment_is_the_results_alone(client: TestClient) -> None:
    fragment = client.get("/tra-cuu/ket-qua", params={"q": "trẻ em"}).text
    assert "<html" not in fragment
    assert '<article class="found"' in fragment
    assert "Không có đoạn nào" in client.get("/tra-cuu/ket-qua", params={"q": "qwzx", "nam": "1999"}).text


@pytest.mark.parametrize(
    "query",
    [
        {"q": "<script>alert(1)</script>"},
        {"q": "'; DROP TABLE documents; --", "chu-de": "'", "loai": "<b>"},
        {"q": "a" * 5000},
        {"q": "trẻ em", "nam": "²²²²", "hieu-luc": "nope", "tinh-nao": "Atlantis"},
        {"q": "\x00\ud83d".encode("utf-8", "surrogatepass")},
    ],
)
def test_whatever_stands_in_an_address_is_a_page(client: TestClient, query: dict[str, str | bytes]) -> None:
    for path in ("/tra-cuu", "/tra-cuu/ket-qua", "/tra-cuu/so-sanh"):
        page = client.get(path, params=query)
        assert page.status_code == 200
        assert "<script>alert" not in page.text


def test_a_passage_its_place_and_a_list(client: TestClient, opened: Services) -> None:
    passage_id = first_passage(opened)
    page = client.get(f"/tra-cuu/doan/{passage_id}")
    assert page.status_code == 200
    assert "Phần ngay trước" in page.text
    assert "Từ 1/3/2025" in page.text  # who has the task now
    assert client.get("/tra-cuu/doan/0000000000000000").status_code == 404
    shared = client.get("/tra-cuu/danh-sach", params={"d": f"{passage_id},{passage_id},0000000000000000,<b>"})
    assert shared.text.count('<article class="found"') == 1
    assert "Có 1 đoạn không còn" in shared.text
    assert "Chưa lưu đoạn nào" in client.get("/tra-cuu/danh-sach").text


def test_while_there_is_no_index_it_is_said(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from knowledge.errors import IndexFault

    def none(self: Services) -> None:
        raise IndexFault("none")

    monkeypatch.setattr(Services, "answerer", none)
    for path in ("/tra-cuu?q=a", "/tra-cuu/so-sanh?q=a", "/tra-cuu/doan/0000000000000000", "/tra-cuu/danh-sach?d=0000000000000000"):
        page = client.get(path)
        assert page.status_code == 503
        assert "chưa mở được" in page.text


def test_what_is_copied_says_where_it_stands(client: TestClient) -> None:
    page = client.get("/tra-cuu", params={"q": "số cơ sở trợ giúp xã hội", "tinh-nao": "Đồng Nai", "loai": "Kế hoạch"}).text
    assert "(2735/KH-UBND ngày 22/3/2018;" in page
    assert "giai đoạn 2018–2020, đã kết thúc)" in page


@pytest.fixture(scope="module")
def site(app: FastAPI) -> Iterator[str]:
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=10)


@pytest.mark.e2e
@pytest.mark.parametrize(("size", "width"), [("phone", 390), ("desktop", 1280)])
def test_a_collaborator_looks_something_up(browser: Browser, site: str, size: str, width: int) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    context = browser.new_context(viewport={"width": width, "height": 844}, locale="vi-VN")
    context.set_default_timeout(15_000)
    page = context.new_page()
    loaded: list[int] = []
    elsewhere: list[str] = []
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("response", lambda response: loaded.append(len(response.body())))
    context.on("request", lambda request: elsewhere.append(request.url) if not request.url.startswith(f"{site}/") else None)

    def look(name: str) -> None:
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        page.screenshot(path=SCREENSHOTS / f"lookup-{name}-{size}.png")
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()

    page.goto(f"{site}/tra-cuu", wait_until="networkidle")
    assert sum(loaded) <= HEAVIEST
    page.get_by_label("Từ cần tìm").press_sequentially("nguoi khuyet tat")  # nothing is pressed
    expect(page.locator(".found").first).to_be_visible()
    expect(page).to_have_url(f"{site}/tra-cuu?q=nguoi+khuyet+tat")
    look("search")
    page.locator(".found").first.get_by_role("button", name="Lưu vào danh sách").click()
    expect(page.locator(".found").first.get_by_role("button", name="Đã lưu")).to_have_attribute("aria-pressed", "true")
    kept = page.locator(".found").first.get_attribute("data-passage")
    page.get_by_role("button", name="So sánh các tỉnh").click()
    expect(page.locator(".columns section")).to_have_count(4)
    look("compare")
    page.get_by_role("link", name="Danh sách").click()
    expect(page).to_have_url(f"{site}/tra-cuu/danh-sach?d={kept}")
    expect(page.locator("h1")).to_have_text("Danh sách của tôi")
    look("list")
    page.locator(".found").get_by_role("link", name="Xem cả đoạn").click()
    look("passage")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload(wait_until="networkidle")
    opened_at = page.url
    context.set_offline(True)
    page.goto(opened_at)
    expect(page.get_by_role("heading", name="Đoạn này")).to_be_visible()
    page.goto(f"{site}/tra-cuu/doan/0000000000000000")
    expect(page.locator("h1")).to_have_text("Đang mất mạng")
    assert errors == []
    assert elsewhere == []
    context.close()
