"""Real processes: small Python scripts that serve, die, hang or will not end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.settings import Settings
from bot.supervisor import (
    Child,
    Timing,
    check_port,
    ensure_rasa_model,
    free_port,
    http_probe,
    rasa_command,
    rasa_model_fingerprint,
)
from knowledge.errors import SettingsError, TrogiupError

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
FAST = Timing(
    start_within=20, probe_starting=0.02, probe_ready=0.05, misses=2, first_wait=0.05, longest_wait=0.2, settled_after=60, grace=0.5
)

SERVER = """
import http.server, os, signal, subprocess, sys, time
port, mode, limit = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
asked = 0
print("pid", os.getpid(), flush=True)
if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if mode == "family":
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    grandchild = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    grandchild.stdout.readline()
    print("grandchild", grandchild.pid, flush=True)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        global asked
        asked += 1
        if asked > limit and mode == "dies":
            os._exit(3)
        if asked > limit and mode == "deaf":
            time.sleep(60)
        self.send_response(200); self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer.allow_reuse_address = True
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


async def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.02)


def printed(log: Path, word: str) -> list[int]:
    """The numbers that the script printed after `word`."""
    lines = log.read_text().splitlines() if log.exists() else []
    return [int(line.split()[1]) for line in lines if line.startswith(word + " ")]


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


@asynccontextmanager
async def supervised(folder: Path, mode: str, limit: int = 0, timing: Timing = FAST) -> AsyncIterator[Child]:
    port = free_port()
    child = Child(
        "fake",
        [sys.executable, "-c", SERVER, str(port), mode, str(limit)],
        env={"PATH": os.environ["PATH"]},
        cwd=folder,
        probe=http_probe("127.0.0.1", port, timeout_s=0.3),
        log=folder / "logs" / "fake.log",
        now=lambda: NOW,
        timing=timing,
    )
    await child.start()
    try:
        yield child
    finally:
        await child.stop()


