"""The keeper as a program of its own, with parts that do little."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from house_fakes import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")

BEGIN = """
import os, signal, sys, time
from pathlib import Path
from bot import keeper

def out(*words):
    os.write(1, " ".join(map(str, [*words, ""])).encode() + b"\\n")

def me():
    return Path("/proc/self/comm").read_text().strip()
"""


@contextmanager
def program(lines: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", BEGIN + lines, *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as process:
        yield process
        process.kill()


def played(lines: str, *arguments: str) -> tuple[int, str, str]:
    with program(lines, *arguments) as process:
        out, err = process.communicate(timeout=20)
        return process.returncode, out, err


def test_the_leader_ends_the_keeper_with_its_own_status_and_the_others() -> None:
    lines = """
part = keeper.keep("first", "second")
out(part, me())
if part == "second":
    time.sleep(60)
time.sleep(0.1)
sys.exit(3)
"""
    status, said, _ = played(lines)
    assert status == 3
    assert sorted(said.split()) == sorted(["first", "trogiup-first", "second", "trogiup-second"])


def test_the_leader_is_followed_by_another_when_it_is_killed_and_the_others_whatever_happens(tmp_path: Path) -> None:
    lines = """
keeper._AGAIN_S = (0.0, 0.01)
part = keeper.keep("first", "second")
lives = Path(sys.argv[1]) / part
with lives.open("a") as file:
    file.write("x")
life = len(lives.read_text())
out(part, life)
if life < 4:
    os.kill(os.getpid(), signal.SIGKILL) if part == "first" or life == 1 else sys.exit(0)
time.sleep(0.3 if part == "first" else 60)
"""
    status, said, logged = played(lines, str(tmp_path))
    assert status == 0
    assert {f"{part} {life} " for part in ("first", "second") for life in (1, 2, 3, 4)} == set(said.splitlines())
    assert "part=first status=-9 again_in_s=0.0" in logged


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(("handled", "status"), [(True, 5), (False, 0)])
def test_who_is_told_to_stop_lets_the_leader_end(number: signal.Signals, handled: bool, status: int) -> None:
    lines = f"""
if keeper.keep("first", "second") == "first" and {handled}:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
out("up")
time.sleep(60)
"""
    with program(lines) as process:
        assert process.stdout
        assert [process.stdout.readline(), process.stdout.readline()] == ["up \n", "up \n"]
        process.send_signal(number)
        assert process.wait(10) == status


def test_where_there_is_no_room_for_a_process_it_is_tried_again() -> None:
    lines = """
keeper._AGAIN_S = (0.0, 0.01)
fork, times = os.fork, []
def crowded():
    times.append(1)
    if len(times) < 3:
        raise OSError(11, "no more processes")
    return fork()
os.fork = crowded
keeper.keep("first")
out(len(times))
"""
    status, said, logged = played(lines)
    assert (status, said) == (0, "3 \n")
    assert logged.count("part=first status=errno 11") == 2
