from __future__ import annotations

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plans import ALL, ARTICLE, CA_MAU, DONG_NAI, HA_NAM, HUNG_YEN, lost_words, made, plan, source

from knowledge.blocks import blocks, roman_value
from knowledge.furniture import extent, is_page_number
from knowledge.model import Document, Passage

PARTS = st.sampled_from(
    [
        "I. MỤC TIÊU",
        "II. TỔ CHỨC THỰC HIỆN",
        "I. Mục đích",
        "1. Mục tiêu chung",
        "1.Mục tiêu",
        "1.1. Nội dung chủ yếu:",
        "a) Về trẻ em: Hỗ trợ 50% trẻ em.",
        "- Hỗ trợ người cao tuổi;",
        "+ Xây dựng 02 mô hình",
        "được triển khai trên địa bàn tỉnh.",
        "**KẾ HOẠCH**",
        "KẾ HOẠCH",
        "## **2. Dự án 2: Trẻ em**",
        "### Ghi chú",
        "**Phát triển hệ thống\ntrợ giúp xã hội**",
        "**Chưa đóng",
        "Dự án 3: Bình đẳng giới",
        "Sở Y tế chủ trì thực hiện Kế hoạch.",
        "Trên đây là Kế hoạch của tỉnh./.",
        "Nơi nhận:",
        "*Noi nhau:*",
        "TM. ỦY BAN NHÂN DÂN",
        "HIỆU LỰC VĂN BẢN",
        "12",
        "- 3 -",
        "Không.",
        "***",
        "-------",
        "",
        "Cộng: 1.234.567 đồng",
    ]
)
DOCUMENTS = st.lists(st.one_of(PARTS, st.text(max_size=30)), min_size=1, max_size=25).flatmap(
    lambda parts: st.sampled_from(["\n", "\n\n", "\r\n", "  \n"]).map(lambda gap: gap.join(parts))
)


def check(document: Document) -> None:
    """What holds for every document."""
    text = document.text
    frame = extent(text)
    assert 0 <= frame.front <= frame.start <= frame.closing <= frame.end <= len(text)
    for passage in document.passages:
        assert passage.span.of(text) == passage.text == passage.text.strip()
        assert passage.text
        assert [" ".join(span.of(text).replace("*", " ").split()).rstrip(":") for span in passage.heading_spans] == list(passage.path)
    spans = [(p.span.start, p.span.end) for p in document.passages]
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    assert len({p.passage_id for p in document.passages}) == len(document.passages)
    for section in document.sections:
        assert section.span.start == section.heading.start < section.heading.end <= section.span.end <= frame.closing
        assert section.path[-1] == section.title
        assert section.level >= 1
    starts = [section.span.start for section in document.sections]
    assert starts == sorted(set(starts))
    assert [word for word in lost_words(document) if not word.isdecimal()] == []


def passage(document: Document, words: str) -> Passage:
    (found,) = [p for p in document.passages if words in p.text and p.role == "body"]
    return found


def top(document: Document) -> list[str]:
    return [section.title for section in document.sections if section.level == 1]


@pytest.mark.parametrize("name", ALL)
def test_spans_slice_the_text_and_no_word_is_lost(name: str) -> None:
    check(source(name))
    assert lost_words(source(name)) == []


@pytest.mark.parametrize("name", ALL)
def test_decomposed_letters_and_other_line_ends_change_nothing(name: str) -> None:
    document = source(name)
    assert made(unicodedata.normalize("NFD", document.text)).passages == document.passages
    assert made(document.text.replace("\n", "\r\n")).sections == document.sections


@settings(max_examples=300)
@given(DOCUMENTS.filter(lambda text: any(c.isalpha() for c in text)))
def test_spans_hold_for_any_document(text: str) -> None:
    check(made(text))


@settings(max_examples=100)
@given(DOCUMENTS)
def test_spans_hold_for_any_plan(body: str) -> None:
    check(plan(body))


