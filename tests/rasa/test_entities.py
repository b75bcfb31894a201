from __future__ import annotations

import unicodedata

import pytest
import yaml

from bot.rasa.components.document_numbers import document_numbers
from bot.rasa.components.entities import load_finder
from bot.rasa.components.phrases import PhraseTable, named_synonyms, toneless
from knowledge.errors import KnowledgeError
from knowledge.tables import DATA


@pytest.fixture(scope="module")
def finder():
    return load_finder()


@pytest.mark.parametrize(
    ("text", "entity", "value", "words"),
    [
        ("còn ở Cà Mau thì sao", "province", "Cà Mau", "Cà Mau"),
        ("con o ca mau", "province", "Cà Mau", "ca mau"),
        ("ở biên hòa có không", "province", "Đồng Nai", "biên hòa"),
        ("kế hoạch 2735/kh-ubnd", "document_number", "2735/KH-UBND", "2735/kh-ubnd"),
        ("2735 nói gì", "document_number", "2735", "2735"),
        ("trợ cấp cho ba má già", "group", "người cao tuổi", "ba má già"),
        ("trẽ em mồ côi", "group", "trẻ mồ côi", "trẽ em mồ côi"),
        ("tre em khuyet tat", "group", "trẻ em khuyết tật", "tre em khuyet tat"),
        ("bà bầu nhà nghèo", "group", "phụ nữ mang thai", "bà bầu"),
        ("NKT có được không", "group", "người khuyết tật", "NKT"),
        ("đi cai ở đâu", "topic", "cai nghiện ma túy", "đi cai"),
        ("the bhyt cho con", "topic", "bảo hiểm y tế", "the bhyt"),
    ],
)
def test_what_people_type_is_found(finder, text, entity, value, words):
    assert (entity, value, words) in {(m.entity, m.value, text[m.start : m.end]) for m in finder.find(text)}


@pytest.mark.parametrize("text", ["", "😀😀", "già rồi", "hà năm", "năm 2018", "1500 người", "gọi 111", "bàn bẩu", "12,5%"])
def test_what_is_no_entity_is_left_alone(finder, text):
    assert not {m.entity for m in finder.find(text)} & {"province", "document_number", "group"}


def test_spans_count_in_the_text_as_typed(finder):
    text = unicodedata.normalize("NFD", "trẻ em mồ côi ở Hà Nam")
    found = {m.entity: unicodedata.normalize("NFC", text[m.start : m.end]) for m in finder.find(text)}
    assert found == {"group": "trẻ em mồ côi", "province": "Hà Nam"}


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("2735 KH-UBND", ["2735/KH-UBND"]),
        ("quyết định 565/QĐ-TTg", ["565/QĐ-TTg"]),
        ("565/qd-ttg va 60/kh-ubnd", ["565/QĐ-TTg", "60/KH-UBND"]),
        ("Nghị định số 94/2010/NĐ-CP", ["94/2010/NĐ-CP"]),
        ("kế hoạch số 60 và 3376", ["60", "3376"]),
        ("tu 2017 den 2025 co 34.363 nguoi", []),
        ("165.356 triệu đồng, 2500 k", []),
        ("gọi 18001567 hoặc 1900 969 680", []),
    ],
)
def test_document_numbers(text, numbers):
    assert [number for number, _, _ in document_numbers(text)] == numbers


def test_the_longest_phrase_wins_and_a_lone_syllable_must_be_exact():
    table = PhraseTable([("g", "trẻ em", "trẻ"), ("g", "mồ côi", "trẻ mồ côi")])
    assert [m.value for m in table.find("trẻ mồ côi")] == ["mồ côi"]
    assert [m.value for m in table.find("trẻ với tre")] == ["trẻ em"]
    assert list(PhraseTable([]).find("trẻ")) == []


def test_toneless_keeps_the_letter():
    assert toneless("trẽ") == toneless("trẻ")
    assert toneless("nằm") != toneless("nam")


@pytest.mark.parametrize("name", ["groups", "topics"])
def test_the_tables_are_whole(name):
    entries = yaml.safe_load((DATA / f"{name}.yml").read_text(encoding="utf-8"))
    phrases = [phrase.lower() for entry in entries for phrase in {entry["name"], *entry["synonyms"]}]
    assert len(phrases) == len(set(phrases)), sorted({p for p in phrases if phrases.count(p) > 1})
    assert all(isinstance(phrase, str) and phrase == unicodedata.normalize("NFC", phrase) for phrase in phrases)
    assert all(entry["source"] for entry in entries)


def test_a_table_that_does_not_fit_is_named(tmp_path):
    broken = tmp_path / "groups.yml"
    broken.write_text("- name: trẻ em\n  synonyms: []\n", encoding="utf-8")
    with pytest.raises(KnowledgeError, match=r"groups\.yml, entry 1"):
        list(named_synonyms(broken, "group"))
