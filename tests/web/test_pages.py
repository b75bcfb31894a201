"""The pages without a browser: escaping, the way without JavaScript, headers, what cannot be found, what cannot be taken."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient

import bot.web
from bot.web.pages import COOKIE, MAX_BODY
from bot.web.security import HEADERS
from knowledge.errors import SnapshotMissing

WEB = Path(bot.web.__file__).parent
PAGES = ("/", "/tai-lieu", "/tai-lieu/d735", "/tai-lieu/khong-co", "/thoat", "/khong-co", "/static/app.css")

SPANS = ("tu=5&den=5", "tu=9&den=2", "tu=0&den=99999999", "tu=-1&den=4", "tu=a&den=b", "tu=3", "tu=²&den=³", "tu=1&den=" + "9" * 5000)


def hidden(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))


def ask(client: TestClient, text: str, headers: dict[str, str] | None = None, **changed: str) -> Any:
    form = hidden(client.get("/").text) | {"text": text} | changed
    return client.post("/", data=form, headers=headers)


def tags(page: str) -> set[str]:
    return set(re.findall(r"<([a-z][a-z0-9]*)", page))


@pytest.mark.parametrize("path", PAGES)
def test_every_response_carries_the_headers(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert {name: response.headers[name] for name in HEADERS} == HEADERS


def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere(client: TestClient) -> None:
    policy = client.get("/").headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("path", PAGES[:-1])
def test_no_page_has_inline_code_or_an_address_elsewhere(client: TestClient, path: str) -> None:
    page = client.get(path).text
    assert not re.search(r"\son\w+=|\sstyle=|<style|javascript:", page)
    assert not re.search(r'(?:src|href|action)="(?:https?:)?//', page)
    assert all('type="application/json"' in tag or "src=" in tag for tag in re.findall(r"<script[^>]*>", page))


def test_the_chat_shows_the_emergency_numbers_to_tap(client: TestClient) -> None:
    page = client.get("/").text
    assert re.findall(r'<a href="(tel:\d+)"', page) == ["tel:111", "tel:113", "tel:115", "tel:114"]
    assert 'role="log"' in page
    assert 'maxlength="4000"' in page


def test_the_cookie_is_out_of_reach(client: TestClient) -> None:
    cookie = client.get("/").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    assert "Max-Age" not in cookie


def test_the_cookie_is_secure_over_https(app: Any) -> None:
    with TestClient(app, base_url="https://testserver") as client:
        assert "Secure" in client.get("/").headers["set-cookie"]


def test_the_conversation_goes_on_after_a_reload(client: TestClient) -> None:
    first, second = hidden(client.get("/").text), hidden(client.get("/").text)
    assert first["conversation_id"] == second["conversation_id"]
    assert first["message_id"] != second["message_id"]


def test_a_forged_cookie_is_replaced(client: TestClient) -> None:
    client.cookies.set(COOKIE, "x" * 500)
    assert hidden(client.get("/").text)["conversation_id"] != "x" * 500


def test_asking_without_javascript(client: TestClient, conversation: Any) -> None:
    response = ask(client, "Đồng Nai có bao nhiêu cơ sở trợ giúp xã hội?")
    assert response.status_code == 200
    assert "nâng tổng số lên 16 cơ sở" in response.text
    assert "Số 2735/KH-UBND, Đồng Nai" in response.text
    assert "Đã kết thúc (2018–2020)" in response.text
    link = html.unescape(re.findall(r'href="(/tai-lieu/d735\?[^"]+)"', response.text)[0])
    assert link.endswith("#trich")
    assert "thêm 03 cơ sở" in client.get(link).text
    asked = conversation.asked[0]
    assert asked[0] == client.cookies[COOKIE]
    assert asked[2] is not None


def test_sending_the_form_again_keeps_its_message_id(client: TestClient, conversation: Any) -> None:
    form = hidden(client.get("/").text) | {"text": "Còn ở Cà Mau?"}
    client.post("/", data=form)
    client.post("/", data=form)
    assert conversation.asked[0] == conversation.asked[1]


def test_a_suggestion_is_a_button_of_the_form(client: TestClient, conversation: Any) -> None:
    ask(client, "", choice="Còn ở Cà Mau?")
    assert conversation.asked[0][1] == "Còn ở Cà Mau?"


def test_an_urgent_answer_gives_the_number_before_the_words(client: TestClient) -> None:
    page = ask(client, "chồng đánh tôi").text
    reply = page[page.index('class="turn reply urgent"') :]
    assert reply.index("Khẩn cấp") < reply.index('href="tel:113"') < reply.index("Nếu đang bị đánh")
    assert "24/7 · đang mở" in reply
    assert "13:00–20:30 · ngoài giờ" in reply
    assert "chưa rõ giờ" in reply
    assert "TG-2026-0042" in reply


def test_hostile_words_stay_words(client: TestClient) -> None:
    page = ask(client, "<script>alert(1)</script>").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert not {"img", "b"} & tags(page[page.index('id="log"') : page.index('id="waiting"')])


@pytest.mark.parametrize("path", ["/tai-lieu", "/tai-lieu/%3Cx%3E", "/tai-lieu/%3Cx%3E?tu=2&den=9"])
def test_a_hostile_document_stays_words(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    main = response.text[response.text.index("<main") :]
    assert not {"script", "img", "i", "u", "b", "s"} & tags(main)
    assert "&lt;script&gt;alert(3)" in main


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://elsewhere.example"}],
    ids=["cross-site", "same-site", "origin"],
)
def test_a_form_from_elsewhere_is_not_taken(client: TestClient, conversation: Any, headers: dict[str, str]) -> None:
    response = ask(client, "Còn ở Cà Mau?", headers=headers)
    assert response.status_code == 403
    assert conversation.asked == []


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin", "Origin": "null"}, {"Origin": "http://testserver"}, {}])
def test_our_own_form_is_taken(client: TestClient, headers: dict[str, str]) -> None:
    assert ask(client, "Còn ở Cà Mau?", headers=headers).status_code == 200


def test_a_form_without_its_cookie_keeps_the_words_and_works_the_second_time(client: TestClient, conversation: Any) -> None:
    form = hidden(client.get("/").text) | {"text": "Còn ở Cà Mau?"}
    client.cookies.clear()
    stale = client.post("/", data=form)
    assert stale.status_code == 403
    assert "Còn ở Cà Mau?</textarea>" in stale.text
    assert conversation.asked == []
    assert client.post("/", data=hidden(stale.text) | {"text": "Còn ở Cà Mau?"}).status_code == 200


def test_what_is_refused_says_why_and_keeps_the_words(client: TestClient) -> None:
    empty = ask(client, "   ")
    assert (empty.status_code, "Bạn chưa viết câu hỏi" in empty.text) == (400, True)
    long = ask(client, "ê" * 4001)
    assert (long.status_code, "Câu hỏi dài quá" in long.text, "ê" * 4001 in long.text) == (400, True, True)


def test_four_thousand_characters_fit_and_a_flood_does_not(client: TestClient, conversation: Any) -> None:
    assert ask(client, "🙏" * 4000).status_code == 200
    assert conversation.asked[0][1] == "🙏" * 4000
    flood = ask(client, "a" * MAX_BODY)
    assert (flood.status_code, "dài quá" in flood.text) == (413, True)


@pytest.mark.parametrize("body", [b"\xff\xfe=\x00", b"text=%FF%00&conversation_id=%C3", b"&&&==", b""])
def test_broken_bodies_are_refused(client: TestClient, body: bytes) -> None:
    client.get("/")
    assert client.post("/", content=body).status_code == 403


def test_a_service_that_cannot_answer_says_so(client: TestClient, conversation: Any) -> None:
    conversation.failing = SnapshotMissing("Run `trogiup index build`.")
    response = ask(client, "Còn ở Cà Mau?")
    assert response.status_code == 503
    assert "chưa trả lời được" in response.text
    assert "trogiup" not in response.text.split("<main")[1].split("<form")[0].replace("trogiup_conversation", "")


def test_a_fault_is_a_page_with_the_numbers_and_the_headers(client: TestClient, conversation: Any) -> None:
    conversation.failing = RuntimeError("secret of the machine")
    response = ask(client, "Còn ở Cà Mau?")
    assert response.status_code == 500
    assert "tel:113" in response.text
    assert "secret" not in response.text
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_nothing_that_was_asked_is_shown_after_a_reload(client: TestClient) -> None:
    ask(client, "chồng đánh tôi")
    assert "chồng đánh tôi" not in client.get("/").text
    assert client.get("/").headers["Cache-Control"] == "no-store"


def test_the_quick_exit_forgets_the_conversation_and_names_nothing(client: TestClient) -> None:
    client.get("/")
    page = client.get("/thoat")
    assert COOKIE not in client.cookies
    assert "Trợ Giúp" not in page.text
    assert "tel:" not in page.text


@pytest.mark.parametrize("path", ["/khong-co", "/tai-lieu/khong-co", "/tai-lieu/khong-co?tu=1&den=2"])
def test_what_is_missing_is_said_in_vietnamese(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert "Không có" in response.text
    assert 'href="/"' in response.text


def test_programs_keep_their_json(client: TestClient) -> None:
    response = client.get("/api/v1/nothing", headers={"Accept": "application/json"})
    assert response.status_code == 404
    assert response.json() == {"detail": "Not Found"}


def test_the_list_of_documents(client: TestClient) -> None:
    page = client.get("/tai-lieu").text
    assert "2018–2020" in page
    assert "2735/KH-UBND" in page
    assert "Đã kết thúc" in page


def test_a_document_says_first_what_holds_and_then_what_it_is(client: TestClient) -> None:
    page = client.get("/tai-lieu/d735").text
    assert page.index("đã kết thúc") < page.index("22/3/2018") < page.index("I. MỤC TIÊU")
    for words in ("2735/KH-UBND", "Ủy ban nhân dân tỉnh Đồng Nai", "565/QĐ-TTg", "2018–2020", "tài liệu không ghi"):
        assert words in page
    assert 'id="trich"' not in page


@pytest.mark.parametrize("query", SPANS)
def test_a_span_that_is_none_is_said_and_the_document_shown(client: TestClient, query: str) -> None:
    response = client.get(f"/tai-lieu/d735?{query}")
    assert response.status_code == 200
    assert "Không tìm thấy đoạn được trích" in response.text
    assert "I. MỤC TIÊU" in response.text


def test_every_text_is_shown_somewhere() -> None:
    """A key nobody names any more is a text nobody reads."""
    sources = "".join(path.read_text(encoding="utf-8") for part in ("templates/*.html", "static/*.js", "*.py") for path in WEB.glob(part))
    texts = yaml.safe_load((WEB / "texts.yml").read_text(encoding="utf-8"))
    grouped = {"status", "messages"}  # looked up by a variable
    names = [(group, key) for group, keys in texts.items() if group not in grouped for key in keys]
    assert len(names) > 50
    assert [name for name in names if not re.search(r'\b{}\.{}\b|words\["{}"\]'.format(*name, name[1]), sources)] == []
