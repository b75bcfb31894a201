"""Words that can be no Vietnamese syllable, written as they were meant; what can be one is left alone."""

from __future__ import annotations

from datetime import date

import pytest

from index.model import Query
from index.slips import Slips
from index.spelling import Spelling
from index.understanding import Understanding
from knowledge.places import load_gazetteer

SLIPS = Slips.load()
READER = Understanding.load(load_gazetteer())


def read(text: str) -> Query:
    return READER.read(text, date(2026, 11, 22))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("quyeets ddinhj thur tuowngs", "quyet dinh thu tuong"),
        ("baos ddaif lamf gif", "bao dai lam gi"),
        ("nói với nguwoif thatt", "nói với nguoi that"),
        ("nhữg cơ sở ở đồg nai", "những cơ sở ở đồng nai"),
        ("tậpp huấn chămm sóc", "tập huấn chăm sóc"),
        ("fương án fòng chống", "phương án phòng chống"),
        ("mìh học rùj", "mình học rùi"),
    ],
)
def test_what_can_be_no_word_is_written_as_it_was_meant(typed: str, meant: str) -> None:
    assert SLIPS.mended(typed) == meant


@pytest.mark.parametrize(
    "text",
    ["Trẻ em khuyết tật ở Cà Mau được gì?", "HIV/AIDS, UBND, ĐĂK", "methadone, robot, pano, zalo, facebook", "Đắk Lắk", "2735/KH-UBND", ""],
)
def test_what_can_be_a_word_or_is_no_vietnamese_is_left(text: str) -> None:
    assert SLIPS.mended(text) == text


def test_places_and_teencode_are_known_once_their_slips_are_mended() -> None:
    assert read("đồg nai có mấy cơ sở").provinces == ("Đồng Nai",)
    assert "trong kế hoạch" in read("báo đài làm gì trog kh này").written_out


def test_two_syllables_typed_as_one_word_are_read_as_the_documents_have_them() -> None:
    spelling = Spelling(frozenset({"dao", "tao", "dao_tao", "nghe", "tao_nghe"}).__contains__)
    (found,) = spelling.mended(read("daotao nghe")).paraphrases
    assert (found.words, found.official) == (("daotao",), ("dao tao",))
    assert spelling.mended(read("tapdao nghe")).paraphrases == ()


def test_a_word_without_end_is_not_turned_over_letter_by_letter() -> None:
    asked: list[str] = []

    def knows(term: str) -> bool:
        asked.append(term)
        return False

    Spelling(knows).mended(read("x" * 4_000))
    assert asked == ["x" * 4_000]


def test_bao_nhieu_is_not_sought_as_another_bao() -> None:
    assert "bao" not in read("bao nhiêu trẻ").terms
    assert "bao" in read("bao cao trẻ").terms


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Mấy đứa nhỏ bị bắt nạt thì trường tính sao?", "what"),
        ("Mấy bà bị chồng đánh có được học nghề không?", "whether"),
        ("Hà Nam làm chỗ chữa tâm trí hả mấy bác", "what"),
        ("Đồng Nai có mấy cơ sở cai nghiện, huyện nào?", "how_many"),
        ("Hưng Yên mấy tháng thì các sở phải báo cáo một lần?", "how_many"),
    ],
)
def test_people_that_may_names_are_several(text: str, asked: str) -> None:
    assert read(text).asked == asked
