"""What kind of thing a question asks for, and whether a passage holds one."""

from __future__ import annotations

from datetime import date

import pytest

from index.kinds import Kinds
from index.model import Hit
from index.understanding import Understanding
from knowledge.model import Document, Metadata, Passage, Span
from knowledge.places import load_gazetteer

TODAY = date(2026, 11, 22)
KINDS = Kinds.load()
PLAIN = "Hỗ trợ kỹ năng cho người khuyết tật trên địa bàn."


@pytest.fixture(scope="module")
def understanding() -> Understanding:
    return Understanding.load(load_gazetteer())


def found(text: str) -> Hit:
    told = Metadata(None, None, None, None, None, None, None, None, None, None, (), None)
    return Hit(Passage("p", "d", text, Span(0, len(text)), ()), Document("d", "d.txt", text, told), 1, 1, 1, 1)


@pytest.mark.parametrize(
    ("question", "name", "held"),
    [
        ("Mô hình đó làm ở xã nào?", "place by name", "Duy trì ở xã Tà Lài - huyện Tân Phú."),
        ("mo hinh dat o truong nao", "institution by name", "Trường Trung học phổ thông Lê Hồng Phong thực hiện."),
        ("Phần mềm theo dõi trợ cấp tên là gì?", "name", "Phần mềm mang tên MIS POSASoft."),
        ("Chủ nhiệm câu lạc bộ là ai?", "person by name", "Chủ nhiệm là bà Nguyễn Thị Hoa, xã viên."),
        ("Bao giờ sơ kết đề án?", "day", "Sơ kết vào tháng 6 năm 2020."),
        ("Vì sao chỉ tiêu thấp vậy?", "reason", "Nguyên nhân là kinh phí còn hạn hẹp."),
        ("Học lớp đó có mất tiền không?", "fee", "Người học được miễn phí."),
        ("Muốn vào lớp đó thì đăng ký ở đâu?", "where to apply", "Người dân đăng ký tại UBND xã."),
        ("Văn bản nào thay thế kế hoạch này?", "what replaced it", "Kế hoạch này thay thế kế hoạch cũ."),
        ("Điều kiện nhận nuôi là gì?", "condition", "Tiêu chuẩn của người nhận nuôi."),
    ],
)
def test_what_is_asked_for_is_missed_where_it_does_not_stand(understanding: Understanding, question: str, name: str, held: str) -> None:
    query = understanding.read(question, TODAY)
    assert name in [kind.name for kind in KINDS.of(query)]
    assert KINDS.lacking(query, [found(PLAIN)]) >= 1
    assert KINDS.lacking(query, [found(held)]) == 0
    assert KINDS.lacking(query, [found(PLAIN), found(held)]) == 0


@pytest.mark.parametrize("question", ["Tôi có nên gửi mẹ vào trung tâm không?", "Máy tập mua hiệu gì?", "Nghị quyết đó gồm mấy điều?"])
def test_no_passage_holds_what_plans_do_not_say(understanding: Understanding, question: str) -> None:
    assert KINDS.lacking(understanding.read(question, TODAY), [found(PLAIN), found("Bà Nguyễn Thị Hoa, xã Tà Lài, năm 2020.")]) == 1


@pytest.mark.parametrize(
    "question",
    [
        "Cơ quan nào lo việc này?",
        "Kế hoạch áp dụng cho những ai?",
        "Quỹ nào có tiền cho trẻ em?",
        "Được trang bị kiến thức gì?",
        "Có bao nhiêu phần trăm trẻ em được giúp?",
    ],
)
def test_what_groups_and_bodies_answer_asks_for_no_name(understanding: Understanding, question: str) -> None:
    assert not KINDS.of(understanding.read(question, TODAY))
