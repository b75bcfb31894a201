from __future__ import annotations

from datetime import datetime
from itertools import product
from pathlib import Path

import pytest
import yaml

from actions.first_answer import DATA, FirstAnswer, UrgentTexts, first_answer
from actions.triage import KINDS, Assessment, Risk, Triage
from knowledge.directory import VIETNAM, Directory
from knowledge.errors import KnowledgeError

DIRECTORY = Directory.load()
NIGHT = datetime(2026, 11, 23, 2, 0, tzinfo=VIETNAM)  # a Monday
DAY = datetime(2026, 11, 25, 14, 0, tzinfo=VIETNAM)  # a Wednesday
SPEAKERS = ("self", "child", "carer", "witness", "doer", "official", "unknown")


def answer(
    kinds: str, risk: Risk, speaker: str = "unknown", at: datetime = NIGHT, area: str | None = None, rules: tuple[str, ...] = ()
) -> FirstAnswer:
    return first_answer(Assessment(risk, tuple(kinds.split()), speaker, rules), at, DIRECTORY, area, case_noted=True)


def phones(said: FirstAnswer) -> list[str]:
    return [line.phone for line in said.hotlines]


@pytest.mark.parametrize(
    ("kinds", "risk", "speaker", "at", "expected"),
    [
        ("child_abuse", Risk.DANGER_NOW, "child", NIGHT, ["113", "111"]),
        ("child_abuse", Risk.PAST_HARM, "child", NIGHT, ["111", "113"]),
        ("child_abuse", Risk.DANGER_NOW, "witness", NIGHT, ["111", "113"]),
        ("child_neglect", Risk.PAST_HARM, "witness", NIGHT, ["111"]),
        ("sexual_abuse", Risk.PAST_HARM, "child", NIGHT, ["111", "113", "1900 969 680"]),
        ("sexual_abuse", Risk.PAST_HARM, "self", NIGHT, ["113", "1900 969 680"]),
        ("domestic_violence", Risk.DANGER_NOW, "self", NIGHT, ["113", "1900 969 680"]),
        ("domestic_violence", Risk.DANGER_NOW, "child", NIGHT, ["113", "111", "1900 969 680"]),
        ("trafficking", Risk.THREAT, "self", NIGHT, ["113", "111"]),
        ("suicide", Risk.DANGER_NOW, "self", NIGHT, ["115", "113", "096 306 1414"]),
        ("suicide", Risk.THREAT, "self", DAY, ["096 306 1414", "115", "113"]),
        ("suicide", Risk.THREAT, "child", DAY, ["096 306 1414", "111", "115"]),
        ("suicide", Risk.WORRY, "self", DAY, ["096 306 1414", "115"]),
        ("suicide", Risk.WORRY, "self", NIGHT, ["115", "096 306 1414"]),
        ("overdose other_violence", Risk.DANGER_NOW, "witness", NIGHT, ["115", "113"]),
        ("fire_accident", Risk.DANGER_NOW, "unknown", NIGHT, ["114", "115"]),
    ],
)
def test_whom_to_call(kinds: str, risk: Risk, speaker: str, at: datetime, expected: list[str]) -> None:
    said = answer(kinds, risk, speaker, at)
    assert phones(said) == expected
    assert said.text.startswith(f"Gọi ngay {expected[0]} " if risk >= Risk.THREAT else f"Gọi {expected[0]} ")


def test_the_wounded_need_the_ambulance_first() -> None:
    assert phones(answer("fire_accident", Risk.DANGER_NOW, rules=("body-crisis",))) == ["115"]
    assert phones(answer("domestic_violence", Risk.DANGER_NOW, "self", rules=("body-crisis",)))[:2] == ["115", "113"]
    assert phones(answer("domestic_violence", Risk.DANGER_NOW, "self", rules=("wounded",)))[:2] == ["113", "115"]
    assert phones(answer("child_abuse", Risk.DANGER_NOW, "witness", rules=("wounded",))) == ["111", "113", "115"]
    assert phones(answer("child_abuse", Risk.DANGER_NOW, "witness", rules=("body-crisis",))) == ["115", "111", "113"]


def test_a_weapon_needs_the_police_first_and_a_bare_cry_may_be_anything() -> None:
    assert phones(answer("child_abuse", Risk.DANGER_NOW, "witness", rules=("weapon",)))[:2] == ["113", "111"]
    assert phones(answer("overdose", Risk.DANGER_NOW, "witness", rules=("drug-violence",)))[:2] == ["113", "115"]
    assert phones(answer("other_violence", Risk.DANGER_NOW, rules=("cry-for-help",))) == ["113", "114", "115"]


def test_who_may_be_a_child_is_given_the_line_of_children_too() -> None:
    read = Assessment(Risk.PAST_HARM, ("sexual_abuse",), "unknown", (), "young")
    assert phones(first_answer(read, NIGHT, DIRECTORY, case_noted=True))[:2] == ["113", "111"]


@pytest.mark.parametrize(
    ("rules", "risk", "kind", "told", "not_told"),
    [
        (("means-height",), Risk.DANGER_NOW, "suicide", "xa mép", "gây nôn"),
        (("means", "means-poison"), Risk.DANGER_NOW, "suicide", "gây nôn", "xa mép"),
        (("sextortion",), Risk.THREAT, "sexual_abuse", "gửi thêm ảnh", "cơ sở y tế"),
        (("sexual-abuse-of-me",), Risk.PAST_HARM, "sexual_abuse", "cơ sở y tế", "gửi thêm ảnh"),
        (("taken-abroad",), Risk.THREAT, "trafficking", "nước ngoài", "đuổi theo"),
        (("confined",), Risk.THREAT, "trafficking", "biển hiệu", "nước ngoài"),
        (("fire",), Risk.DANGER_NOW, "fire_accident", "khói", "nằm nghiêng"),
        (("body-crisis",), Risk.DANGER_NOW, "fire_accident", "nằm nghiêng", "khói"),
    ],
)
def test_the_steps_are_those_of_what_happened(rules: tuple[str, ...], risk: Risk, kind: str, told: str, not_told: str) -> None:
    text = answer(kind, risk, "self", rules=rules).text
    assert told in text
    assert not_told not in text


