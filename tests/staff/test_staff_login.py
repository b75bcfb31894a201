"""Signing in and out: steps, lock-out, sessions, forged forms, addresses to go on to."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from staff_house import BY, PASSWORD, House, hidden, send, shown_error, sign_in
from starlette.requests import Request

from bot.staff.guard import COOKIE, IDLE_LENGTH, SESSION_LENGTH, local_path, masked_address, network
from bot.staff.login import rest_of
from bot.staff.second_factor import matching_step
from bot.web.pages import MAX_BODY
from bot.web.security import HEADERS
from knowledge.store import AuditFilter, Store

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
WRONG = "Tên đăng nhập hoặc mật khẩu không đúng. Sai 5 lần thì phải chờ 15 phút."


def actions(house: House) -> list[str]:
    return [entry.action for entry in house.store.audit.search(AuditFilter())]


# --- the whole way


def test_a_first_log_in_leads_through_every_step_to_the_page_asked_for(house: House) -> None:
    account = house.add("lan", "duty_officer", first=True)
    client = house.browser()
    asked = client.get("/truc?vu=1")
    assert (asked.status_code, asked.headers["location"]) == (303, "/dang-nhap?tiep=/truc%3Fvu%3D1")
    at = send(client, "/dang-nhap", asked.headers["location"], username="LAN ", password=PASSWORD)
    assert at.headers["location"] == "/dang-nhap/mat-khau-moi?tiep=/truc%3Fvu%3D1"
    assert client.get("/truc").headers["location"].startswith("/dang-nhap/mat-khau-moi")
    new = "gà gáy sáng rồi"
    at = send(client, "/dang-nhap/mat-khau-moi", at.headers["location"], new=new, again=new)
    assert at.headers["location"] == "/dang-nhap/buoc-hai?tiep=/truc%3Fvu%3D1"
    page = client.get(at.headers["location"]).text
    secret = "".join(re.findall(r'<code class="secret">([A-Z2-7 ]+)</code>', page)).replace(" ", "")
    assert len(secret) == 32
    done = client.post("/dang-nhap/buoc-hai", data=hidden(page) | {"code": house.code(secret)})
    codes = re.findall(r"<li><code>([a-z2-7-]+)</code></li>", done.text)
    assert (done.status_code, len(set(codes))) == (200, 10)
    assert 'href="/truc?vu=1"' in done.text
    assert client.get("/truc").text.startswith("lan ")
    assert secret not in client.get("/tai-khoan").text
    # The next day: password, then a recovery code, each once.
    for code, status in ((codes[3], 303), (codes[3], 400), (codes[4].upper().replace("-", " "), 303)):
        other = house.browser()
        assert sign_in(other, "lan", new).headers["location"] == "/dang-nhap/ma"
        assert send(other, "/dang-nhap/ma", code=code).status_code == status
        assert (other.get("/truc").status_code == 200) == (status == 303)
    assert house.store.accounts.recovery_codes_left(account.account_id) == 8
    assert actions(house)[:3] == ["signed_in", "recovery_code_used", "sign_in_failed"]


def test_who_needs_no_second_factor_is_in_at_once_and_where_the_roles_lead(house: House) -> None:
    house.add("minh", "editor")
    client = house.browser()
    assert sign_in(client, "minh").headers["location"] == "/can-bo/tai-lieu"
    assert client.get("/dang-nhap").headers["location"] == "/can-bo/tai-lieu"
    assert "Nguyễn Minh" in client.get("/tai-khoan").text
    lacking = client.get("/truc")
    assert lacking.status_code == 403
    assert "chưa có quyền" in lacking.text


def test_a_script_gets_a_status_and_no_page(house: House) -> None:
    client = house.browser()
    assert client.get("/truc", headers={"Accept": "application/json"}).status_code == 401
    house.add("minh", "editor")
    sign_in(client, "minh")
    refused = client.get("/truc", headers={"Accept": "application/json"})
    assert (refused.status_code, refused.headers["content-type"]) == (403, "application/json")


def test_a_hash_of_older_parameters_is_made_anew_by_the_log_in(house: House, store: Store) -> None:
    older = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash(PASSWORD)
    account = house.add("minh")
    store.accounts.set_password(account.account_id, older, must_change=False, by=BY)
    assert sign_in(house.browser(), "minh").status_code == 303
    newer = store.accounts.credentials(account.account_id).password_hash
    assert "t=1" in newer
    assert sign_in(house.browser(), "minh").status_code == 303
    assert store.accounts.credentials(account.account_id).password_hash == newer


# --- wrong, and too often


@pytest.mark.parametrize(
    ("username", "password"), [("lan", "sai rồi nhé bạn"), ("nobody", PASSWORD), ("", ""), ("' OR 1=1 --", "x"), ("lan\x00", PASSWORD)]
)
def test_every_wrong_log_in_reads_the_same(house: House, username: str, password: str) -> None:
    house.add("lan")
    client = house.browser()
    refused = sign_in(client, username, password)
    assert (refused.status_code, shown_error(refused)) == (400, WRONG)
    assert COOKIE not in client.cookies


def test_five_wrong_passwords_lock_the_right_one_out_for_a_quarter_of_an_hour(house: House) -> None:
    house.add("lan")
    client = house.browser()
    for _ in range(5):
        sign_in(client, "lan", "sai rồi nhé bạn")
    refused = sign_in(client, "lan")
    assert (refused.status_code, shown_error(refused)) == (400, WRONG)
    house.clock.forward(minutes=14, seconds=59)
    assert sign_in(client, "lan").status_code == 400
    house.clock.forward(seconds=1)
    assert sign_in(client, "lan").status_code == 303


def test_the_right_password_does_not_open_more_guesses_at_the_code(house: House) -> None:
    house.add("lan", "duty_officer", secret=SECRET)
    for _ in range(5):
        client = house.browser()
        assert sign_in(client, "lan").status_code == 303
        assert send(client, "/dang-nhap/ma", code="000000").status_code == 400
    assert "Đã nhập sai quá nhiều lần" in shown_error(send(client, "/dang-nhap/ma", code=house.code(SECRET)))
    assert sign_in(house.browser(), "lan").status_code == 400


def test_one_address_cannot_try_for_ever(house: House) -> None:
    client = house.browser()
    refused = [sign_in(client, f"user{number}") for number in range(21)]
    assert [response.status_code for response in refused] == [400] * 20 + [429]
    assert int(refused[-1].headers["retry-after"]) > 0


def test_a_refusal_takes_whole_units() -> None:
    assert [round(rest_of(0.3, elapsed), 3) for elapsed in (0.0, 0.1, 0.35, 0.9)] == [0.3, 0.2, 0.25, 0.3]
    assert rest_of(0, 0.1) == 0


@pytest.mark.parametrize("change", ["password", "disabled"])
def test_what_is_taken_away_while_a_password_is_looked_at_is_gone(house: House, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    account = house.add("lan")
    verify = house.passwords.verify

    async def meanwhile(password_hash: str | None, password: str) -> bool:
        if change == "password":
            house.store.accounts.set_password(account.account_id, house.passwords.hash_now("gà gáy sáng rồi"), must_change=True, by=BY)
        else:
            house.store.accounts.disable(account.account_id, BY)
        return await verify(password_hash, password)

    monkeypatch.setattr(house.passwords, "verify", meanwhile)
    client = house.browser()
    refused = sign_in(client, "lan")
    assert (refused.status_code, shown_error(refused)) == (400, WRONG)
    assert COOKIE not in client.cookies
    assert house.store.sessions.of(account.account_id) == ()


def test_a_code_before_any_secret_was_offered_is_wrong(house: House) -> None:
    house.add("lan", "duty_officer")
    client = house.browser()
    sign_in(client, "lan")
    csrf = re.findall(r'name="csrf" value="([^"]+)"', client.get("/dang-nhap/buoc-hai").text)[0]
    sign_in(house.browser(), "lan")  # voids what the page has shown
    refused = client.post("/dang-nhap/buoc-hai", data={"csrf": csrf, "code": "123456"})
    assert (refused.status_code, "Mã không đúng" in shown_error(refused)) == (400, True)
    assert (matching_step(None, "123456", house.clock()), matching_step("", "123456", house.clock())) == (None, None)


def test_a_secret_seen_before_the_last_log_in_is_not_the_one_that_is_set_up(house: House) -> None:
    house.add("lan", "duty_officer")

    def offered() -> list[str]:
        client = house.browser()
        sign_in(client, "lan")
        shown = [client.get("/dang-nhap/buoc-hai").text for _ in range(2)]
        return [re.findall(r'<code class="secret">([A-Z2-7 ]+)</code>', page)[0] for page in shown]

    earlier, later = offered(), offered()
    assert len(set(earlier)) == len(set(later)) == 1  # a page loaded again goes on with what was scanned
    assert earlier != later


def test_a_code_is_taken_once_and_one_step_off(house: House) -> None:
    house.add("lan", "duty_officer", secret=SECRET)

    def enter(code: str) -> int:
        client = house.browser()
        sign_in(client, "lan")
        return send(client, "/dang-nhap/ma", code=code).status_code

    assert enter(house.code(SECRET, -2)) == 400
    assert enter(house.code(SECRET, 2)) == 400
    first = house.code(SECRET)
    assert (enter(f"{first[:3]} {first[3:]}"), enter(first)) == (303, 400)
    assert enter(house.code(SECRET, -1)) == 400  # older than the one that was used
    assert enter(house.code(SECRET, 1)) == 303


def test_half_signed_in_is_not_signed_in_and_ends_soon(house: House) -> None:
    house.add("boss", "administrator", "duty_officer", secret=SECRET)
    client = house.browser()
    sign_in(client, "boss")
    for path in ("/truc", "/tai-khoan", "/quan-tri/tai-khoan", "/quan-tri/nhat-ky.csv"):
        assert client.get(path).headers["location"].startswith("/dang-nhap/ma?tiep=")
    assert client.get("/dang-nhap/buoc-hai").headers["location"] == "/dang-nhap/ma"
    house.clock.forward(minutes=10)
    assert client.get("/dang-nhap/ma").headers["location"] == "/dang-nhap"


@pytest.mark.parametrize(
    ("new", "again", "said"),
    [
        ("ngắn quá", "ngắn quá", "ngắn"),
        ("a" * 201, "a" * 201, "dài"),
        ("password1234", "password1234", "dễ đoán"),
        ("TrợGiúp2026!!", "TrợGiúp2026!!", "dễ đoán"),
        ("lan.nguyen-2026", "lan.nguyen-2026", "tên đăng nhập"),
        ("gà gáy sáng rồi", "gà gáy sáng rôi", "không giống"),
        (PASSWORD, PASSWORD, "khác"),
    ],
)
def test_a_new_password_that_will_not_do(house: House, new: str, again: str, said: str) -> None:
    house.add("lan.nguyen", first=True)
    client = house.browser()
    sign_in(client, "lan.nguyen")
    refused = send(client, "/dang-nhap/mat-khau-moi", new=new, again=again)
    assert refused.status_code == 400
    assert said in shown_error(refused)


# --- sessions


def test_a_new_token_at_every_step_and_never_one_that_was_brought_along(house: House) -> None:
    house.add("lan", "duty_officer", secret=SECRET)
    client = house.browser()
    client.cookies.set(COOKIE, "brought-along", domain="testserver.local", path="/")
    sign_in(client, "lan")
    first = client.cookies[COOKIE]
    send(client, "/dang-nhap/ma", code=house.code(SECRET))
    second = client.cookies[COOKIE]
    assert len({"brought-along", first, second}) == 3
    assert len(second) >= 43
    thief = house.browser()
    thief.cookies.set(COOKIE, first)
    assert thief.get("/truc").status_code == 303


def test_the_token_is_not_in_the_database(house: House, store: Store) -> None:
    account = house.add("minh")
    client = house.browser()
    sign_in(client, "minh")
    (session,) = store.sessions.of(account.account_id)
    assert client.cookies[COOKIE] not in (session.session_id, session.csrf_secret)
    assert (session.address, session.browser) == (None, "Mozilla/5.0 (Linux; Android 14) Chrome/126.0")


@pytest.mark.parametrize(("role", "stays"), [("editor", False), ("duty_officer", True)])
def test_an_hour_of_silence_ends_a_session_but_not_the_duty_officers(house: House, role: str, stays: bool) -> None:
    house.add("lan", role, secret=SECRET)
    client = house.browser()
    sign_in(client, "lan")
    send(client, "/dang-nhap/ma", code=house.code(SECRET))
    for _ in range(3):
        house.clock.now += IDLE_LENGTH
        assert client.get("/tai-khoan").status_code == 200
    house.clock.now += IDLE_LENGTH + timedelta(seconds=1)
    assert (client.get("/tai-khoan").status_code == 200) == stays


def test_twelve_hours_end_every_session(house: House) -> None:
    house.add("lan", "duty_officer", secret=SECRET)
    client = house.browser()
    sign_in(client, "lan")
    send(client, "/dang-nhap/ma", code=house.code(SECRET))
    house.clock.now += SESSION_LENGTH - timedelta(seconds=1)
    assert client.get("/truc").status_code == 200
    house.clock.forward(seconds=1)
    assert client.get("/truc").status_code == 303


def test_signing_out_here_and_everywhere(house: House) -> None:
    house.add("minh")
    here, there, third = house.browser(), house.browser(), house.browser()
    for client in (here, there, third):
        sign_in(client, "minh")
    token = here.cookies[COOKIE]
    csrf = hidden(here.get("/tai-khoan").text)["csrf"]
    assert here.post("/dang-xuat", data={"csrf": csrf}).headers["location"] == "/dang-nhap"
    assert COOKIE not in here.cookies
    here.cookies.set(COOKIE, token)
    assert here.get("/tai-khoan").status_code == 303
    assert there.get("/tai-khoan").status_code == 200
    there.post("/dang-xuat", data={"csrf": hidden(there.get("/tai-khoan").text)["csrf"], "everywhere": "1"})
    assert third.get("/tai-khoan").status_code == 303


def test_the_cookies_over_https_are_the_hosts_own(house: House) -> None:
    house.add("minh")
    client = house.browser("https")
    cookies = [client.get("/dang-nhap").headers["set-cookie"], sign_in(client, "minh").headers["set-cookie"]]
    for cookie in cookies:
        assert cookie.startswith("__Host-trogiup_")
        assert {"HttpOnly", "SameSite=lax", "Secure", "Path=/"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
    assert client.get("/tai-khoan").status_code == 200


# --- forged forms and addresses


def test_a_form_needs_the_token_of_its_session(house: House) -> None:
    house.add("lan", "duty_officer", secret=SECRET)
    client = house.browser()
    sign_in(client, "lan")
    send(client, "/dang-nhap/ma", code=house.code(SECRET))
    csrf = client.get("/truc").text.split()[1]
    good = {"csrf": csrf, "word": "một"}
    assert client.post("/truc", data=good).text == "một"
    assert client.post("/truc", content="word=một&word=hai", headers={"X-CSRF-Token": csrf}).text == "một,hai"
    for data in ({}, {"csrf": ""}, {"csrf": "x" * 43}, {"csrf": csrf + "x"}, {"csrf": "é"}):
        refused = client.post("/truc", data=data)
        assert refused.status_code == 403
        assert "Việc vừa rồi chưa được ghi" in refused.text
    assert client.post("/truc", data=good, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.post("/truc", data=good, headers={"Origin": "https://evil.example"}).status_code == 403
    assert client.post("/truc", data=good | {"word": "x" * MAX_BODY}).status_code == 403
    assert client.post("/truc", content="&".join(["a=b"] * 200), headers={"X-CSRF-Token": csrf}).status_code == 403
    assert client.post("/truc", content=b"\xff\xfe", headers={"X-CSRF-Token": csrf}).status_code == 403


def test_a_log_in_cannot_be_forged(house: House) -> None:
    house.add("minh")
    client = house.browser()
    form = {"username": "minh", "password": PASSWORD}
    assert client.post("/dang-nhap", data=form).status_code == 403
    assert client.post("/dang-nhap", data={**form, "csrf": "guessed"}).status_code == 403
    assert send(client, "/dang-nhap", headers={"Sec-Fetch-Site": "cross-site"}, **form).status_code == 403
    assert send(client, "/dang-nhap", **form).status_code == 303


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil",
        "javascript:alert(1)",
        "evil",
        "/\t/evil",
        "//[",
        "/" * 600,
        "/a\r\nSet-Cookie:x=1",
    ],
)
def test_nobody_is_led_away(house: House, target: str) -> None:
    assert local_path(target) is None
    house.add("minh")
    client = house.browser()
    form = hidden(client.get("/dang-nhap", params={"tiep": target}).text)
    assert "tiep" not in form
    response = client.post("/dang-nhap", data={**form, "username": "minh", "password": PASSWORD, "tiep": target})
    assert response.headers["location"] == "/tai-khoan"


def test_an_address_with_vietnamese_letters_is_gone_on_to(house: House) -> None:
    house.add("minh")
    assert sign_in(house.browser(), "minh", target="/tài-liệu?q=a%20b ă").headers["location"] == (
        "/t%C3%A0i-li%E1%BB%87u?q=a%20b%20%C4%83"  # the browser has read %20 in the link as a blank
    )


def test_a_page_of_this_site_is_gone_on_to() -> None:
    assert local_path("/truc/TG-23AC45?trang=2#cuoi") == "/truc/TG-23AC45?trang=2#cuoi"


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("203.0.113.77", "203.0.113.x"),
        ("2001:db8:12:34::9", "2001:db8:12::x"),
        ("testclient", None),
        ("::ffff:203.0.113.77", "203.0.113.x"),
    ],
)
def test_an_address_is_masked(address: str, masked: str | None) -> None:
    assert masked_address(came_from(address)) == masked


def test_a_line_with_many_addresses_is_one_sender_and_two_lines_are_two() -> None:
    one, again, other = (network(came_from(f"2001:db8:0:{line}::{host}")) for line, host in ((1, 1), (1, "ffff"), (2, 1)))
    assert (one == again, one == other) == (True, False)
    assert network(came_from("::ffff:203.0.113.7")) == network(came_from("203.0.113.7")) != network(came_from("203.0.113.8"))


def came_from(address: str) -> Request:
    return Request({"type": "http", "client": (address, 1), "headers": []})


def test_hostile_words_stay_words_and_the_headers_hold(house: House) -> None:
    refused = sign_in(house.browser(), '"><script>alert(1)</script>')
    assert "<script>alert" not in refused.text
    assert refused.headers["cache-control"] == "no-store"
    assert {name: refused.headers[name] for name in HEADERS} == HEADERS


def test_the_qr_code_asks_for_nothing_that_the_policy_refuses(house: House) -> None:
    house.add("lan", "duty_officer")
    client = house.browser()
    sign_in(client, "lan")
    page = client.get("/dang-nhap/buoc-hai").text
    assert "<svg" in page
    assert not re.search(r"\son\w+=|\sstyle=|<style|<script", page)
