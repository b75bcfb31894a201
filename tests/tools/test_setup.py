from __future__ import annotations

import ast
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "setup.py"
UNREACHABLE = "http://127.0.0.1:9/simple"


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, at work in an empty folder."""
    spec = importlib.util.spec_from_file_location("setup_script", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "setup_script", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


@pytest.fixture
def shown(setup: ModuleType) -> object:
    return setup.Shown()


def environment(folder: Path) -> Path:
    """What looks like an environment."""
    (folder / ".venv" / "bin").mkdir(parents=True, exist_ok=True)
    (folder / ".venv" / "bin" / "python").touch()
    (folder / ".venv-rasa").mkdir(exist_ok=True)
    return folder / ".venv"


def one_part(setup: ModuleType, monkeypatch: pytest.MonkeyPatch, folder: Path, calls: list[str]) -> Path:
    """A set-up of one part with two steps; the second fails while `calls` holds "fail". Returns its lock."""
    lock = folder / "main.lock"
    lock.write_text("a==1\n")

    def work(name: str) -> None:
        calls.append(name)
        if "fail" in calls and name == "second":
            raise setup.Trouble("no")

    steps = [setup.Step("first", lambda: work("first")), setup.Step("second", lambda: work("second"))]
    part = setup.Part(environment(folder), "setup-main.stamp", [lock], steps)
    monkeypatch.setattr(setup, "parts", lambda *_: iter([part]))
    return lock


def test_an_old_python_gets_as_far_as_the_line_about_its_age() -> None:
    ast.parse(SCRIPT.read_text("utf-8"), feature_version=(3, 8))


@pytest.mark.parametrize("version", [(3, 8, 18), (3, 10, 13), (3, 12, 1)])
def test_another_python_is_refused_in_one_line(setup: ModuleType, monkeypatch: pytest.MonkeyPatch, version: tuple[int, ...]) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(setup.Trouble, match=r"^Python 3\.11 needed: .*apt-get install python3\.11"):
        setup.check_machine(first=True)


def test_a_full_disk_is_refused_before_a_first_installation_only(setup: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9))
    with pytest.raises(setup.Trouble, match=r"4\.3 GB of free disk needed, 1\.0 GB there"):
        setup.check_machine(first=True)
    setup.check_machine(first=False)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            "WARNING: Retrying after connection broken by 'NewConnectionError'\nERROR: No matching distribution found for a==1",
            "check the network",
        ),
        ("error: Failed to fetch: `…`\n  Caused by: dns error", "check the network"),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: No matching distribution found for torch==2.13.0", "torch==2.13.0 cannot be had"),
        ("error: command 'gcc' failed: No such file or directory", "C compiler"),
        ("something\nERROR: odd\n", "odd"),
        ("", "setup.log"),
    ],
)
def test_what_pip_prints_becomes_one_line(setup: ModuleType, words: str, line: str) -> None:
    assert line in setup.advice(words)
    assert "\n" not in setup.advice(words)


def test_what_is_fresh_is_not_done_again(
    setup: ModuleType, shown: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[str] = []
    lock = one_part(setup, monkeypatch, tmp_path, calls)
    setup.set_up(False, False, shown)
    setup.set_up(False, False, shown)
    assert calls == ["first", "second"]
    assert "[2/2] second" in capsys.readouterr().out
    lock.write_text("a==2\n")
    setup.set_up(False, False, shown)
    assert calls == ["first", "second"] * 2
    (tmp_path / ".venv" / "bin" / "python").unlink()
    setup.set_up(False, False, shown)
    assert calls == ["first", "second"] * 3


def test_what_failed_has_no_stamp(setup: ModuleType, shown: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls: list[str] = []
    lock = one_part(setup, monkeypatch, tmp_path, calls)
    setup.set_up(False, False, shown)
    lock.write_text("a==2\n")
    calls.append("fail")
    with pytest.raises(setup.Trouble):
        setup.set_up(False, False, shown)
    assert list((tmp_path / ".venv").glob("*.stamp")) == []
    lock.write_text("a==1\n")
    calls.remove("fail")
    setup.set_up(False, False, shown)
    assert calls == ["first", "second"] * 3


def test_a_missing_lock_is_named(setup: ModuleType, shown: object, tmp_path: Path) -> None:
    environment(tmp_path)
    with pytest.raises(setup.Trouble, match=r"requirements/main\.lock is missing"):
        setup.set_up(False, False, shown)


def test_an_environment_is_mended(setup: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    packages = environment(tmp_path) / "lib" / "python3.11" / "site-packages"
    for name in ("whole-1.dist-info/INSTALLER", "half-1.dist-info/METADATA", "~alf/__init__.py"):
        (packages / name).parent.mkdir(parents=True)
        (packages / name).touch()
    monkeypatch.setattr(setup, "is_whole", lambda _: True)
    setup.make_environment(None, tmp_path / ".venv")
    assert [path.name for path in packages.iterdir()] == ["whole-1.dist-info"]


def test_a_broken_or_moved_environment_is_made_anew(setup: ModuleType, tmp_path: Path) -> None:
    made = []

    class Tools:
        def run(self, command: list[str]) -> None:
            made.append(command[-1])

    assert not setup.is_whole(environment(tmp_path))
    setup.make_environment(Tools(), tmp_path / ".venv")
    assert made == [str(tmp_path / ".venv")]
    assert not (tmp_path / ".venv").exists()


def test_torch_comes_from_pips_own_folders_or_through_uv(setup: ModuleType, tmp_path: Path) -> None:
    lock = tmp_path / "main.lock"
    lock.write_text("# c\nnumpy==2.4.6\ntorch==2.13.0\n")
    commands: list[list[str]] = []

    class Tools(setup.Tools):
        offered = True

        def run(self, command: list[str], packages: int = 0) -> None:
            commands.append(command)
            if "--no-index" in command and not self.offered:
                raise setup.Trouble("none")
            if "--target" in command:
                (tmp_path / ".venv" / "uv" / "bin").mkdir(parents=True)

    tools = Tools(None, None, 0)
    setup.install_torch(tools, tmp_path / ".venv", lock)
    assert [command[-2:] for command in commands] == [["--no-index", "torch==2.13.0"]]
    tools.offered = False
    setup.install_torch(tools, tmp_path / ".venv", lock)
    assert commands[-1][1:] == [
        "pip",
        "install",
        "--python",
        f"{tmp_path}/.venv/bin/python",
        "--no-deps",
        "--torch-backend=cpu",
        "torch==2.13.0",
    ]
    assert not (tmp_path / ".venv" / "uv").exists()


def test_the_size_is_what_du_says(setup: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100_000)
    os.link(tmp_path / "a", tmp_path / "b")
    assert 100_000 <= setup.bytes_on_disk(tmp_path) < 110_000


def bare_checkout(folder: Path) -> dict[str, str]:
    """The script and one lock in `folder`; the environment variables of a machine without a package index."""
    for name in ("tools", "requirements", "bot/rasa"):
        (folder / name).mkdir(parents=True)
    shutil.copy(SCRIPT, folder / "tools")
    for name in ("requirements/main.lock", "requirements/rasa.lock"):
        (folder / name).write_text("torch==2.13.0\n")
    for name in ("pyproject.toml", "bot/rasa/install_stand_in.py"):
        (folder / name).touch()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "COV_"))}
    return {**kept, "PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": UNREACHABLE, "PIP_RETRIES": "1"}


@pytest.mark.e2e
def test_without_a_network_it_is_one_line_and_no_traceback(tmp_path: Path) -> None:
    environ = bare_checkout(tmp_path)
    done = subprocess.run([sys.executable, "tools/setup.py"], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    assert done.returncode == 1, done
    assert lines[-1].startswith("The package index cannot be reached: check the network")
    assert done.stderr == ""
    assert list(tmp_path.glob(".venv*/*.stamp")) == []


@pytest.mark.e2e
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_ends_with_130_and_one_line(tmp_path: Path, number: signal.Signals) -> None:
    environ = bare_checkout(tmp_path)

    def heard() -> None:
        """What a shell starts in the background inherits that it does not hear SIGINT."""
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    pipe, command = subprocess.PIPE, [sys.executable, "tools/setup.py"]
    started = subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=pipe, stderr=pipe, text=True, preexec_fn=heard)
    assert started.stdout.readline().startswith("[1/")
    time.sleep(0.3)
    started.send_signal(number)
    out, err = started.communicate(timeout=30)
    assert started.returncode == 130
    assert out.splitlines()[-1].startswith("Interrupted: run the same command again")
    assert err == ""
