"""Accounts, sessions and the audit log, on each kind of database."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from knowledge.errors import StoreError
from knowledge.store import Account, AccountRefused, Actor, AuditFilter, LoginBegun, Store, Subject, sqlite_url
from knowledge.store.accounts import LOCKED_FOR, MAX_FAILURES

BY = Actor("boss", "203.0.113.x")


def add(store: Store, username: str = "lan", *roles: str) -> Account:
    return store.accounts.add(username, "Nguyễn Thị Lan", roles, "hash", by=BY)


def actions(store: Store) -> list[str]:
    return [entry.action for entry in reversed(store.audit.search(AuditFilter()))]


# --- accounts


def test_an_account_is_kept_as_it_was_made(store: Store, clock) -> None:
    made = store.accounts.add("  Lan.Nguyen ", " Nguyễn  Thị Lan ", ["editor", "duty_officer"], "hash", phone="0912 345 678", by=BY)
    assert store.accounts.get(made.account_id) == made == store.accounts.by_username("LAN.NGUYEN")
    assert (made.username, made.display_name, made.phone, made.created_at) == ("lan.nguyen", "Nguyễn Thị Lan", "0912 345 678", clock())
    assert made.roles == {"editor", "duty_officer"}
    assert made.must_change_password
    (entry,) = store.audit.search(AuditFilter())
    assert (entry.account_id, entry.address, entry.action, entry.subject_id) == ("boss", "203.0.113.x", "account_added", made.account_id)
    assert json.loads(entry.after_json or "")["roles"] == ["duty_officer", "editor"]
    assert "hash" not in (entry.after_json or "")


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ("username_unfit", {"username": "ab"}),
        ("username_unfit", {"username": "lan nguyen"}),
        ("username_unfit", {"username": "lan\x00"}),
        ("name_unfit", {"display_name": "  "}),
        ("name_unfit", {"display_name": "a" * 81}),
        ("name_unfit", {"display_name": "a\u202eb"}),
        ("role_unknown", {"roles": ["king"]}),
        ("phone_unfit", {"phone": "gọi tôi"}),
        ("username_taken", {"username": "MINH"}),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_kept(store: Store, reason: str, change: dict) -> None:
    add(store, "minh")
    with pytest.raises(AccountRefused) as refused:
        store.accounts.add(**({"username": "hoa", "display_name": "Hoa", "roles": [], "password_hash": "h", "by": BY} | change))
    assert refused.value.reason == reason
    assert [account.username for account in store.accounts.list()] == ["minh"]
    assert actions(store) == ["account_added"]


def test_a_change_is_noted_with_before_and_after_and_nothing_else(store: Store) -> None:
    account = add(store, "lan", "editor")
    store.accounts.change(account.account_id, display_name="Nguyễn Thị Lan", roles=["approver"], phone=None, by=BY)
    store.accounts.change(account.account_id, display_name="Nguyễn Thị Lan", roles=["approver"], phone="", by=BY)  # nothing changes
    assert actions(store) == ["account_added", "account_changed"]
    entry = store.audit.search(AuditFilter(action="account_changed"))[0]
    assert (json.loads(entry.before_json or ""), json.loads(entry.after_json or "")) == ({"roles": ["editor"]}, {"roles": ["approver"]})


def test_disabled_accounts_neither_sign_in_nor_stay_signed_in(store: Store) -> None:
    add(store, "boss", "administrator")
    account = add(store, "lan", "duty_officer")
    begin(store, account, "s1")
    store.accounts.disable(account.account_id, BY)
    assert store.accounts.attempt("lan") is None
    assert store.sessions.find("s1") is None
    assert store.accounts.with_role("duty_officer") == ()
    store.accounts.enable(account.account_id, BY)
    assert store.accounts.attempt("lan") is not None
    assert store.sessions.find("s1") is None


def test_the_last_administrator_stays(store: Store) -> None:
    first, second = add(store, "anh", "administrator"), add(store, "binh", "administrator")
    store.accounts.disable(first.account_id, BY)
    for change in (
        lambda: store.accounts.disable(second.account_id, BY),
        lambda: store.accounts.change(second.account_id, display_name="x", roles=["editor"], phone=None, by=BY),
    ):
        with pytest.raises(AccountRefused) as refused:
            change()
        assert refused.value.reason == "last_administrator"
    assert store.accounts.get(second.account_id).has("administrator")


def test_two_administrators_cannot_put_each_other_out_at_once(store: Store) -> None:
    ids = [add(store, name, "administrator").account_id for name in ("anh", "binh")]

    def disable(account_id: str) -> bool:
        try:
            store.accounts.disable(account_id, BY)
        except AccountRefused:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(disable, ids)) == [False, True]


# --- lock-out


def test_five_wrong_attempts_lock_for_a_quarter_of_an_hour(store: Store, clock) -> None:
    add(store)
    assert [store.accounts.attempt("lan") is not None for _ in range(MAX_FAILURES + 1)] == [True] * MAX_FAILURES + [False]
    clock.now += LOCKED_FOR - timedelta(seconds=1)
    assert store.accounts.attempt("lan") is None
    clock.forward(seconds=1)
    assert [store.accounts.attempt("lan") is not None for _ in range(MAX_FAILURES + 1)] == [True] * MAX_FAILURES + [False]


def test_many_guesses_at_once_are_no_more_guesses(store: Store) -> None:
    add(store)
    with ThreadPoolExecutor(8) as threads:
        looked_at = list(threads.map(lambda _: store.accounts.attempt("lan"), range(20)))
    assert sum(found is not None for found in looked_at) == MAX_FAILURES


def test_a_held_attempt_does_not_count_and_does_not_forgive(store: Store) -> None:
    account = add(store)
    store.accounts.attempt("lan")
    held = store.accounts.attempt("lan")
    assert held is not None
    assert store.accounts.attempt_held(held)
    assert store.accounts.get(account.account_id).failed_logins == 1
    store.accounts.attempts_done(account.account_id)
    assert store.accounts.attempt_held(held)
    assert store.accounts.get(account.account_id).failed_logins == 0


def test_an_attempt_does_not_outlive_its_password_or_the_account(store: Store) -> None:
    account = add(store)
    for change in (
        lambda: store.accounts.set_password(account.account_id, "another hash", must_change=True, by=BY),
        lambda: store.accounts.disable(account.account_id, BY),
    ):
        held = store.accounts.attempt("lan")
        assert held is not None
        change()
        assert not store.accounts.attempt_held(held)


def test_the_attempt_that_locks_is_noted(store: Store) -> None:
    account = add(store)
    for _ in range(MAX_FAILURES):
        store.accounts.attempt("lan")
        store.accounts.attempt_failed(account.account_id, Actor(None, "198.51.100.x"))
    noted = store.audit.search(AuditFilter(action="sign_in_failed"))
    assert [json.loads(entry.after_json or "")["locked"] for entry in noted] == [True, False, False, False, False]
    store.accounts.unlock(account.account_id, BY)
    assert store.accounts.attempt("lan") is not None


# --- the second factor


def test_a_step_is_good_for_one_use_and_never_an_older_one(store: Store) -> None:
    account = add(store)
    assert store.accounts.offer_totp(account.account_id, "ONE") == "ONE"
    assert store.accounts.offer_totp(account.account_id, "TWO") == "ONE"
    assert store.accounts.attempt_held(store.accounts.credentials(account.account_id))
    assert store.accounts.offer_totp(account.account_id, "THREE") == "THREE"
    assert store.accounts.confirm_totp(account.account_id, 100, ["c1", "c2"], BY)
    assert not store.accounts.confirm_totp(account.account_id, 101, [], BY)
    assert store.accounts.attempt_held(store.accounts.credentials(account.account_id))
    assert store.accounts.credentials(account.account_id).totp_secret == "THREE"
    assert [store.accounts.use_totp_step(account.account_id, step) for step in (99, 100, 101, 101)] == [False, False, True, False]


def test_a_recovery_code_is_good_for_one_use_of_its_own_account(store: Store) -> None:
    account, other = add(store), add(store, "minh")
    store.accounts.replace_recovery_codes(account.account_id, ["c1", "c2"], BY)
    assert not store.accounts.use_recovery_code(other.account_id, "c1", BY)
    assert store.accounts.use_recovery_code(account.account_id, "c1", BY)
    assert not store.accounts.use_recovery_code(account.account_id, "c1", BY)
    assert store.accounts.recovery_codes_left(account.account_id) == 1
    store.accounts.reset_totp(account.account_id, BY)
    assert not store.accounts.use_recovery_code(account.account_id, "c2", BY)


def test_a_newer_hash_does_not_undo_a_new_password(store: Store) -> None:
    account = add(store)
    store.accounts.set_password(account.account_id, "new", must_change=False, by=BY)
    store.accounts.rehash(account.account_id, "hash", "hash of the old one")
    assert store.accounts.credentials(account.account_id).password_hash == "new"
    store.accounts.rehash(account.account_id, "new", "newer")
    assert store.accounts.credentials(account.account_id).password_hash == "newer"


# --- sessions


def begin(store: Store, account: Account, session_id: str, hours: int = 1) -> None:
    store.sessions.open(
        session_id,
        account.account_id,
        expires_at=store.accounts._clock() + timedelta(hours=hours),
        csrf_secret="c",
        second_factor=False,
        address=None,
        browser=None,
    )


def test_a_session_lives_until_its_end(store: Store, clock) -> None:
    account = add(store)
    begin(store, account, "s1")
    begin(store, account, "s2", hours=3)
    clock.forward(minutes=59)
    store.sessions.seen("s1")
    found = store.sessions.find("s1")
    assert found is not None
    assert (found[0], found[1].seen_at) == (account, clock())
    clock.forward(minutes=1)
    assert store.sessions.find("s1") is None
    assert [session.session_id for session in store.sessions.of(account.account_id)] == ["s2"]
    store.sessions.end("s2")
    assert store.sessions.find("s2") is None


@pytest.mark.parametrize("change", ["password", "second factor"])
def test_whoever_was_signed_in_is_out(store: Store, change: str) -> None:
    account = add(store)
    begin(store, account, "s1")
    if change == "password":
        store.accounts.set_password(account.account_id, "new", must_change=True, by=BY)
    else:
        store.accounts.reset_totp(account.account_id, BY)
    assert store.sessions.find("s1") is None


# --- the audit log


@pytest.mark.parametrize("statement", ["UPDATE audit_log SET action = 'nothing'", "DELETE FROM audit_log", "TRUNCATE audit_log"])
def test_no_row_can_be_changed_or_taken_away(store: Store, statement: str) -> None:
    store.audit.record(BY, "looked", Subject("case", "TG-23AC45"))
    with pytest.raises(StoreError) as refused, store._database.write() as connection:
        connection.execute(text(statement))
    knows_no_truncate = connection.dialect.name == "sqlite" and statement.startswith("TRUNCATE")
    assert ("syntax error" if knows_no_truncate else "append-only") in str(refused.value.__cause__)
    assert actions(store) == ["looked"]


def test_the_log_is_searched_by_who_what_and_when(store: Store, clock) -> None:
    for number in range(5):
        store.audit.record(Actor(f"a{number % 2}"), "looked" if number < 4 else "exported", Subject("case", f"c{number}"))
        clock.forward(hours=1)
    start = clock() - timedelta(hours=5)

    def found(**wanted: object) -> list[str | None]:
        return [entry.subject_id for entry in store.audit.search(AuditFilter(**wanted))]  # type: ignore[arg-type]

    assert found() == ["c4", "c3", "c2", "c1", "c0"]
    assert found(account_id="a1") == ["c3", "c1"]
    assert found(action="exported") == ["c4"]
    assert found(subject_id="c2' OR 1=1 --") == []
    assert found(since=start + timedelta(hours=1), until=start + timedelta(hours=3)) == ["c2", "c1"]
    assert store.audit.actions() == ("exported", "looked")
    first = store.audit.search(AuditFilter(), limit=2)
    assert [entry.subject_id for entry in store.audit.search(AuditFilter(), before_id=first[-1].entry_id, limit=2)] == ["c2", "c1"]
    assert [entry.subject_id for entry in store.audit.all(AuditFilter())] == found()


def test_a_change_that_fails_leaves_no_row(store: Store) -> None:
    with pytest.raises(AccountRefused):
        store.accounts.disable("nobody", BY)
    assert actions(store) == []


def test_accounts_stay_when_the_store_is_opened_again(tmp_path: Path, clock: Callable) -> None:
    url = sqlite_url(tmp_path / "x.sqlite")
    first = Store.open(url, clock)
    account = add(first, "lan", "editor")
    first.close()
    second = Store.open(url, clock)
    assert second.accounts.get(account.account_id) == account
    second.close()


# --- identities at the office's provider


def test_of_two_who_bind_one_person_at_once_one_is_told(store: Store) -> None:
    ids = [add(store, name).account_id for name in ("lan", "minh", "hoa")]

    def bind(account_id: str) -> str:
        try:
            store.identities.bind(account_id, "https://id.vn", subject="u-1", email="", by=BY)
        except AccountRefused as refused:
            return refused.reason
        return "bound"

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(bind, ids)) == ["bound", "identity_taken", "identity_taken"]
    assert sum(store.identities.of(account_id) is not None for account_id in ids) == 1


def test_a_state_is_taken_once_by_whoever_comes_first(store: Store, clock) -> None:
    begun = LoginBegun("state", "browser", "nonce", "verifier", "/truc", clock() + timedelta(minutes=10))
    store.identities.begin(begun)
    assert store.identities.take("state", "another") is None
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda _: store.identities.take("state", "browser"), range(4)))
    assert sorted(taken, key=str) == sorted([begun, None, None, None], key=str)


def test_a_subject_goes_before_an_address(store: Store) -> None:
    lan, minh = (add(store, name) for name in ("lan", "minh"))
    store.identities.bind(lan.account_id, "https://id.vn", subject="u-1", email="", by=BY)
    store.identities.bind(minh.account_id, "https://id.vn", subject="", email="Chung@soyte.vn", by=BY)
    assert store.identities.account_for("https://id.vn", "u-1", "chung@soyte.vn", BY) == lan
    assert store.identities.account_for("https://other.vn", "u-1", "chung@soyte.vn", BY) is None
    assert store.identities.account_for("https://id.vn", "u-2", None, BY) is None
    assert store.identities.account_for("https://id.vn", "u-2", "CHUNG@soyte.vn", BY) == minh
    assert store.identities.account_for("https://id.vn", "u-3", "chung@soyte.vn", BY) is None
    # Bound anew, the former person is out.
    store.identities.bind(minh.account_id, "https://id.vn", subject="u-9", email="", by=BY)
    assert store.identities.account_for("https://id.vn", "u-2", None, BY) is None
    assert actions(store)[-3:] == ["identity_bound", "identity_confirmed", "identity_bound"]
