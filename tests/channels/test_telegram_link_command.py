"""`trogiup accounts link-telegram` on a home of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.cli import main
from bot.services import utc_now
from knowledge.store import Actor, Store, sqlite_url


def test_an_officer_is_linked_and_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TROGIUP_HOME", str(tmp_path))
    store = Store.open(sqlite_url(tmp_path / "trogiup.db"), utc_now)
    officer = store.accounts.add("hoa", "Trần Thị Hoa", ["duty_officer"], "-", by=Actor())
    store.accounts.add("editor", "Lê Văn Sửa", ["editor"], "-", by=Actor())

    assert main(["accounts", "link-telegram", "hoa", "71"]) == 0
    assert store.messengers.author_of("telegram", officer.account_id) == "71"
    for name, number in (("hoa", "@hoa"), ("editor", "72"), ("nobody", "72")):
        assert main(["accounts", "link-telegram", name, number]) != 0
    assert len(capsys.readouterr().err.strip().splitlines()) == 3
    assert store.messengers.author_of("telegram", officer.account_id) == "71"
    assert main(["accounts", "link-telegram", "hoa", "none"]) == 0
    assert store.messengers.author_of("telegram", officer.account_id) is None
    store.close()
