from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plans import ALL, source

from knowledge.text import clean_message, fold, folded_line, has_diacritics, marked_words, nfc, sentences, squeeze, words

VIETNAMESE = st.text("aăâbcdđeêghiklmnoôơpqrstuưvxyàáảãạằắẳẵặầấẩẫậèéẻẽẹÀÁẢÃẠĐƠƯ ỘỰ.,;:!?…\n\r\t-0123456789")
ANY = st.one_of(st.text(), VIETNAMESE, VIETNAMESE.map(lambda t: unicodedata.normalize("NFD", t)))


@given(ANY)
def test_nfc_is_composed_and_has_one_kind_of_line_end(text: str) -> None:
    done = nfc(text)
    assert "\r" not in done
    assert unicodedata.is_normalized("NFC", done)
    assert nfc(done) == done
    assert nfc(text.replace("\r", "").replace("\n", "\r\n")) == nfc(text.replace("\r", ""))


@given(ANY)
def test_folding_keeps_every_place(text: str) -> None:
    source_text = nfc(text)
    folded = fold(source_text)
    assert len(folded) == len(source_text)
    assert fold(folded) == folded
    assert all(fold(c) == f for c, f in zip(source_text, folded, strict=True))


@given(VIETNAMESE)
def test_folded_vietnamese_is_plain_lower_case(text: str) -> None:
    assert fold(nfc(text)).isascii() or "…" in text
    assert fold(nfc(text)) == fold(nfc(text).upper())
    assert not has_diacritics(fold(nfc(text)))


@pytest.mark.parametrize(
    ("typed", "folded"),
    [("Đồng Nai", "dong nai"), ("ỦY BAN", "uy ban"), ("Người khuyết tật", "nguoi khuyet tat"), ("ƯỚC", "uoc"), ("tự kỷ", "tu ky")],
)
def test_fold(typed: str, folded: str) -> None:
    assert fold(typed) == folded
    assert fold(nfc(unicodedata.normalize("NFD", typed))) == folded


@given(ANY)
def test_marked_words_go_word_for_word_with_words(text: str) -> None:
    assert [fold(nfc(word))[:1] for word in marked_words(text)] == [word[:1] for word in words(text)]
    assert len(marked_words(text)) == len(words(text))


def test_a_letter_that_grows_in_lower_case_splits_no_word() -> None:
    assert words("İstanbul") == ["istanbul"]
    assert len(marked_words("İstanbul")) == 1


def test_words_and_the_folded_line() -> None:
    assert words("Sở LĐ-TB&XH, số 2735/KH-UBND") == ["so", "ld", "tb", "xh", "so", "2735", "kh", "ubnd"]
    assert marked_words("Sở LĐ") == ["sở", "lđ"]
    assert " so y te " in folded_line("Hỏi Sở Y tế?")
    assert " y t " not in folded_line("Hỏi Sở Y tế?")
    assert folded_line("") == "  "


@given(ANY)
def test_the_folded_line_holds_the_words(text: str) -> None:
    assert folded_line(text).split() == words(text)


@pytest.mark.parametrize(
    ("word", "marked"), [("nam", False), ("năm", True), ("đi", True), ("di", False), ("2018", False), ("", False), ("HÀ", True)]
)
def test_has_diacritics(word: str, marked: bool) -> None:
    assert has_diacritics(word) is marked


@given(st.text(st.one_of(st.characters(), st.sampled_from("e\u0301\u200b\u0007\ufeff\u202e\r\n "))))
def test_a_cleaned_message_is_composed_and_visible(text: str) -> None:
    done = clean_message(text)
    assert unicodedata.is_normalized("NFC", done)
    assert not any(unicodedata.category(c) == "Cc" and c not in "\n\t" for c in done)
    assert not set(done) & set("\u200b\ufeff\u202e\u2066")
    assert done == done.strip()
    assert clean_message(done) == done


def test_marks_parted_by_an_invisible_character_are_composed() -> None:
    assert clean_message("me\u200b\u0323 ơi\x07") == "mẹ ơi"
    assert clean_message(" a\r\nb ") == "a\nb"
    assert clean_message("👨‍👩‍👧") == "👨‍👩‍👧"


@pytest.mark.parametrize(
    ("typed", "said"),
    [("cứuuuu", "cứu"), ("cứứứu", "cứu"), ("đauuu quááá", "đau quá"), ("xoong google", "xoong google"), ("10000 ...", "10000 ...")],
)
def test_squeeze(typed: str, said: str) -> None:
    assert squeeze(typed) == said


def clauses(text: str) -> list[str]:
    return [text[a:b] for a, b in sentences(text)]


@given(ANY.map(nfc))
def test_sentences_are_in_order_trimmed_and_lose_nothing(text: str) -> None:
    spans = list(sentences(text))
    flat = [at for span in spans for at in span]
    assert flat == sorted(flat)
    assert all(text[a:b] and text[a:b] == text[a:b].strip() for a, b in spans)
    assert "".join("".join(clauses(text)).split()) == "".join(text.split())


def test_sentences_end_at_marks_and_lines() -> None:
    assert clauses("Một là. Hai là; ba là! Bốn là? Năm là… Sáu là\nBảy là") == [
        "Một là.",
        "Hai là;",
        "ba là!",
        "Bốn là?",
        "Năm là…",
        "Sáu là",
        "Bảy là",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "UBND TP. Biên Hòa chủ trì.",
        "1. Sở Y tế chủ trì.",
        "Theo Điều 5. khoản 2 của Luật.",
        "ThS. Nguyễn Văn A báo cáo.",
        "II. MỤC TIÊU",
        "giải quyết trợ cấp cho 34.363 người.",
    ],
)
def test_a_stop_after_an_abbreviation_or_a_number_ends_nothing(text: str) -> None:
    assert clauses(text) == [text]


@pytest.mark.parametrize("name", ALL)
def test_the_sentences_of_the_documents_lose_no_word(name: str) -> None:
    text = source(name).text
    assert "".join("".join(clauses(text)).split()) == "".join(text.split())
    assert len(clauses(text)) > 15
