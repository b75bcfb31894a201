from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plans import ALL, ARTICLE, CA_MAU, DONG_NAI, HA_NAM, HUNG_YEN, SOURCES, gazetteer, made, plan, source

from knowledge import loading
from knowledge.errors import LoadError
from knowledge.loading import documents_in, identify, load
from knowledge.reading.encodings import decoded

SUMS = {
    ARTICLE: "12e882684e4eb79f7702a6ed40a839727e21126cbb6bcad26986f8390bfc87e0",
    HA_NAM: "412c38fcb4a33e8e28d1e61cfaa940ca3093af8572aa4eb5277bc9ac213a4a47",
    CA_MAU: "c1affcb05d56ce55f91d60ae95f939102cc842ffa7517b0eb90fa5a2b446cbc4",
    HUNG_YEN: "d591d52f4b1ae2d8061b75029f0b381f848cdd39cc3c18c9a9835012ab7ffde7",
    DONG_NAI: "8baddc2e59a82daf77170c2037f56f85e45b225e1dd22676cb8eb5f0600266d7",
}


BINARY = "tệp nhị phân không rõ loại; hãy đưa tệp txt, md, html, docx, pdf, ảnh quét hoặc zip"
OLD = "tệp Office đời cũ (.doc, .xls) hoặc có mật khẩu; hãy mở bằng Word, bỏ mật khẩu, lưu thành .docx rồi thử lại"


def refused(path: Path) -> str:
    """The advice with which a file or folder is refused."""
    with pytest.raises(LoadError) as caught:
        _ = [load(found, gazetteer()) for found in documents_in(path)]
    assert len(caught.value.advice.splitlines()) == 1
    assert len(caught.value.advice) <= 120 + len(str(path))
    return caught.value.advice


def written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", ALL)
def test_the_sources_are_as_they_came(name: str) -> None:
    assert hashlib.sha256((SOURCES / name).read_bytes()).hexdigest() == SUMS[name]


def test_the_sources_are_five() -> None:
    assert [path.name for path in documents_in(SOURCES)] == list(ALL)
    assert len({source(name).document_id for name in ALL}) == 5


@pytest.mark.parametrize("name", ALL)
def test_a_document_keeps_its_file_and_its_whole_text(name: str) -> None:
    document = source(name)
    assert document.source_file == name
    assert document.text == (SOURCES / name).read_text(encoding="utf-8")
    assert (document.pages, document.ocr) == (None, False)
    assert {p.document_id for p in document.passages} == {document.document_id}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", b"", "a.txt: không có chữ nào trong tệp; hãy kiểm tra lại tệp"),
        ("a.md", b" \r\n\t12 --- *** \n", "a.md: không có chữ nào trong tệp; hãy kiểm tra lại tệp"),
        ("a.txt", b"\xef\xbb\xbf", "a.txt: không có chữ nào trong tệp; hãy kiểm tra lại tệp"),
        ("a.txt", b"abc\0def", f"a.txt: {BINARY}"),
        ("a.txt", b"\xff\xfea", f"a.txt: {BINARY}"),
        ("a.txt", b"caf\xe9 cr\xe8me", "a.txt: không nhận ra bảng mã của tệp văn bản; hãy lưu lại dạng UTF-8 rồi thử lại"),
        ("a.pdf", b"%PDF-1.4", "a.pdf: tệp bị hỏng, không đọc được; hãy xin lại bản gốc hoặc lưu lại rồi thử lại"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", f"a.doc: {OLD}"),
        ("a.docx", b"PK\x03\x04", "a.docx: tệp bị hỏng, không đọc được; hãy xin lại bản gốc hoặc lưu lại rồi thử lại"),
        ("a.rtf", b"{\\rtf1", "a.rtf: tệp RTF chưa đọc được; hãy mở bằng Word, lưu thành .docx rồi thử lại"),
    ],
)
def test_a_bad_file_is_refused_with_advice(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    assert refused(written(tmp_path, name, content)) == said


def test_a_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, "a.txt", b"x" * (1024 * 1024 + 1))
    assert load(path, gazetteer()).text.startswith("xxx")
    monkeypatch.setattr(loading, "MAX_BYTES", 1024 * 1024)
    assert refused(path) == "a.txt: lớn hơn 1 MiB; hãy tách thành nhiều tệp nhỏ rồi thử lại"


def test_paths_that_lead_nowhere_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.txt").endswith("none.txt: no such file or folder; check the path")
    assert refused(tmp_path / ("x" * 300)).endswith("cannot be opened; check the path and who may read it")
    assert "no file in this folder can be read; give .txt, .md, .html, .docx, .pdf, .png, .jpg, .tif or .zip" in refused(tmp_path)
    written(tmp_path, "a.xlsx", b"PK")
    assert "no file in this folder can be read; give .txt, .md, .html, .docx, .pdf, .png, .jpg, .tif or .zip" in refused(tmp_path)
    with pytest.raises(LoadError, match="cannot be opened; check that it exists"):
        load(tmp_path / "gone.txt", gazetteer())


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, "a.txt", b"words")

    def forbidden(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", forbidden)
    assert refused(path) == "a.txt: cannot be opened; check that it exists and who may read it"


def test_a_folder_is_read_in_order_of_names_and_all_the_way_down(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("c.TXT", "a.md", "b/x.txt", "d.gif"):
        written(tmp_path, name, b"words")
    assert [path.relative_to(tmp_path).as_posix() for path in documents_in(tmp_path)] == ["a.md", "b/x.txt", "c.TXT"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_that_say_what_they_are(tmp_path: Path, encoding: str) -> None:
    text = "Trợ giúp trẻ em ở Đồng Nai."
    assert load(written(tmp_path, "a.txt", text.encode(encoding)), gazetteer()).text == text


@given(st.one_of(st.binary(max_size=200), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])).map(str.encode)))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        text, warnings = decoded(content)
    except LoadError as error:
        if error.context["reason"] not in ("binary", "unknown_encoding"):
            raise
        return
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    assert warnings or text == content.decode(encoding)


def test_a_corrected_copy_keeps_its_id() -> None:
    first = plan("I. MỤC TIÊU\n\nGiúp 10 người.")
    second = plan("I. MỤC TIÊU\n\nGiúp 20 người.")
    assert first.document_id == second.document_id == identify(first.metadata, "")
    assert first.text != second.text
    assert {p.passage_id for p in first.passages} != {p.passage_id for p in second.passages}


def test_the_id_comes_from_what_names_a_document() -> None:
    hung_yen = source(HUNG_YEN)
    assert hung_yen.metadata.number is None
    assert identify(hung_yen.metadata, "other words") == hung_yen.document_id
    assert made("Một bài ngắn ở xã.").document_id != made("Bài khác ở xã.").document_id
    assert made("Một bài ngắn ở xã.").document_id == made("Một  bài ngắn\nở xã.").document_id
    assert all(len(source(name).document_id) == 16 for name in ALL)
