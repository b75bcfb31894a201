"""TCVN3 and VNI, alone and among Unicode: every letter there and back, and what stays untouched."""

from __future__ import annotations

import pytest
from plans import ALL, SOURCES

from knowledge.errors import LoadError
from knowledge.reading.encodings import by_font, converted, decoded, unicode_lines
from knowledge.tables import DATA, rows
from knowledge.text import nfc

WORDS = "Cộng hòa xã hội chủ nghĩa Việt Nam. Trợ giúp người già neo đơn, trẻ mồ côi và người khuyết tật nặng."
TABLE = list(rows(DATA / "legacy_encodings.tsv", ("encoding", "written", "meant", "source")))


def old(text: str, encoding: str) -> str:
    """`text` as an old font's file holds it."""
    back: dict[str, str] = {}
    for row in TABLE:
        if row["encoding"] == encoding:
            back.setdefault(row["meant"], row["written"])
    return "".join(back.get(char, char) for char in text)


@pytest.mark.parametrize("encoding", ["TCVN3", "VNI"])
def test_every_letter_comes_back(encoding: str) -> None:
    letters = {row["meant"] for row in TABLE if row["encoding"] == encoding}
    assert set("àảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵăâđêôơư") <= letters
    for letter in letters:
        assert converted(old(letter, encoding), encoding) == letter  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("encoding", "shown"), [("TCVN3", "Céng hßa x· héi chñ nghÜa ViÖt Nam"), ("VNI", "Coäng hoøa xaõ hoäi chuû nghóa Vieät Nam")]
)
def test_known_words(encoding: str, shown: str) -> None:
    assert converted(shown, encoding) == "Cộng hòa xã hội chủ nghĩa Việt Nam"  # type: ignore[arg-type]
    assert old("Cộng hòa xã hội chủ nghĩa Việt Nam", encoding) == shown


@pytest.mark.parametrize("encoding", ["TCVN3", "VNI"])
def test_lines_in_an_old_encoding_among_others_are_converted_and_said(encoding: str) -> None:
    text = f"{WORDS}\n{old(WORDS, encoding)}\n\n{old('Số: 12', encoding)}\nPlain words."
    read, (said,) = unicode_lines(text)
    assert read == f"{WORDS}\n{WORDS}\n\nSố: 12\nPlain words."
    assert encoding in said


@pytest.mark.parametrize("encoding", ["TCVN3", "VNI"])
def test_a_file_of_old_bytes(encoding: str) -> None:
    text, warnings = decoded(old(WORDS, encoding).encode("latin-1"))
    assert text == WORDS
    assert warnings


def test_windows_1258_is_read() -> None:
    import unicodedata

    marks = {"\u0300", "\u0301", "\u0303", "\u0309", "\u0323"}
    apart = "".join(
        unicodedata.normalize("NFC", "".join(c for c in parts if c not in marks)) + "".join(c for c in parts if c in marks)
        for parts in (unicodedata.normalize("NFD", char) for char in WORDS)
    )
    assert decoded(apart.encode("cp1258"))[0] == WORDS


@pytest.mark.parametrize("name", ALL)
def test_unicode_is_left_alone(name: str) -> None:
    text = nfc((SOURCES / name).read_text(encoding="utf-8"))
    assert unicode_lines(text) == (text, ())


@pytest.mark.parametrize("words", ["Café à la carte, très bien", "Müller und Söhne GmbH", "Số 5 – Đường 3/2", "naïve"])
def test_other_languages_are_left_alone(words: str) -> None:
    assert unicode_lines(words) == (words, ())


def test_the_font_says_how_a_run_is_written() -> None:
    assert by_font(old("trợ giúp", "TCVN3"), ".VnTime") == ("trợ giúp", "TCVN3")
    assert by_font(old("trợ giúp", "TCVN3"), ".VnTimeH") == ("TRỢ GIÚP", "TCVN3")
    assert by_font(old("trợ giúp", "VNI"), "VNI-Times") == ("trợ giúp", "VNI")
    assert by_font("trợ giúp", "Times New Roman") == ("trợ giúp", None)


@pytest.mark.parametrize("content", [b"\xff\xfea", b"abc\0def", b"\x89\x90\x8d\xfe\xff\xfe", bytes(range(128, 256))])
def test_what_is_no_text_is_refused(content: bytes) -> None:
    with pytest.raises(LoadError):
        decoded(content)
