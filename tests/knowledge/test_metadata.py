from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plans import ALL, ARTICLE, CA_MAU, DONG_NAI, HA_NAM, HUNG_YEN, gazetteer, made, source

from knowledge.metadata import read_metadata
from knowledge.model import Metadata

WARNINGS = {
    "number": "Không đọc được số hiệu trong văn bản.",
    "issued_on": "Không đọc được ngày ban hành trong văn bản.",
    "issuer": "Không đọc được cơ quan ban hành trong văn bản.",
    "title": "Không đọc được tên văn bản.",
    "signer": "Không đọc được người ký trong văn bản.",
    "period": "Không đọc được giai đoạn thực hiện trong văn bản.",
    "based_on": "Không đọc được văn bản làm căn cứ.",
    "province": "Văn bản không nêu tên tỉnh.",
}


def fields(metadata: Metadata) -> dict[str, object]:
    return {name: getattr(metadata, name) for name in Metadata.__slots__ if name not in ("facts", "warnings", "title", "relations")}


EXPECTED = {
    HA_NAM: {
        "kind": "Kế hoạch",
        "number": "3376/KH-UBND",
        "issuer": "Ủy ban nhân dân tỉnh Hà Nam",
        "province": "Hà Nam",
        "issued_on": date(2017, 11, 22),
        "signer": "Bùi Quang Cẩm",
        "valid_from": date(2017, 1, 1),
        "valid_to": date(2020, 12, 31),
        "outlook_to": None,
        "based_on": ("565/QĐ-TTg",),
        "reports_on": None,
    },
    CA_MAU: {
        "kind": "Kế hoạch",
        "number": "60/KH-UBND",
        "issuer": "Ủy ban nhân dân tỉnh Cà Mau",
        "province": "Cà Mau",
        "issued_on": date(2017, 7, 6),
        "signer": "Thân Đức Hưởng",
        "valid_from": date(2017, 1, 1),
        "valid_to": date(2025, 12, 31),
        "outlook_to": date(2030, 12, 31),
        "based_on": ("488/QĐ-TTg",),
        "reports_on": None,
    },
    HUNG_YEN: {
        "kind": "Kế hoạch",
        "number": None,
        "issuer": "Ủy ban nhân dân tỉnh Hưng Yên",
        "province": "Hưng Yên",
        "issued_on": None,
        "signer": "Nguyễn Khắc Hào",
        "valid_from": date(2013, 1, 1),
        "valid_to": date(2020, 12, 31),
        "outlook_to": None,
        "based_on": ("1555/QĐ-TTg", "647/QĐ-TTg"),
        "reports_on": None,
    },
    DONG_NAI: {
        "kind": "Kế hoạch",
        "number": "2735/KH-UBND",
        "issuer": "Ủy ban nhân dân tỉnh Đồng Nai",
        "province": "Đồng Nai",
        "issued_on": date(2018, 3, 22),
        "signer": None,
        "valid_from": date(2018, 1, 1),
        "valid_to": date(2020, 12, 31),
        "outlook_to": None,
        "based_on": ("565/QĐ-TTg",),
        "reports_on": None,
    },
    ARTICLE: {
        "kind": "Bài báo",
        "number": None,
        "issuer": None,
        "province": None,
        "issued_on": None,
        "signer": None,
        "valid_from": date(2018, 1, 1),
        "valid_to": date(2020, 12, 31),
        "outlook_to": None,
        "based_on": (),
        "reports_on": "2735/KH-UBND",
    },
}


@pytest.mark.parametrize("name", ALL)
def test_what_each_document_says_of_itself(name: str) -> None:
    assert fields(source(name).metadata) == EXPECTED[name]


@pytest.mark.parametrize(
    ("name", "warned"),
    [
        (HA_NAM, []),
        (CA_MAU, []),
        (HUNG_YEN, [WARNINGS["number"], WARNINGS["issued_on"]]),
        (DONG_NAI, [WARNINGS["signer"]]),
        (
            ARTICLE,
            [
                "Nguồn thứ cấp, viết về văn bản 2735/KH-UBND; khi có bản gốc thì trích bản gốc trước.",
                "Ngày “22/32018” viết sai, không đọc được; để trống, cần người kiểm tra.",
                *(WARNINGS[name] for name in ("number", "issuer", "title", "signer", "province")),
            ],
        ),
    ],
)
def test_what_is_warned_of(name: str, warned: list[str]) -> None:
    assert list(source(name).metadata.warnings) == warned


