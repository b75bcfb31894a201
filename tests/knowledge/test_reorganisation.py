from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from knowledge.errors import KnowledgeError
from knowledge.reorganisation import load_successions, succession_for
from knowledge.tables import DATA

TABLE = load_successions()
CHANGE = date(2025, 3, 1)
NAMES = [
    "Sở Lao động - Thương binh và Xã hội",
    "Sở Lao động – Thương binh và Xã hội",
    "Sở Lao động, Thương binh và Xã hội",
    "Sở Lao động - TB và Xã hội",
    "Sở LĐ-TB&XH",
    "Sở LĐTB&XH",
    "Sở LĐ-TBXH",
    "Sở LĐTBXH",
    "so lao dong",
]
TASKS = [
    ("trợ cấp cho người cao tuổi", "Sở Y tế (cấp trung ương: Bộ Y tế)"),
    ("bảo vệ trẻ em bị xâm hại", "Sở Y tế (cấp trung ương: Bộ Y tế)"),
    ("Về phòng, chống mại dâm", "Sở Y tế (cấp trung ương: Bộ Y tế)"),
    ("Hỗ trợ cai nghiện ma túy", "Công an tỉnh (Phòng Cảnh sát điều tra tội phạm về ma túy)"),
    ("quản lý sau cai", "Công an tỉnh (Phòng Cảnh sát điều tra tội phạm về ma túy)"),
    ("mục tiêu về Bình đẳng giới", "Sở Nội vụ"),
    ("BĐG", "Sở Nội vụ"),
]


def now(words: str, topic: str = "", on: date = CHANGE) -> str | None:
    found = succession_for(words, topic, on, TABLE)
    return found.now if found else None


def test_each_row_has_a_source_and_a_day() -> None:
    assert len(TABLE) == 3
    assert all(row.source and row.was and row.was_words and row.since == CHANGE for row in TABLE)
    assert [row.task for row in TABLE if not row.topic_words] == ["bảo trợ xã hội, trẻ em, phòng chống tệ nạn xã hội"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("topic", "body"), TASKS)
def test_every_name_of_the_body_finds_who_has_the_task(name: str, topic: str, body: str) -> None:
    assert now(f"Giao {name} chủ trì.", topic) == body


def test_nothing_has_moved_before_the_day() -> None:
    assert now(NAMES[0], "trẻ em", CHANGE - timedelta(days=1)) is None
    assert now(NAMES[0], "trẻ em", CHANGE + timedelta(days=999)) == TASKS[0][1]


@pytest.mark.parametrize("words", ["Sở Y tế", "Sở Tài chính chủ trì", "", "người lao động ở các sở"])
def test_a_body_that_did_not_move_has_no_successor(words: str) -> None:
    assert now(words, "cai nghiện ma túy") is None


def test_a_ministry_is_named_too() -> None:
    assert now("Bộ LĐ-TB&XH") == now("Bộ Lao động - Thương binh và Xã hội") == TASKS[0][1]


def test_a_special_row_alone_says_nothing_of_other_topics() -> None:
    special = [row for row in TABLE if row.topic_words]
    assert succession_for(NAMES[0], "trẻ em", CHANGE, special) is None
    assert succession_for(NAMES[0], "bình đẳng giới", CHANGE, special) == special[1]
    assert succession_for(NAMES[0], "trẻ em", CHANGE, []) is None


def test_a_row_without_a_day_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bodies.tsv"
    text = (DATA / "bodies.tsv").read_text(encoding="utf-8")
    path.write_text(text.replace("2025-03-01", "1/3/2025", 1), encoding="utf-8")
    with pytest.raises(KnowledgeError, match="since must be YYYY-MM-DD"):
        load_successions(path)
    path.write_text(text.replace("\tSở Nội vụ", "", 1), encoding="utf-8")
    with pytest.raises(KnowledgeError, match="line 4: 6 cells, 7 wanted"):
        load_successions(path)
