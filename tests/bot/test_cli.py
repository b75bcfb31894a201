"""`trogiup` as a program: each command's exit status and what it prints where. The service: tests/e2e/test_house.py."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from house_fakes import FACILITIES, ROOT, TROGIUP, check_answer, environment

from bot.cli import parser
from bot.supervisor import free_port
from index import snapshot
from knowledge.collection import Collection
from knowledge.directory import Directory

HA_NAM = "05890eeb7db5fbcc"
KEYS = [
    *("document_id", "source_file", "number", "kind", "title", "issuer", "province", "province_now", "issued_on", "signer"),
    *("valid_from", "valid_to", "based_on", "sections", "passages", "pages", "ocr", "warnings", "state", "duplicate_of"),
]

Told = tuple[int, str, str]
Program = Callable[..., Told]


@pytest.fixture(scope="module")
def driver() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(Path(__file__).with_name("cli_driver.py"))]
    env = {**environment(ROOT), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=env) as process:
        yield process
        assert process.stdin
        process.stdin.close()


@pytest.fixture
def trogiup(driver: subprocess.Popen[str], tmp_path: Path) -> Program:
    """Runs a program on a home: (exit status, standard output, standard error)."""

    def run(home: Path, *argv: object, file_limit: int | None = None, **environ: str) -> Told:
        assert driver.stdin
        assert driver.stdout
        out, err = tmp_path / "stdout", tmp_path / "stderr"
        for path in (out, err):
            path.write_text("")
        wanted = {"argv": [str(a) for a in argv], "env": environment(home, **environ), "stdout": str(out), "stderr": str(err)}
        driver.stdin.write(json.dumps({**wanted, "file_limit": file_limit}) + "\n")
        driver.stdin.flush()
        told = int(driver.stdout.readline()), out.read_text("utf-8"), err.read_text("utf-8")
        assert "Traceback" not in told[1] + told[2]
        return told

    return run


def failed(told: Told, status: int = 1) -> str:
    """The one line that a failed program leaves on standard error."""
    assert told[0] == status, told
    assert told[1] == ""
    (line,) = told[2].splitlines()
    return line


def alone(*argv: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A program quite by itself."""
    return subprocess.run(
        [*TROGIUP, *argv], capture_output=True, text=True, cwd=ROOT, env=environment(ROOT / "none", **environ), check=False
    )


# Help and wrong use