async def test_it_starts_gets_ready_and_stops(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "fake.log"
    async with supervised(tmp_path, "serves") as child:
        async with asyncio.timeout(20):
            await child.ready()
        assert (child.state.state, child.state.restarts, child.state.since) == ("ready", 0, NOW)
        await until(lambda: len(printed(log, "pid")) == 1)
        pid = printed(log, "pid")[0]
        assert runs(pid)
        assert os.getpgid(pid) == pid
        await child.stop()
        assert not runs(pid)
        assert child.state.state == "down"
        await child.stop()


async def test_it_comes_back_when_it_dies(tmp_path: Path) -> None:
    async with supervised(tmp_path, "dies", limit=2) as child:
        await until(lambda: child.state.restarts >= 2)
        await until(lambda: child.state.state == "ready")
        assert len(set(printed(tmp_path / "logs" / "fake.log", "pid"))) >= 2


async def test_it_comes_back_when_it_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "fake.log"
    async with supervised(tmp_path, "serves") as child:
        await until(lambda: child.state.state == "ready" and len(printed(log, "pid")) == 1)
        os.kill(printed(log, "pid")[0], signal.SIGKILL)
        await until(lambda: child.state.restarts == 1 and child.state.state == "ready")


async def test_it_is_restarted_when_it_no_longer_answers(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "fake.log"
    async with supervised(tmp_path, "deaf", limit=2) as child:
        await until(lambda: child.state.restarts == 1)
        assert not runs(printed(log, "pid")[0])


async def test_it_is_restarted_when_it_never_gets_ready(tmp_path: Path) -> None:
    async with supervised(tmp_path, "deaf", timing=replace(FAST, start_within=0.5)) as child:
        await until(lambda: child.state.restarts == 1)
        assert child.state.state != "ready"


async def test_what_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "fake.log"
    async with supervised(tmp_path, "stubborn") as child:
        await child.ready()
        await until(lambda: len(printed(log, "pid")) == 1)
        began = time.monotonic()
        await child.stop()
        assert time.monotonic() - began >= FAST.grace
        assert not runs(printed(log, "pid")[0])


async def test_the_whole_group_ends_and_no_other_process(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "fake.log"
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        async with supervised(tmp_path, "family") as child:
            await child.ready()
            await until(lambda: len(printed(log, "grandchild")) == 1)
            grandchild = printed(log, "grandchild")[0]
            assert runs(grandchild)
        await until(lambda: not runs(grandchild))
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


async def never() -> bool:
    return False


def failing(folder: Path, argv: list[str], sleep: Callable[[float], Awaitable[None]], **more: object) -> Child:
    timing = Timing(first_wait=100, longest_wait=400, probe_starting=0.01, probe_ready=0.01, settled_after=60, grace=0.5)
    options = {"probe": never, **more}
    return Child("fake", argv, env={}, cwd=folder, log=folder / "fake.log", now=lambda: NOW, timing=timing, sleep=sleep, **options)  # type: ignore[arg-type]


async def test_the_waits_double_up_to_the_longest(tmp_path: Path) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        if seconds >= 100:
            waits.append(seconds)
            seconds = 0.01 if len(waits) < 5 else 60
        await asyncio.sleep(seconds)

    child = failing(tmp_path, ["/no/such/program"], sleep)
    await child.start()
    await until(lambda: len(waits) == 5)
    await child.stop()
    assert waits == [100, 200, 400, 400, 400]
    assert child.state.restarts == 4
    assert "/no/such/program" in (tmp_path / "fake.log").read_text()


async def test_the_waits_begin_anew_after_a_long_good_time(tmp_path: Path) -> None:
    waits: list[float] = []
    time_now = 0.0

    async def sleep(seconds: float) -> None:
        nonlocal time_now
        if seconds >= 100:
            waits.append(seconds)
            seconds = 0.01 if len(waits) < 3 else 60
        elif len(waits) == 2:
            time_now += 1000
        await asyncio.sleep(seconds)

    async def answers() -> bool:
        return True

    program = [sys.executable, "-c", "import time; time.sleep(0.2)"]
    child = failing(tmp_path, program, sleep, probe=answers, clock=lambda: time_now)
    await child.start()
    await until(lambda: len(waits) == 3)
    await child.stop()
    assert waits == [100, 200, 100]


async def test_output_that_is_long_broken_or_without_end_is_kept(tmp_path: Path) -> None:
    code = r"import os; os.write(1, b'first\n\xff\xfe\n' + b'x' * 200_000 + b'\nlast')"
    child = failing(tmp_path, [sys.executable, "-c", code], asyncio.sleep)
    await child.start()
    await until(lambda: (tmp_path / "fake.log").exists() and (tmp_path / "fake.log").read_text().endswith("last\n"))
    await child.stop()
    text = (tmp_path / "fake.log").read_text()
    assert text.startswith("first\n")
    assert text.count("x") == 200_000


PARENT = """
import asyncio, os, sys
from datetime import UTC, datetime
from pathlib import Path
from bot.supervisor import Child, http_probe
async def main():
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    child = Child("fake", [sys.executable, "-c", sys.argv[3], str(port), "stubborn", "0"], env={}, cwd=folder,
                  probe=http_probe("127.0.0.1", port), log=folder / "fake.log", now=lambda: datetime.now(UTC))
    await child.start()
    await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
async def test_it_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(free_port()), str(tmp_path), SERVER], cwd=ROOT)
    try:
        await until(lambda: len(printed(tmp_path / "fake.log", "pid")) == 1)
        pid = printed(tmp_path / "fake.log", "pid")[0]
        assert runs(pid)
    finally:
        parent.kill()
        parent.wait()
    await until(lambda: not runs(pid))


def test_a_taken_port_is_one_line_that_says_what_to_set() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError) as caught:
            check_port("127.0.0.1", port)
    assert str(port) in caught.value.advice
    assert "TROGIUP_PORT" in caught.value.advice
    assert "\n" not in caught.value.advice
    check_port("127.0.0.1", port)


def test_a_host_of_another_machine_is_refused() -> None:
    with pytest.raises(SettingsError, match="TROGIUP_HOST"):
        check_port("no-such-host.invalid", 8000)


RASA = """#!/bin/sh
echo call >> calls
[ -e fails ] && echo broken && exit 1
while [ "$1" != --out ]; do shift; done
echo model > "$2/model.tar.gz"
"""
INPUTS = ["config.yml", "bot/domain.yml", "bot/data/nlu/a.yml", "bot/rasa/components/c.py", "requirements/rasa.lock"]


def checkout(root: Path) -> Path:
    """A checkout whose Rasa is a shell script: `train` writes the model file that it is told to, and counts its calls."""
    for name in [*INPUTS, "README.md", ".venv-rasa/bin/python"]:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(RASA if name.endswith("python") else "first\n")
    (root / ".venv-rasa/bin/python").chmod(0o755)
    return root


@pytest.mark.parametrize("name", INPUTS)
def test_the_fingerprint_changes_with_what_the_model_is_made_from(tmp_path: Path, name: str) -> None:
    root = checkout(tmp_path)
    before = rasa_model_fingerprint(root)
    (root / name).write_text("changed\n")
    assert rasa_model_fingerprint(root) != before


def test_the_fingerprint_stays_with_everything_else(tmp_path: Path) -> None:
    root = checkout(tmp_path)
    before = rasa_model_fingerprint(root)
    (root / "README.md").write_text("changed\n")
    (root / "bot/rasa/components/__pycache__").mkdir()
    (root / "bot/rasa/components/__pycache__/c.cpython-311.pyc").write_bytes(b"1")
    assert rasa_model_fingerprint(root) == before
    (root / "bot/data/nlu/a.yml").rename(root / "bot/data/nlu/b.yml")
    assert rasa_model_fingerprint(root) != before


def test_the_model_is_trained_once_and_again_when_something_changed(tmp_path: Path) -> None:
    root, home, said = checkout(tmp_path / "root"), tmp_path / "home", []
    first = ensure_rasa_model(root, home, said.append)
    assert first == home / "rasa" / f"{rasa_model_fingerprint(root)}.tar.gz"
    assert first.read_text() == "model\n"
    assert said
    assert ensure_rasa_model(root, home, said.append) == first
    assert (root / "calls").read_text().count("call") == 1
    (home / "rasa" / "training-left").mkdir()
    (root / "config.yml").write_text("changed\n")
    second = ensure_rasa_model(root, home, said.append)
    assert (root / "calls").read_text().count("call") == 2
    assert sorted(path.name for path in (home / "rasa").iterdir()) == sorted([second.name, "training.lock"])


def test_a_failed_training_is_one_line_and_leaves_the_older_model(tmp_path: Path) -> None:
    root, home = checkout(tmp_path / "root"), tmp_path / "home"
    first = ensure_rasa_model(root, home, lambda _: None)
    (root / "config.yml").write_text("changed\n")
    (root / "fails").touch()
    with pytest.raises(TrogiupError, match=r"rasa-train\.log"):
        ensure_rasa_model(root, home, lambda _: None)
    assert (home / "logs" / "rasa-train.log").read_text() == "broken\n"
    assert sorted(path.name for path in (home / "rasa").iterdir()) == sorted([first.name, "training.lock"])


def test_without_rasas_environment_it_says_what_to_run(tmp_path: Path) -> None:
    root = checkout(tmp_path / "root")
    (root / ".venv-rasa/bin/python").unlink()
    with pytest.raises(TrogiupError, match="make run"):
        ensure_rasa_model(root, tmp_path / "home", lambda _: None)


def test_rasa_runs_on_loopback_without_its_api_and_without_our_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROGIUP_TELEGRAM_TOKEN", "hunter2")
    model = tmp_path / "m.tar.gz"
    model.touch()
    settings = Settings.load({}, tmp_path)
    argv, env = rasa_command(settings, tmp_path, 5005, model, "http://127.0.0.1:5055/webhook")
    # bot.rasa.serve takes no address but loopback and has no switch for Rasa's API.
    python = f"{tmp_path}/.venv-rasa/bin/python"
    assert argv == ["nice", "-n", "5", python, "-m", "bot.rasa.serve", "--model", str(model), "--port", "5005"]
    assert (env["OMP_NUM_THREADS"], env["OPENBLAS_NUM_THREADS"], env["RASA_TELEMETRY_ENABLED"]) == ("1", "1", "false")
    assert env["TROGIUP_ACTIONS_URL"] == "http://127.0.0.1:5055/webhook"
    assert "hunter2" not in env.values()


def test_rasa_is_not_run_with_a_missing_model(tmp_path: Path) -> None:
    with pytest.raises(TrogiupError, match="missing"):
        rasa_command(Settings.load({}, tmp_path), tmp_path, 5005, tmp_path / "m.tar.gz", "http://127.0.0.1:1")