@given(st.text())
def test_blocks_are_in_order_and_within_bounds(text: str) -> None:
    flat = [at for block in blocks(text) for at in (block.start, block.body, block.end)]
    assert flat == sorted(flat)
    assert all(0 <= at <= len(text) for at in flat)


# The five documents


def test_the_top_sections_of_each_plan() -> None:
    assert top(source(ARTICLE)) == []
    assert top(source(HA_NAM)) == [
        "I. MỤC ĐÍCH, YÊU CẦU",
        "II. MỤC TIÊU",
        "III. NỘI DUNG CÁC DỰ ÁN THUỘC CHƯƠNG TRÌNH",
        "IV. GIẢI PHÁP THỰC HIỆN",
        "V. KINH PHÍ THỰC HIỆN KẾ HOẠCH",
        "VI. TỔ CHỨC THỰC HIỆN",
    ]
    assert top(source(CA_MAU)) == [
        "I. MỤC TIÊU",
        "II. ĐỐI TƯỢNG, PHẠM VI TRIỂN KHAI",
        "III. NỘI DUNG THỰC HIỆN",
        "IV. CÁC GIẢI PHÁP THỰC HIỆN",
        "V. KINH PHÍ THỰC HIỆN",
        "VI. TỔ CHỨC THỰC HIỆN",
    ]
    assert top(source(HUNG_YEN)) == [
        "I. MỤC TIÊU",
        "II. CÁC HOẠT ĐỘNG CHỦ YẾU",
        "III. CÁC NHÓM GIẢI PHÁP",
        "IV. KINH PHÍ",
        "V. TỔ CHỨC THỰC HIỆN",
    ]
    assert top(source(DONG_NAI)) == [
        "I. MỤC TIÊU",
        "II. ĐỐI TƯỢNG, PHẠM VI VÀ THỜI GIAN THỰC HIỆN",
        "III. CÁC DỰ ÁN THÀNH PHẦN",
        "IV. GIẢI PHÁP THỰC HIỆN",
        "V. KINH PHÍ THỰC HIỆN",
        "VI. TỔ CHỨC THỰC HIỆN",
        "VII. CHẾ ĐỘ BÁO CÁO",
    ]


@pytest.mark.parametrize(
    ("name", "sections", "passages"), [(ARTICLE, 0, 7), (HA_NAM, 50, 125), (CA_MAU, 29, 85), (HUNG_YEN, 7, 37), (DONG_NAI, 63, 168)]
)
def test_how_much_is_read_out_of_each(name: str, sections: int, passages: int) -> None:
    assert (len(source(name).sections), len(source(name).passages)) == (sections, passages)


