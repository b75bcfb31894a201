"""`trogiup eval`: how questions are read beside the assistant, and what is printed of them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from house_fakes import FACILITIES

from bot.cli import parser
from bot.evaluate import Judge, directly, evaluate, fixed_texts
from bot.services import Services
from bot.settings import Settings
from knowledge.errors import SettingsError
from knowledge.store import Store

DAY = date(2026, 5, 4)


def question(text: str, kind: str = "answer", **more: Any) -> dict[str, Any]:
    base = {"id": text, "question": text, "kind": kind, "docs": [], "evidence": [], "answer": [], "history": [], "tags": []}
    return {**base, **more}


@pytest.fixture
def judge(opened: Services) -> Judge:
    return Judge(opened, DAY)


def test_the_evidence_has_a_rank_and_the_question_a_probability(judge: Judge) -> None:
    seen = judge.trace(question(FACILITIES, docs=["dongnai"], evidence=["16 cơ sở"]))
    assert seen.rank is not None
    assert seen.rank <= 3
    assert seen.probability is not None
    assert 0 < seen.probability < 1
    assert judge.trace(question(FACILITIES, docs=["dongnai"], evidence=["lời không có ở đâu"])).rank is None
    assert judge.trace(question(FACILITIES, docs=["camau"], evidence=["16 cơ sở"])).rank is None


def test_a_question_is_read_after_its_history(judge: Judge) -> None:
    alone = judge.trace(question("Còn ở Đồng Nai?", docs=["dongnai"], evidence=["16 cơ sở"]))
    after = judge.trace(
        question("Thế ở Đồng Nai?", docs=["dongnai"], evidence=["16 cơ sở"], history=["Cà Mau có bao nhiêu cơ sở trợ giúp xã hội?"])
    )
    assert after.rank is not None
    assert alone.rank is None or after.rank <= alone.rank


def test_no_probability_where_rules_decide(judge: Judge) -> None:
    assert judge.trace(question("Lâm Đồng có bao nhiêu cơ sở trợ giúp xã hội?", "abstain")).probability is None
    assert judge.trace(question("Ai ký kế hoạch của Hà Nam?")).probability is None


def test_the_province_is_that_of_the_documents_else_that_of_the_question(judge: Judge) -> None:
    assert judge.provinces(question("Ở Cà Mau?", docs=["dongnai-news", "dongnai"])) == ("Đồng Nai",)
    assert judge.provinces(question("Ở Cà Mau và Lâm Đồng?", "abstain")) == ("Cà Mau", "Lâm Đồng")
    assert judge.provinces(question("Còn gì nữa?", "abstain", history=["Ở Cà Mau?"])) == ("Cà Mau",)
    assert judge.provinces(question("Thời tiết hôm nay?", "abstain")) == ()


async def test_the_report_tells_ids_only_when_asked(opened: Services, store: Store) -> None:
    services = replace(opened, store=store)
    gold = [
        question(FACILITIES, docs=["dongnai"], evidence=["16 cơ sở"], answer=[["17 nghìn"]], id="secret"),
        question("Lâm Đồng có bao nhiêu nhà tạm lánh?", "abstain", id="lam-dong"),
    ]
    told = await directly(services, gold, DAY)
    assert [answer["id"] for answer in told] == ["secret", "lam-dong"]
    judge = Judge(services, DAY)
    assert judge.unsupported(gold, {answer["id"]: answer for answer in told}) == {"secret": (), "lam-dong": ()}
    quiet = "\n".join(judge.report(gold, told, with_reliability=True))
    assert "secret" not in quiet
    assert "chosen, badly said           1" in quiet
    assert "expected_calibration_error" in quiet
    assert [part.split()[1] for part in quiet.split("\n\n")[1:5]] == ["kind", "province", "tag", "document"]
    assert "miss secret chosen, badly said: lacks 17 nghìn" in "\n".join(judge.report(gold, told, with_misses=True))


def test_every_fixed_sentence_is_known_by_its_file_and_name() -> None:
    texts = fixed_texts()
    assert texts["texts.abstain.plain"]
    assert texts["texts.suggestions.examples.0"]
    assert texts["urgent.lines.call_now"]
    assert not [name for name in texts if name.startswith(("guard.", "routing."))]


# Two runs


@pytest.fixture
def settings(built: Path) -> Settings:
    return Settings.load({"TROGIUP_HOME": str(built)}, built)


def test_two_runs_are_compared(settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gold = [question(at, answer=[["16"]]) for at in ("a", "b")]
    (tmp_path / "gold.jsonl").write_text("\n".join(map(json.dumps, gold)), "utf-8")
    for name, text in (("old", "17"), ("new", "16")):
        answers = [{"id": at, "kind": "answer", "text": text} for at in ("a", "b")]
        (tmp_path / name).write_text("\n".join(map(json.dumps, answers)), "utf-8")
    files = [str(tmp_path / name) for name in ("old", "new")]
    assert evaluate(settings, parser().parse_args(["eval", "compare", *files, "--gold", str(tmp_path / "gold.jsonl")])) == 0
    out = capsys.readouterr().out
    assert "gained answer_correct: a b" in out
    assert next(line for line in out.splitlines() if line.startswith("answer_correct")).split()[1:4] == ["0.000", "1.000", "+1.000"]


@pytest.mark.parametrize("words", [["compare", "old", "new"], ["compare", "old", "--gold", "g"], ["compare"]])
def test_a_comparison_wants_two_files_and_the_questions(settings: Settings, words: list[str]) -> None:
    with pytest.raises(SettingsError, match="eval compare OLD NEW --gold"):
        evaluate(settings, parser().parse_args(["eval", *words]))
