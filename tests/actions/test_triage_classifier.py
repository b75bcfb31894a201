"""The classifier beside the rules: what it reads, when it may raise the alarm, when it may not silence it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from actions.first_answer import first_answer
from actions.triage import CLASSIFIER, DATA, KINDS, Assessment, Risk, Triage
from actions.triage.classifier import HEADS, SPEAKERS, Classifier, pieces
from knowledge.directory import VIETNAM, Directory
from knowledge.errors import KnowledgeError
from knowledge.text import fold, nfc

TRIAGE = Triage.load()
RULES = Triage.rules_only()
WEIGHTS = DATA / "classifier.npz"
INDIRECT = [
    "bác hàng xóm hay bắt con ngồi lên đùi rồi cho tay vào trong áo",
    "ba say về là cả nhà ra chuồng bò ngủ, em sợ lắm",
    "chắc mai không còn ai phiền vì con nữa, con cho bạn hết đồ chơi rồi",
    "mẹ kế hay lấy kẹp tóc nóng dí vào tay con",
]


@pytest.mark.parametrize("text", INDIRECT)
def test_danger_told_without_its_words_is_found(text: str) -> None:
    for written in (text, fold(nfc(text))):
        read = TRIAGE.assess(written)
        assert read.urgent
        assert CLASSIFIER in read.rules


def test_it_finds_what_the_rules_do_not() -> None:
    assert [RULES.assess(text).urgent for text in INDIRECT].count(False) >= 2


@pytest.mark.parametrize("text", ["Thủ tục làm thẻ bảo hiểm cho trẻ dưới 6 tuổi", "xin số phòng tiếp dân giờ hành chính", "chào buổi sáng"])
def test_it_is_quiet_where_nothing_is_wrong(text: str) -> None:
    assert not TRIAGE.assess(text).urgent


def test_a_rule_alone_is_enough_and_so_is_the_classifier() -> None:
    assert TRIAGE.classifier is not None
    deaf = replace(TRIAGE, classifier=replace(TRIAGE.classifier, alarm=1e9))
    assert deaf.assess("chồng tôi đang đánh tôi").rules
    assert CLASSIFIER not in deaf.assess("chồng tôi đang đánh tôi").rules
    assert TRIAGE.assess(INDIRECT[0]).rules[-1] == CLASSIFIER


def test_the_bars_are_in_order() -> None:
    read = Classifier.load(WEIGHTS)
    assert read.silent < read.quiet < read.alarm


def test_what_it_adds_never_lowers_the_risk() -> None:
    for text in ("chồng tôi dọa giết tôi", "em 13 tuổi, bố dượng hay đánh em", "mẹ kế bỏ đói em"):
        assert TRIAGE.assess(text).risk >= RULES.assess(text).risk


def test_danger_split_over_messages_counts_once() -> None:
    earlier = ["tôi có vay ít tiền qua ứng dụng", "trễ hai ngày rồi"]
    assert TRIAGE.assess("họ vừa gửi hình cổng nhà tôi kèm vòng hoa tang", earlier).urgent
    assert not TRIAGE.assess("cảm ơn bạn", ["họ vừa gửi hình cổng nhà tôi kèm vòng hoa tang"]).urgent


def test_a_long_message_is_read_in_windows() -> None:
    filler = "hôm nay trời đẹp, tôi đi chợ mua rau về nấu canh cho cả nhà ăn cơm. " * 12
    assert not TRIAGE.assess(filler).urgent
    assert TRIAGE.assess(filler + INDIRECT[0]).urgent


def test_features_are_each_once_and_in_groups() -> None:
    text = RULES.speller.read("em sợ, em sợ")
    groups = pieces(text, RULES.lexicon.find(text), ("afraid",), RULES.classes.find(text))
    assert all(len(set(group)) == len(group) for group in groups)
    assert "sME so" in groups[0]
    assert "rafraid" in groups[3]


@pytest.mark.parametrize(("one", "other"), [("đang ở đây", "chừ ở đây"), ("bắt con mèo", "bắt con gà")])
def test_words_of_one_class_are_one(one: str, other: str) -> None:
    by_class = [RULES.pieces(text)[4:] for text in (one, other)]
    assert by_class[0] == by_class[1]
    assert RULES.pieces(one)[1] != RULES.pieces(other)[1]


def test_the_weights_fit_the_heads_and_are_small() -> None:
    assert WEIGHTS.stat().st_size <= 3_500_000
    assert Classifier.load(WEIGHTS).weights.shape[1] == len(HEADS)


def test_a_file_of_another_form_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "classifier.npz"
    with pytest.raises(KnowledgeError, match=r"classifier\.npz"):
        Classifier.load(path)
    path.write_bytes(b"no archive")
    with pytest.raises(KnowledgeError):
        Classifier.load(path)
    words = np.frombuffer(b"a\nb", np.uint8)
    short = np.zeros(2, np.float32)
    np.savez(path, vocabulary=words, weights=np.zeros((2, 2), np.int8), scales=short, intercepts=short, bars=np.zeros(3))
    with pytest.raises(KnowledgeError, match="make train"):
        Classifier.load(path)


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("speaker", [*SPEAKERS, "unknown"])
def test_what_only_the_classifier_found_gets_a_sound_first_answer(kind: str, speaker: str) -> None:
    now = datetime(2026, 11, 25, 14, 0, tzinfo=VIETNAM)
    for risk in list(Risk)[1:]:
        for victim in ("child", "self", "other", "unknown"):
            said = first_answer(Assessment(risk, (kind,), speaker, (CLASSIFIER,), victim), now, Directory.load(), case_noted=True)
            assert said.text.startswith("Gọi")
            assert said.hotlines[0].phone in said.text
            assert len(said.text) <= 500
