"""`make demo-zalo`, played to its end: the house between the emulators of both of Zalo's services."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from tools import demo_zalo

pytestmark = pytest.mark.e2e


async def test_a_conversation_in_both_services(built_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_zalo, "QUIET_S", 0.2)
    shown: list[str] = []
    await demo_zalo.play(shutil.copytree(built_home, tmp_path / "home"), shown.append)
    script = yaml.safe_load(Path(demo_zalo.__file__).with_suffix(".yml").read_text("utf-8"))
    bot = f"{script['names']['bot']}: "
    in_account, _, in_bot = "\n".join(shown).partition(script["services"]["zalo-bot"]["title"])
    assert "16 cơ sở" in in_account
    assert "[Xem nguyên văn]" in in_account
    urgent = in_account.rpartition("giet em")[2].partition(bot)[2]
    assert "113" in urgent.splitlines()[0]
    protected = in_bot.rpartition(bot)[2]
    assert "111" in protected.splitlines()[0]
    assert "\n1. " in in_bot
    assert shown[-1].strip() == script["ended"]
