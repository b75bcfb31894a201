"""The checker of support, on an answer that stands on a real passage and on what could go wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

from index.evaluation import Support
from knowledge.collection import Collection
from knowledge.directory import Directory
from knowledge.model import Document
from knowledge.ocr import Repair, Repairs
from knowledge.places import Gazetteer
from knowledge.reorganisation import load_successions

FIXED = {
    "texts.source": "Nguồn: {name}.",
    "texts.name": "{kind} {number}, tỉnh {province}",
    "texts.notices.ended": "{kind} này đặt ra cho giai đoạn {first}–{last}, đã kết thúc.",
    "texts.notices.merged": "Từ 1/7/2025, {old} thuộc tỉnh {now} (mới).",
    "texts.notices.not_held": "Tôi chưa có tài liệu của {province}.",
    "texts.abstain.province": "Tôi chưa có tài liệu của {province}. Hiện tôi có tài liệu của {held}.",
    "texts.abstain.who": "Anh/chị có thể hỏi UBND cấp xã; nếu là chuyện của trẻ em, gọi {phone} ({name}).",
    "texts.phone": "• {name}: {phone} ({hours})",
    "texts.also": "Cũng ghi: {clause}",
    "urgent.call": "Gọi ngay {calls}.",
    "urgent.or": " hoặc ",
    "urgent.you": "anh/chị",
    "urgent.number": "{phone} ({name})",
    "urgent.step": "{You} tới chỗ có người lớn. Đừng quay lại Trường Sơn.",
}
QUESTION = {"id": "q", "question": "Đồng Nai có bao nhiêu cơ sở trợ giúp xã hội?", "history": []}
FIFTY = "giảm ít nhất 50% tỷ lệ trẻ em bị xâm hại"
"""Words of a clause of Đồng Nai's plan; the same passage says 100% of other things."""
SOURCE = "Nguồn: Kế hoạch 2735/KH-UBND, tỉnh Đồng Nai."
ENDED = "Kế hoạch này đặt ra cho giai đoạn 2018–2020, đã kết thúc."


@pytest.fixture(scope="module")
def support(collection: Collection, gazetteer: Gazetteer) -> Support:
    free = ("texts.notices.", "texts.abstain.")
    return Support(collection, gazetteer, Directory.load(), load_successions(), FIXED, free, Repairs(()))


def document_of(collection: Collection, province: str) -> Document:
    return next(d for d in collection.documents if collection.province(d) == province and not d.metadata.reports_on)


def citation(collection: Collection, province: str, words: str) -> dict[str, Any]:
    """The passage that holds the words, as the contract cites it."""
    document = document_of(collection, province)
    passage = next(p for p in document.passages if words in p.text)
    return {
        "document_id": document.document_id,
        "quote": passage.span.of(document.text),
        "start": passage.span.start,
        "end": passage.span.end,
        "heading_path": list(passage.path),
    }


@pytest.fixture(scope="module")
def good(collection: Collection) -> dict[str, Any]:
    """What a clause of Đồng Nai says of children, told in its own words."""
    cited = citation(collection, "Đồng Nai", FIFTY)
    return {"kind": "answer", "text": "\n".join([f"Giảm{FIFTY[4:]}.", SOURCE, ENDED]), "citations": [cited], "hotlines": []}


def clause(cited: dict[str, Any]) -> str:
    return " ".join(cited["quote"].replace("*", "").split()).lstrip("-+ ")


def unsupported(support: Support, answer: dict[str, Any], question: str = "") -> tuple[str, ...]:
    return support.unsupported({**QUESTION, "question": question or QUESTION["question"]}, answer)


def test_words_of_the_document_with_source_and_years_are_supported(support: Support, good: dict[str, Any]) -> None:
    assert unsupported(support, good) == ()


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("50% tỷ lệ", "51% tỷ lệ"),
        ("2735/KH-UBND", "2736/KH-UBND"),
        ("2018–2020", "2018–2021"),
        ("2018–2020", "2017–2020"),
        ("tỉnh Đồng Nai", "tỉnh Hà Nam"),
        ("tỉnh Đồng Nai", "tỉnh Lâm Đồng"),
        (SOURCE, f"{SOURCE} Gọi 0901 234 567."),
        (SOURCE, f"Sở Phép thuật chủ trì.\n{SOURCE}"),
        (SOURCE, f"Ông Nguyễn Văn Khống ký.\n{SOURCE}"),
        (SOURCE, f"Ngày 3/9/2018.\n{SOURCE}"),
    ],
)
def test_what_is_not_in_the_document_is_seen(support: Support, good: dict[str, Any], written: str, instead: str) -> None:
    assert written in good["text"]
    assert unsupported(support, {**good, "text": good["text"].replace(written, instead)})


def test_a_neighbouring_figure_of_the_same_quote_is_seen(support: Support, good: dict[str, Any]) -> None:
    assert "100% trẻ em" in good["citations"][0]["quote"]
    assert unsupported(support, {**good, "text": good["text"].replace("50%", "100%")}) == ("Giảm ít nhất 100% tỷ lệ trẻ",)


