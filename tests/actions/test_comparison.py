"""Several provinces side by side."""

from __future__ import annotations

from dataclasses import replace

import pytest
from actions_house import TODAY, Person

from actions.answering import Answerer
from actions.comparison import Row, alike, compared, figure_first, said_in
from actions.texts import Texts
from index.understanding import Understanding


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("100% số nạn nhân được phát hiện, tư vấn, hỗ trợ.", "100% số nạn nhân được phát hiện, tư vấn, hỗ trợ", True),
        ("95% người nghiện ma túy có quyết định được đưa vào cơ sở.", "90% người nghiện ma túy có quyết định được đưa vào cơ sở.", False),
        ("100% xã, phường được tuyên truyền", "100% trẻ em được cấp thẻ", False),
    ],
)
def test_the_same_is_the_same_figures_in_the_same_words(one: str, other: str, same: bool) -> None:
    assert alike(one, other) is same


@pytest.mark.parametrize(
    ("clause", "read"),
    [
        ("Phấn đấu 95% người nghiện", "Phấn đấu 95% người nghiện"),
        ("Nâng cao trình độ chuyên môn và tập huấn cho 90% cán bộ.", "90% – Nâng cao trình độ chuyên môn và tập huấn cho 90% cán bộ."),
        ("Phát triển thêm ngoài công lập 03 cơ sở, nâng lên 16 cơ sở", "Phát triển thêm ngoài công lập 03 cơ sở, nâng lên 16 cơ sở"),
        ("Tiếp tục thực hiện kế hoạch này đến hết năm 2020", "Tiếp tục thực hiện kế hoạch này đến hết năm 2020"),
    ],
)
def test_an_only_figure_is_read_first(clause: str, read: str) -> None:
    assert figure_first(clause) == read


def test_what_differs_has_a_line_each_what_agrees_is_said_once(answerer: Answerer, understanding: Understanding, texts: Texts) -> None:
    query = understanding.read("bao nhiêu phần trăm trẻ em?", TODAY)
    hit = answerer.retriever.search(query, 1)[0]
    rows = [Row("Hà Nam", hit, "100% trẻ em."), Row("Đồng Nai", hit, "100% trẻ em."), Row("Hưng Yên", hit, "95% trẻ em.")]
    assert compared(rows, query, texts) == ["Các tỉnh ghi khác nhau:", "• Hà Nam và Đồng Nai: 100% trẻ em.", "• Hưng Yên: 95% trẻ em."]
    assert compared(rows[:2], query, texts) == ["Hà Nam và Đồng Nai ghi giống nhau: 100% trẻ em."]
    assert compared(rows[1:], replace(query, asked="what"), texts)[0] == "Từng tỉnh ghi:"


def test_each_line_holds_the_figure_of_its_own_province_and_topic(person: Person) -> None:
    lines = person.says("Nạn nhân bị mua bán được hỗ trợ bao nhiêu phần trăm?").text.split("\n")
    rows = [line for line in lines if line.startswith("• ")]
    assert len(rows) == 2
    assert all("100%" in row for row in rows)
    assert not any("cai nghiện" in row for row in rows)


def test_the_duties_of_a_body_in_each_province_are_that_bodys(person: Person) -> None:
    answer = person.says("Nhiệm vụ của Sở Tài chính các tỉnh?")
    rows = {line.split(":")[0]: line for line in answer.text.split("\n") if line.startswith("• ")}
    assert "bố trí kinh phí" in rows["• Hà Nam"]
    assert "Đề xuất mức bố trí ngân sách" in rows["• Đồng Nai"]


def test_what_is_said_in_a_longer_text_is_known_by_its_words() -> None:
    told = "Mục tiêu: 100% trẻ em bị xâm hại được phát hiện, hỗ trợ, can thiệp và trợ giúp; giảm 50% tỷ lệ trẻ em bị xâm hại."
    assert said_in("c) 100% trẻ em bị xâm hại được phát hiện, hỗ trợ, can thiệp", told)
    assert not said_in("Mục tiêu: 100% người khuyết tật được cấp thẻ bảo hiểm y tế", told)