@pytest.mark.parametrize(
    ("name", "title"),
    [
        (HA_NAM, "THỰC HIỆN CHƯƠNG TRÌNH MỤC TIÊU PHÁT TRIỂN HỆ THỐNG TRỢ GIÚP XÃ HỘI GIAI ĐOẠN 2017 - 2020"),
        (
            CA_MAU,
            "THỰC HIỆN ĐỀ ÁN “ĐỔI MỚI, PHÁT TRIỂN TRỢ GIÚP XÃ HỘI GIAI ĐOẠN 2017 - 2025 VÀ TẦM NHÌN ĐẾN NĂM 2030” TRÊN ĐỊA BÀN TỈNH CÀ MAU",
        ),
        (
            HUNG_YEN,
            "Thực hiện Đề án chăm sóc trẻ em có hoàn cảnh đặc biệt khó khăn dựa vào cộng đồng, tỉnh Hưng Yên giai đoạn 2013-2020",
        ),
        (
            DONG_NAI,
            "Thực hiện Quyết định số 565/QĐ-TTg ngày 25/4/2017 của Thủ tướng Chính phủ về phê duyệt chương trình mục tiêu phát triển "
            "hệ thống trợ giúp xã hội giai đoạn 2018 - 2020 trên địa bàn tỉnh",
        ),
        (ARTICLE, None),
    ],
)
def test_titles(name: str, title: str | None) -> None:
    assert source(name).metadata.title == title


@pytest.mark.parametrize("name", ALL)
def test_every_fact_stands_where_it_says(name: str) -> None:
    document = source(name)
    assert document.metadata.facts
    for field, fact in document.metadata.facts:
        words = " ".join(fact.span.of(document.text).replace("*", " ").split())
        if field in ("number", "signer", "title", "reports_on"):
            assert words == fact.value
        elif field in ("kind", "issuer"):
            assert words.lower() == fact.value.lower()
        elif field == "based_on":
            assert f"Quyết định số {fact.value} ngày" in words
        elif field == "issued_on":
            assert str(date.fromisoformat(fact.value).year) in words
        else:
            assert field == "period"
            assert fact.value[:4] in words
            assert fact.value[-4:] in words
    found = document.metadata.fact("number")
    assert (found.value if found else None) == document.metadata.number
    assert document.metadata.fact("no such field") is None


def head(**parts: str) -> Metadata:
    lines = {
        "letterhead": "ỦY BAN NHÂN DÂN\nTỈNH HÀ NAM",
        "number": "Số: 12/KH-UBND",
        "dateline": "Hà Nam, ngày 02 tháng 3 năm 2024",
        "kind": "KẾ HOẠCH",
        "title": "Trợ giúp người cao tuổi giai đoạn 2024 - 2026",
        "basis": "Căn cứ Quyết định số 9/QĐ-TTg ngày 1/2/2024 của Thủ tướng Chính phủ;",
        "body": "I. MỤC TIÊU\n\nGiúp người già.",
        "tail": "Nơi nhận:\n- Lưu VT.\n\nCHỦ TỊCH\n\nTrần Văn An",
    } | parts
    return made("\n\n".join(line for line in lines.values() if line)).metadata


def test_a_whole_head_leaves_nothing_to_warn_of() -> None:
    metadata = head()
    assert metadata.warnings == ()
    assert (metadata.number, metadata.signer, metadata.based_on) == ("12/KH-UBND", "Trần Văn An", ("9/QĐ-TTg",))


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ("letterhead", "issuer"),
        ("number", "number"),
        ("dateline", "issued_on"),
        ("basis", "based_on"),
        ("tail", "signer"),
    ],
)
def test_what_is_missing_is_empty_and_warned_of(part: str, field: str) -> None:
    metadata = head(**{part: ""})
    assert not getattr(metadata, field)
    assert list(metadata.warnings) == [WARNINGS[field]]


