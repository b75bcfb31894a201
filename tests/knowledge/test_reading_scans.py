"""Scans: what recognition gives, pages on their head, numerals put right. Needs Tesseract with its Vietnamese data."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pypdfium2 as pdfium
import pytest
from PIL import Image
from plans import gazetteer

from knowledge.errors import LoadError
from knowledge.loading import load
from knowledge.reading.counting import recounted
from knowledge.reading.model import Limits
from knowledge.reading.ocr import Recogniser, _languages, has_tesseract, read_picture
from tools.bench_documents import Score, judge
from tools.plan_maker import as_scan, plans


@pytest.fixture
def tesseract() -> None:
    if not has_tesseract():
        reason = "Tesseract is not installed (apt-get install tesseract-ocr tesseract-ocr-vie): scans are not tested"
        if os.environ.get("TROGIUP_REQUIRE_ALL_TESTS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


def picture(angle: int = 0, form: str = "PNG") -> bytes:
    with pdfium.PdfDocument(as_scan(plans("first")[3])) as file:
        page = file[0].render(scale=150 / 72, grayscale=True).to_pil().rotate(angle, expand=True, fillcolor=255)
    made = io.BytesIO()
    page.save(made, form)
    return made.getvalue()


@pytest.mark.usefixtures("tesseract")
def test_a_scan_becomes_a_document_with_pages_and_doubts(tmp_path: Path) -> None:
    (made,) = [plan for plan in plans("first") if plan.name == "a10"]
    path = tmp_path / "a.pdf"
    path.write_bytes(as_scan(made))
    told: list[int] = []
    document = load(path, gazetteer(), lambda done, of: told.append(done))
    assert document.ocr
    assert document.pages == len(told) == max(told)
    assert "là ảnh chụp, chữ do máy nhận dạng" in document.metadata.warnings[0]
    score = Score()
    judge(score, made, document, "a10")
    assert score.share("wrong") == 0
    assert score.share("right") >= 0.9
    assert score.found >= 0.9 * score.headings


@pytest.mark.usefixtures("tesseract")
def test_a_picture_on_its_head_is_turned_and_said(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(picture(180))
    document = load(path, gazetteer())
    assert document.metadata.number == "2210/KH-SLĐTBXH"
    assert "Trang 1 bị quét xoay 180 độ; đã xoay lại." in document.metadata.warnings


def test_broken_and_huge_pictures_are_refused() -> None:
    for content, limits, reason in (
        (b"\x89PNG\r\n\x1a\n" + b"x" * 50, Limits(), "broken"),
        (picture()[:3000], Limits(), "broken"),
        (picture(), Limits(pixels=1000), "too_many_pixels"),
    ):
        with pytest.raises(LoadError) as caught:
            read_picture(content, limits, lambda done, of: None)
        assert caught.value.context["reason"] in ({reason} if has_tesseract() else {reason, "no_ocr"})


def test_many_frames_beyond_the_limit_are_refused() -> None:
    made = io.BytesIO()
    frames = [Image.new("L", (20, 20)) for _ in range(3)]
    frames[0].save(made, "TIFF", save_all=True, append_images=frames[1:])
    with pytest.raises(LoadError, match="3 trang ảnh quét, quá 2 trang"):
        read_picture(made.getvalue(), Limits(scanned_pages=2), lambda done, of: None)


def test_without_tesseract_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("knowledge.reading.ocr.which", lambda name: None)
    _languages.cache_clear()
    try:
        with pytest.raises(LoadError, match="apt-get install tesseract-ocr tesseract-ocr-vie"):
            Recogniser()
    finally:
        _languages.cache_clear()


@pytest.mark.parametrize(
    ("read", "meant"),
    [
        (["I. MỘT", "II. HAI", "II. BA", "IV. BỐN"], ["I. MỘT", "II. HAI", "III. BA", "IV. BỐN"]),
        (["L. Một", "II. Hai", "IH. Ba"], ["I. Một", "II. Hai", "III. Ba"]),
        (["I. MỘT", "I. Mục đích", "II. Yêu cầu"], ["I. MỘT", "I. Mục đích", "II. Yêu cầu"]),
        (["A. ĐẦU", "I. Một", "B. SAU", "I. Một"], ["A. ĐẦU", "I. Một", "B. SAU", "I. Một"]),
        (["I. MỘT", "III. BA"], ["I. MỘT", "III. BA"]),
        (["Vitamin L. Xem", "I. MỘT"], ["Vitamin L. Xem", "I. MỘT"]),
    ],
)
def test_numerals_are_recounted_only_where_there_is_no_doubt(read: list[str], meant: list[str]) -> None:
    text, said = recounted("\n\n".join(read))
    assert text == "\n\n".join(meant)
    assert len(said) == sum(a != b for a, b in zip(read, meant, strict=True))
