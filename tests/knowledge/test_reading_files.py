"""Files of all kinds, good and bad, through the process that reads them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from docx import Document as new_docx
from fpdf import FPDF
from plans import gazetteer
from test_reading_encodings import old

from knowledge.errors import LoadError
from knowledge.loading import load, load_all
from knowledge.model import Document
from knowledge.reading.archive import safe_name, unpack
from knowledge.reading.kinds import kind_of
from knowledge.reading.model import LIMITS, Limits
from knowledge.reading.sandbox import read_apart
from knowledge.reading.wording import refusal
from tools.plan_maker import FONTS, as_docx, as_pdf, plans

WORDS = "Người già neo đơn được trợ cấp hằng tháng và được thăm hỏi khi ốm đau."
HTML = f"""<!doctype html><html><head><meta charset="utf-8"><title>Báo</title><script>alert("mã độc")</script></head><body>
<nav>Trang chủ</nav><main><h2>Trợ cấp</h2><p>{WORDS}</p><ul><li>Một việc</li><li>Hai việc</li></ul><p style="display:none">Ẩn</p>
<table><tr><th>Loại</th><th>Mức</th></tr><tr><td>Người già</td><td>1,5</td></tr></table><p>Dòng một<br>dòng hai</p></main>
<footer>Liên hệ</footer></body></html>"""


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Document]:
    def reading(name: str, content: bytes) -> Document:
        path = tmp_path / name
        path.write_bytes(content)
        return load(path, gazetteer())

    return reading


def refused(path: Path, content: bytes, limits: Limits = LIMITS) -> LoadError:
    path.write_bytes(content)
    with pytest.raises(LoadError) as caught:
        read_apart(path, kind_of(content), lambda done, of: None, limits)
    assert len(caught.value.advice.splitlines()) == 1
    return caught.value


def word(*paragraphs: str, font: str | None = None) -> bytes:
    file = new_docx()
    for words in paragraphs:
        run = file.add_paragraph().add_run(words)
        if font:
            run.font.name = font
    made = io.BytesIO()
    file.save(made)
    return made.getvalue()


def repacked(content: bytes, change: Callable[[str, bytes], bytes], **more: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as after:
        for name in before.namelist():
            after.writestr(name, change(name, before.read(name)))
        for name, part in more.items():
            after.writestr(name, part)
    return made.getvalue()


def zipped(**files: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in files.items():
            package.writestr(name, content)
    return made.getvalue()


def pdf(*pages: str, **how: str) -> bytes:
    file = FPDF()
    file.add_font("serif", "", FONTS / "TroGiupSerif-Regular.ttf")
    for words in pages:
        file.add_page()
        file.set_font("serif", "", 13)
        file.multi_cell(0, 7, words)
    if "password" in how:
        file.set_encryption(owner_password="a", user_password=how["password"])
    return bytes(file.output())


# Web pages


def test_a_web_page_is_what_is_read_on_it(read: Callable[..., Document]) -> None:
    document = read("a.html", HTML.encode())
    assert document.text == (f"## Trợ cấp\n\n{WORDS}\n\n- Một việc\n\n- Hai việc\n\nLoại | Mức\nNgười già | 1,5\n\nDòng một\ndòng hai")


def test_a_pdf_that_is_a_web_page_is_read_as_what_it_is(read: Callable[..., Document]) -> None:
    document = read("a.pdf", HTML.encode())
    assert WORDS in document.text
    assert document.metadata.warnings[0] == "Tên tệp có đuôi .pdf nhưng nội dung là trang web (HTML); đã đọc theo nội dung."


def test_a_web_page_in_an_old_font(read: Callable[..., Document]) -> None:
    page = f'<html><head><meta charset="iso-8859-1"></head><body><p><font face=".VnTime">{old(WORDS, "TCVN3")}</font></p></body></html>'
    document = read("a.html", page.encode("cp1252", errors="xmlcharrefreplace"))
    assert document.text == WORDS
    assert "TCVN3" in document.metadata.warnings[0]


@pytest.mark.parametrize("page", [b"<html></html>", b"<html><body><script>x</script></body></html>", b"<!doctype html>" + b"<div>" * 5000])
def test_a_web_page_without_words_is_refused(read: Callable[..., Document], page: bytes) -> None:
    with pytest.raises(LoadError, match="không có chữ"):
        read("a.html", page)


# Word


def test_word_keeps_paragraphs_tables_and_its_own_numbers(read: Callable[..., Document]) -> None:
    (made,) = [plan for plan in plans("first") if plan.name == "a09"]
    document = read("a.docx", as_docx(made))
    assert [section.path for section in document.sections] == list(made.headings)
    assert "Cơ sở công lập | 4 | 6" in document.text
    assert document.metadata.signer == "Nguyễn Hữu Phước"


@pytest.mark.parametrize(("font", "encoding"), [(".VnTime", "TCVN3"), ("VNI-Times", "VNI")])
def test_old_fonts_in_word_are_converted_and_said(read: Callable[..., Document], font: str, encoding: str) -> None:
    document = read("a.docx", word(old(WORDS, encoding), font=font))
    assert document.text == WORDS
    assert document.metadata.warnings[0] == f"Có 1 đoạn gõ bằng bảng mã {encoding}; đã chuyển sang Unicode, cần xem lại."


def test_macros_are_not_run_and_said(read: Callable[..., Document]) -> None:
    plain, macro = b"wordprocessingml.document.main+xml", b"ms-word.document.macroEnabled.main+xml"
    content = repacked(
        word(WORDS),
        lambda name, part: part.replace(b"vnd.openxmlformats-officedocument." + plain, b"vnd." + macro),
        **{"word/vbaProject.bin": b"Sub AutoOpen()"},
    )
    document = read("a.docm", content)
    assert document.text == WORDS
    assert document.metadata.warnings[0] == "Tệp Word có macro; macro không được chạy, chỉ đọc phần chữ."


def test_entities_in_word_are_refused(tmp_path: Path) -> None:
    laughs = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    bomb = repacked(word("x"), lambda name, part: laughs + part.partition(b"?>")[2] if name == "word/document.xml" else part)
    assert refused(tmp_path / "a.docx", bomb).context["reason"] == "entities"


def test_old_word_and_word_with_a_password_are_told_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"))
    with pytest.raises(LoadError, match="bỏ mật khẩu, lưu thành"):
        load(tmp_path / "a.docx", gazetteer())


def test_a_word_file_that_swells_is_refused(tmp_path: Path) -> None:
    bomb = repacked(word("x"), lambda name, part: part, **{"word/media/a.xml": b"\0" * (40 << 20)})
    assert refused(tmp_path / "a.docx", bomb).context["reason"] == "bomb"


# PDF


def test_a_pdf_knows_its_pages_and_leaves_its_furniture_out(read: Callable[..., Document]) -> None:
    (made,) = [plan for plan in plans("first") if plan.name == "a05"]
    document = read("a.pdf", as_pdf(made))
    assert document.pages == 3
    assert document.metadata.signer == "Lê Khắc Nam"
    table = next(p for p in document.passages if "Ngân sách trung ương | 12.400" in p.text)
    assert document.page_at(table.span.start) == 2
    assert document.page_at(0) == 1
    assert document.text.count("Kế hoạch số 309/KH-UBND") == 0
    assert "Đã bỏ dòng lặp lại ở đầu hoặc cuối trang: “Kế hoạch số 309/KH-UBND”." in document.metadata.warnings
    assert "Đã bỏ số trang." in document.metadata.warnings


def test_seals_are_left_out_and_named(read: Callable[..., Document]) -> None:
    (made,) = [plan for plan in plans("first") if plan.name == "a04"]
    document = read("a.pdf", as_pdf(made))
    assert "Ký bởi" not in document.text
    assert any("Ký bởi: Sở Lao động" in said for said in document.metadata.warnings)
    text = read(
        "a.txt", f"KẾ HOẠCH\n\nVề trợ giúp\n\nI. MỤC TIÊU\n\nGiúp người già\n\nKý bởi: Cổng Thông tin điện tử\n\nneo đơn.\n{WORDS}".encode()
    )
    assert [p.text for p in text.passages if "neo đơn." in p.text] == ["Giúp người già\n\nKý bởi: Cổng Thông tin điện tử\n\nneo đơn."]
    assert any("Ký bởi" in said for said in text.metadata.warnings)


def test_a_sentence_runs_on_over_the_page(read: Callable[..., Document]) -> None:
    document = read("a.pdf", pdf(f"{WORDS} " * 25 + "Người khuyết tật nặng được Nhà nước và cả xã hội", f"Việt Nam trợ giúp. {WORDS}"))
    assert document.pages == 2
    assert document.text.count("\f") == 1


def test_a_password_and_a_broken_pdf(tmp_path: Path) -> None:
    assert refused(tmp_path / "a.pdf", pdf(WORDS, password="b")).context["reason"] == "encrypted"
    assert refused(tmp_path / "a.pdf", b"%PDF-1.7\n" + b"x" * 500).context["reason"] == "broken"


def test_too_many_pages_are_refused_and_many_are_told_of(tmp_path: Path) -> None:
    content = pdf(*[WORDS] * 6)
    error = refused(tmp_path / "a.pdf", content, Limits(pages=5))
    assert error.advice == "có 6 trang, quá 5 trang; hãy tách nhỏ rồi thử lại"
    told: list[tuple[int, int]] = []
    read_apart(tmp_path / "a.pdf", "pdf", lambda done, of: told.append((done, of)))
    assert told == [(n, 6) for n in range(1, 7)]


def test_five_hundred_pages_are_read_page_by_page(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf(*(f"Điều {n}. {WORDS}" for n in range(1, 501))))
    told: list[int] = []
    read = read_apart(tmp_path / "a.pdf", "pdf", lambda done, of: told.append(done))
    assert read.pages == told[-1] == 500
    assert read.text.count("trợ cấp hằng tháng") == 500
    assert "Điều 500." in read.text


def test_two_hundred_megabytes_are_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.pdf"
    with path.open("wb") as file:
        file.truncate(200 << 20)
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail("was read"))
    with pytest.raises(LoadError, match="lớn hơn 64 MiB") as caught:
        load(path, gazetteer())
    assert caught.value.context["reason"] == "too_large"


# The process


def test_a_process_that_dies_hangs_or_eats_memory_is_one_clear_error(tmp_path: Path) -> None:
    content = pdf(*[WORDS] * 3)
    assert refused(tmp_path / "a.pdf", content, Limits(silent_seconds=0.01)).context["reason"] == "too_slow"
    assert refused(tmp_path / "a.pdf", content, Limits(memory_bytes=1 << 20)).context["reason"] in ("crashed", "too_hungry", "broken")


def test_the_process_sees_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess

    seen: list[dict[str, str]] = []
    start = subprocess.Popen

    def noting(argv: list[str], **how: object) -> object:
        seen.append(how["env"])  # type: ignore[arg-type]
        return start(argv, **how)  # type: ignore[call-overload]

    monkeypatch.setenv("TROGIUP_ZALO_APP_SECRET", "x")
    monkeypatch.setattr("knowledge.reading.sandbox.subprocess.Popen", noting)
    (tmp_path / "a.pdf").write_bytes(pdf(WORDS))
    read_apart(tmp_path / "a.pdf", "pdf", lambda done, of: None)
    assert seen
    assert not [name for env in seen for name in env if name.startswith("TROGIUP_")]


# Zips


def test_a_zip_of_many(tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    path.write_bytes(
        zipped(
            **{
                "a.txt": WORDS.encode(),
                "thư mục/b.docx": word(WORDS),
                "hỏng.pdf": b"%PDF-",
                "z.zip": zipped(a=b""),
                "c.exe": b"MZ",
                "../../e.txt": b"e",
            }
        )
    )
    loaded = {item.name: item for item in load_all(path, gazetteer())}
    assert {name for name, item in loaded.items() if item.document} == {"many.zip/a.txt", "many.zip/thư mục/b.docx", "many.zip/e.txt"}
    assert {item.document.text for item in loaded.values() if item.document} == {WORDS, "e"}
    assert loaded["many.zip/a.txt"].content == WORDS.encode()
    for name in ("hỏng.pdf", "z.zip", "c.exe"):
        error = loaded[f"many.zip/{name}"].error
        assert error is not None
        assert error.advice.startswith(f"many.zip/{name}: ")


@pytest.mark.parametrize(
    ("limits", "reason"),
    [(Limits(unpacked_bytes=1000), "bomb"), (Limits(ratio=2), "bomb"), (Limits(members=2, ratio=10**6), "too_many")],
)
def test_a_zip_beyond_the_limits(tmp_path: Path, limits: Limits, reason: str) -> None:
    content = zipped(**{f"{n}.txt": b"a" * (1 << 20) for n in range(3)})
    with pytest.raises(LoadError) as caught:
        unpack(content, tmp_path, limits)
    assert caught.value.context["reason"] == reason


def test_a_zip_of_nothing_but_zeros_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    path.write_bytes(zipped(**{"a.txt": b"\0" * (60 << 20)}))
    assert path.stat().st_size < 100_000
    (loaded,) = load_all(path, gazetteer())
    assert loaded.error is not None
    assert loaded.error.context["reason"] == "bomb"


def test_a_zip_with_a_password(tmp_path: Path) -> None:
    content = bytearray(zipped(**{"a.txt": WORDS.encode()}))
    for header, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(header) + flags] |= 1
    (member,) = unpack(bytes(content), tmp_path, LIMITS)
    assert member.refused == refusal("encrypted").advice


def test_a_zip_that_lies_about_its_size(tmp_path: Path) -> None:
    honest = zipped(**{"a.txt": b"a" * 100_000})
    size = (100_000).to_bytes(4, "little")
    liar = honest.replace(size, (10).to_bytes(4, "little"))
    assert liar != honest
    (member,) = unpack(liar, tmp_path, LIMITS)
    assert member.refused or (tmp_path / str(member.file)).stat().st_size <= 10


@pytest.mark.parametrize(
    ("name", "safe"),
    [("../../etc/passwd.txt", "etc/passwd.txt"), ("C:\\a\\b.txt", "a/b.txt"), ("/a.txt", "a.txt"), ("..", "_"), ("a\nb.txt", "a_b.txt")],
)
def test_names_lead_nowhere_else(name: str, safe: str) -> None:
    assert safe_name(name) == safe
