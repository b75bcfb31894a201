"""What could not be sent, in the shell and on the page for staff."""

from __future__ import annotations

import json
import re
import sys
from datetime import timedelta
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "staff"))
from staff_house import Clock as StaffClock
from staff_house import House, hidden, make_house, send, sign_in

from bot.cli import main
from bot.services import utc_now
from knowledge.store import Actor, AuditFilter, NewSend, Store, sqlite_url

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
HERE = "/can-bo/tin-chua-gui"


def letters(store: Store, *texts: str) -> list[int]:
    """Dead letters with these words; their ids, the newest first."""
    now = store.sends._clock()
    store.sends.add([NewSend("telegram", f"telegram:{text}", text, "normal", json.dumps({"data": {"text": text}}), now) for text in texts])
    for row in store.sends.claim(["telegram"], 99, timedelta(seconds=9)):
        store.sends.dead(row.send_id, "refused")
    return [row.send_id for row in store.sends.dead_letters()]


@pytest.fixture
def house(tmp_path: Path) -> House:
    clock = StaffClock()
    return make_house(Store.open(sqlite_url(tmp_path / "trogiup.db"), clock), clock)


def browser(house: House, *roles: str):
    house.add("lan", *roles, secret=SECRET)
    client = house.browser()
    sign_in(client, "lan")
    send(client, "/dang-nhap/ma", code=house.code(SECRET))
    return client


def test_the_page_shows_words_only_on_request_and_writes_down_who_looked(house: House) -> None:
    second, first = letters(house.store, "<b>một</b>", "hai")
    client = browser(house, "duty_officer")
    page = client.get(HERE)
    assert page.status_code == 200
    assert "một" not in page.text
    csrf = hidden(page.text)["csrf"]
    opened = client.post(f"{HERE}/{first}/xem", data={"csrf": csrf})
    assert "&lt;b&gt;một&lt;/b&gt;" in opened.text
    assert client.post(f"{HERE}/{first}/gui-lai", data={"csrf": csrf}).headers["location"] == f"{HERE}?xong=gui-lai"
    assert client.post(f"{HERE}/{second}/bo", data={"csrf": csrf}).headers["location"] == f"{HERE}?xong=bo"
    assert client.post(f"{HERE}/{second}/xem", data={"csrf": csrf}).headers["location"] == f"{HERE}?xong=mat"
    assert house.store.sends.dead_letters() == ()
    found = [house.store.audit.search(AuditFilter(action=f"dead_letter_{what}"))[0] for what in ("read", "again", "dropped")]
    assert [entry.subject_id for entry in found] == [str(first), str(first), str(second)]


def test_the_page_is_for_officers_and_administrators_and_takes_only_its_own_forms(house: House) -> None:
    (letter,) = letters(house.store, "một")
    client = browser(house, "editor")
    assert client.get(HERE).status_code == 403
    assert client.post(f"{HERE}/{letter}/bo").status_code == 403
    account = house.store.accounts.by_username("lan")
    assert account
    house.store.accounts.change(account.account_id, display_name="Lan", phone=None, roles=("administrator",), by=Actor())
    assert client.post(f"{HERE}/{letter}/bo", data={"csrf": "x"}).status_code == 403
    assert house.store.sends.dead_letters()[0].send_id == letter


def test_pages_of_fifty(house: House) -> None:
    letters(house.store, *(f"t{number}" for number in range(52)))
    client = browser(house, "administrator")
    page = client.get(HERE).text
    assert page.count("Không gửi được ·") + page.count("Không gửi được</strong>") == 50
    older = re.search(r"truoc=(\d+)", page)
    assert older
    assert client.get(f"{HERE}?truoc={older[1]}").text.count("Không gửi được</strong>") == 2


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TROGIUP_HOME", str(tmp_path))
    return tmp_path


def test_the_shell_lists_channels_and_dead_letters(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TROGIUP_TELEGRAM_TOKEN", "1:x")
    store = Store.open(sqlite_url(home / "trogiup.db"), utc_now)
    second, first = letters(store, "một", "hai")
    store.chats.blocked("telegram:9", utc_now())
    store.tokens.failed("zalo-oa", "-14020")
    assert main(["channels", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["telegram", "zalo-bot", "zalo-oa"]
    assert re.search(r"telegram +configured .* dead 2  uncertain 0  blocked 1", lines[0])
    assert "tokens FAILED" in lines[2]
    assert main(["channels", "dead", "--again", str(first)]) == 0
    assert main(["channels", "dead", "--again", str(first)]) == 1
    assert main(["channels", "dead", "--drop", str(second)]) == 0
    assert "There is no dead letter" in capsys.readouterr().err
    assert main(["channels", "dead"]) == 0
    assert capsys.readouterr().out == ""
    assert store.audit.search(AuditFilter(action="dead_letter_dropped"))
    store.close()
