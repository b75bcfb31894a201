from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plans import gazetteer

from knowledge.errors import KnowledgeError
from knowledge.places import Gazetteer, Place, load_gazetteer, load_places
from knowledge.tables import DATA
from knowledge.text import fold, words

PLACES = load_places()
NAMES = [place.name for place in PLACES]
MERGED = {
    "Ninh Bình": {"Hà Nam", "Nam Định", "Ninh Bình"},
    "Hưng Yên": {"Hưng Yên", "Thái Bình"},
    "Cà Mau": {"Cà Mau", "Bạc Liêu"},
    "Đồng Nai": {"Đồng Nai", "Bình Phước"},
}


def named(text: str) -> list[str]:
    return [mention.province for mention in gazetteer().mentions(text)]


def test_there_were_63_provinces_each_with_a_source() -> None:
    assert len(PLACES) == len(set(NAMES)) == 63
    assert all(place.source for place in PLACES)
    assert {"Hà Nội", "Hải Phòng", "Đà Nẵng", "Cần Thơ", "Thành phố Hồ Chí Minh"} <= set(NAMES)


def test_only_mergers_with_a_source_are_held() -> None:
    assert {place.name for place in PLACES if place.now} == set().union(*MERGED.values())
    assert all("60-NQ/TW" in place.source for place in PLACES if place.now)


def test_no_two_places_share_a_name() -> None:
    spelled = {(tuple(words(name)), place.name) for place in PLACES for name in (place.name, *place.aliases)}
    assert len(spelled) == len({name for name, _ in spelled})
    assert {province for _, province in gazetteer().localities} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_province_is_found_however_it_is_typed(name: str) -> None:
    for typed in (name, name.upper(), name.lower(), fold(name), unicodedata.normalize("NFD", name), f"ở {name}, thì sao?"):
        assert named(typed) == [name], typed


@pytest.mark.parametrize(
    ("typed", "province"),
    [
        ("TP.HCM", "Thành phố Hồ Chí Minh"),
        ("tphcm", "Thành phố Hồ Chí Minh"),
        ("sai gon", "Thành phố Hồ Chí Minh"),
        ("Thành phố Hồ Chí Minh", "Thành phố Hồ Chí Minh"),
        ("Đăk Lăk", "Đắk Lắk"),
        ("Đắc Lắc", "Đắk Lắk"),
        ("Bắc Cạn", "Bắc Kạn"),
        ("daklak", "Đắk Lắk"),
        ("Vũng Tàu", "Bà Rịa - Vũng Tàu"),
        ("Thừa Thiên - Huế", "Thừa Thiên Huế"),
        ("Thanh Hoá", "Thanh Hóa"),
        ("Khánh Hoà", "Khánh Hòa"),
        ("HOÀ BÌNH", "Hòa Bình"),
    ],
)
def test_aliases_and_both_ways_to_set_a_tone(typed: str, province: str) -> None:
    assert named(typed) == [province]


@pytest.mark.parametrize(
    "typed", ["hà năm", "ha năm", "Hà Nám", "đông nai", "cá mau", "hưng yến", "nha nam", "hà", "Việt Nam", "", "!!!", "hànam"]
)
def test_a_mark_that_is_typed_must_be_the_right_one(typed: str) -> None:
    assert named(typed) == []


@pytest.mark.parametrize(
    ("typed", "province"),
    [
        ("Hưg Yên", "Hưng Yên"),
        ("hug yen", "Hưng Yên"),
        ("Cà mâu", "Cà Mau"),
        ("caf mau", "Cà Mau"),
        ("camau", "Cà Mau"),
        ("Đồg Nai", "Đồng Nai"),
        ("ddoongf nai", "Đồng Nai"),
        ("đông nai", "Đồng Nai"),
        ("ha nma", "Hà Nam"),
        ("bac lieeu", "Bạc Liêu"),
        ("Lâm Đồg", "Lâm Đồng"),
        ("thành phố.HCM", "Thành phố Hồ Chí Minh"),
        ("T.P HCM", "Thành phố Hồ Chí Minh"),
        ("tp Sài Gòn", "Thành phố Hồ Chí Minh"),
        ("xì gòn", "Thành phố Hồ Chí Minh"),
    ],
)
def test_slips_in_what_a_person_types(typed: str, province: str) -> None:
    assert [mention.province for mention in gazetteer().typed(f"còn {typed} thì sao")] == [province]


@pytest.mark.parametrize("text", ["là năm 2019", "hà năm", "các mẫu đơn", "đóng lại", "đứng yên", "5h nam", "", "dong hai", "bình thường"])
def test_what_only_sounds_like_a_province_is_none(text: str) -> None:
    assert gazetteer().typed(text) == ()