def test_figures_of_two_provinces_are_not_mixed_up(support: Support, collection: Collection) -> None:
    here, there = citation(collection, "Đồng Nai", FIFTY), citation(collection, "Hà Nam", "80% trẻ em có hoàn cảnh")
    right = f"• Đồng Nai: {clause(here)}\n• Hà Nam: {clause(there)}"
    wrong = f"• Hà Nam: {clause(here)}\n• Đồng Nai: {clause(there)}"
    answer = {"kind": "answer", "citations": [here, there]}
    assert unsupported(support, {**answer, "text": right}) == ()
    assert unsupported(support, {**answer, "text": wrong})


def test_a_quote_that_is_not_the_documents_is_seen(support: Support, good: dict[str, Any]) -> None:
    (cited,) = good["citations"]
    for change in ({"quote": cited["quote"].replace("50%", "51%")}, {"start": cited["start"] + 1}, {"document_id": "none"}):
        assert unsupported(support, {**good, "citations": [{**cited, **change}]})
    assert unsupported(support, {**good, "citations": [{**cited, "heading_path": ["IX. CHƯƠNG KHÔNG CÓ"]}]}) == ("IX. CHƯƠNG KHÔNG CÓ",)


def test_notices_and_suggestions_are_read_too(support: Support, good: dict[str, Any]) -> None:
    assert unsupported(support, {**good, "notices": [ENDED.replace("2020", "2023")]})
    assert unsupported(support, {**good, "suggestions": ["Còn ở Lâm Đồng?"]})


def test_a_merger_is_told_only_of_provinces_that_are_one(support: Support, collection: Collection) -> None:
    cited = citation(collection, "Hà Nam", "80% trẻ em có hoàn cảnh")
    answer = {"kind": "answer", "citations": [cited]}
    assert unsupported(support, {**answer, "text": "Từ 1/7/2025, Hà Nam thuộc tỉnh Ninh Bình (mới)."}) == ()
    assert unsupported(support, {**answer, "text": "Từ 1/7/2025, Hà Nam thuộc tỉnh Cà Mau (mới)."}) == ("Cà Mau",)


def test_an_honest_no_may_name_what_was_asked_and_what_is_held(support: Support) -> None:
    text = "Tôi chưa có tài liệu của Lâm Đồng. Hiện tôi có tài liệu của Hà Nam, Đồng Nai."
    assert unsupported(support, {"kind": "abstain", "text": text}, "lam dong co gi") == ()
    assert unsupported(support, {"kind": "abstain", "text": text}, "lâm đồngg có gì") == ()
    assert unsupported(support, {"kind": "abstain", "text": text}, "an giang co gi") == ("Lâm Đồng",)


def test_an_asked_province_is_no_source_of_what_is_quoted(support: Support, good: dict[str, Any]) -> None:
    asked = "Lâm Đồng thì sao?"
    assert unsupported(support, {**good, "text": f"{good['text']}\nTôi chưa có tài liệu của Lâm Đồng."}, asked) == ()
    assert unsupported(support, {**good, "text": good["text"].replace("tỉnh Đồng Nai", "tỉnh Lâm Đồng")}, asked)


NUMBER = {"name": "Công an", "phone": "113"}


def test_numbers_are_those_of_the_directory(support: Support) -> None:
    text = "Gọi ngay 113 (Công an) hoặc 115 (Cấp cứu y tế).\nAnh/chị tới chỗ có người lớn. Đừng quay lại Trường Sơn."
    answer = {"kind": "urgent", "text": text, "hotlines": [NUMBER], "case_id": "TG-1"}
    assert unsupported(support, answer) == ()
    assert unsupported(support, {**answer, "text": text.replace("113", "112")})
    assert unsupported(support, {**answer, "hotlines": [{**NUMBER, "phone": "0901234567"}]}) == ("0901234567",)
    assert unsupported(support, {**answer, "hotlines": [{**NUMBER, "name": "Sở Ma"}]}) == ("113",)


def test_a_number_of_the_directory_does_not_count_things(support: Support, good: dict[str, Any]) -> None:
    text = f"{good['text']}\nCó 113 cơ sở."
    assert unsupported(support, {**good, "text": text, "hotlines": [NUMBER]})


def test_a_repair_is_supported_only_where_the_table_has_it(collection: Collection, support: Support) -> None:
    document = document_of(collection, "Cà Mau")
    cited = citation(collection, "Cà Mau", "36 tháng tui")
    mended = {"kind": "answer", "text": clause(cited).replace("tháng tui", "tháng tuổi"), "citations": [cited]}
    assert unsupported(support, mended)
    row = Repair(document.source_file, "tháng tui", "tháng tuổi", "", "")
    knowing = Support(collection, support.gazetteer, support.directory, support.successions, support.fixed, support.free, Repairs((row,)))
    assert unsupported(knowing, mended) == ()