@pytest.mark.parametrize(
    ("letterhead", "issuer", "province"),
    [
        ("ỦY BAN NHÂN DÂN\nTHÀNH PHỐ HỒ CHÍ MINH", "Ủy ban nhân dân thành phố Hồ Chí Minh", "Thành phố Hồ Chí Minh"),
        ("**UỶ BAN NHÂN DÂN  \nTỈNH BÀ RỊA - VŨNG TÀU**", "Uỷ ban nhân dân tỉnh Bà Rịa - Vũng Tàu", "Bà Rịa - Vũng Tàu"),
        ("ỦY BAN NHÂN DÂN TỈNH ĐẮK LẮK", "Ủy ban nhân dân tỉnh Đắk Lắk", "Đắk Lắk"),
    ],
)
def test_letterheads(letterhead: str, issuer: str, province: str) -> None:
    metadata = head(letterhead=letterhead)
    assert (metadata.issuer, metadata.province, metadata.warnings) == (issuer, province, ())


def test_an_issuer_that_names_no_province_is_warned_of() -> None:
    metadata = head(letterhead="ỦY BAN NHÂN DÂN\nTỈNH LẠ")
    assert (metadata.issuer, metadata.province) == ("Ủy ban nhân dân tỉnh Lạ", None)
    assert list(metadata.warnings) == [WARNINGS["province"]]


def test_an_impossible_date_is_not_corrected() -> None:
    metadata = head(dateline="Hà Nam, ngày 31 tháng 2 năm 2024")
    assert metadata.issued_on is None
    assert "Ngày “ngày 31 tháng 2 năm 2024” viết sai, không đọc được; để trống, cần người kiểm tra." in metadata.warnings
    assert WARNINGS["issued_on"] in metadata.warnings


def test_a_period_that_runs_backwards_is_warned_of_once() -> None:
    metadata = head(title="Trợ giúp giai đoạn 2026 - 2024")
    assert (metadata.valid_from, metadata.valid_to) == (None, None)
    assert list(metadata.warnings) == [WARNINGS["period"]]


@pytest.mark.parametrize(
    ("title", "first", "last", "outlook"),
    [
        ("giai đoạn 2021 – 2025", 2021, 2025, None),
        ("GIAI ĐOẠN 2021-2030, TẦM NHÌN ĐẾN NĂM 2045", 2021, 2030, 2045),
        ("giai đoạn 2021 - 2025, định hướng đến 2030", 2021, 2025, 2030),
    ],
)
def test_periods(title: str, first: int, last: int, outlook: int | None) -> None:
    metadata = head(title=f"Trợ giúp {title}")
    assert (metadata.valid_from, metadata.valid_to) == (date(first, 1, 1), date(last, 12, 31))
    assert metadata.outlook_to == (date(outlook, 12, 31) if outlook else None)


@pytest.mark.parametrize("between", ["", "(Đã ký)\n\n", "**Đã ký**\n", "*(đã ký)*\n\n"])
def test_the_signer_stands_under_the_office(between: str) -> None:
    assert head(tail=f"Nơi nhận:\n- Lưu VT.\n\n**KT. CHỦ TỊCH\nPHÓ CHỦ TỊCH**\n\n\n{between}**Lê Thị Bích Hà**").signer == "Lê Thị Bích Hà"


def test_what_a_site_lists_stands_in_for_the_head() -> None:
    listed = "HIỆU LỰC VĂN BẢN\n\n• Số hiệu: 7/KH-UBND\n• Ngày ban hành: 05/06/2024\n• Người ký: Trần Văn Bình"
    metadata = head(number="", dateline="", tail=f"Nơi nhận:\n- Lưu VT.\n\n{listed}")
    assert (metadata.number, metadata.issued_on, metadata.signer) == ("7/KH-UBND", date(2024, 6, 5), "Trần Văn Bình")


def test_a_text_without_a_frame_says_so() -> None:
    metadata = made("Xã có điểm tư vấn cho người già ở Cà Mau.").metadata
    assert metadata.province == "Cà Mau"
    assert metadata.kind is None
    assert metadata.warnings[0].startswith("Không có khung văn bản hành chính")
    assert set(metadata.warnings[1:]) == {WARNINGS[name] for name in ("number", "issued_on", "issuer", "title", "signer", "period")}


@given(st.text(st.sampled_from("KẾ HOẠCH\n*#Số: 12/KUBND,gàythángnăm2098 -giai đoạn tỉnhCHỦTỊCH"), max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    metadata = read_metadata(text, gazetteer())
    for name in ("number", "issuer", "title", "signer"):
        if getattr(metadata, name) is None:
            assert WARNINGS[name] in metadata.warnings
    assert all(0 <= fact.span.start < fact.span.end <= len(text) for _, fact in metadata.facts)
