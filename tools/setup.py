"""Makes the two environments, .venv and .venv-rasa, from requirements/*.lock. Standard library only; the Makefile starts it.

`setup.py [--dev] [--tensorflow]`, or `setup.py --bench`, which makes .venv-bench alone: the engines that the benchmark compares with, in a
place of their own, so that the running product never carries them. Run again, it does only what is not fresh: each part of an environment
has a stamp, written last, that holds the hash of all that the part is made from. What was interrupted has no stamp, and is mended where it
is. Trouble is one line that says what to do, exit status 1 (130 when interrupted); all that the package tools print is kept in
var/logs/setup.log.

Syntax of Python 3.8, so that an old Python gets as far as the line about its age.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
UV = "uv==0.13.9"
FREE_BYTES = 4 * 1024**3  # both environments and what pip keeps while it works
HOW_TO_GET_PYTHON = "Debian or Ubuntu: apt-get install python3.11 python3.11-venv; anywhere: pyenv install 3.11"

# What pip or uv printed → what to do. The first that fits counts; a network failure also ends in "no matching distribution".
ADVICE = (
    (r"No space left on device", "The disk is full: free some space, then run the same command again."),
    (
        r"NewConnectionError|NameResolutionError|name resolution|Name or service not known|Max retries|TimeoutError|timed out|ProxyError"
        r"|connection broken|Connection (?:refused|reset|aborted)|Network is unreachable|dns error|error sending request|Failed to fetch",
        "The package index cannot be reached: check the network, then run the same command again; what is done stays done.",
    ),
    (
        r"command '\S*(?:gcc|cc|clang|c\+\+)' failed|Python\.h: No such file",
        "A C compiler and Python's headers are needed: apt-get install build-essential python3.11-dev.",
    ),
    (
        r"No matching distribution found for (\S+)",
        "{0} cannot be had: check the network, and that this is Linux x86-64, where the environments are tried.",
    ),
)


class Trouble(Exception):
    """What to do about it, in one line."""


class Step(NamedTuple):
    """One thing to do, and what to call it while it is done."""

    title: str
    work: Callable[[], None]


class Part(NamedTuple):
    """What stands or falls with one stamp: `stamp` lies in the environment, `made_from` are the files that it is the hash of."""

    environment: Path
    stamp: str
    made_from: list[Path]
    steps: list[Step]

    def fingerprint(self) -> str:
        """SHA-256 over this script, the place of the environment and the files, by name and content."""
        digest = hashlib.sha256(f"{self.environment}\n".encode())
        for path in [Path(__file__), *self.made_from]:
            if not path.is_file():
                raise Trouble(f"{path.relative_to(ROOT)} is missing: take a whole checkout.")
            digest.update(f"{path.name}\n{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
        return digest.hexdigest()

    def is_fresh(self) -> bool:
        """Whether the stamp says so and the environment's Python is still there."""
        stamp, fingerprint = self.environment / self.stamp, self.fingerprint()
        return (self.environment / "bin" / "python").exists() and stamp.is_file() and stamp.read_text() == fingerprint


