"""/tai-khoan and /quan-tri: one's own account, everybody's accounts, the audit log."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from staff_house import BY, PASSWORD, House, hidden, send, shown_error, sign_in

from knowledge.store import Account, Actor, AuditFilter, Store, Subject

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
NEW = "gà gáy sáng rồi"
ADMIN = "/quan-tri/tai-khoan"


def signed_in(house: House, username: str, *roles: str) -> TestClient:
    """Somebody with a second factor, at a browser."""
    house.add(username, *roles, secret=SECRET)
    client = house.browser()
    sign_in(client, username)
    send(client, "/dang-nhap/ma", code=house.code(SECRET))
    return client


@pytest.fixture
def boss(house: House) -> TestClient:
    return signed_in(house, "boss", "administrator")


def post(client: TestClient, path: str, **fields: str | list[str]) -> Response:
    """Sends a form with the token of the session."""
    return client.post(path, data={"csrf": hidden(client.get("/tai-khoan").text)["csrf"]} | fields)


def one_time(response: Response) -> str:
    found = re.search(r'<code class="secret">([a-z0-9-]+)</code>', response.text)
    assert found
    return found[1]


# --- everybody's accounts


def test_only_administrators_get_there(house: House) -> None:
    client = signed_in(house, "lan", "editor", "approver", "duty_officer", "collaborator")
    account = house.add("minh")
    for path in (ADMIN, f"{ADMIN}/{account.account_id}", "/quan-tri/nhat-ky", "/quan-tri/nhat-ky.csv"):
        assert client.get(path).status_code == 403
    for path in (ADMIN, f"{ADMIN}/{account.account_id}", f"{ADMIN}/{account.account_id}/khoa", f"{ADMIN}/{account.account_id}/mat-khau"):
        assert post(client, path, display_name="x", role="administrator").status_code == 403
    assert house.store.accounts.get(account.account_id) == account


def test_somebody_is_added_and_signs_in_with_the_password_that_is_shown_once(house: House, boss: TestClient) -> None:
    made = post(boss, ADMIN, username="Hoa.Tran", display_name="Trần Thị Hoa", phone="0912 345 678", role=["editor", "collaborator"])
    password = one_time(made)
    account = house.store.accounts.by_username("hoa.tran")
    assert (account.roles, account.phone) == ({"editor", "collaborator"}, "0912 345 678")
    assert password not in boss.get(ADMIN).text
    hoa = house.browser()
    assert sign_in(hoa, "hoa.tran", password).headers["location"].startswith("/dang-nhap/mat-khau-moi")
    assert send(hoa, "/dang-nhap/mat-khau-moi", new=NEW, again=NEW).headers["location"] == "/can-bo/tai-lieu"
    assert sign_in(house.browser(), "hoa.tran", password).status_code == 400


def test_what_does_not_fit_is_told_and_what_was_typed_stays(house: House, boss: TestClient) -> None:
    refused = post(boss, ADMIN, username="lan", display_name='"><script>', phone="số của tôi", role="editor")
    assert (refused.status_code, shown_error(refused)) == (400, "Số điện thoại chưa đúng. Ví dụ 0912 345 678.")
    assert 'value="&#34;&gt;&lt;script&gt;"' in refused.text
    assert '<details class="panel" open>' in refused.text
    assert "Tên đăng nhập này đã có người dùng" in shown_error(post(boss, ADMIN, username="BOSS", display_name="x"))
    assert post(boss, ADMIN, username="mai", display_name="Mai", role="king").status_code == 400
    assert [account.username for account in house.store.accounts.list()] == ["boss"]


def test_roles_names_and_telephones_are_changed(house: House, boss: TestClient) -> None:
    account = house.add("minh", "editor")
    there = f"{ADMIN}/{account.account_id}"
    assert 'value="editor" checked' in boss.get(there).text
    changed = post(boss, there, display_name="Lê Minh", phone="", role=["approver"])
    assert changed.headers["location"] == f"{there}?xong=saved"
    assert "Đã lưu." in boss.get(changed.headers["location"]).text
    kept = house.store.accounts.get(account.account_id)
    assert (kept.display_name, kept.roles) == ("Lê Minh", {"approver"})


def test_a_new_role_that_needs_it_asks_for_a_second_factor_at_once(house: House, boss: TestClient) -> None:
    account = house.add("minh", "editor")
    minh = house.browser()
    sign_in(minh, "minh")
    post(boss, f"{ADMIN}/{account.account_id}", display_name="Minh", role=["duty_officer"])
    assert minh.get("/truc").headers["location"].startswith("/dang-nhap/buoc-hai")


@pytest.mark.parametrize("action", ["khoa", "mat-khau", "bo-buoc-hai"])
def test_what_an_administrator_takes_away_is_gone_at_once(house: House, boss: TestClient, action: str) -> None:
    lan = signed_in(house, "lan", "duty_officer")
    account = house.store.accounts.by_username("lan")
    assert lan.get("/truc").status_code == 200
    post(boss, f"{ADMIN}/{account.account_id}/{action}")
    assert lan.get("/truc").status_code == 303
    again = sign_in(house.browser(), "lan")
    if action == "bo-buoc-hai":
        assert again.headers["location"].startswith("/dang-nhap/buoc-hai")
    else:
        assert again.status_code == 400


def test_disabled_is_taken_back_and_a_lock_lifted(house: House, boss: TestClient) -> None:
    account = house.add("minh")
    there = f"{ADMIN}/{account.account_id}"
    post(boss, f"{there}/khoa")
    assert "Đã ngừng" in boss.get(ADMIN).text
    post(boss, f"{there}/mo")
    for _ in range(5):
        sign_in(house.browser(), "minh", "sai rồi nhé bạn")
    assert "Tạm khóa đến 10:15 4/5/2026" in boss.get(there).text
    post(boss, f"{there}/cho-dang-nhap")
    assert sign_in(house.browser(), "minh").status_code == 303


def test_the_last_administrator_is_told_why_not(house: House, boss: TestClient) -> None:
    account = house.store.accounts.by_username("boss")
    for refused in (post(boss, f"{ADMIN}/{account.account_id}/khoa"), post(boss, f"{ADMIN}/{account.account_id}", display_name="x")):
        assert (refused.status_code, "quản trị viên cuối cùng" in shown_error(refused)) == (400, True)
    assert boss.get(ADMIN).status_code == 200


@pytest.mark.parametrize("path", ["/none", "/none/khoa", "/none/mat-khau", "/none/dance"])
def test_nobody_of_that_id(boss: TestClient, path: str) -> None:
    refused = post(boss, ADMIN + path, display_name="x")
    assert (refused.status_code, shown_error(refused)) == (404, "Không có tài khoản này.")


# --- one's own account


def test_a_new_password_ends_every_other_session(house: House) -> None:
    house.add("minh")
    here, there = house.browser(), house.browser()
    sign_in(here, "minh")
    sign_in(there, "minh")
    refused = post(here, "/tai-khoan/mat-khau", password="không phải đâu", new=NEW, again=NEW)
    assert (refused.status_code, "Mật khẩu đang dùng không đúng" in shown_error(refused)) == (400, True)
    assert post(here, "/tai-khoan/mat-khau", password=PASSWORD, new="ngắn", again="ngắn").status_code == 400
    done = post(here, "/tai-khoan/mat-khau", password=PASSWORD, new=NEW, again=NEW)
    assert "Đã đổi mật khẩu." in here.get(done.headers["location"]).text
    assert there.get("/tai-khoan").status_code == 303
    assert sign_in(house.browser(), "minh").status_code == 400
    assert sign_in(house.browser(), "minh", NEW).status_code == 303


def test_whoever_sits_down_at_an_open_page_cannot_guess_the_password(house: House) -> None:
    house.add("minh")
    client = house.browser()
    sign_in(client, "minh")
    for _ in range(5):
        post(client, "/tai-khoan/mat-khau", password="không phải đâu", new=NEW, again=NEW)
    refused = post(client, "/tai-khoan/mat-khau", password=PASSWORD, new=NEW, again=NEW)
    assert "quá nhiều lần" in shown_error(refused)


def test_new_recovery_codes_void_the_old_ones(house: House) -> None:
    client = signed_in(house, "lan", "duty_officer")
    assert post(client, "/tai-khoan/ma-du-phong", password="không phải đâu").status_code == 400
    pages = [post(client, "/tai-khoan/ma-du-phong", password=PASSWORD).text for _ in range(2)]
    old, new = (re.findall(r"<li><code>([a-z2-7-]+)</code></li>", page) for page in pages)

    def enters(code: str) -> bool:
        other = house.browser()
        sign_in(other, "lan")
        return send(other, "/dang-nhap/ma", code=code).status_code == 303

    assert (enters(old[0]), enters(new[0])) == (False, True)
    assert "Còn 9 mã dự phòng" in client.get("/tai-khoan").text


def test_another_telephone_is_set_up_at_once(house: House) -> None:
    client = signed_in(house, "lan", "duty_officer")
    assert post(client, "/tai-khoan/buoc-hai", password="không phải đâu").status_code == 400
    assert post(client, "/tai-khoan/buoc-hai", password=PASSWORD).headers["location"].startswith("/dang-nhap/buoc-hai")
    page = client.get("/dang-nhap/buoc-hai").text
    assert SECRET not in page.replace(" ", "")
    assert client.get("/truc").status_code == 303


def test_an_editor_may_have_a_second_factor_too(house: House) -> None:
    house.add("minh", "editor")
    client = house.browser()
    sign_in(client, "minh")
    page = client.get("/dang-nhap/buoc-hai").text
    secret = "".join(re.findall(r'<code class="secret">([A-Z2-7 ]+)</code>', page)).replace(" ", "")
    wrong = client.post("/dang-nhap/buoc-hai", data=hidden(page) | {"code": "000000"})
    assert (wrong.status_code, "Mã không đúng" in shown_error(wrong)) == (400, True)
    assert client.post("/dang-nhap/buoc-hai", data=hidden(page) | {"code": house.code(secret)}).status_code == 200
    assert "Đang bật từ" in client.get("/tai-khoan").text
    assert sign_in(house.browser(), "minh").headers["location"] == "/dang-nhap/ma"


def test_one_session_is_ended_and_never_somebody_elses(house: House, store: Store) -> None:
    accounts: dict[str, Account] = {name: house.add(name) for name in ("minh", "mai")}
    clients = {name: house.browser() for name in ("minh", "mai", "minh again")}
    for name, client in clients.items():
        sign_in(client, name.split()[0])
    page = clients["minh"].get("/tai-khoan").text
    assert page.count("Chrome trên Android") == 2
    (other,) = re.findall(r'name="session" value="([0-9a-f]{64})"', page)
    (mais,) = store.sessions.of(accounts["mai"].account_id)
    post(clients["minh"], "/tai-khoan/phien", session=mais.session_id)
    assert clients["mai"].get("/tai-khoan").status_code == 200
    post(clients["minh"], "/tai-khoan/phien", session=other)
    assert clients["minh again"].get("/tai-khoan").status_code == 303


# --- the audit log


def test_the_log_is_searched_and_goes_on_to_older_pages(house: House, boss: TestClient) -> None:
    for number in range(60):
        house.store.audit.record(Actor("a1", "203.0.113.x"), "looked", Subject("case", f"TG-{number}"))
    page = boss.get("/quan-tri/nhat-ky", params={"viec": "looked"}).text
    assert ("TG-59" in page, "TG-10 " in page, page.count("<li><div>")) == (True, False, 50)
    older = re.findall(r'href="([^"]*truoc=[^"]*)"', page)[0].replace("&amp;", "&")
    page = boss.get(older).text
    assert (page.count("<li><div>"), "Mới nhất" in page) == (10, True)
    one = boss.get("/quan-tri/nhat-ky", params={"doi_tuong": " TG-7 ", "tu": "2026-05-04", "den": "2026-05-04"}).text
    assert one.count("<li><div>") == 1
    assert "203.0.113.x" in one
    for nothing in ({"doi_tuong": "' OR 1=1"}, {"tu": "2026-05-05"}, {"den": "2026-05-03"}, {"nguoi": "nobody"}):
        assert "Không có dòng nào." in boss.get("/quan-tri/nhat-ky", params=nothing).text
    assert boss.get("/quan-tri/nhat-ky?truoc=9999999999999999999&tu=x&den=0001-01-01").status_code == 200


def test_the_log_tells_who_changed_what_before_and_after(house: House, boss: TestClient) -> None:
    account = house.add("minh", "editor")
    post(boss, f"{ADMIN}/{account.account_id}", display_name=account.display_name, role="approver")
    page = boss.get("/quan-tri/nhat-ky", params={"viec": "account_changed"}).text
    entry = re.sub(r"<[^>]+>|\s+", " ", page.partition("<li><div>")[2])
    assert "Sửa tài khoản" in entry
    assert "Nguyễn Boss" in entry
    assert re.search(r"Trước – vai trò: Người soạn .*Sau – vai trò: Người duyệt", entry)


def test_the_csv_holds_every_row_runs_no_formula_and_is_noted(house: House, boss: TestClient) -> None:
    house.store.audit.record(BY, "=HYPERLINK(1)", Subject("case", "+84"))
    for _ in range(60):
        house.store.audit.record(BY, "looked", Subject("case", "TG-1"))
    response = boss.get("/quan-tri/nhat-ky.csv")
    assert response.text.startswith("\ufeff")
    assert "attachment" in response.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(response.text.removeprefix("\ufeff"))))
    assert len(rows) == len(list(house.store.audit.all(AuditFilter())))
    assert rows[0]["Tên đăng nhập"] == "boss"
    formula = next(row for row in rows if "HYPERLINK" in row["Việc"])
    assert (formula["Việc"], formula["Mã"]) == ("'=HYPERLINK(1)", "'+84")
    assert rows[0]["Việc"] == "audit_exported"
    boss.get("/quan-tri/nhat-ky.csv?viec=looked")
    assert json.loads(house.store.audit.search(AuditFilter())[0].after_json or "") == {"action": "looked"}


def test_a_name_that_somebody_looks_for_does_not_stay_in_the_log_for_ever(house: House, boss: TestClient) -> None:
    house.store.audit.record(BY, "looked", Subject("case", "TG-1"))
    for typed, kept in (("TG-1", {"subject_id": "TG-1"}), ("Nguyễn Thị Mai 0912345678", {})):
        assert boss.get("/quan-tri/nhat-ky.csv", params={"doi_tuong": typed}).status_code == 200
        assert json.loads(house.store.audit.search(AuditFilter())[0].after_json or "") == kept


def test_a_database_that_does_not_answer_is_told_in_words(house: House, boss: TestClient, tmp_path) -> None:
    with house.store._database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE audit_log RENAME TO gone")
    response = boss.get("/quan-tri/nhat-ky")
    assert response.status_code == 503
    assert "Cơ sở dữ liệu lúc này không trả lời" in response.text
    assert boss.get("/quan-tri/nhat-ky", headers={"Accept": "application/json"}).json()["detail"].startswith("The database")