@pytest.mark.parametrize(
    ("name", "words", "path"),
    [
        (HA_NAM, "Tăng cường phát triển hệ thống trợ giúp xã hội, nâng cao", ("I. MỤC ĐÍCH, YÊU CẦU", "I. Mục đích")),
        (
            HA_NAM,
            "80% trẻ em có hoàn cảnh đặc biệt được trợ giúp, chăm sóc để phục hồi, tái hòa nhập cộng đồng",
            ("II. MỤC TIÊU", "2. Mục tiêu cụ thể đến năm 2020"),
        ),
        (
            HA_NAM,
            "Bồi dưỡng kỹ năng cho 600 công chức",
            (
                "III. NỘI DUNG CÁC DỰ ÁN THUỘC CHƯƠNG TRÌNH",
                "1. Dự án 1: Phát triển hệ thống trợ giúp xã hội đối với đối tượng yếu thế",
                "1.2. Nội dung chủ yếu",
            ),
        ),
        (
            HA_NAM,
            "Giảm tỷ lệ số trẻ em bị xâm hại.",
            (
                "III. NỘI DUNG CÁC DỰ ÁN THUỘC CHƯƠNG TRÌNH",
                "2. Dự án 2: Phát triển hệ thống bảo vệ trẻ em",
                "2.1. Mục tiêu",
                "b) Mục tiêu cụ thể",
            ),
        ),
        (HA_NAM, "Theo chức năng, nhiệm vụ của đơn vị chủ động", ("VI. TỔ CHỨC THỰC HIỆN", "4. Các Sở, Ngành của tỉnh")),
        (HA_NAM, "Giám đốc các Sở, Ban, Ngành, Đoàn thể; Chủ tịch", ("VI. TỔ CHỨC THỰC HIỆN",)),
        (CA_MAU, "tối thiểu 30% đối tượng yếu thế", ("I. MỤC TIÊU", "2. Mục tiêu cụ thể", "b) Giai đoạn 2021 - 2025")),
        (
            CA_MAU,
            "03 cơ sở bảo trợ xã hội công lập",
            ("III. NỘI DUNG THỰC HIỆN", "4. Xây dựng mô hình phát triển hệ thống dịch vụ trợ giúp xã hội"),
        ),
        (CA_MAU, "4. Quy hoạch phát triển mô hình", ("IV. CÁC GIẢI PHÁP THỰC HIỆN",)),
        (
            CA_MAU,
            "để tăng thời lượng phát sóng",
            ("VI. TỔ CHỨC THỰC HIỆN", "9. Đài Phát thanh - Truyền hình Cà Mau, Báo Cà Mau, Báo ảnh Đất Mũi"),
        ),
        (HUNG_YEN, "95% trẻ em có hoàn cảnh", ("I. MỤC TIÊU", "2. Mục tiêu cụ thể đến năm 2020")),
        (HUNG_YEN, "2. Sở Y tế chỉ đạo, hướng dẫn", ("V. TỔ CHỨC THỰC HIỆN",)),
        (HUNG_YEN, "Chủ trì tổ chức thực hiện", ("V. TỔ CHỨC THỰC HIỆN", "1. Sở Lao động – Thương binh và Xã hội")),
        (HUNG_YEN, "báo cáo kết quả thực hiện định kỳ (6 tháng)", ("V. TỔ CHỨC THỰC HIỆN",)),
        (DONG_NAI, "a) Phát triển số lượng cơ sở", ("I. MỤC TIÊU", "2. Mục tiêu cụ thể đến năm 2020")),
        (
            DONG_NAI,
            "Đẩy nhanh tiến độ, sửa chữa",
            (
                "III. CÁC DỰ ÁN THÀNH PHẦN",
                "1. Dự án 1: Phát triển hệ thống trợ giúp xã hội đối với đối tượng yếu thế",
                "c) Nội dung thực hiện",
                "Phát triển mạng lưới các cơ sở trợ giúp xã hội",
            ),
        ),
        (
            DONG_NAI,
            "Tổng đài Quốc gia Bảo vệ trẻ em 111",
            ("III. CÁC DỰ ÁN THÀNH PHẦN", "2. Dự án 2: Phát triển hệ thống bảo vệ trẻ em", "c) Các nội dung hoạt động"),
        ),
        (
            DONG_NAI,
            "Phấn đấu xây dựng 06 cơ sở cai nghiện",
            (
                "III. CÁC DỰ ÁN THÀNH PHẦN",
                "4. Dự án 4: Phát triển hệ thống dịch vụ hỗ trợ người cai nghiện ma túy, người bán dâm và nạn nhân bị mua bán",
                "a) Mục tiêu",
                "Mục tiêu cụ thể",
                "Về cai nghiện ma túy",
            ),
        ),
        (
            DONG_NAI,
            "Trong phạm vi chức năng, nhiệm vụ của mình",
            ("VI. TỔ CHỨC THỰC HIỆN", "6. Đề nghị Ủy ban Mặt trận Tổ quốc Việt Nam tỉnh và các tổ chức đoàn thể tỉnh"),
        ),
        (DONG_NAI, "1. Thủ trưởng các sở, ban, ngành", ("VII. CHẾ ĐỘ BÁO CÁO",)),
    ],
)
def test_where_a_passage_stands(name: str, words: str, path: tuple[str, ...]) -> None:
    assert passage(source(name), words).path == path