class Shown:
    """Says on standard output what is being done; one line that is written over on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self.started = self.last = time.monotonic()
        self.terminal = sys.stdout.isatty()

    def seconds(self) -> int:
        """Whole seconds since the start."""
        return round(time.monotonic() - self.started)

    def line(self, text: str) -> None:
        """A line that stays."""
        print(f"\r\033[K{text}" if self.terminal else text, flush=True)
        self.last = time.monotonic()

    def detail(self, text: str, patient: bool = True) -> None:
        """How far the step is; when `patient`, dropped if the last word is younger than 10 s (0.1 s on a terminal)."""
        if patient and time.monotonic() - self.last < (0.1 if self.terminal else 10):
            return
        text = f"      {text}, {self.seconds()} s"
        print(f"\r\033[K{text[:100]}", end="", flush=True) if self.terminal else print(text, flush=True)
        self.last = time.monotonic()


class Tools:
    """Runs pip and uv: shows how far they are, keeps their words in the log, turns a failure into one line."""

    def __init__(self, shown: Shown, log: Path, lock: int) -> None:
        self.shown, self.log, self.lock = shown, log, lock

    def run(self, command: list[str], packages: int = 0) -> None:
        """Runs to the end. `packages`: how many the command looks at. Raises `Trouble`."""
        unwanted = {"PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "PIP_CONSTRAINT", "PIP_REQUIREMENT", "VIRTUAL_ENV"}
        environment = {name: value for name, value in os.environ.items() if name not in unwanted}
        environment.update(PIP_USER="0", PIP_NO_INPUT="1", PIP_DISABLE_PIP_VERSION_CHECK="1", PYTHONUNBUFFERED="1")
        words, seen = [], 0
        # The lock goes along, so that what outlives a killed set-up still keeps the next one waiting.
        with self.log.open("a", encoding="utf-8") as log, subprocess.Popen(  # noqa: S603
            command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            encoding="utf-8", errors="replace", pass_fds=[self.lock],
        ) as process:  # fmt: skip
            log.write(f"\n$ {' '.join(command)}\n")
            try:
                for line in process.stdout or ():
                    log.write(line)
                    words.append(line)
                    seen += line.startswith(("Collecting ", "Processing ", "Requirement already satisfied: "))
                    if line.startswith("Installing collected"):
                        self.shown.detail("unpacking", patient=False)
                    elif packages:
                        self.shown.detail(f"{min(seen, packages)} of {packages} packages fetched")
            except BaseException:
                process.terminate()
                raise
        if process.returncode:
            raise Trouble(advice("".join(words)))

    def pip(self, environment: Path, *arguments: str, packages: int = 0) -> None:
        """`pip install --no-deps ARGUMENTS` in an environment. pip compiles it all: where Python may not, a start takes half a minute."""
        self.run([str(environment / "bin" / "python"), "-m", "pip", "install", "--no-deps", *arguments], packages)


def advice(words: str) -> str:
    """The one line for what a package tool printed before it failed."""
    for pattern, line in ADVICE:
        found = re.search(pattern, words)
        if found:
            return line.format(*found.groups())
    said = [line.strip() for line in words.splitlines() if "error" in line.lower()]
    return f"The installation failed ({said[-1][:160] if said else 'without a word'}): see var/logs/setup.log."


def pins(lock: Path) -> list[str]:
    """The pinned lines of a lock."""
    return [line for line in lock.read_text(encoding="utf-8").splitlines() if line.strip() and not line.startswith("#")]


def check_machine(first: bool) -> None:
    """Python 3.11 that can make environments, and room on the disk for a first installation. Raises `Trouble`."""
    if sys.version_info[:2] != (3, 11):
        raise Trouble(f"Python 3.11 needed: this is {sys.version.split()[0]}. {HOW_TO_GET_PYTHON}; then run the same command again.")
    try:
        import ensurepip  # noqa: F401  # Debian takes it out of python3.11
        import venv  # noqa: F401
    except ImportError:
        raise Trouble(
            "This Python 3.11 cannot make environments: apt-get install python3.11-venv, then run the same command again."
        ) from None
    free = shutil.disk_usage(ROOT).free
    if first and free < FREE_BYTES:
        raise Trouble(
            f"{FREE_BYTES / 1e9:.1f} GB of free disk needed, {free / 1e9:.1f} GB there: free some space, then run the same command again."
        )


def make_environment(tools: Tools, environment: Path) -> None:
    """An empty environment, or the one that is there, mended: what pip had not finished is taken out, so that pip does it again."""
    if environment.is_symlink():
        raise Trouble(f"{environment.name} is a link: remove it, then run the same command again.")
    if not is_whole(environment):
        if environment.exists():
            shutil.rmtree(environment)
        tools.run([sys.executable, "-m", "venv", str(environment)])
    for packages in environment.glob("lib/python*/site-packages"):
        for record in packages.glob("*.dist-info"):
            if not (record / "INSTALLER").exists():  # written after all else of a package
                shutil.rmtree(record)
        for leftover in packages.glob("~*"):
            shutil.rmtree(leftover, ignore_errors=True)


def is_whole(environment: Path) -> bool:
    """Whether the environment was made here (not moved) with a Python 3.11 that still runs, and has pip."""
    try:
        made_here = str(environment) in (environment / "bin" / "activate").read_text(encoding="utf-8")
        asked = [str(environment / "bin" / "python"), "-c", "import pip, sys; print(*sys.version_info[:2])"]
        answer = subprocess.run(asked, capture_output=True, text=True, check=True).stdout  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return False
    return made_here and answer.split() == ["3", "11"]


def install_torch(tools: Tools, environment: Path, lock: Path) -> None:
    """torch without CUDA: from pip's own folders of wheels when one holds it, else through uv, which knows where CPU builds are."""
    pin = next(line for line in pins(lock) if line.startswith("torch=="))
    try:
        return tools.pip(environment, "--no-index", pin)  # PIP_FIND_LINKS, or nothing; no network
    except Trouble:
        pass
    aside = environment / "uv"
    tools.pip(environment, "--target", str(aside), "--upgrade", UV)
    tools.run(
        [
            str(aside / "bin" / "uv"),
            "pip",
            "install",
            "--python",
            str(environment / "bin" / "python"),
            "--no-deps",
            "--torch-backend=cpu",
            pin,
        ]
    )
    shutil.rmtree(aside)


def packages(tools: Tools, environment: Path, lock: Path, *options: str) -> Step:
    """The packages of a lock into an environment."""
    count = len(pins(lock)) if lock.is_file() else 0
    return Step(
        f"{environment.name}: {count} packages of {lock.name}",
        lambda: tools.pip(environment, *options, "-r", str(lock), packages=count),
    )


def with_torch(tools: Tools, environment: Path, lock: Path) -> list[Step]:
    """The steps to an environment that has torch among its packages."""
    return [
        Step(f"{environment.name}: the environment", lambda: make_environment(tools, environment)),
        Step(f"{environment.name}: torch for the processor, no CUDA", lambda: install_torch(tools, environment, lock)),
        packages(tools, environment, lock),
    ]