@pytest.mark.parametrize(
    ("text", "province"),
    [("hn tỉnh hà nam", "Hà Nam"), ("hn tinh ha nam", "Hà Nam"), ("ha tinh", "Hà Tĩnh"), ("hk tỉnh đồng nai có gì", "Đồng Nai")],
)
def test_a_name_spelled_right_goes_before_a_slip_for_another(text: str, province: str) -> None:
    assert [mention.province for mention in gazetteer().typed(text)] == [province]


@pytest.mark.parametrize("text", ["hn tỉnh nào có", "hn tinh nao", "hg tỉnh nào"])
def test_a_short_form_before_the_word_province_is_no_slip(text: str) -> None:
    assert gazetteer().typed(text) == ()


def test_the_rank_belongs_to_the_name() -> None:
    (mention,) = gazetteer().typed("còn thành phố Đà Nẵng thì sao")
    assert (mention.start, mention.end) == (1, 5)


def test_misspelt_names_are_those_of_provinces_and_differ_from_every_right_one() -> None:
    known = gazetteer()
    assert {province for _, province in known.misspelt} <= set(NAMES)
    assert all(known.mentions(typed) == () for typed, _ in known.misspelt)


def test_towns_give_their_province_away() -> None:
    (mention,) = gazetteer().mentions("em ở bien hoa ạ")
    assert (mention.province, mention.start, mention.end, mention.by_locality) == ("Đồng Nai", 2, 4, True)
    assert named("Biên Hoà") == ["Đồng Nai"]
    assert named("Năm Căn") == ["Cà Mau"]
    assert named("phủ lý") == ["Hà Nam"]
    assert named("năm cân") == []


def test_mentions_come_in_order_and_the_longest_name_wins() -> None:
    assert named("Cà Mau khác Đồng Nai, không phải Hà Nam") == ["Cà Mau", "Đồng Nai", "Hà Nam"]
    assert named("thừa thiên huế") == ["Thừa Thiên Huế"]
    assert named("Bắc Ninh Bình Dương") == ["Bắc Ninh", "Bình Dương"]
    assert named("Bà Rịa - Vũng Tàu") == ["Bà Rịa - Vũng Tàu"]


@given(st.lists(st.sampled_from([*NAMES, "ở", "thì", "trợ giúp", "2018"]), max_size=6), st.booleans())
def test_mentions_point_at_the_words_they_name(parts: list[str], folded: bool) -> None:
    text = "; ".join(parts)
    text = fold(text) if folded else text
    found = gazetteer().mentions(text)
    assert [m.province for m in found] == [part for part in parts if part in NAMES]
    spelled = words(text)
    for mention in found:
        assert spelled[mention.start : mention.end] == words(mention.province)


@given(st.text())
def test_any_text_can_be_searched(text: str) -> None:
    ends = [at for m in gazetteer().mentions(text) for at in (m.start, m.end)]
    assert ends == sorted(ends)
    assert all(at <= len(words(text)) for at in ends)


def test_what_a_province_is_part_of_today() -> None:
    known = gazetteer()
    for now, parts in MERGED.items():
        assert set(known.merged_into(now)) == parts
        for part in parts:
            assert known.now(part) == now
            assert known.kin(part)[0] == part
            assert set(known.kin(part)) == parts
    assert known.now("An Giang") is None
    assert known.kin("An Giang") == ("An Giang",)
    assert known.merged_into("Hà Nam") == ()
    assert known.now("Atlantis") is None
    assert known.place("Atlantis") is None
    assert known.kin("Atlantis") == ("Atlantis",)
    found = known.place("Bạc Liêu")
    assert found is not None
    assert found.now == "Cà Mau"


def test_a_province_goes_before_a_town_of_the_same_name() -> None:
    small = Gazetteer((Place("Hòa Bình", None, (), "x"), Place("Bạc Liêu", None, (), "x")), (("Hòa Bình", "Bạc Liêu"),))
    (mention,) = small.mentions("Hòa Bình")
    assert (mention.province, mention.by_locality) == ("Hòa Bình", False)


@pytest.mark.parametrize(("row", "said"), [("Hà Nam\tNinh Bình", "line 2: 2 cells"), ("a\tb\tc\td\te", "line 2: 5 cells")])
def test_a_row_that_does_not_fit_is_named(tmp_path: Path, row: str, said: str) -> None:
    path = tmp_path / "provinces.tsv"
    path.write_text(f"name\tnow\taliases\tsource\n{row}\n", encoding="utf-8")
    with pytest.raises(KnowledgeError, match=said):
        load_places(path)


def test_a_table_with_another_header_or_none_at_all_is_named(tmp_path: Path) -> None:
    path = tmp_path / "provinces.tsv"
    with pytest.raises(KnowledgeError, match="cannot be read"):
        load_gazetteer(tmp_path)
    path.write_text("name\twhere\n", encoding="utf-8")
    with pytest.raises(KnowledgeError, match="header must be name, now, aliases, source"):
        load_places(path)
    assert load_places(DATA / "provinces.tsv") == PLACES