@pytest.mark.parametrize(
    ("name", "joined", "starts", "ends"),
    [
        (DONG_NAI, "thị trấn được\n\ntuyên truyền", "d) 90% người nghiện", "hỗ trợ và chăm sóc."),
        (DONG_NAI, "cộng tác viên xã hội\n\nđang làm việc", "Đào tạo, đào tạo lại", "Xã hội các cấp."),
        (DONG_NAI, "Tạo điều kiện cần thiết để xây dựng\n\nhệ thống bảo vệ", "Hoàn thiện, vận hành", "trẻ em các cấp."),
        (DONG_NAI, "chủ động triển khai thực\n\nhiện Kế hoạch", "1. Thủ trưởng", "theo quy định."),
        (HUNG_YEN, "trẻ em có hoàn cảnh\n\nđặc biệt khó khăn; chỉ đạo", "3. Sở Giáo dục và Đào tạo", "hoàn cảnh đặc biệt khó khăn."),
    ],
)
def test_an_item_cut_by_a_page_break_is_whole(name: str, joined: str, starts: str, ends: str) -> None:
    found = passage(source(name), joined)
    assert found.text.startswith(starts)
    assert found.text.endswith(ends)


FURNITURE = (
    "Hệ thống pháp luật",
    "Tải văn bản",
    "HIỆU LỰC VĂN BẢN",
    "Độc lập",
    "Thiên Bảo",
    "Ngày công báo",
    "Số hiệu:",
    "TỈNH HÀ NAM",
    "TỈNH ĐỒNG NAI",
)


def test_furniture_stands_in_the_text_and_in_no_passage() -> None:
    texts = "\n".join(source(name).text for name in ALL)
    passages = "\n".join(p.text for name in ALL for p in source(name).passages)
    assert [words for words in FURNITURE if words not in texts] == []
    assert [words for words in FURNITURE if words in passages] == []
    assert not source(DONG_NAI).passages[0].text.startswith("TIN")


@pytest.mark.parametrize("name", [HA_NAM, CA_MAU, HUNG_YEN, DONG_NAI])
def test_front_and_closing_stand_under_no_heading(name: str) -> None:
    document = source(name)
    front = [p for p in document.passages if p.role == "front"]
    closing = [p for p in document.passages if p.role == "closing"]
    assert front[0].text == document.metadata.fact("title").span.of(document.text)  # type: ignore[union-attr]
    assert any("Quyết định số" in p.text for p in front)
    assert any("Văn phòng Chính phủ" in p.text or "Thường trực Tỉnh ủy" in p.text for p in closing)
    assert all(p.path == () for p in front + closing)
    assert document.passages[: len(front)] == tuple(front)
    assert document.passages[-len(closing) :] == tuple(closing)


@pytest.mark.parametrize(("name", "signer"), [(HA_NAM, "Bùi Quang Cẩm"), (CA_MAU, "Thân Đức Hưởng"), (HUNG_YEN, "Nguyễn Khắc Hào")])
def test_the_signature_is_one_passage(name: str, signer: str) -> None:
    last = source(name).passages[-1]
    assert last.role == "closing"
    assert last.text.endswith(signer)
    assert "CHỦ TỊCH" in last.text


# Documents made for one case


def paths(document: Document) -> dict[str, tuple[str, ...]]:
    return {p.text: p.path for p in document.passages if p.role == "body"}


