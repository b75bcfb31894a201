"""Answers from the five documents: the asked figure or body first, its source, its years; and nothing that stands nowhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from random import Random

import pytest
from actions_house import NOON, TODAY, Person, both, first_line, unsupported

from actions.answering import LIMIT, Answerer
from actions.model import Answer, Citation, Context
from index.understanding import Understanding
from knowledge.collection import Collection

TRAIN = Path(__file__).parents[1] / "eval" / "train.jsonl"
SAMPLE = 220

FIGURES = [
    ("Hà Nam bao nhiêu phần trăm người nghiện ma túy được đưa vào cơ sở cai nghiện bắt buộc?", "95%", "90%"),
    ("Tỷ lệ người nghiện phải vào cơ sở cai nghiện bắt buộc ở Hà Nam là bao nhiêu?", "95%", "90%"),
    ("Theo 3376/KH-UBND bao nhiêu % người nghiện vào cơ sở cai nghiện bắt buộc?", "95%", "90%"),
    ("Đồng Nai bao nhiêu phần trăm người nghiện ma túy được đưa vào cơ sở cai nghiện bắt buộc?", "90%", "95%"),
    ("Tỷ lệ người nghiện phải vào cơ sở cai nghiện bắt buộc ở Đồng Nai là bao nhiêu?", "90%", "95%"),
    ("Theo 2735/KH-UBND bao nhiêu % người nghiện vào cơ sở cai nghiện bắt buộc?", "90%", "95%"),
    ("Cà Mau đến năm 2020 bao nhiêu phần trăm người có hoàn cảnh đặc biệt khó khăn được trợ giúp?", "50%", "70%"),
    ("Cà Mau giai đoạn 2017-2020 bao nhiêu phần trăm người có hoàn cảnh đặc biệt khó khăn được trợ giúp?", "50%", "70%"),
    ("Cà Mau giai đoạn 2021-2025 bao nhiêu phần trăm người có hoàn cảnh đặc biệt khó khăn được cung cấp dịch vụ?", "70%", "90%"),
    ("Cà Mau đến năm 2025 bao nhiêu phần trăm người có hoàn cảnh đặc biệt khó khăn được trợ giúp?", "70%", "90%"),
    ("Cà Mau đến năm 2030 bao nhiêu phần trăm người có hoàn cảnh đặc biệt khó khăn được trợ giúp?", "90%", "70%"),
    ("Đồng Nai có bao nhiêu cơ sở trợ giúp xã hội?", "16 cơ sở", "95%"),
    ("Hà Nam bồi dưỡng kỹ năng cho bao nhiêu nhân viên công tác xã hội?", "600 công chức", "95%"),
    ("Hà Nam mỗi năm bồi dưỡng bình quân bao nhiêu người?", "150 người/năm", "95%"),
    ("Hưng Yên bao nhiêu phần trăm trẻ em có hoàn cảnh đặc biệt khó khăn được trợ giúp?", "95%", "80%"),
    ("Nạn nhân bị mua bán ở Hà Nam được tư vấn, chăm sóc bao nhiêu phần trăm?", "100%", "95%"),
    ("Cà Mau có mấy cơ sở bảo trợ xã hội công lập?", "03 cơ sở bảo trợ xã hội công lập", "16"),
    ("Cà Mau đã giải quyết trợ cấp xã hội cho bao nhiêu người?", "34.363 người", "95%"),
]


@pytest.mark.parametrize(("question", "figure", "other"), FIGURES)
def test_the_asked_figure_is_read_first(people: Callable[..., Person], question: str, figure: str, other: str) -> None:
    for text in both(question):
        answer = people().says(text)
        assert answer.kind == "answer"
        assert figure in first_line(answer)
        assert other not in first_line(answer)
        assert any(figure in " ".join(citation.quote.split()) for citation in answer.citations)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Hạn báo cáo hằng năm của Đồng Nai là ngày nào?", "trước ngày 15/12"),
        ("Khi nào Đồng Nai tổng kết kế hoạch?", "Quý IV, năm 2020"),
        ("Cơ quan nào lo trợ giúp pháp lý ở Cà Mau?", "Sở Tư pháp"),
        ("Ở Đồng Nai, bao nhiêu xã phải có nhà tạm lánh?", "90% xã, phường, thị trấn"),
    ],
)
def test_when_and_who(people: Callable[..., Person], question: str, said: str) -> None:
    for text in both(question):
        assert said in first_line(people().says(text))


def test_the_duties_of_a_body_all_and_in_order(person: Person) -> None:
    answer = person.says("Sở Tài chính Đồng Nai làm gì?")
    lines = answer.text.split("\n")
    assert lines[0] == "Sở Tài chính:"
    assert [line.split()[1] for line in lines[1:4]] == ["Đề", "Chủ", "Phối"]
    assert lines[4] == "Chữ quét lỗi đã sửa: “mức bối trí” → “mức bố trí”."
    assert lines[5].startswith("Nguồn: Kế hoạch 2735/KH-UBND, tỉnh Đồng Nai, mục “VI. TỔ CHỨC THỰC HIỆN – 3. Sở Tài chính”")
    assert len(answer.citations) == 3


def test_the_name_of_a_body_may_be_short(person: Person) -> None:
    answer = person.says("Sở Lao động Đồng Nai làm gì?")
    assert first_line(answer) == "Sở Lao động - Thương binh và Xã hội:"
    assert "• Là cơ quan chủ trì" in answer.text


def test_a_list(person: Person) -> None:
    answer = person.says("Kế hoạch Đồng Nai gồm những dự án nào?")
    assert all(f"Dự án {number}" in answer.text for number in (1, 2, 3, 4))


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Số hiệu kế hoạch Hà Nam là gì?", "Số hiệu: 3376/KH-UBND."),
        ("Kế hoạch 2735/KH-UBND ban hành ngày nào?", "Ngày ban hành: Đồng Nai, ngày 22 tháng 3 năm 2018."),
        ("Ai ký kế hoạch Hà Nam?", "Người ký: Bùi Quang Cẩm."),
        ("Ai ký kế hoạch của Cà Mau?", "Người ký: Thân Đức Hưởng."),
        ("Ai ký kế hoạch Hưng Yên?", "Người ký: Nguyễn Khắc Hào."),
        ("Kế hoạch Đồng Nai căn cứ quyết định nào?", "Căn cứ: 565/QĐ-TTg."),
        ("Kế hoạch Cà Mau căn cứ quyết định nào?", "Căn cứ: 488/QĐ-TTg."),
        ("Kế hoạch Hưng Yên căn cứ văn bản nào?", "Căn cứ: 1555/QĐ-TTg, 647/QĐ-TTg."),
        ("Cơ quan nào ban hành kế hoạch Cà Mau?", "Cơ quan ban hành: Ủy ban nhân dân tỉnh Cà Mau."),
    ],
)
def test_what_a_document_says_of_itself(person: Person, question: str, said: str) -> None:
    answer = person.says(question)
    assert first_line(answer) == said
    assert answer.citations


def test_the_position_of_the_signer_is_told_and_quoted(person: Person) -> None:
    answer = person.says("Ai ký kế hoạch Hà Nam?")
    assert "Chức vụ ghi trên văn bản: KT. CHỦ TỊCH, PHÓ CHỦ TỊCH." in answer.text
    assert "PHÓ CHỦ TỊCH" in answer.citations[0].quote


def test_the_quote_keeps_what_was_repaired_in_the_sentence(person: Person) -> None:
    answer = person.says("Sở Y tế Cà Mau lo gì cho phụ nữ mang thai?")
    assert "36 tháng tuổi" in first_line(answer)
    assert "Chữ quét lỗi đã sửa: “tháng tui” → “tháng tuổi”." in answer.text
    assert any("36 tháng tui thuộc" in citation.quote for citation in answer.citations)


def test_the_period(person: Person) -> None:
    assert "2017 - 2020" in first_line(person.says("Kế hoạch Hà Nam từ năm nào đến năm nào?"))


@pytest.mark.parametrize(
    ("question", "field"),
    [
        ("Số hiệu kế hoạch Hưng Yên là gì?", "Hưng Yên mà tôi đang giữ không ghi số hiệu"),
        ("Kế hoạch Hưng Yên ban hành ngày nào?", "Hưng Yên mà tôi đang giữ không ghi ngày ban hành"),
        ("Ai ký kế hoạch Đồng Nai?", "Đồng Nai mà tôi đang giữ không ghi người ký"),
    ],
)
def test_what_it_does_not_say_is_not_guessed(person: Person, question: str, field: str) -> None:
    answer = person.says(question)
    assert answer.kind == "abstain"
    assert field in answer.text
    assert answer.citations == ()


def test_a_province_that_was_merged(person: Person) -> None:
    answer = person.says("Nam Định bao nhiêu phần trăm người nghiện vào cơ sở cai nghiện bắt buộc?")
    assert "95%" in answer.text
    assert "Nam Định" in answer.text
    assert "Ninh Bình (mới)" in answer.text
    assert "văn bản cũ của Hà Nam" in answer.text


def test_a_province_that_took_another_in(person: Person) -> None:
    answer = person.says("Ninh Bình có chính sách gì cho trẻ em bị xâm hại?")
    assert "tỉnh ninh bình (mới) gồm cả hà nam cũ" in answer.text.casefold()


@pytest.mark.parametrize("province", ["Lâm Đồng", "Hà Nội", "Cần Thơ"])
def test_a_province_that_is_not_held(person: Person, province: str) -> None:
    answer = person.says(f"{province} có bao nhiêu cơ sở trợ giúp xã hội?")
    assert answer.kind == "abstain"
    assert answer.text.startswith(f"Tôi chưa có tài liệu của {province}. Hiện tôi có tài liệu của")
    assert answer.citations == ()


def test_no_province_named_tells_each(person: Person) -> None:
    answer = person.says("Bao nhiêu phần trăm người nghiện vào cơ sở cai nghiện bắt buộc?")
    by_province = {line.split(":")[0]: line for line in answer.text.split("\n") if line.startswith("• ")}
    assert "95%" in by_province["• Hà Nam"]
    assert "90%" not in by_province["• Hà Nam"]
    assert "90%" in by_province["• Đồng Nai"]
    assert "95%" not in by_province["• Đồng Nai"]
    assert {c.province for c in answer.citations} == {"Hà Nam", "Đồng Nai"}


def test_two_provinces_named_tells_both_and_only_those(person: Person) -> None:
    answer = person.says("So sánh Hà Nam và Đồng Nai về tỷ lệ người nghiện vào cơ sở cai nghiện bắt buộc")
    lines = [line for line in answer.text.split("\n") if line.startswith("• ")]
    assert [line.split(":")[0] for line in lines] == ["• Hà Nam", "• Đồng Nai"]
    assert "3376/KH-UBND, tỉnh Hà Nam; Kế hoạch 2735/KH-UBND, tỉnh Đồng Nai" in answer.text
    assert "Đồng Nai nay thuộc" not in answer.text


def test_the_clause_of_each_province_is_the_one_asked_for(person: Person) -> None:
    answer = person.says("Trẻ em có hoàn cảnh đặc biệt được trợ giúp bao nhiêu phần trăm?")
    by_province = {line.split(":")[0]: line for line in answer.text.split("\n") if line.startswith("• ")}
    assert "80%" in by_province["• Hà Nam"]
    assert "50%" not in by_province.get("• Đồng Nai", "")


def test_a_second_province_that_is_not_held_is_said(person: Person) -> None:
    answer = person.says("Hà Nội và Đồng Nai có bao nhiêu cơ sở trợ giúp xã hội?")
    assert "16 cơ sở" in first_line(answer)
    assert "Tôi chưa có tài liệu của Hà Nội." in answer.text


@pytest.mark.parametrize("question", ["Kế hoạch 9999/KH-UBND nói gì?", "Kế hoạch 123/KH-UBND của Đồng Nai có bao nhiêu cơ sở?"])
def test_a_made_up_number(person: Person, question: str) -> None:
    answer = person.says(question)
    assert answer.kind == "abstain"
    assert answer.text.startswith("Tôi không thấy văn bản ")
    assert answer.citations == ()


def test_a_decree_that_a_plan_cites_is_no_made_up_number(person: Person) -> None:
    """The year stands between number and kind in the document: 98/2017/TT-BTC."""
    answer = person.says("Thông tư 98/2017/TT-BTC quy định gì ở Đồng Nai?")
    assert answer.kind == "answer"
    assert "98/2017/TT-BTC" in answer.text


HA_NAM = "Hà Nam bao nhiêu phần trăm người nghiện ma túy được đưa vào cơ sở cai nghiện bắt buộc?"


@pytest.mark.parametrize(
    ("on", "status", "parts"),
    [
        (date(2019, 6, 1), "in_force", []),
        (date(2020, 12, 31), "in_force", []),
        (date(2021, 1, 1), "ended", ["đã kết thúc"]),
        (date(2025, 2, 28), "ended", ["đã kết thúc"]),
        (date(2025, 3, 1), "ended", ["đã kết thúc", "do Công an tỉnh"]),
        (date(2025, 6, 30), "ended", ["đã kết thúc", "do Công an tỉnh"]),
        (date(2025, 7, 1), "ended", ["đã kết thúc", "do Công an tỉnh", "tỉnh Ninh Bình (mới)"]),
    ],
)
def test_the_day_decides_what_has_to_be_said(people: Callable[..., Person], on: date, status: str, parts: list[str]) -> None:
    answer = people(as_of=on).says(HA_NAM)
    assert {citation.status for citation in answer.citations} == {status}
    assert len(answer.notices) == len(parts)
    assert all(part in notice for part, notice in zip(parts, answer.notices, strict=True))
    assert all(notice in answer.text for notice in answer.notices)


def test_source_and_notices_stand_at_the_end(person: Person) -> None:
    answer = person.says(HA_NAM)
    lines = answer.text.split("\n")
    assert tuple(lines[-len(answer.notices) :]) == answer.notices
    assert lines[-len(answer.notices) - 1].startswith("Nguồn: Kế hoạch 3376/KH-UBND, tỉnh Hà Nam, mục “")


def test_the_same_is_not_said_twice(person: Person) -> None:
    answer = person.says("Trẻ em bị xâm hại ở Đồng Nai được hỗ trợ thế nào?")
    assert answer.text.count("100% trẻ em bị xâm hại, trẻ em có nguy cơ cao bị xâm hại được phát hiện") == 1


# The guard at the door


def test_what_stands_nowhere_does_not_leave(answerer: Answerer, collection: Collection) -> None:
    document = collection.documents[0]
    cited = Citation(document.document_id, "f", None, None, None, None, None, None, "ended", (), document.text[:200], 0, 200)
    kept = answerer.finish(Answer("answer", "Không có số.\nGiảm 77%.", (cited,), notices=("Đã kết thúc.",)), "Nguồn: x.")
    assert kept.text == "Không có số.\nNguồn: x.\nĐã kết thúc."
    nothing = answerer.finish(Answer("answer", "Giảm 77%.\nSở Ngoại vụ lo.", (cited,), notices=("Đã kết thúc.",)), "Nguồn: x.")
    assert nothing.kind == "abstain"
    assert nothing.citations == ()
    assert "Nguồn" not in nothing.text


def test_a_question_without_words_is_not_answered(answerer: Answerer, understanding: Understanding) -> None:
    assert answerer.answer(understanding.read("🙂", TODAY), Context()).kind == "abstain"


# Whatever is asked


def sample() -> list[dict[str, object]]:
    rows = [json.loads(line) for line in TRAIN.read_text(encoding="utf-8").splitlines()]
    chosen = [row for row in rows if row["kind"] != "urgent"]
    return Random(2).sample(chosen, SAMPLE)


@pytest.fixture(scope="module")
def answers(request: pytest.FixtureRequest) -> list[tuple[str, Answer]]:
    """Questions of the training set, each in its own conversation, with what was answered."""
    assistant = request.getfixturevalue("assistant")
    told = []
    for row in sample():
        person = Person(assistant, at=NOON)
        for turn in row["history"]:  # type: ignore[attr-defined]
            person.says(turn)
        told.append((str(row["question"]), person.says(str(row["question"]))))
    return told


def test_the_sample_is_answered_for_the_most_part(answers: list[tuple[str, Answer]]) -> None:
    """What follows looks at real answers."""
    assert sum(answer.kind == "answer" for _, answer in answers) >= 140


def test_no_text_is_too_long_or_empty(answers: list[tuple[str, Answer]]) -> None:
    assert [question for question, answer in answers if not 0 < len(answer.text) <= LIMIT] == []


def test_every_quote_is_the_documents_own(answers: list[tuple[str, Answer]], collection: Collection) -> None:
    cited = [citation for _, answer in answers for citation in answer.citations]
    assert cited
    assert all(c.quote.strip() and collection.document(c.document_id).text[c.start : c.end] == c.quote for c in cited)


def test_every_figure_stands_somewhere(answers: list[tuple[str, Answer]], collection: Collection) -> None:
    told = [(question, answer) for question, answer in answers if answer.kind == "answer" and "là số cũ" not in answer.text]
    assert [(question, found) for question, answer in told if (found := unsupported(answer, collection))] == []


def test_an_answer_has_evidence_and_an_abstention_none(answers: list[tuple[str, Answer]]) -> None:
    assert [q for q, a in answers if a.kind == "answer" and not (a.citations or a.hotlines)] == []
    assert [q for q, a in answers if a.kind in ("abstain", "clarify", "smalltalk", "handover") and a.citations] == []


def test_source_and_years_are_always_said(answers: list[tuple[str, Answer]]) -> None:
    from_plans = [(question, answer) for question, answer in answers if answer.citations and not answer.hotlines]
    assert [q for q, a in from_plans if "\nNguồn: " not in a.text or any(notice not in a.text for notice in a.notices)] == []
    assert [q for q, a in from_plans if not any("đã kết thúc" in notice for notice in a.notices)] == []


def test_a_law_inside_the_plan_is_not_what_the_plan_rests_on(person: Person) -> None:
    assert "Luật Đầu tư công" in person.says("Dong Nai xet von cho ke hoach phai theo luat gi").text
    assert person.says("Kế hoạch Đồng Nai căn cứ quyết định nào?").text.startswith("Căn cứ: 565/QĐ-TTg.")


def test_what_search_found_best_is_cited_among_the_first(person: Person) -> None:
    found = person.assistant.answerer().retriever.search(person.assistant.followups.understanding.read(BADLY_OFF, TODAY), 3)
    cited = [citation.passage_id for citation in person.says(BADLY_OFF).citations[:3]]
    assert found[0].passage.passage_id in cited
    assert len(cited) == 3


BADLY_OFF = "Đồng Nai hỗ trợ nạn nhân bị mua bán trở về thế nào?"


def test_a_heading_is_quoted_with_what_stands_under_it(person: Person) -> None:
    answerer = person.assistant.answerer()
    document = next(d for d in answerer.retriever.snapshot.collection.documents if d.source_file.startswith("001"))
    title = next(p for p in document.passages if p.role == "heading" and p.text.startswith("2. Sở Tài chính"))
    quote = answerer.cite(document, title, person.assistant.followups.understanding.read("Sở Tài chính Hà Nam", TODAY)).quote
    assert quote.startswith("2. Sở Tài chính")
    assert "bố trí kinh phí" in quote
