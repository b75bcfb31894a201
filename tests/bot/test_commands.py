"""The commands, in this process: what they print, what they change, how they end. test_cli.py runs them as programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from house_fakes import DANGER, FACILITIES, Clock, check_answer, check_citation, environment, new_store

from actions.triage import Triage
from bot import commands, serve
from bot.channels import checks
from bot.cli import main
from bot.services import Services, utc_now
from index import snapshot
from index.understanding import Understanding
from knowledge.collection import Collection
from knowledge.directory import Directory
from knowledge.errors import TrogiupError
from knowledge.store import NewCase

DONG_NAI = "efbc4e6044693632"
PLAN = """ỦY BAN NHÂN DÂN
TỈNH ĐỒNG NAI
Số: 77/KH-UBND

KẾ HOẠCH
Trợ giúp người già neo đơn trên địa bàn tỉnh Đồng Nai giai đoạn 2026 - 2030

I. MỤC TIÊU

1. Mỗi xã có {count} nhóm thăm hỏi người già neo đơn.

II. TỔ CHỨC THỰC HIỆN

1. Hội Người cao tuổi tỉnh lập danh sách người già neo đơn.
"""
GROUPS = "Theo kế hoạch 77/KH-UBND, mỗi xã có bao nhiêu nhóm thăm hỏi người già neo đơn?"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, opened: Services) -> Run:
    """Runs a command on a home: (exit status, standard output, standard error). The large tables are read once for all."""
    monkeypatch.setattr(Triage, "load", lambda: opened.triage)
    monkeypatch.setattr(Understanding, "load", lambda gazetteer: opened.understanding)
    monkeypatch.setattr(serve, "trim_memory", lambda: None)

    def no_model(*_: object) -> None:
        raise TrogiupError("no dialogue model in this test")

    monkeypatch.setattr(serve, "ensure_rasa_model", no_model)

    def run_(home: Path, *arguments: object, **environ: str) -> tuple[int, str, str]:
        with monkeypatch.context() as patch:
            for name, value in environment(home, **environ).items():
                if name.startswith("TROGIUP_"):
                    patch.setenv(name, value)
            capsys.readouterr()
            try:
                status = main([str(argument) for argument in arguments])
            except SystemExit as exit_:  # argparse
                status = int(exit_.code or 0)
            out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return status, out, err

    return run_


def failed(told: tuple[int, str, str], status: int = 1) -> str:
    """The one line that a failed command leaves."""
    assert told[0] == status
    assert told[1] == ""
    (line,) = told[2].splitlines()
    return line


def ask(run: Run, home: Path, question: str) -> dict[str, Any]:
    status, out, _ = run(home, "ask", question, "--json")
    assert status == 0
    answer: dict[str, Any] = json.loads(out)
    return answer


# Asking


def test_a_question_gets_its_answer(run: Run, built: Path, collection: Collection) -> None:
    check_answer(ask(run, built, FACILITIES), collection, Directory.load())
    status, out, err = run(built, "ask", FACILITIES, "--as-of", "2019-01-01")
    assert (status, err) == (0, "")
    assert "16 cơ sở" in out
    assert "2735/KH-UBND" in out
    assert "đã kết thúc" not in out


def test_a_province_may_be_given_apart(run: Run, built: Path) -> None:
    status, out, _ = run(built, "ask", "Có bao nhiêu cơ sở trợ giúp xã hội?", "--province", "Đồng Nai", "--json")
    assert status == 0
    assert {citation["province"] for citation in json.loads(out)["citations"]} == {"Đồng Nai"}


def test_danger_opens_a_case_that_the_shell_shows_and_closes(run: Run, home: Path) -> None:
    answer = ask(run, home, DANGER)
    assert answer["kind"] == "urgent"
    status, out, _ = run(home, "cases", "list")
    assert status == 0
    assert answer["case_id"] in out
    assert DANGER in run(home, "cases", "show", answer["case_id"])[1]
    assert run(home, "cases", "close", answer["case_id"], "đã gọi lại")[0] == 0
    assert run(home, "cases", "list") == (0, "", "")
    assert answer["case_id"] in run(home, "cases", "list", "--all")[1]
    assert "closed" in failed(run(home, "cases", "close", answer["case_id"], "lại"))
    failed(run(home, "cases", "show", "TG-NONE"))


def test_a_case_is_exported_and_erased_at_the_shell(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case_id = str(ask(run, home, DANGER)["case_id"])
    assert "Close the case" in failed(run(home, "cases", "erase", case_id, "--yes"))
    run(home, "cases", "close", case_id, "đã gọi lại")
    exported = json.loads(run(home, "cases", "export", case_id)[1])
    assert (exported["case"]["case_id"], exported["lines"][0]["text"]) == (case_id, DANGER)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    assert "--yes" in failed(run(home, "cases", "erase", case_id), 2)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda prompt: "TG-222222")
    status, out, err = run(home, "cases", "erase", case_id)
    assert (status, out, err.splitlines()[-1]) == (1, "", "That is another id: nothing was erased.")
    assert DANGER in run(home, "cases", "show", case_id)[1]
    monkeypatch.setattr("builtins.input", lambda prompt: f" {case_id} ")
    assert run(home, "cases", "erase", case_id)[0] == 0
    assert DANGER not in run(home, "cases", "show", case_id)[1]
    events = json.loads(run(home, "cases", "export", case_id)[1])["events"]
    at_the_shell = [(event["kind"], event["account_id"], event["detail"]) for event in events if event["kind"] in ("exported", "erased")]
    assert at_the_shell == [(kind, None, {"via": "shell"}) for kind in ("exported", "erased", "exported")]
    failed(run(home, "cases", "export", "TG-NONE"))


@pytest.mark.parametrize("arguments", [(), (FACILITIES, "--batch", "x.jsonl")])
def test_a_question_or_a_batch_not_both_nor_none(run: Run, built: Path, arguments: tuple[str, ...]) -> None:
    assert "--batch" in failed(run(built, "ask", *arguments), 2)


@pytest.mark.parametrize("question", ["", "\u200b", "a" * 4001])
def test_a_question_that_cannot_be_taken_is_one_line(run: Run, built: Path, question: str) -> None:
    failed(run(built, "ask", question))


def test_a_batch_is_answered_in_order_each_line_alone_with_its_history(
    run: Run, built: Path, tmp_path: Path, collection: Collection
) -> None:
    lines = [
        {"id": "b", "question": "Còn ở Cà Mau?", "history": [FACILITIES]},
        {"id": "a", "question": "Còn ở Cà Mau?"},
        {"id": "c", "question": "a" * 4001},
        {"id": "e", "question": "chào", "history": [""]},
        {"id": "d", "question": FACILITIES},
    ]
    path = tmp_path / "batch.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + "\n", encoding="utf-8")
    status, out, _ = run(built, "ask", "--batch", path)
    answers = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [answer.pop("id") for answer in answers] == ["b", "a", "c", "e", "d"]
    assert {citation["province"] for citation in answers[0]["citations"]} == {"Cà Mau"}
    assert answers[1]["kind"] == "clarify"
    assert answers[2].keys() == answers[3].keys() == {"error"}
    for answer in (answers[0], answers[1], answers[4]):
        check_answer(answer, collection, Directory.load())
    assert len({answer["conversation_id"] for answer in (answers[0], answers[1], answers[4])}) == 3


@pytest.mark.parametrize("content", [None, b"{", b'{"id": "a"}', b'{"question": "a"}', b"[]", b"\xff"], ids=repr)
@pytest.mark.parametrize("command", [("ask", "--batch"), ("eval", "--without-rasa")], ids=lambda command: command[0])
def test_a_file_that_holds_no_questions_is_one_line(
    run: Run, built: Path, tmp_path: Path, content: bytes | None, command: tuple[str, ...]
) -> None:
    path = tmp_path / "gold.jsonl"
    if content is not None:
        path.write_bytes(content)
    assert "gold.jsonl" in failed(run(built, *command, path))


def test_a_conversation_in_the_terminal(run: Run, built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: Iterator[str] = iter([FACILITIES, "", "Còn ở Cà Mau?"])

    def typed(prompt: str) -> str:
        for line in lines:
            return line
        raise EOFError

    monkeypatch.setattr("builtins.input", typed)
    status, out, _ = run(built, "chat")
    assert status == 0
    first, refused, second = out.split("\n\n")[0], "chưa viết gì", "60/KH-UBND"
    assert "16 cơ sở" in first
    assert out.index("16 cơ sở") < out.index(refused) < out.rindex(second)


def test_ctrl_c_ends_a_conversation(run: Run, built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(prompt: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("builtins.input", interrupted)
    status, _, err = run(built, "chat")
    assert status == 130
    assert err.splitlines()[-1] == "Stopped."


def test_an_evaluation_prints_figures_and_opens_no_case(run: Run, built: Path, tmp_path: Path) -> None:
    gold = [
        {"id": "1", "question": FACILITIES, "kind": "answer", "docs": ["dongnai"], "evidence": ["16 cơ sở"], "answer": [["16"]]},
        {"id": "2", "question": "Thời tiết hôm nay?", "kind": "abstain"},
        {"id": "3", "question": DANGER, "kind": "urgent", "answer": [["113"]]},
        {"id": "4", "question": FACILITIES, "kind": "answer", "answer": [["17 nghìn cơ sở"]]},
    ]
    path, kept = tmp_path / "gold.jsonl", tmp_path / "answers.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in gold), encoding="utf-8")
    status, out, _ = run(built, "eval", path, "--without-rasa", "--misses", "--answers", kept, "--as-of", "2026-05-04")
    assert status == 0
    totals, *_, by_document, reasons = out.split("\n\n")
    figures = {line.split()[0]: line.split()[1] for line in totals.splitlines()}
    assert figures["evidence_cited"] == figures["supported"] == "1.000"
    assert figures["answer_correct"] == "0.500"
    assert figures["abstained"] == figures["urgent_found"] == "1.000"
    assert "latency_ms" in figures
    assert "missed answer_correct: 4" in totals
    assert by_document.startswith("by document")
    assert "miss 4 badly said: lacks 17 nghìn cơ sở" in reasons
    assert [json.loads(line)["id"] for line in kept.read_text("utf-8").splitlines()] == ["1", "2", "3", "4"]
    assert run(built, "cases", "list") == (0, "", "")


# The knowledge base


def test_documents_can_be_listed_and_shown(run: Run, built: Path, collection: Collection) -> None:
    status, out, _ = run(built, "docs", "list", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert {row["document_id"] for row in rows} == {document.document_id for document in collection.documents}
    assert {row["state"] for row in rows} == {"published"}
    assert len(run(built, "docs", "list")[1].splitlines()) == 5
    assert json.loads(run(built, "docs", "show", DONG_NAI, "--json")[1]) == next(r for r in rows if r["document_id"] == DONG_NAI)
    assert "2735/KH-UBND" in run(built, "docs", "show", DONG_NAI)[1]


def test_spans_count_in_the_text_that_is_shown(run: Run, built: Path) -> None:
    text = run(built, "docs", "show", DONG_NAI, "--text")[1]
    for citation in ask(run, built, FACILITIES)["citations"]:
        if citation["document_id"] == DONG_NAI:
            assert text[citation["start"] : citation["end"]] == citation["quote"]


@pytest.mark.parametrize("command", ["show", "publish", "retire", "history"])
def test_an_unknown_document_is_one_line(run: Run, built: Path, command: str) -> None:
    assert "docs list" in failed(run(built, "docs", command, "none"))


def test_what_is_published_is_answered_and_what_is_retired_is_not(run: Run, home: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.txt"

    def groups() -> str:
        return str(ask(run, home, GROUPS)["text"])

    plan.write_text(PLAN.format(count="hai"), encoding="utf-8")
    status, out, err = run(home, "ingest", plan, "--json")
    report = json.loads(out)
    assert (status, err, report["state"], report["number"]) == (0, "", "draft", "77/KH-UBND")
    assert "hai nhóm" not in groups()

    assert run(home, "docs", "publish", report["document_id"])[0] == 0
    assert "hai nhóm" in groups()

    plan.write_text(PLAN.format(count="ba"), encoding="utf-8")
    status, out, _ = run(home, "ingest", plan, "--publish", "--json")
    assert (status, json.loads(out)["document_id"]) == (0, report["document_id"])
    assert "ba nhóm" in groups()

    assert run(home, "docs", "rollback", report["document_id"], "1")[0] == 0
    assert "hai nhóm" in groups()
    failed(run(home, "docs", "rollback", report["document_id"], "9"))

    assert run(home, "docs", "retire", report["document_id"])[0] == 0
    assert "nhóm" not in groups()
    history = [line.split()[2:] for line in run(home, "docs", "history", report["document_id"])[1].splitlines()]
    assert history == [["added", "1"], ["published", "1"], ["added", "2"], ["published", "2"], ["rolled_back", "1"], ["retired", "1"]]


def test_the_last_published_document_is_not_retired(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands.snapshot, "build", lambda *_: None)
    ids = [line.split()[0] for line in run(home, "docs", "list")[1].splitlines()]
    for document_id in ids[1:]:
        assert run(home, "docs", "retire", document_id)[0] == 0
    assert "only published" in failed(run(home, "docs", "retire", ids[0]))
    assert [line.split()[1] for line in run(home, "docs", "list")[1].splitlines()] == ["published", *["retired"] * 4]


def test_a_file_that_cannot_be_read_does_not_stop_the_others(run: Run, home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "1.txt").write_bytes(b"\xff\xfe\xff")
    (folder / "2.txt").write_text(PLAN.format(count="hai"), encoding="utf-8")
    (folder / "3.txt").write_text("", encoding="utf-8")
    status, out, err = run(home, "ingest", tmp_path / "none", folder, "--json")
    assert status == 1
    assert [json.loads(line)["source_file"] for line in out.splitlines()] == ["2.txt"]
    assert len(err.splitlines()) == 3
    for line, named in zip(err.splitlines(), ("none", "1.txt", "3.txt"), strict=True):
        assert named in line


# The index


def test_damage_is_found_and_a_build_mends_it(run: Run, home: Path) -> None:
    assert run(home, "index", "verify") == (0, "ok\n", "")
    name = snapshot.read_manifest(home).name
    status, out, _ = run(home, "index", "info")
    assert status == 0
    assert {line.split()[0]: line.split()[1] for line in out.splitlines()}["name"] == name
    path = home / "index" / name / "documents.jsonl"
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    status, out, err = run(home, "index", "verify")
    assert (status, err) == (1, "")
    assert out == "documents.jsonl was changed or is damaged.\n"
    status, out, _ = run(home, "doctor")
    assert status == 1
    assert "BAD  index      documents.jsonl was changed or is damaged. Run trogiup index build." in out
    status, out, _ = run(home, "index", "build")
    assert status == 0
    assert name not in out
    assert run(home, "index", "verify")[0] == 0


@pytest.mark.parametrize("command", [("index", "info"), ("index", "verify")], ids=" ".join)
def test_before_the_first_build_it_says_what_to_do(run: Run, tmp_path: Path, command: tuple[str, str]) -> None:
    assert "trogiup index build" in failed(run(tmp_path / "home", *command))


# Search


def test_search_prints_citations_with_score_and_passage(run: Run, built: Path, collection: Collection) -> None:
    status, out, err = run(built, "search", "cơ sở trợ giúp xã hội", "-k", "4", "--json")
    assert (status, err) == (0, "")
    hits = json.loads(out)["hits"]
    assert len(hits) == 4
    for hit in hits:
        assert type(hit.pop("score")) is float
        check_citation(hit, collection)


def test_search_in_a_province_and_on_a_day(run: Run, built: Path) -> None:
    out = run(built, "search", "cơ sở trợ giúp xã hội", "--province", "dong nai", "--as-of", "2019-01-01", "--json")[1]
    hits = json.loads(out)["hits"]
    assert {(hit["province"], hit["status"]) for hit in hits if hit["number"]} == {("Đồng Nai", "in_force")}
    status, out, _ = run(built, "search", "trẻ em", "--province", "Cà Mau", "-k", "2")
    assert status == 0
    assert out.count("60/KH-UBND") == 2
    assert json.loads(run(built, "search", "trẻ em", "--province", "Kon Tum", "--json")[1]) == {"hits": []}


def test_search_that_cannot_be_made_is_one_line(run: Run, built: Path) -> None:
    assert "Atlantis" in failed(run(built, "search", "trẻ em", "--province", "Atlantis"))
    for k in ("0", "51"):
        failed(run(built, "search", "trẻ em", "-k", k), 2)


# The doctor, and what is wrong around


def test_the_doctor_finds_a_healthy_house_healthy(run: Run, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".venv-rasa" / "bin").mkdir(parents=True)
    (tmp_path / ".venv-rasa" / "bin" / "python").touch()
    monkeypatch.setattr(commands, "ROOT", tmp_path)
    monkeypatch.setattr(commands, "LEAST_FREE", 1)
    monkeypatch.setattr(checks, "channel_checks", lambda *_: {})
    status, out, _ = run(built, "doctor", TROGIUP_TELEGRAM_TOKEN="123:hidden")
    assert status == 0
    assert [line.split()[:2] for line in out.splitlines() if line.startswith(("ok ", "BAD "))] == [
        ["ok", "database"],
        ["ok", "cases"],
        ["ok", "index"],
        ["ok", "rasa"],
        ["ok", "directory"],
        ["ok", "disk"],
    ]
    assert "set  TROGIUP_TELEGRAM_TOKEN" in out
    assert "hidden" not in out


def test_the_doctor_says_what_to_do(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "ROOT", tmp_path)
    monkeypatch.setattr(commands, "LEAST_FREE", 2**60)
    status, out, _ = run(tmp_path / "home", "doctor")
    assert status == 1
    bad = [line for line in out.splitlines() if line.startswith("BAD ")]
    assert [line.split()[1] for line in bad] == ["index", "rasa", "disk"]
    assert "trogiup index build" in bad[0]
    assert "make run" in bad[1]


def test_the_doctor_finds_cases_that_nobody_closed_and_what_the_journal_set_aside(run: Run, home: Path) -> None:
    long_ago = Clock()
    long_ago.now = utc_now() - timedelta(days=366)
    store = new_store(home, long_ago)
    case_id = str(store.conversations.accept("c", "m", "cứu", long_ago(), "web", NewCase("violence", 4, "danger")).case_id)
    store.close()
    (home / "cases.journal.torn").write_text("{}\n")
    assert f"BAD  cases      Open for longer than cases are kept: {case_id}. Look" in run(home, "doctor")[1]
    run(home, "cases", "close", case_id, "xong")
    assert "BAD  cases      Lines that the database does not take: 1. Read" in run(home, "doctor")[1]


def test_a_stale_index_is_found(run: Run, home: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.txt"
    plan.write_text(PLAN.format(count="hai"), encoding="utf-8")
    out = run(home, "ingest", plan, "--json")[1]
    store = new_store(home, Clock())
    store.documents.publish(json.loads(out)["document_id"])
    store.close()
    assert "older than what is published: run trogiup index build" in run(home, "doctor")[1]


def test_a_setting_that_is_wrong_is_one_line(run: Run, built: Path) -> None:
    assert "did you mean TROGIUP_PORT" in failed(run(built, "docs", "list", TROGIUP_PROT="1"), 2)
    assert "TROGIUP_PORT" in failed(run(built, "docs", "list", TROGIUP_PORT="http"), 2)
    failed(run(built, "serve", "--port", "70000"), 2)


def test_a_home_that_cannot_be_made_is_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert str(tmp_path) in failed(run(tmp_path / "file" / "home", "docs", "list"))


def test_a_database_that_is_none_is_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "trogiup.db").write_bytes(b"rubbish" * 1000)
    assert "database" in failed(run(tmp_path, "docs", "list"))