def test_a_wrong_roman_number_is_read_as_a_number() -> None:
    document = plan(
        "I. MỤC ĐÍCH\n\nI. Mục đích chung\n\nMột việc lớn cần làm.\n\n2. Yêu cầu\n\nHai việc lớn cần làm.\n\n"
        "II. KINH PHÍ\n\nBa việc lớn cần làm."
    )
    assert top(document) == ["I. MỤC ĐÍCH", "II. KINH PHÍ"]
    assert paths(document) == {
        "Một việc lớn cần làm.": ("I. MỤC ĐÍCH", "I. Mục đích chung"),
        "Hai việc lớn cần làm.": ("I. MỤC ĐÍCH", "2. Yêu cầu"),
        "Ba việc lớn cần làm.": ("II. KINH PHÍ",),
    }


@pytest.mark.parametrize("numeral", ["I", "II", "III", "IV", "V", "VI", "IX", "XIV", "XL", "XLIX"])
def test_roman_numerals(numeral: str) -> None:
    values = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5, "VI": 6, "IX": 9, "XIV": 14, "XL": 40, "XLIX": 49}
    assert roman_value(numeral) == values[numeral]


def test_a_project_is_a_heading_by_its_name() -> None:
    document = plan(
        "I. CÁC DỰ ÁN\n\nDự án 1: Trợ giúp xã hội\n\n- Hỗ trợ người già.\n\n**Dự án 2: Bảo vệ trẻ em**\n\n- Hỗ trợ trẻ em.\n\n"
        "Dự án 3: Chi cho người nghèo. Hết.\n\nDự án này rất tốt cho dân."
    )
    assert [s.title for s in document.sections if s.level == 2] == ["Dự án 1: Trợ giúp xã hội", "Dự án 2: Bảo vệ trẻ em", "Dự án 3"]
    assert paths(document)["Hỗ trợ trẻ em."] == ("I. CÁC DỰ ÁN", "Dự án 2: Bảo vệ trẻ em")
    assert paths(document)["Chi cho người nghèo. Hết."] == ("I. CÁC DỰ ÁN", "Dự án 3")
    assert "Dự án này rất tốt cho dân." in paths(document)


def test_a_bold_title_over_several_lines_is_one() -> None:
    document = plan("**I. PHÁT TRIỂN HỆ THỐNG  \nTRỢ GIÚP XÃ HỘI  \nCỦA TỈNH**\n\nMột việc lớn cần làm.")
    assert top(document) == ["I. PHÁT TRIỂN HỆ THỐNG TRỢ GIÚP XÃ HỘI CỦA TỈNH"]


def test_a_bold_mark_that_is_never_closed_reaches_to_the_next_blank_line() -> None:
    document = plan("**I. MỤC TIÊU\n\nMột việc lớn cần làm.\n\n2. Việc khác\n\nHai việc lớn cần làm.")
    assert paths(document) == {
        "Một việc lớn cần làm.": ("I. MỤC TIÊU",),
        "Hai việc lớn cần làm.": ("I. MỤC TIÊU", "2. Việc khác"),
    }


@pytest.mark.parametrize("number", ["12", "- 12 -", "Trang 3", "trang 3/12", "**4**", "– 5 –"])
def test_a_page_number_in_a_sentence_does_not_cut_it(number: str) -> None:
    assert is_page_number(number)
    document = plan(f"I. MỤC TIÊU\n\n- Hỗ trợ xã, phường được\n\n{number}\n\ntuyên truyền.\n\n- Hai.")
    assert [p.text for p in document.passages if p.role == "body"] == [f"Hỗ trợ xã, phường được\n\n{number}\n\ntuyên truyền.", "Hai."]


@pytest.mark.parametrize("line", ["2018", "12 người", "Trang bị 12", "- 5%", "", "1.000", "trang"])
def test_what_is_no_page_number(line: str) -> None:
    assert not is_page_number(line)


