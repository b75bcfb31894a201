from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TARGETS = [
    *("help", "run", "test", "check", "bench", "drill", "bench-channels", "demo-telegram", "demo-zalo"),
    *("train", "ablation", "nlu", "lock", "rasa-tensorflow", "clean"),
]
ENVIRON = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", *arguments], cwd=ROOT, env=ENVIRON, capture_output=True, text=True, check=False)


def test_make_alone_lists_every_target() -> None:
    said = make().stdout
    assert [line.split()[1] for line in said.splitlines()] == TARGETS


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_can_be_made(target: str) -> None:
    assert make("--dry-run", target).returncode == 0


def test_without_any_python_it_says_what_is_missing() -> None:
    done = make("PYTHON=", "setup")
    assert done.returncode != 0
    assert done.stdout.startswith("Python 3.11 needed")


def test_ci_runs_make_check_and_allows_no_skip() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True)
    assert "-p tools.require_all_tests" in make("--dry-run", "test", "TROGIUP_REQUIRE_ALL_TESTS=1").stdout
    assert "-p tools.require_all_tests" not in make("--dry-run", "test", "TROGIUP_REQUIRE_ALL_TESTS=").stdout


@pytest.mark.parametrize(("body", "status"), [("pass", 0), ("pytest.skip('no browser')", 1), ("assert False", 1)])
def test_where_all_tests_are_wanted_a_skip_is_a_failure(tmp_path: Path, body: str, status: int) -> None:
    (tmp_path / "test_it.py").write_text(f"import pytest\n\ndef test_it():\n    {body}\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "tools.require_all_tests",
        "-c",
        os.devnull,
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]
    environ = {**ENVIRON, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout
    assert ("1 tests were skipped" in done.stdout) == ("skip" in body)