def test_help_names_every_command_of_the_contract() -> None:
    told = alone("--help")
    assert told.returncode == 0
    assert told.stderr == ""
    for command in ("serve", "ask", "chat", "ingest", "docs", "index", "search", "eval", "doctor"):
        assert f"\n    {command} " in told.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "dance",
        "docs",
        "docs dance",
        "docs show",
        "docs rollback x",
        "docs rollback x one",
        "index",
        "ingest",
        "search",
        "search x -k many",
        "search x --as-of yesterday",
        "ask x --as-of 2026-02-30",
        "eval",
        "serve --port http",
        "doctor --loud",
    ],
)
def test_wrong_use_is_2_and_shows_how(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        parser().parse_args(arguments.split())
    assert exit_.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("usage: trogiup")


def test_wrong_use_and_wrong_settings_are_2_for_the_program_too() -> None:
    told = alone("ask", "x", "--as-of", "tomorrow")
    assert (told.returncode, told.stdout) == (2, "")
    assert "YYYY-MM-DD" in told.stderr
    told = alone("docs", "list", TROGIUP_PROT="8000")
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr.splitlines() == ["Unknown setting TROGIUP_PROT: did you mean TROGIUP_PORT?"]


# Each command


def test_ask_prints_the_answer_object_and_nothing_else(trogiup: Program, home: Path, collection: Collection) -> None:
    status, out, err = trogiup(home, "ask", FACILITIES, "--json")
    assert (status, err) == (0, "")
    check_answer(json.loads(out), collection, Directory.load())
    assert "4000" in failed(trogiup(home, "ask", "a" * 4001))


def test_ingest_prints_one_object_a_document(trogiup: Program, tmp_path: Path) -> None:
    home = tmp_path / "home"
    status, out, err = trogiup(home, "ingest", ROOT / "knowledge" / "sources", "--publish", "--json")
    assert (status, err) == (0, "")
    reports = [json.loads(line) for line in out.splitlines()]
    assert len(reports) == 5
    for report in reports:
        assert [name for name in report if name in KEYS] == KEYS
        assert report["state"] == "published"
    assert trogiup(home, "index", "verify") == (0, "ok\n", "")


def test_the_life_of_a_document(trogiup: Program, home: Path) -> None:
    status, out, err = trogiup(home, "docs", "list")
    assert (status, err, len(out.splitlines())) == (0, "", 5)
    assert trogiup(home, "docs", "retire", HA_NAM) == (0, "", "")
    assert json.loads(trogiup(home, "search", "cơ sở trợ giúp xã hội", "--province", "Hà Nam", "--json")[1]) == {"hits": []}
    assert trogiup(home, "docs", "publish", HA_NAM) == (0, "", "")
    status, out, err = trogiup(home, "docs", "history", HA_NAM)
    assert (status, err) == (0, "")
    assert [line.split()[2] for line in out.splitlines()] == ["added", "published", "retired", "published"]
    status, out, err = trogiup(home, "docs", "show", HA_NAM, "--json")
    assert (status, err, json.loads(out)["state"]) == (0, "", "published")
    assert "history" in failed(trogiup(home, "docs", "rollback", HA_NAM, "1"))  # it is the one that is published


def test_the_index_from_the_shell(trogiup: Program, home: Path) -> None:
    assert trogiup(home, "index", "build")[0] == 0
    status, out, err = trogiup(home, "index", "info")
    assert (status, err) == (0, "")
    name = dict(line.split(maxsplit=1) for line in out.splitlines())["name"]
    (home / "index" / name / "documents.jsonl").unlink()
    assert trogiup(home, "index", "verify") == (1, "documents.jsonl is missing.\n", "")
    status, out, err = trogiup(home, "ask", FACILITIES)  # the one before answers
    assert status == 0
    assert "16 cơ sở" in out
    assert f"index: {name}: documents.jsonl is missing." in err


def test_a_full_disk_leaves_the_old_snapshot(trogiup: Program, home: Path) -> None:
    old = snapshot.read_manifest(home).name
    with closing(sqlite3.connect(home / "trogiup.db")) as database:  # what a log left beside it would be written into it first
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    limit = 150_000
    assert max(path.stat().st_size for path in (home / "index" / old).rglob("*")) > limit
    assert "disk space" in failed(trogiup(home, "index", "build", file_limit=limit))
    assert snapshot.read_manifest(home).name == old
    assert snapshot.verify(home) == []
    assert [path.name for path in (home / "index").iterdir() if path.is_dir()] == [old]


def test_search_and_eval(trogiup: Program, home: Path, tmp_path: Path) -> None:
    assert "Atlantis" in failed(trogiup(home, "search", "trẻ em", "--province", "Atlantis"))
    gold = tmp_path / "gold.jsonl"
    gold.write_text(json.dumps({"id": "1", "question": FACILITIES, "answer": [["16"]]}) + "\n", encoding="utf-8")
    status, out, err = trogiup(home, "eval", gold, "--without-rasa")
    assert (status, err) == (0, "")
    assert "answer_correct                   1.000  (1/1)" in out


def test_the_doctor_examines(trogiup: Program, home: Path) -> None:
    status, out, err = trogiup(home, "doctor")
    assert status in (0, 1)  # the machine's disk and Rasa's environment are not this test's affair
    assert err == ""
    assert "ok   database" in out
    assert "ok   index" in out


def test_a_service_without_a_home_is_one_line(trogiup: Program, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    failed(trogiup(tmp_path / "file" / "home", "serve", "--port", str(free_port())))


def test_who_reads_no_further_is_no_error(home: Path) -> None:
    told = subprocess.run(
        f"{sys.executable} -m bot.cli docs show {HA_NAM} --text | head -c 10",
        shell=True,
        capture_output=True,
        cwd=ROOT,
        env=environment(home),
        check=False,
    )
    assert len(told.stdout) == 10
    assert told.stderr == b""
