"""Signing in with the office's accounts: the way there and back, who it is here, and everything that proves nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from joserfc.jwk import ECKey, OctKey
from openid_provider import CLIENT, SECRET, SHARED, Provider, provider_running, rsa_key
from staff_house import BY, Clock, House, make_house, send, shown_error, sign_in

from bot.staff.openid import OfficeLogin
from knowledge.store import AuditFilter, Store

TOTP = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
STALE = "Lượt đăng nhập này đã cũ hoặc đã dùng rồi."
REFUSED = "Hệ thống đăng nhập của cơ quan không xác nhận được anh/chị."


@pytest.fixture
def provider(clock: Clock) -> Iterator[Provider]:
    with provider_running(clock) as running:
        yield running


@pytest.fixture
def office_house(store: Store, clock: Clock, provider: Provider) -> House:
    return make_house(store, clock, OfficeLogin(provider.issuer, CLIENT, SECRET, clock))


def leave(client: TestClient, target: str = "") -> str:
    """The browser goes off; where the provider sends it back to."""
    sent = client.get("/dang-nhap/co-quan" + (f"?tiep={target}" if target else ""))
    assert sent.status_code == 303, shown_error(sent)
    return sent.headers["location"]


def path_of(url: str) -> str:
    return f"{urlsplit(url).path}?{urlsplit(url).query}"


def by_office(client: TestClient, provider: Provider, target: str = "") -> Response:
    return client.get(path_of(provider.agree(leave(client, target))))


def log(house: House) -> list[tuple[str, dict[str, object]]]:
    return [(entry.action, json.loads(entry.after_json or "{}")) for entry in house.store.audit.search(AuditFilter())]


def bound(house: House, username: str, *roles: str, subject: str = "", email: str = "", issuer: str, **person: object) -> str:
    account = house.add(username, *roles, **person)  # type: ignore[arg-type]
    house.store.identities.bind(account.account_id, issuer, subject=subject, email=email, by=BY)
    return account.account_id


def test_who_was_bound_by_e_mail_is_let_in_and_known_by_subject_from_then_on(office_house: House, provider: Provider) -> None:
    account_id = bound(office_house, "lan", "editor", email="lan.nguyen@SoYTe.gov.vn", issuer=provider.issuer, first=True)
    client = office_house.browser()
    assert 'href="/dang-nhap/co-quan?tiep=/can-bo/tai-lieu%3Fa%3D1"' in client.get("/dang-nhap?tiep=/can-bo/tai-lieu%3Fa%3D1").text
    url = leave(client, "/can-bo/tai-lieu%3Fa%3D1")
    asked = parse_qs(urlsplit(url).query)
    assert asked["redirect_uri"] == ["http://testserver/dang-nhap/co-quan/ve"]
    assert {len(asked[name][0]) >= 43 for name in ("state", "nonce", "code_challenge")} == {True}
    back = client.get(path_of(provider.agree(url)))
    # The password of the first log-in was never used, and is not asked to be changed.
    assert (back.status_code, back.headers["location"]) == (303, "/can-bo/tai-lieu?a=1")
    assert client.get("/tai-khoan").status_code == 200
    assert log(office_house)[:2] == [("signed_in", {"by_provider": True}), ("identity_confirmed", {"subject": "u-4711"})]
    # The address has gone to somebody else; the person has another.
    provider.claims = {"sub": "u-9"}
    assert by_office(office_house.browser(), provider).status_code == 403
    provider.claims = {"email": "khac@soyte.gov.vn"}
    assert by_office(office_house.browser(), provider).status_code == 303
    assert office_house.store.identities.of(account_id).subject == "u-4711"  # type: ignore[union-attr]
    # What the provider says of itself was asked for once, its keys every time.
    assert [path.rpartition("/")[2] for path in provider.asked].count("openid-configuration") == 1
    assert provider.asked.count("/realm/keys") == 3


def test_the_second_factor_stays_ours(office_house: House, provider: Provider) -> None:
    bound(office_house, "lan", "duty_officer", subject="u-4711", issuer=provider.issuer, secret=TOTP)
    client = office_house.browser()
    assert by_office(client, provider, "/truc").headers["location"] == "/dang-nhap/ma?tiep=/truc"
    assert client.get("/truc").headers["location"].startswith("/dang-nhap/ma")
    assert send(client, "/dang-nhap/ma", code=office_house.code(TOTP)).headers["location"] == "/truc"
    assert log(office_house)[0] == ("signed_in", {"by_provider": True})
    # Who needs one and has none sets it up, without a password of ours.
    bound(office_house, "boss", "administrator", subject="u-1", issuer=provider.issuer, first=True)
    provider.claims = {"sub": "u-1"}
    other = office_house.browser()
    assert by_office(other, provider).headers["location"].startswith("/dang-nhap/buoc-hai")
    page = other.get("/dang-nhap/buoc-hai").text
    secret = re.findall(r'<code class="secret">([A-Z2-7 ]+)</code>', page)[0].replace(" ", "")
    assert send(other, "/dang-nhap/buoc-hai", code=office_house.code(secret)).status_code == 200
    assert other.get("/quan-tri/tai-khoan").status_code == 200


def test_an_id_token_that_says_something_else_is_refused(office_house: House, provider: Provider) -> None:
    account_id = bound(office_house, "lan", "editor", subject="u-4711", issuer=provider.issuer)
    client = office_house.browser()
    for claims, why in (
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"aud": "another-client"}, "aud"),
        ({"aud": [CLIENT, "another"], "azp": "another"}, "azp"),
        ({"iss": "https://accounts.example.vn"}, "iss"),
        ({"exp": 1}, "exp"),
        ({"exp": None}, "exp"),
        ({"sub": None}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sub": 4711}, "sub"),
        ({"at_hash": "AAAA"}, "at_hash"),
    ):
        provider.claims = claims
        back = by_office(client, provider)
        assert (back.status_code, shown_error(back).startswith(REFUSED)) == (400, True), claims
        assert log(office_house)[0] == ("sign_in_failed", {"by_provider": True, "why": why})
    assert client.get("/tai-khoan").status_code == 303
    assert office_house.store.sessions.of(account_id) == ()


def test_an_id_token_that_another_key_has_signed_is_refused(office_house: House, provider: Provider) -> None:
    bound(office_house, "lan", "editor", subject="u-4711", issuer=provider.issuer)
    for key, alg in (
        (ECKey.generate_key("P-256", {"kid": "k1"}), "ES256"),
        (rsa_key(), "RS256"),
        (OctKey.import_key(SHARED, {"kid": "k1"}), "HS256"),  # the provider publishes this one, which anybody then has
        (OctKey.import_key(SECRET, {"kid": "k1"}), "HS256"),
    ):
        provider.signs_with, provider.alg = key, alg
        back = by_office(office_house.browser(), provider)
        assert (back.status_code, log(office_house)[0][0]) == (400, "sign_in_failed")
    provider.key, provider.signs_with, provider.alg = rsa_key(), None, "RS256"  # new keys hold at once
    assert by_office(office_house.browser(), provider).status_code == 303


def test_a_state_serves_once_in_its_own_browser_and_not_for_long(office_house: House, provider: Provider, clock: Clock) -> None:
    bound(office_house, "lan", "editor", subject="u-4711", issuer=provider.issuer)
    client, thief = office_house.browser(), office_house.browser()
    back = path_of(provider.agree(leave(client)))
    leave(thief)
    assert shown_error(thief.get(back)).startswith(STALE)  # somebody else's log-in is not taken over, nor used up
    assert client.get(back).status_code == 303
    assert shown_error(client.get(back)).startswith(STALE)
    for path in ("/dang-nhap/co-quan/ve", "/dang-nhap/co-quan/ve?state=x&code=y", "/dang-nhap/co-quan/ve?state=&code="):
        assert shown_error(client.get(path)).startswith(STALE)
    back = path_of(provider.agree(leave(client)))
    clock.forward(minutes=11)
    assert shown_error(client.get(back)).startswith(STALE)


def test_a_code_without_its_verifier_and_a_person_who_says_no(office_house: House, provider: Provider) -> None:
    bound(office_house, "lan", "editor", subject="u-4711", issuer=provider.issuer)
    client, other = office_house.browser(), office_house.browser()
    stolen = parse_qs(urlsplit(provider.agree(leave(client))).query)["code"][0]
    own = parse_qs(urlsplit(leave(other)).query)["state"][0]
    assert shown_error(other.get(f"/dang-nhap/co-quan/ve?state={own}&code={stolen}")).startswith(REFUSED)
    own = parse_qs(urlsplit(leave(other)).query)["state"][0]
    assert shown_error(other.get(f"/dang-nhap/co-quan/ve?state={own}&error=access_denied")).startswith(REFUSED)
    back = provider.agree(leave(other)).replace("iss=http", "iss=https")
    assert shown_error(other.get(path_of(back))).startswith(REFUSED)


def test_nobody_gets_an_account_by_signing_in(office_house: House, provider: Provider) -> None:
    house = office_house
    minh = bound(house, "minh", "editor", email="lan.nguyen@soyte.gov.vn", issuer=provider.issuer)
    provider.claims = {"email_verified": False, "sub": "<b>u-1</b>"}
    back = by_office(house.browser(), provider)
    assert back.status_code == 403
    assert "&lt;b&gt;u-1&lt;/b&gt;" in back.text  # for the administrator to bind
    assert log(house)[0] == ("sign_in_failed", {"by_provider": True, "why": "unknown"})
    assert [account.username for account in house.store.accounts.list()] == ["minh"]
    provider.claims = {}
    house.store.accounts.disable(minh, BY)
    assert "đã ngừng" in shown_error(by_office(house.browser(), provider))


def test_a_provider_that_is_down_or_not_itself_leaves_the_password(office_house: House, provider: Provider, store: Store) -> None:
    office_house.add("lan", "editor")
    for broken in (
        {"issuer": "https://accounts.example.vn"},
        {"token_endpoint": "http://example.vn/token"},
        {"jwks_uri": None},
        {"authorization_endpoint": "javascript:alert(1)"},
    ):
        provider.broken = broken
        down = office_house.browser().get("/dang-nhap/co-quan")
        assert (down.status_code, "chưa trả lời" in shown_error(down)) == (502, True)
    provider.server.server_close()
    client = office_house.browser()
    assert client.get("/dang-nhap/co-quan").status_code == 502
    assert sign_in(client, "lan").status_code == 303


def test_a_client_without_a_secret_is_protected_by_its_verifier(store: Store, clock: Clock, provider: Provider) -> None:
    house = make_house(store, clock, OfficeLogin(provider.issuer, CLIENT, None, clock))
    bound(house, "lan", "editor", subject="u-4711", issuer=provider.issuer)
    assert shown_error(by_office(house.browser(), provider)).startswith(REFUSED)
    provider.public = True
    assert by_office(house.browser(), provider).status_code == 303


def test_an_administrator_binds_on_the_accounts_page(office_house: House, provider: Provider) -> None:
    house = office_house
    house.add("boss", "administrator", secret=TOTP)
    lan, minh = house.add("lan", "editor"), house.add("minh", "editor")
    boss = house.browser()
    sign_in(boss, "boss")
    send(boss, "/dang-nhap/ma", code=house.code(TOTP))

    def bind(account_id: str, **fields: str) -> Response:
        here = f"/quan-tri/tai-khoan/{account_id}"
        return send(boss, f"{here}/co-quan", here, **fields)

    for fields in ({}, {"email": "x"}, {"email": "a@b.vn", "subject": "u"}, {"subject": "é"}, {"subject": "x" * 256}):
        refused = bind(lan.account_id, **fields)
        assert (refused.status_code, "một trong hai ô" in shown_error(refused)) == (400, True)
    assert bind(lan.account_id, email="Lan.Nguyen@soyte.gov.vn").headers["location"].endswith("?xong=co-quan")
    assert "lan.nguyen@soyte.gov.vn" in boss.get(f"/quan-tri/tai-khoan/{lan.account_id}").text
    assert "đã gắn với một tài khoản khác" in shown_error(bind(minh.account_id, email="lan.nguyen@soyte.gov.vn"))
    assert bind("nobody", subject="u").status_code == 404
    client = house.browser()
    assert by_office(client, provider).status_code == 303
    assert "u-4711" in boss.get(f"/quan-tri/tai-khoan/{lan.account_id}").text
    here = f"/quan-tri/tai-khoan/{lan.account_id}"
    assert send(boss, f"{here}/bo-co-quan", here).status_code == 303
    assert client.get("/tai-khoan").status_code == 303  # out at once
    assert by_office(client, provider).status_code == 403
    assert [action for action, _ in log(house) if action.startswith("identity")] == [
        "identity_unbound",
        "identity_confirmed",
        "identity_bound",
    ]


def test_without_a_provider_there_is_no_way_to_one(house: House) -> None:
    client = house.browser()
    assert "co-quan" not in client.get("/dang-nhap").text
    assert client.get("/dang-nhap/co-quan").status_code == 404
