from __future__ import annotations

import random

from plans import DONG_NAI, HA_NAM, made, plan, source

from knowledge.compare import KIN, TWIN, differences, figures, nearest, resemblance, shingles


def test_the_same_words_resemble_whatever_their_marks_and_lines() -> None:
    text = source(HA_NAM).text
    assert resemblance(shingles(text), shingles(" ".join(text.replace("**", "").upper().split()))) == 1.0


def test_a_scan_with_wrong_letters_is_still_the_same_and_another_plan_is_not() -> None:
    spoken, rng = source(HA_NAM).text.split(" "), random.Random(3)
    scanned = " ".join("lỗi" if rng.random() < 0.01 else word for word in spoken)
    assert resemblance(shingles(source(HA_NAM).text), shingles(scanned)) >= TWIN
    assert resemblance(shingles(source(HA_NAM).text), shingles(source(DONG_NAI).text)) < KIN


def test_short_texts() -> None:
    assert resemblance(shingles("một hai"), shingles("một hai")) == 1.0
    assert resemblance(shingles("một hai"), shingles("ba bốn")) == 0.0
    assert nearest(shingles("một hai ba"), []) is None
    assert nearest(shingles("một hai ba"), [("x", shingles("bốn")), ("y", shingles("Một, hai ba."))]) == ("y", 1.0)


def test_figures_in_order() -> None:
    assert figures("Giúp 10 người, mức 1,5; năm 2025") == ("10", "1", "5", "2025")


OLD = plan(
    "I. MỤC TIÊU\n\n1. Chung\n\nGiúp 10 người già neo đơn trong tỉnh.\n\n- Mở ba lớp dạy nghề.\n\nII. KINH PHÍ\n\nDo tỉnh bố trí hằng năm."
)
NEW = plan(
    "I. MỤC TIÊU\n\n1. Chung\n\nGiúp 20 người già neo đơn trong tỉnh.\n\n- Mở ba lớp dạy nghề.\n\n- Tặng xe lăn cho trẻ khuyết tật.\n\n"
    "III. KHEN THƯỞNG\n\nKhen người làm tốt việc."
)


def test_what_changed_is_told_clause_by_clause() -> None:
    told = [(change.kind, change.path, change.before, change.after) for change in differences(OLD, NEW)]
    under = ("I. MỤC TIÊU", "1. Chung")
    assert told == [
        ("changed", under, "Giúp 10 người già neo đơn trong tỉnh.", "Giúp 20 người già neo đơn trong tỉnh."),
        ("added", under, "", "Tặng xe lăn cho trẻ khuyết tật."),
        ("added", ("III. KHEN THƯỞNG",), "", "Khen người làm tốt việc."),
        ("removed", ("II. KINH PHÍ",), "Do tỉnh bố trí hằng năm.", ""),
    ]


def test_nothing_changed() -> None:
    assert differences(OLD, OLD) == ()
    assert {change.kind for change in differences(OLD, OLD, same=True)} == {"same"}
    assert differences(made("Một việc."), made("Một việc.")) == ()


def test_every_clause_is_told_once() -> None:
    for old, new in ((source(HA_NAM), source(DONG_NAI)), (OLD, NEW)):
        changes = differences(old, new, same=True)
        for document, side in ((old, "before"), (new, "after")):
            kept = sorted(" ".join(p.text.split()) for p in document.passages if p.role in ("front", "body", "closing"))
            assert sorted(filter(None, (getattr(change, side) for change in changes))) == kept