def bench_parts(tools: Tools) -> Iterator[Part]:
    """What the environment of the engines to compare with is made of."""
    others, lock = ROOT / ".venv-bench", ROOT / "requirements" / "bench.lock"
    yield Part(others, "setup-bench.stamp", [lock], with_torch(tools, others, lock))


def parts(tools: Tools, dev: bool, tensorflow: bool) -> Iterator[Part]:
    """All parts that the two environments are made of, in order."""
    requirements, main, rasa = ROOT / "requirements", ROOT / ".venv", ROOT / ".venv-rasa"
    lock = requirements / "main.lock"
    project = ["--no-build-isolation", "-e", str(ROOT)]
    steps = [*with_torch(tools, main, lock), Step(".venv: the command trogiup", lambda: tools.pip(main, *project))]
    yield Part(main, "setup-main.stamp", [lock, ROOT / "pyproject.toml"], steps)
    if dev:
        lock_dev = requirements / "dev.lock"
        yield Part(main, "setup-dev.stamp", [lock, lock_dev], [packages(tools, main, lock_dev)])

    stand_in = ROOT / "bot" / "rasa" / "install_stand_in.py"
    lock_rasa = requirements / "rasa.lock"
    made_from = [lock_rasa, stand_in, *sorted((stand_in.parent / "tensorflow_stand_in").rglob("*.py"))]
    steps = [
        Step(".venv-rasa: the environment", lambda: make_environment(tools, rasa)),
        packages(tools, rasa, lock_rasa, "--ignore-requires-python"),
        Step(".venv-rasa: the stand-in for TensorFlow", lambda: tools.run([str(rasa / "bin" / "python"), str(stand_in)])),
    ]
    yield Part(rasa, "setup-rasa.stamp", made_from, steps)
    if tensorflow:
        lock_tensorflow = requirements / "rasa-tensorflow.lock"
        yield Part(rasa, "setup-tensorflow.stamp", [lock_rasa, lock_tensorflow], [packages(tools, rasa, lock_tensorflow)])


def bytes_on_disk(folder: Path) -> int:
    """What `du` says: blocks, each file once."""
    seen = {}
    for path, _, names in os.walk(folder):
        for name in names:
            status = os.lstat(os.path.join(path, name))
            seen[status.st_ino] = status.st_blocks * 512
    return sum(seen.values())


def set_up(dev: bool, tensorflow: bool, shown: Shown, bench: bool = False) -> None:
    """Does what is not fresh, a step at a time. Raises `Trouble`."""
    environments = [ROOT / name for name in ([".venv-bench"] if bench else [".venv", ".venv-rasa"])]
    check_machine(first=not all(environment.exists() for environment in environments))
    log = ROOT / "var" / "logs" / "setup.log"
    with open(__file__, encoding="utf-8") as lock:
        wait_for_others(lock.fileno(), shown)
        tools = Tools(shown, log, lock.fileno())
        stale = [part for part in (bench_parts(tools) if bench else parts(tools, dev, tensorflow)) if not part.is_fresh()]
        if not stale:
            return
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("", encoding="utf-8")
        total, done = sum(len(part.steps) for part in stale), 0
        for part in stale:
            (part.environment / part.stamp).unlink() if (part.environment / part.stamp).exists() else None
            for step in part.steps:
                done += 1
                shown.line(f"[{done}/{total}] {step.title} ({shown.seconds()} s)")
                step.work()
            (part.environment / part.stamp).write_text(part.fingerprint())
    sizes = ", ".join(f"{environment.name} {bytes_on_disk(environment) / 1e9:.2f} GB" for environment in environments)
    shown.line(f"Installed in {shown.seconds()} s: {sizes}.")


def wait_for_others(lock: int, shown: Shown) -> None:
    """One set-up at a time in a checkout."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        shown.line("Another set-up is at work in this checkout: waiting for it.")
        fcntl.flock(lock, fcntl.LOCK_EX)


def main() -> int:
    """The exit status: 0 all is there, 1 something is in the way, 130 interrupted."""
    parser = argparse.ArgumentParser(description="Makes .venv and .venv-rasa from requirements/*.lock.")
    parser.add_argument("--dev", action="store_true", help="with what the tests need")
    parser.add_argument("--tensorflow", action="store_true", help="the real TensorFlow for Rasa, instead of the stand-in")
    parser.add_argument("--bench", action="store_true", help="only .venv-bench, the engines that the benchmark compares with")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    shown = Shown()
    try:
        set_up(options.dev, options.tensorflow, shown, options.bench)
    except Trouble as trouble:
        shown.line(str(trouble))
        return 1
    except KeyboardInterrupt:
        shown.line("Interrupted: run the same command again, it goes on from here.")
        return 130
    except OSError as error:
        shown.line(f"{error.strerror or 'No access'} ({error.filename or ROOT}): put that right, then run the same command again.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
