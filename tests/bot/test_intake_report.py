"""The intake report: what is known stands at its place, what is not stays blank, and what somebody wrote stays words."""

from __future__ import annotations

import io
import re
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from docx import Document
from pdf_text import pages

from actions.triage import KINDS, Risk
from bot.duty.intake_docx import as_docx
from bot.duty.intake_pdf import as_pdf
from bot.duty.intake_report import DATA, NEWEST, IntakeReport, Quote, clean, compose, from_case
from knowledge.directory import VIETNAM
from knowledge.store.cases import Case, TranscriptLine

AT = datetime(2026, 2, 3, 18, 5, tzinfo=UTC)  # 4 February, 1:05 at night, in Vietnam
WORDS = yaml.safe_load((DATA / "intake_report.yml").read_text(encoding="utf-8"))
BARE = IntakeReport("TG-7KQ2M4", "web", AT, ("child_abuse",), 4)
TICKED = ("sex", "danger_present", "safe_to_talk", "may_leave_message", "consent")
TOLD = ("case_id", "channel", "received_at", "kinds", "risk", "quotes", "for_child")
TEXTS = [field.name for field in fields(IntakeReport) if field.name not in (*TICKED, *TOLD)]
FULL = replace(
    BARE,
    **{name: f"trị {name}" for name in TEXTS},
    sex="female",
    danger_present=True,
    safe_to_talk=False,
    may_leave_message=True,
    consent=True,
    quotes=(Quote(AT, "em bị chú đánh", True),),
)


def docx_lines(report: IntakeReport) -> list[str]:
    """Paragraphs and cells in order, a tab for dots."""
    document = Document(io.BytesIO(as_docx(compose(report, AT))))
    parts = list(document.iter_inner_content())
    return [
        text
        for part in parts
        for text in ([part.text] if hasattr(part, "runs") else [cell.text for row in part.rows for cell in row.cells])
    ]


def pdf_lines(report: IntakeReport) -> list[str]:
    return "\n".join(pages(as_pdf(compose(report, AT)))).split("\n")


def flat(lines: list[str]) -> str:
    return re.sub(r"\s+", " ", " ".join(lines))


READERS = pytest.mark.parametrize("lines", [docx_lines, pdf_lines])


def labels(form: str) -> dict[str, str]:
    """The label of each field on a form."""
    return {cell["field"]: cell["label"] for section in WORDS["forms"][form]["sections"] for line in section["lines"] for cell in line}


@READERS
@pytest.mark.parametrize("form", ["child", "adult"])
def test_what_is_known_follows_its_label(lines: Any, form: str) -> None:
    text = flat(lines(replace(FULL, for_child=form == "child")))
    on_form = labels(form)
    missing = [name for name in TEXTS if name in on_form and f"{on_form[name]} trị {name}" not in text]
    assert missing == []
    assert "■ Nữ" in text
    assert "□ Nam" in text
    assert "Địa bàn, theo lời người báo tin: trị commune, trị province" in text
    assert "Thời gian nhận: 1 giờ 05, ngày 04 tháng 02 năm 2026" in text
    assert "trẻ em bị bạo lực, xâm hại – nguy hiểm ngay lúc này" in text
    assert "Theo lời người báo tin: “em bị chú đánh”" in text
    assert "Số hồ sơ: TG-7KQ2M4" in text


def test_every_known_text_has_a_place_on_one_of_the_forms() -> None:
    assert set(TEXTS) - set(labels("child")) - set(labels("adult")) == {"province", "commune"}  # both stand in `area`


@READERS
@pytest.mark.parametrize("form", ["child", "adult"])
def test_what_is_not_known_is_dots_and_unticked(lines: Any, form: str) -> None:
    report = replace(BARE, for_child=form == "child")
    text = flat([line.replace("\t", "......") for line in lines(report)])
    on_form = labels(form)
    filled = [name for name in TEXTS if name in on_form and not re.search(re.escape(on_form[name]) + r" ?\.{3}", text)]
    assert filled == []
    assert "■" not in text
    assert "Phụ lục" not in text


@pytest.mark.parametrize("form", ["child", "adult"])
def test_as_many_lines_to_write_on_as_the_form_says(form: str) -> None:
    report = replace(BARE, for_child=form == "child")
    wanted = sum(
        cell.get("lines", 1)
        for section in WORDS["forms"][form]["sections"]
        for line in section["lines"]
        for cell in line
        if cell["field"] in TEXTS or cell["field"] in ("area", "key_words")
    )
    assert sum(line.count("\t") for line in docx_lines(report)) == wanted
    assert len(re.findall(r"\.{8,}", "\n".join(pdf_lines(report)))) == wanted


