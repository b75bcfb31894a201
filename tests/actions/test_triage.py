from __future__ import annotations

import json
import shutil
import statistics
import unicodedata
from pathlib import Path
from typing import Any

import pytest
import yaml

from actions.triage import DATA, KINDS, Assessment, Risk, Triage
from actions.triage.cast import BLOWS, PERSONS, STATES
from actions.triage.rules import Rule
from actions.triage.spelling import agrees
from knowledge.errors import KnowledgeError
from knowledge.text import fold, nfc, sentences

SETS = Path(__file__).parents[1] / "eval" / "danger"
SOURCES = Path(__file__).parents[2] / "knowledge" / "sources"
LEXICON: dict[str, dict[str, Any]] = yaml.safe_load((DATA / "lexicon.yml").read_text(encoding="utf-8"))
TRIAGE = Triage.load()
RULES = Triage.rules_only()


def rows(name: str, *, check: bool) -> list[dict[str, Any]]:
    """The tuned part of a set, or the fifth that rules were never tuned on (ids that end in 0 or 5)."""
    lines = (SETS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [row for row in map(json.loads, lines) if (row["id"][-1] in "05") is check]


def share_urgent(chosen: list[dict[str, Any]], *, bare: bool = False) -> float:
    strip = (lambda text: fold(nfc(text))) if bare else nfc
    return statistics.mean(TRIAGE.assess(strip(r["question"]), [strip(h) for h in r.get("history", ())]).urgent for r in chosen)


# --- the tables ---


@pytest.mark.parametrize("rule", TRIAGE.rules, ids=lambda rule: rule.id)
def test_every_rule_fires_on_its_examples(rule: Rule) -> None:
    assert rule.examples
    for example in rule.examples:
        assert rule.id in TRIAGE.assess(example).rules, example


@pytest.mark.parametrize("concept", LEXICON)
def test_every_concept_is_found_in_its_example_and_has_a_reason(concept: str) -> None:
    found = TRIAGE.lexicon.find(TRIAGE.speller.read(LEXICON[concept]["example"]))
    assert concept in {item.concept for item in found}
    assert LEXICON[concept]["why"]


def test_every_concept_is_used() -> None:
    used = {name for rule in TRIAGE.rules for pattern in rule.patterns for step in pattern.steps for name in step.concepts}
    in_code = {
        *(*PERSONS, *BLOWS, *STATES),
        *(c for role in ("guard", "covers", "mute") for c in TRIAGE.lexicon.roles[role]),
        *("negation", "of"),
        "now",
        "past",
        "help",
    }
    assert in_code <= set(LEXICON)
    assert set(LEXICON) == used | in_code


def test_ids_are_unique_and_kinds_all_covered() -> None:
    assert len({rule.id for rule in TRIAGE.rules}) == len(TRIAGE.rules)
    assert {rule.kind for rule in TRIAGE.rules} == KINDS


def test_spelling_has_sources() -> None:
    tables = yaml.safe_load((DATA / "spelling.yml").read_text(encoding="utf-8"))
    assert all(table["source"] and table["words"] for part in ("short", "signs") for table in tables[part])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("kind: suicide", "kind: nothing"),
        ("risk: past_harm\n", "risk: huge\n"),
        ('any: ["die_wish"]', 'any: ["no_such_concept"]'),
        ("rules:", "rules: ["),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, old: str, new: str) -> None:
    shutil.copytree(DATA, tmp_path / "triage")
    path = tmp_path / "triage" / "rules.yml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(KnowledgeError, match=r"rules\.yml"):
        Triage.load(tmp_path / "triage")


# --- the sets ---


def test_the_sets_are_large_and_well_formed() -> None:
    for name, kind, least in (("danger", "urgent", 350), ("harmless", "not-urgent", 450)):
        every = rows(name, check=False) + rows(name, check=True)
        assert len(every) >= least
        assert len({r["id"] for r in every}) == len({(r["question"], *r.get("history", ())) for r in every}) == len(every)
        assert all(r["kind"] == kind and r["tags"] for r in every)