@pytest.mark.parametrize(
    ("before", "after", "whole"),
    [
        ("- trẻ em có hoàn cảnh", "đặc biệt khó khăn;", True),
        ("1. Sở Y tế và các sở", "thực hiện nhiệm vụ.", True),
        ("Kinh phí do tỉnh", "bố trí hằng năm.", True),
        ("- Một câu đã hết.", "rồi câu khác.", False),
        ("- trẻ em có hoàn cảnh", "Đặc biệt khó khăn;", False),
        ("- trẻ em có hoàn cảnh", "- đặc biệt khó khăn;", False),
        ("- Bao gồm các việc sau:", "trẻ em được giúp", False),
    ],
)
def test_only_a_line_that_runs_on_is_joined(before: str, after: str, whole: bool) -> None:
    document = plan(f"I. MỤC TIÊU\n\n{before}\n\n{after}")
    joined = f"{before}\n\n{after}".removeprefix("- ")
    assert any(p.text == joined for p in document.passages) is whole


def test_no_block_runs_over_the_edge_of_the_frame() -> None:
    document = made("TỈNH A\nKẾ HOẠCH\nthực hiện việc trợ giúp\nI. MỤC TIÊU\nGiúp dân\nnơi nhận:\n- Lưu VT.")
    assert [(p.role, p.text) for p in document.passages] == [
        ("front", "thực hiện việc trợ giúp"),
        ("heading", "I. MỤC TIÊU"),
        ("body", "Giúp dân"),
        ("closing", "nơi nhận:\n- Lưu VT"),
    ]


def test_markers_without_a_blank_and_with_other_blanks() -> None:
    document = plan(
        "I.MỤC TIÊU\n\n1.Mục tiêu chung\n\n-Trẻ em được giúp\n\n+Người già được giúp\n\n2 . Mục tiêu riêng\n\na ) Một việc\n\nb)Việc khác"
    )
    assert [s.title for s in document.sections] == ["I.MỤC TIÊU", "1.Mục tiêu chung", "2 . Mục tiêu riêng", "a ) Một việc", "b)Việc khác"]
    assert paths(document)["Trẻ em được giúp"] == ("I.MỤC TIÊU", "1.Mục tiêu chung")
    assert "Người già được giúp" in paths(document)


@pytest.mark.parametrize(
    "line", ["1.000 đồng một người", "34.363 người được trợ cấp", "e-mail của tỉnh", "-5 độ ngoài trời", "V.v. và v.v. nhiều"]
)
def test_what_is_no_marker(line: str) -> None:
    (block,) = blocks(line)
    assert (block.marker, block.start) == ("none", 0 if line[0].isalnum() else block.start)


def test_short_words_of_the_body_are_kept() -> None:
    document = plan("I. KINH PHÍ\n\nKhông có.\n\n1. Sở Y tế\n\nMiễn phí")
    assert paths(document) == {"Không có.": ("I. KINH PHÍ",), "Miễn phí": ("I. KINH PHÍ", "1. Sở Y tế")}


def test_a_byline_is_kept_out_but_a_last_word_is_not() -> None:
    assert [p.text for p in made("Tỉnh ban hành kế hoạch mới.\nThiên Bảo").passages] == ["Tỉnh ban hành kế hoạch mới."]
    assert [p.text for p in made("Tỉnh ban hành kế hoạch mới.\n*Nguyễn Thị Bảo*\n").passages] == ["Tỉnh ban hành kế hoạch mới."]
    assert [p.text for p in made("Muốn hỏi thì gọi số này.\nGọi 111").passages][-1] == "Gọi 111"
    assert [p.text for p in made("Muốn hỏi thì gọi số này.\nxin cảm ơn").passages][-1] == "xin cảm ơn"
    assert [p.text for p in made("Thiên Bảo").passages] == ["Thiên Bảo"]


def test_the_last_closing_line_closes() -> None:
    document = plan("I. MỤC TIÊU\n\nTrên đây là mục tiêu chung.\n\nII. KINH PHÍ\n\nDo tỉnh bố trí.\n\nTrên đây là Kế hoạch của tỉnh./.")
    assert [p.text for p in document.passages if p.role == "closing"] == ["Trên đây là Kế hoạch của tỉnh./."]
    assert paths(document)["Trên đây là mục tiêu chung."] == ("I. MỤC TIÊU",)
    assert document.sections[-1].span.end == extent(document.text).closing