@READERS
def test_the_two_forms_differ(lines: Any) -> None:
    child, adult = flat(lines(replace(BARE, for_child=True))), flat(lines(replace(BARE, for_child=False)))
    assert "Mẫu số 01" in child
    assert "TRẺ EM BỊ XÂM HẠI HOẶC CÓ NGUY CƠ BỊ BẠO LỰC, BÓC LỘT, BỎ RƠI" in child
    assert "Họ và tên cha" in child
    assert "Số liên hệ an toàn" not in child
    assert "Mẫu số 01" not in adult
    assert "Họ và tên cha" not in adult
    for asked in ("Lúc này còn nguy hiểm không: □ Có □ Không", "có an toàn không", "Số liên hệ an toàn", "để lại lời nhắn"):
        assert asked in adult
    for both in ("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc", "A. ", "B. ", "C. ", "(ký, ghi rõ họ tên)"):
        assert both in child
        assert both in adult


def test_the_kinds_choose_the_form_unless_somebody_does() -> None:
    assert compose(BARE, AT).number
    assert compose(replace(BARE, kinds=("sexual_abuse", "child_abuse")), AT).number
    assert not compose(replace(BARE, kinds=("domestic_violence",)), AT).number
    assert not compose(replace(BARE, for_child=False), AT).number
    assert compose(replace(BARE, kinds=("suicide",), for_child=True), AT).number


@READERS
@pytest.mark.parametrize("consent", [None, False])
def test_nobody_is_named_without_consent(lines: Any, consent: bool | None) -> None:
    text = flat(lines(replace(FULL, consent=consent, for_child=False)))
    assert "trị name" in text
    for name in ("informant_name", "informant_phone", "informant_address", "informant_note", "safe_contact", "safe_hours"):
        assert f"trị {name}" not in text
    assert ("■ Không" in text.partition("Đồng ý cho ghi thông tin")[2]) is (consent is False)
    safe = text.partition("nói chuyện lúc này có an toàn không")[2].partition("Số liên hệ an toàn")[0]
    assert "■" not in safe


def test_every_kind_and_risk_of_triage_has_words() -> None:
    assert KINDS | {"handover", "other"} == set(WORDS["kinds"])
    assert set(map(int, Risk)) == set(WORDS["risks"])


@READERS
def test_an_unknown_kind_and_channel_are_no_accident(lines: Any) -> None:
    text = flat(lines(replace(BARE, kinds=("flood",), channel="SMS")))
    assert "việc khác" in text
    assert "kênh SMS" in text


NASTY = "{ MERGEFIELD x } <w:instrText>DDE</w:instrText> =cmd|' /C calc'!A0 **đậm** __gạch__ [a](http://x) \\(Tj) &amp; %s {case_id}"


@READERS
def test_foreign_text_stays_text(lines: Any) -> None:
    report = replace(BARE, name=NASTY, quotes=(Quote(AT, NASTY, True),))
    text = flat(lines(report))
    assert text.count(NASTY) == 3


def test_docx_holds_no_field_but_the_page_number() -> None:
    document = Document(io.BytesIO(as_docx(compose(replace(FULL, name=NASTY), AT))))
    body, foot = document.element.xml, document.sections[0].footer._element.xml
    assert not re.search(r"<w:(instrText|fldSimple|fldChar|hyperlink|altChunk|object)\b", body)
    assert re.findall(r'w:instr="([^"]*)"', foot) == ["PAGE"]


def test_clean() -> None:
    assert clean("a\x00b\x1b[31m\u202ec\u200b\ufeffd\tđ\r\ne\u2028f\ufffe\ud83d") == "ab[31mcd đ\ne\nf\ufffd"
    assert clean("a\n \n\n \nb\n\nc\nd") == "a\n\nb\n\nc\nd"
    assert clean("Tie\u0302\u0301ng") == "Tiếng"


@READERS
@pytest.mark.parametrize(
    "text",
    [
        "x" * 4000,
        "đ ẫ\n" * 1000,
        "😭👨‍👩‍👧🥷🏽" * 500,
        "ខ្មែរ 中文 \U0010ffff\ud800 " * 300,
        "\u0323" * 4000,
        "\x00",
        " ",
        "\n" * 3999 + ".",
    ],
)
def test_no_text_breaks_the_report(lines: Any, text: str) -> None:
    assert lines(replace(FULL, name=text, father_name=text, quotes=(Quote(AT, text, True), Quote(AT, None))))


def test_long_words_are_whole() -> None:
    quotes = (Quote(AT, "aă" * 2000, True),)
    assert "aă" * 2000 in "\n".join(docx_lines(replace(BARE, quotes=quotes)))
    assert "aă" * 2000 in "".join(line for line in pdf_lines(replace(BARE, quotes=quotes)) if "Trang" not in line)