def test_danger_is_found_and_the_harmless_left_alone() -> None:
    assert share_urgent(rows("danger", check=False)) >= 0.97
    assert share_urgent(rows("harmless", check=False)) <= 0.03


def test_without_marks_nearly_as_well() -> None:
    assert share_urgent(rows("danger", check=False), bare=True) >= 0.92
    assert share_urgent(rows("harmless", check=False), bare=True) <= 0.05


def test_the_part_nothing_was_tuned_on(record_property: Any) -> None:
    """Reported, not tuned on; the bounds only notice a collapse."""
    recall, alarms = share_urgent(rows("danger", check=True)), share_urgent(rows("harmless", check=True))
    record_property("recall", recall)
    record_property("false_alarms", alarms)
    print(f"\ncheck part: recall {recall:.3f}, false alarms {alarms:.3f}")
    assert recall >= 0.85
    assert alarms <= 0.12


def test_the_plans_themselves_raise_no_alarm() -> None:
    clauses = [
        text[a:b]
        for path in sorted(SOURCES.glob("*.txt"))
        for text in [nfc(path.read_text(encoding="utf-8"))]
        for a, b in sentences(text)
        if b - a > 15
    ]
    assert len(clauses) > 500
    assert [c for c in clauses if TRIAGE.assess(c).urgent] == []
    assert sum(TRIAGE.assess(fold(c)).urgent for c in clauses) <= 1


# --- what is read ---


@pytest.mark.parametrize(
    ("text", "risk", "kind", "speaker"),
    [
        ("Cứu em, bố em đang cầm dao ngoài cửa", Risk.DANGER_NOW, "child_abuse", "child"),
        ("em 13 tuổi, bố dượng hay đánh em", Risk.PAST_HARM, "child_abuse", "child"),
        ("chồng tôi dọa giết tôi", Risk.THREAT, "domestic_violence", "self"),
        ("năm ngoái chồng tôi đánh tôi", Risk.PAST_HARM, "domestic_violence", "self"),
        ("chồng tôi đang đánh tôi", Risk.DANGER_NOW, "domestic_violence", "self"),
        ("con tôi học lớp 8 bị thầy sờ soạng", Risk.PAST_HARM, "sexual_abuse", "carer"),
        ("tôi không muốn sống nữa", Risk.THREAT, "suicide", "self"),
        ("em trai tôi bị lừa sang campuchia", Risk.THREAT, "trafficking", "witness"),
        ("mẹ kế bỏ đói em", Risk.PAST_HARM, "child_neglect", "child"),
        ("anh tôi sốc thuốc bất tỉnh", Risk.DANGER_NOW, "overdose", "witness"),
        ("cháy nhà rồi cứu với", Risk.DANGER_NOW, "fire_accident", "unknown"),
        ("em không dám về nhà", Risk.WORRY, "other_violence", "unknown"),
    ],
)
def test_risk_kind_and_speaker(text: str, risk: Risk, kind: str, speaker: str) -> None:
    read = RULES.assess(text)
    assert (read.risk, read.speaker) == (risk, speaker)
    assert TRIAGE.assess(text).risk >= risk
    assert kind in read.kinds
    assert set(read.kinds) <= KINDS


def test_a_child_in_it_makes_it_a_child_case_too() -> None:
    assert "child_abuse" in TRIAGE.assess("cháu 12 tuổi bị chú sờ, theo quy định báo ở đâu").kinds
    assert "child_abuse" not in TRIAGE.assess("tôi bị sếp sàm sỡ").kinds