def test_every_variant_is_of_rules_that_there_are() -> None:
    tables = yaml.safe_load(DATA.read_text(encoding="utf-8"))
    kinds = {rule.id: rule.kind for rule in Triage.load().rules}
    named = {r for table in tables["variants"].values() for rules in table.values() for r in rules}
    named |= {*tables["first_by_rule"], *tables["accident_calls"], *tables["crisis_rules"], *tables["wound_rules"], tables["cry"]["rule"]}
    assert named <= set(kinds)
    assert all(variant in tables["steps"][kind] for kind, table in tables["variants"].items() for variant in table)
    assert set(tables["alone"]) <= {variant for table in tables["variants"].values() for variant in table}


def test_a_closed_line_is_named_with_its_hours_after_the_open_ones() -> None:
    said = answer("suicide", Risk.THREAT, "self", NIGHT)
    assert [line.open_now for line in said.hotlines] == [True, True, False]
    assert "096 306 1414 (Đường dây nóng Ngày mai) nghe máy thứ Tư đến Chủ nhật, 13:00–20:30; lúc này chưa có người nghe." in said.text
    assert "lúc này chưa có người nghe" not in answer("suicide", Risk.THREAT, "self", DAY).text


def test_hours_that_nobody_checked_are_said_to_be_so() -> None:
    assert "1900 969 680 (Đường dây nóng Ngôi nhà bình yên): chưa xác minh giờ làm việc." in answer("domestic_violence", Risk.THREAT).text


def test_the_citys_line_is_for_the_city() -> None:
    assert "1900 54 55 59" in phones(answer("child_abuse", Risk.PAST_HARM, area="Thành phố Hồ Chí Minh"))
    assert "1900 54 55 59" not in phones(answer("child_abuse", Risk.PAST_HARM, area="Đồng Nai"))


def test_the_case_is_only_spoken_of_when_it_is_noted() -> None:
    assessment = Assessment(Risk.THREAT, ("suicide",), "self", ())
    noted = first_answer(assessment, NIGHT, DIRECTORY, case_noted=True).text
    lost = first_answer(assessment, NIGHT, DIRECTORY, case_noted=False).text
    assert "đã được ghi lại để người trực xem" in noted
    assert "ghi lại" not in lost
    assert "người trực" not in lost


def test_the_quick_exit_is_said_to_the_harmed_and_not_to_a_witness() -> None:
    assert "xóa tin nhắn" in answer("domestic_violence", Risk.THREAT, "self").text
    assert "xóa tin nhắn" not in answer("domestic_violence", Risk.THREAT, "witness").text
    assert "xóa tin nhắn" not in answer("fire_accident", Risk.DANGER_NOW).text


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_child_adult_and_witness_hear_different_words(kind: str) -> None:
    child, adult = (answer(kind, Risk.PAST_HARM, speaker).text for speaker in ("child", "self"))
    assert child != adult
    assert "anh/chị" not in child.lower()
    assert ("111" in child) is (kind not in ("overdose", "fire_accident"))


def test_every_text_keeps_the_promises() -> None:
    every = product(sorted(KINDS), sorted(KINDS), SPEAKERS, list(Risk)[1:], (NIGHT, DAY), (None, "TP.HCM"))
    for first, second, speaker, risk, at, area in every:
        said = answer(f"{first} {second}" if first != second else first, risk, speaker, at, area)
        assert said.text.startswith("Gọi ")
        assert len(said.text) <= 500, (first, second, speaker, risk)
        assert said.hotlines
        assert said.hotlines[0].open_now is True
        assert "?" not in said.text
        assert "{" not in said.text
        for word in ("bí mật", "tại sao", "lẽ ra", "rời khỏi nhà", "bỏ đi ngay", "hứa", "chắc chắn sẽ", "yên tâm"):
            assert word not in said.text.lower()
        if first not in ("overdose", "fire_accident") and (speaker == "child" or first in ("child_abuse", "child_neglect")):
            assert "111" in phones(said)[:2]


def test_nothing_is_said_where_nobody_is_in_danger() -> None:
    with pytest.raises(ValueError, match="nobody"):
        first_answer(Assessment(Risk.NONE, (), "unknown", ()), NIGHT, DIRECTORY, case_noted=False)


def test_all_numbers_of_the_table_are_in_the_directory() -> None:
    tables = yaml.safe_load(DATA.read_text(encoding="utf-8"))
    named = {p for plan in tables["calls"].values() for when in plan.values() for p in when} | set(tables["first_by_rule"].values())
    named |= {p for numbers in tables["accident_calls"].values() for p in numbers} | set(tables["cry"]["calls"]) | {tables["wound_line"]}
    assert all(DIRECTORY.by_phone(phone) for phone in {*named, tables["child_line"]})


def test_a_table_without_a_kind_is_refused(tmp_path: Path) -> None:
    tables = yaml.safe_load(DATA.read_text(encoding="utf-8"))
    del tables["steps"]["suicide"]
    path = tmp_path / "urgent.yml"
    path.write_text(yaml.safe_dump(tables, allow_unicode=True), encoding="utf-8")
    with pytest.raises(KnowledgeError, match="suicide"):
        UrgentTexts.load(path)
    with pytest.raises(KnowledgeError):
        UrgentTexts.load(tmp_path / "none.yml")