def test_pictures_that_the_font_has_not() -> None:
    report = replace(BARE, quotes=(Quote(AT, "em sợ 😭 🥷 𝐜𝐡𝐨 ❤️👊🏽", True),))
    assert "em sợ 😭 🥷 𝐜𝐡𝐨 ❤️👊🏽" in flat(docx_lines(report))
    text = flat(pdf_lines(report))
    assert "em sợ [khóc to] □ cho [tim][nắm đấm]" in text
    assert "Chữ trong ngoặc vuông" in text
    flood = flat(pdf_lines(replace(BARE, quotes=(Quote(AT, "😭" * 101, True),)))).partition("nguyên văn")[2]
    assert flood.count("□") == 101 + 1  # and the one that is explained
    assert "khóc to" not in flood
    assert "Chữ trong ngoặc vuông" not in flat(pdf_lines(replace(BARE, quotes=(Quote(AT, "em sợ", True),))))


def written(count: int, danger: int | None) -> tuple[Quote, ...]:
    return tuple(Quote(AT + timedelta(minutes=n), f"lời thứ {n}.", n == danger) for n in range(count))


@READERS
def test_a_long_transcript_keeps_the_first_danger_and_the_newest(lines: Any) -> None:
    text = flat(lines(replace(BARE, quotes=written(100, 3)))).partition("Phụ lục: ")[2]
    kept = [int(number) for number in re.findall(r"“lời thứ (\d+)\.”", text)]
    assert kept == [3, *range(100 - NEWEST, 100)]
    assert re.findall(r"Lược (\d+) tin nhắn", text) == ["3", "76"]


@pytest.mark.parametrize(("count", "danger", "left_out"), [(20, 0, []), (21, 0, []), (21, None, [1]), (22, 1, [1]), (100, 90, [80])])
def test_what_is_left_out_is_counted(count: int, danger: int | None, left_out: list[int]) -> None:
    form = compose(replace(BARE, quotes=written(count, danger)), AT)
    remarks = [int(re.findall(r"\d+", said.words)[0]) for said in form.appendix if said.when is None]
    assert remarks == left_out
    assert sum(said.when is not None for said in form.appendix) == count - sum(left_out)


@READERS
def test_forgotten_messages_are_said_to_be(lines: Any) -> None:
    assert "(Tin nhắn này đã được xóa.)" in flat(lines(replace(BARE, quotes=(Quote(AT, None, True),))))


def test_long_words_of_danger_begin_on_the_form_and_stand_whole_in_the_appendix() -> None:
    said = "chồng tôi đánh tôi " * 100
    text = flat(docx_lines(replace(BARE, quotes=(Quote(AT, "chào"), Quote(AT, said, True)))))
    assert re.search(r"Theo lời người báo tin: “(chồng tôi đánh tôi ?)+[^”]*”… \(xem tiếp ở Phụ lục\)", text)
    assert said.strip() in text


@pytest.mark.parametrize("made", [as_docx, as_pdf])
def test_the_same_form_makes_the_same_bytes(made: Any) -> None:
    assert made(compose(FULL, AT)) == made(compose(FULL, AT.astimezone(VIETNAM)))
    assert made(compose(FULL, AT)) != made(compose(FULL, AT + timedelta(days=1)))


def test_nothing_personal_in_a_repr_or_in_the_properties() -> None:
    assert "trị" not in repr(FULL) + repr(FULL.quotes) + repr(compose(FULL, AT))
    properties = Document(io.BytesIO(as_docx(compose(FULL, AT)))).core_properties
    assert (properties.title, properties.author, properties.comments) == ("Báo cáo tiếp nhận thông tin TG-7KQ2M4", "", "")
    assert b"/Author" not in as_pdf(compose(FULL, AT))


def test_from_a_case_of_the_store() -> None:
    later = AT + timedelta(minutes=2)
    lines = (TranscriptLine("m1", AT, "chào", None), TranscriptLine("m2", later, "chú đánh em", None))
    case = Case(
        "TG-ACDEFH", "c1", "zalo", ("sexual_abuse",), 3, "danger", "Cà Mau", AT, later, "open", None, None,
        voice="child", commune="xã Tân Tiến", safe_contact="0912 345 678", consent=True, transcript=lines,
    )  # fmt: skip
    report = from_case(case, agency="UBND xã")
    assert report == IntakeReport(
        "TG-ACDEFH", "zalo", later, ("sexual_abuse",), 3, (Quote(AT, "chào"), Quote(later, "chú đánh em", True)), for_child=True,
        agency="UBND xã", province="Cà Mau", commune="xã Tân Tiến", safe_contact="0912 345 678", consent=True,
    )  # fmt: skip
    assert from_case(replace(case, voice="adult")).for_child is None
    assert from_case(case, for_child=False).for_child is False