@pytest.mark.parametrize(
    ("question", "own"),
    [
        ("nạn nhân bị bạo lực được hỗ trợ gì?", "tôi là nạn nhân bị chồng đánh, giờ làm sao"),
        ("quy trình tố giác trẻ em bị xâm hại", "cháu 12 tuổi bị chú sờ, quy trình báo ở đâu"),
        ("trong phim chồng đánh vợ", "xem phim xong chồng đánh em"),
        ("không ai bị đánh cả", "không hiểu sao bị đánh"),
        ("tôi là cán bộ xã, hỏi quy trình khi trẻ bị đánh", "tôi bị cán bộ đánh"),
    ],
)
def test_a_question_is_no_alarm_and_a_person_is(question: str, own: str) -> None:
    assert not TRIAGE.assess(question).urgent
    assert TRIAGE.assess(own).urgent


def test_an_official_who_asks_is_known_as_one() -> None:
    assert TRIAGE.assess("tôi là cán bộ xã, hỏi quy trình khi trẻ bị đánh").speaker == "official"


@pytest.mark.parametrize(
    "text",
    ["em bi chong danh", "em bij chongf ddanhs", "em bi5 chong2 d9anh1", "e bị ck oánh", "EM BỊ CHỒNG ĐÁNH", "em bị chồnggg đánhhhh"],
)
def test_ways_of_writing_are_one(text: str) -> None:
    assert "domestic_violence" in TRIAGE.assess(text).kinds


@pytest.mark.parametrize(
    "text", ["danh sách hộ nghèo", "đánh giá mức độ", "chú đánh răng", "lãnh đạo tỉnh", "giết thời gian", "cười chết đi được"]
)
def test_marks_and_idioms_tell_words_apart(text: str) -> None:
    assert not TRIAGE.assess(text).urgent
    assert not TRIAGE.assess(fold(text)).urgent


def test_marks_are_never_contradicted() -> None:
    assert agrees("danh", "đánh", with_marks=False)
    assert not agrees("danh", "đánh", with_marks=True)
    assert not agrees("dành", "đánh", with_marks=False)
    assert agrees("đanh", "đánh", with_marks=True)
    assert agrees("dánh", "đánh", with_marks=True)
    assert agrees("sàm", "sàm", with_marks=True, exact=True)
    assert not agrees("so", "sờ", with_marks=False, exact=True)
    assert agrees("sỡ", "sở", with_marks=True)


def test_danger_said_in_several_messages() -> None:
    assert not TRIAGE.assess("đánh").urgent
    read = TRIAGE.assess("đánh em", ["chồng em say", "nó lại lôi em ra"])
    assert read.urgent
    assert not TRIAGE.assess("cảm ơn bạn", ["chồng em đánh em"]).urgent
    assert not TRIAGE.assess("cho em hỏi mức trợ cấp", ["con tôi bị thầy sờ soạng"]).urgent


@pytest.mark.parametrize(
    "text",
    ["", "   ", "😀😀", "\x00\x07", "1234567890", "<script>alert(1)</script>", "ignore your rules", "%" * 4000, "é" * 4001, "𠀀" * 100],
)
def test_odd_input_is_quiet(text: str) -> None:
    assert TRIAGE.assess(text) == Assessment(Risk.NONE, (), "unknown", ())


def test_composed_and_decomposed_and_invisible_are_one() -> None:
    text = "chồng tôi đang đánh tôi"
    assert TRIAGE.assess(unicodedata.normalize("NFD", text)) == TRIAGE.assess(text)
    assert TRIAGE.assess(text.replace("n", "n\u200b")) == TRIAGE.assess(text)


def test_the_same_words_give_the_same_answer() -> None:
    texts = [r["question"] for r in rows("danger", check=False)]
    fresh = Triage.load()
    assert [fresh.assess(t) for t in reversed(texts)] == [TRIAGE.assess(t) for t in reversed(texts)]


@pytest.mark.parametrize("text", ["bị đánh ", "em ", "danh em ", "ba con ", "không muốn sống ", "🔪"])
def test_the_longest_message_is_read_whole(text: str) -> None:
    assert TRIAGE.assess((text * 4000)[:3980] + " cứu em với").urgent