def test_a_long_heading_is_one_passage_with_one_id() -> None:
    heading = "1. Tăng cường " + "sự lãnh đạo của cấp ủy đảng " * 8 + "trong tỉnh"
    document = plan(f"I. GIẢI PHÁP\n\n{heading}\n\nChi bộ phải làm gương.")
    assert [(p.role, p.path) for p in document.passages if p.text == heading] == [("body", ("I. GIẢI PHÁP",))]
    assert paths(document)["Chi bộ phải làm gương."] == ("I. GIẢI PHÁP", heading)


def test_markdown_headings_nest_by_their_marks() -> None:
    document = made(
        "# Cẩm nang\n\nLời đầu sách này.\n\n## Người cao tuổi\n\n1. Trợ cấp hằng tháng cho người già.\n"
        "2. Thẻ bảo hiểm y tế cho người già.\n\n"
        "## Trẻ em\n\n### Mồ côi\n\n1. Nhận nuôi có thời hạn ở xã.\n\n## Hỏi ai\n\n- Gọi số 111.\n\n# Phụ lục\n\nBảng kê các số."
    )
    assert [(s.level, s.title) for s in document.sections] == [
        (1, "Cẩm nang"),
        (2, "Người cao tuổi"),
        (2, "Trẻ em"),
        (3, "Mồ côi"),
        (2, "Hỏi ai"),
        (1, "Phụ lục"),
    ]
    assert paths(document)["2. Thẻ bảo hiểm y tế cho người già."] == ("Cẩm nang", "Người cao tuổi")
    assert paths(document)["1. Nhận nuôi có thời hạn ở xã."] == ("Cẩm nang", "Trẻ em", "Mồ côi")
    assert paths(document)["Gọi số 111."] == ("Cẩm nang", "Hỏi ai")
    assert paths(document)["Bảng kê các số."] == ("Phụ lục",)


def test_a_markdown_heading_without_a_number_sits_under_what_is_open() -> None:
    document = plan(
        "I. NỘI DUNG\n\n1. Trẻ em\n\n### Ghi chú\n\nXem thêm phụ lục.\n\n"
        "2. Người già\n\nCó trợ cấp riêng.\n\nII. KINH PHÍ\n\nDo tỉnh bố trí."
    )
    assert paths(document) == {
        "Xem thêm phụ lục.": ("I. NỘI DUNG", "1. Trẻ em", "Ghi chú"),
        "Có trợ cấp riêng.": ("I. NỘI DUNG", "2. Người già"),
        "Do tỉnh bố trí.": ("II. KINH PHÍ",),
    }


def test_a_heading_in_ordinary_letters_frames_nothing() -> None:
    document = made("# Trang của xã\n\nXã có điểm tư vấn.\n\n## Thông báo\n\nChiều nay nghỉ làm.")
    assert paths(document) == {"Xã có điểm tư vấn.": ("Trang của xã",), "Chiều nay nghỉ làm.": ("Trang của xã", "Thông báo")}


def test_recipients_named_above_the_title_end_nothing() -> None:
    document = made("Nơi nhận: các sở\n\nKẾ HOẠCH\n\nVề trợ giúp\n\nI. MỤC TIÊU\n\nGiúp người nghèo.\n\nNơi nhận:\n- Lưu VT.")
    assert "Giúp người nghèo." in paths(document)
    assert document.passages[-1].text == "Nơi nhận:\n- Lưu VT"


def test_a_plan_without_headings_is_all_body() -> None:
    document = made("KẾ HOẠCH\n\nVề trợ giúp\n\nGiúp người nghèo trong tỉnh.")
    assert {p.role for p in document.passages} == {"body"}
    assert lost_words(document) == []
