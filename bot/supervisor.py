"""Keeps the parts alive: a child process that is started, asked whether it answers, restarted when it does not, and ended with its parent.

`Child` knows nothing of Rasa; `rasa_command` and `ensure_rasa_model` say how Rasa is run and trained.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import http.client
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Literal

from bot.settings import Settings
from knowledge.errors import SettingsError, TrogiupError

logger = logging.getLogger("trogiup.supervisor")

BESIDE_GATEWAY = 5
"""How much nicer than the gateway those are that work out answers (nice(2)): where cores are scarce, what comes in and whoever is in danger
goes first. 5 steps are three times less of a core that both want."""

State = Literal["starting", "ready", "down"]
Probe = Callable[[], Awaitable[bool]]

# Runs as `python -c … PARENT ARGV…` and becomes ARGV. PR_SET_PDEATHSIG (prctl(2), 1) outlives exec, so the kernel kills the child even when
# the parent is killed with -9. A wrapper and no preexec_fn: that one may hang in a process with threads.
_DIE_WITH_PARENT = """\
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent has gone")
try:
    os.execvp(sys.argv[2], sys.argv[2:])
except OSError as error:
    sys.exit(f"{sys.argv[2]}: {error.strerror}")
"""

# What the dialogue model is made from, as patterns from the root of the checkout.
_MODEL_INPUTS = (
    "config.yml",
    "bot/domain.yml",
    "bot/data/**/*",
    "bot/rasa/components/**/*",
    "knowledge/data/groups.yml",
    "knowledge/data/topics.yml",
    "knowledge/data/provinces.tsv",
    "knowledge/data/localities.tsv",
    "knowledge/text.py",
    "knowledge/tables.py",
    "knowledge/places.py",
    "requirements/rasa.lock",
)


@dataclass(frozen=True, slots=True)
class Timing:
    """All in seconds, but `misses`: so many unanswered probes in a row make a ready child deaf."""

    start_within: float = 90.0
    probe_starting: float = 0.25
    probe_ready: float = 5.0
    misses: int = 3
    first_wait: float = 1.0
    longest_wait: float = 60.0
    settled_after: float = 60.0
    grace: float = 5.0


@dataclass(frozen=True, slots=True)
class ChildState:
    """What /readyz says of a child: the state, since when (aware), and how often it was started again."""

    state: State
    since: datetime
    restarts: int


class Child:
    """One supervised process in a process group of its own. `start`, then `stop`; `state` at any time.

    It is ready from the first probe that is answered. When it exits, does not get ready within `timing.start_within`, or leaves
    `timing.misses` probes unanswered, its group is ended and it is started again after a wait that doubles from `first_wait` to
    `longest_wait`, and begins anew once it has been ready for `settled_after`. Its output goes to `log`, rotated.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        probe: Probe,
        log: Path,
        now: Callable[[], datetime],
        timing: Timing | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.name = name
        self._argv, self._env, self._cwd, self._probe, self._log = list(argv), dict(env), cwd, probe, log
        self._now, self._clock, self._sleep = now, clock, sleep
        self._timing = timing or Timing()
        self._state = ChildState("down", now(), 0)
        self._ready = asyncio.Event()
        self._life: asyncio.Task[None] | None = None

    @property
    def state(self) -> ChildState:
        """The state now."""
        return self._state

    async def start(self) -> None:
        """Begins to supervise and returns at once. Raises `OSError` when the folder of the log cannot be made."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._life = asyncio.create_task(self._live(), name=f"child {self.name}")

    async def ready(self) -> None:
        """Waits until the child is ready; for ever, if it never is."""
        await self._ready.wait()

    async def stop(self) -> None:
        """Ends the child and all of its process group: SIGTERM, after `timing.grace` SIGKILL. Does nothing the second time."""
        life, self._life = self._life, None
        if life is None:
            return
        life.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await life
        self._enter("down")

    async def _live(self) -> None:
        failures = 0
        while True:
            was_ready_for = await self._live_once()
            failures = 1 if was_ready_for >= self._timing.settled_after else failures + 1
            wait = min(self._timing.longest_wait, self._timing.first_wait * 2 ** min(failures - 1, 30))
            self._enter("down")
            logger.warning("child=%s event=down failures=%d restart_in_s=%.1f", self.name, failures, wait)
            await self._sleep(wait)
            self._state = ChildState("down", self._state.since, self._state.restarts + 1)

    async def _live_once(self) -> float:
        """From the start to the end of one process. Returns for how many seconds it was ready."""
        self._enter("starting")
        try:
            process = await asyncio.create_subprocess_exec(
                *dying_with_parent(self._argv),
                env=self._env,
                cwd=self._cwd,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            logger.error("child=%s event=not_started errno=%s", self.name, error.errno)
            return 0.0
        exited = asyncio.create_task(process.wait())
        written = asyncio.create_task(self._write_log(process.stdout))
        try:
            return await self._watch(exited)
        finally:
            await self._end(process.pid, exited, written)

    async def _watch(self, exited: asyncio.Task[int]) -> float:
        started, ready_at, misses = self._clock(), None, 0
        while not exited.done():
            if await self._probe():
                misses = 0
                if ready_at is None:
                    ready_at = self._clock()
                    self._enter("ready")
                    logger.info("child=%s event=ready after_s=%.1f", self.name, ready_at - started)
            elif ready_at is not None:
                misses += 1
                if misses >= self._timing.misses:
                    break
            elif self._clock() - started > self._timing.start_within:
                break
            pause = asyncio.ensure_future(self._sleep(self._timing.probe_starting if ready_at is None else self._timing.probe_ready))
            await asyncio.wait({exited, pause}, return_when=asyncio.FIRST_COMPLETED)
            pause.cancel()
        return 0.0 if ready_at is None else self._clock() - ready_at

    async def _end(self, group: int, exited: asyncio.Task[int], written: asyncio.Task[None]) -> None:
        self._ready.clear()
        _signal_group(group, signal.SIGTERM)
        await asyncio.wait({exited}, timeout=self._timing.grace)
        _signal_group(group, signal.SIGKILL)  # also what the leader left behind
        await exited
        await asyncio.wait({written}, timeout=1.0)
        written.cancel()

    async def _write_log(self, stream: asyncio.StreamReader | None) -> None:
        assert stream is not None  # noqa: S101  # stdout is a pipe
        rest = b""
        with contextlib.closing(_Log(self._log, maxBytes=5_000_000, backupCount=3, encoding="utf-8", delay=True)) as log:
            while chunk := await stream.read(65_536):
                *lines, rest = (rest + chunk).split(b"\n")
                if len(rest) > 65_536:
                    lines, rest = [*lines, rest], b""
                for line in lines:
                    log.write(line)
            if rest:
                log.write(rest)

    def _enter(self, state: State) -> None:
        if state != self._state.state:
            self._state = ChildState(state, self._now(), self._state.restarts)
        self._ready.set() if state == "ready" else self._ready.clear()


class _Log(RotatingFileHandler):
    """A rotated file of lines. A full disk costs the lines, never the child."""

    def write(self, line: bytes) -> None:
        self.emit(logging.makeLogRecord({"msg": line.decode("utf-8", "replace")}))

    def handleError(self, record: logging.LogRecord) -> None:
        """Nothing: there is nowhere to write it."""


def dying_with_parent(argv: Sequence[str]) -> list[str]:
    """`argv`, wrapped so that the process is killed by the kernel when the calling thread's process dies. Linux only; elsewhere `argv`."""
    if sys.platform != "linux":
        return list(argv)
    return [sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, str(os.getpid()), *argv]


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def http_probe(host: str, port: int, path: str = "/", timeout_s: float = 2.0) -> Probe:
    """A probe: does GET answer with 2xx within `timeout_s`? It asks without any proxy."""

    def ask() -> bool:
        connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
        try:
            connection.request("GET", path)
            return 200 <= connection.getresponse().status < 300
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return lambda: asyncio.to_thread(ask)


def check_port(host: str, port: int) -> None:
    """Raises `SettingsError`, one line, when `host`:`port` cannot be listened on."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(family, kind, protocol) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(address)
            tried.listen()
    except socket.gaierror as error:
        raise SettingsError(f"{host} is no address of this machine: set TROGIUP_HOST, 127.0.0.1 for this machine only.") from error
    except PermissionError as error:
        raise SettingsError(f"Port {port} may not be used without more rights: set TROGIUP_PORT to one above 1023.") from error
    except OSError as error:
        raise SettingsError(f"Port {port} on {host} is taken: set TROGIUP_PORT to a free one, or stop what listens there.") from error


def free_port(host: str = "127.0.0.1") -> int:
    """A port that is free now."""
    with socket.socket() as tried:
        tried.bind((host, 0))
        port: int = tried.getsockname()[1]
        return port


def rasa_command(settings: Settings, root: Path, port: int, model_path: Path, actions_url: str) -> tuple[list[str], dict[str, str]]:
    """How Rasa is run: the command and its whole environment. Loopback only, without Rasa's HTTP API. Run it in `root`.

    Raises `TrogiupError` when the model is not there: Rasa would run without one, or with another.
    """
    if not model_path.is_file():
        raise TrogiupError("The dialogue model is missing: start the service again, it is then trained.", model=model_path.name)
    nice = ["nice", "-n", str(BESIDE_GATEWAY)] if os.name == "posix" else []
    argv = [*nice, _python(root), "-m", "bot.rasa.serve", "--model", str(model_path), "--port", str(port)]
    return argv, {**_rasa_environment(), "TROGIUP_ACTIONS_URL": actions_url, "TROGIUP_HOME": str(settings.home)}


def _python(root: Path) -> str:
    return str(root / ".venv-rasa" / "bin" / "python")


def _rasa_environment() -> dict[str, str]:
    """What Rasa needs of the environment, and none of the secrets in it."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ") if name in os.environ}
    return kept | {
        "OMP_NUM_THREADS": "1",  # measured: training is 3.5 to 14 times faster
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",  # the same data make the same model
        "MALLOC_ARENA_MAX": "2",
        "SANIC_WORKERS": "1",
        "RASA_TELEMETRY_ENABLED": "false",
        "RASA_MAX_CACHE_SIZE": "0",  # its cache does not see changes in what our components import
        "LOG_LEVEL": "WARNING",  # below it Rasa logs what people write
        "PYTHONUNBUFFERED": "1",
    }


def rasa_model_fingerprint(root: Path) -> str:
    """Hex digits over the names and contents of all that the dialogue model is made from."""
    digest = hashlib.sha256()
    for pattern in _MODEL_INPUTS:
        for path in sorted(root.glob(pattern)):
            if path.is_file() and path.suffix != ".pyc":
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                digest.update(f"{path.relative_to(root).as_posix()}\n{content}\n".encode())
    return digest.hexdigest()[:16]


def ensure_rasa_model(root: Path, home: Path, on_progress: Callable[[str], None]) -> Path:
    """The dialogue model for what `root` holds now, home/rasa/<fingerprint>.tar.gz; trained, in about 20 s, only when it is not there.

    It is made aside and renamed; older ones are removed. One training at a time in a home. `on_progress` gets a line now and then.
    Raises `TrogiupError` when Rasa's environment is missing or the training fails; then an older model is still there.
    """
    folder, log = home / "rasa", home / "logs" / "rasa-train.log"
    model = folder / f"{rasa_model_fingerprint(root)}.tar.gz"
    if model.is_file():
        return model
    if not Path(_python(root)).exists():
        raise TrogiupError("Rasa's environment is missing: run `make run`.")
    folder.mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    with (folder / "training.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if model.is_file():
            return model
        for leftover in folder.glob("training-*/"):
            shutil.rmtree(leftover, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix="training-", dir=folder) as aside:
            made = Path(aside) / "model.tar.gz"
            if _train(root, made, log, on_progress) != 0 or not made.is_file():
                raise TrogiupError(f"The dialogue model could not be trained: {log} says why.")
            made.replace(model)
        for old in folder.glob("*.tar.gz"):
            if old != model:
                old.unlink(missing_ok=True)
    return model


def _train(root: Path, made: Path, log: Path, on_progress: Callable[[str], None]) -> int:
    """Trains into `made`; the exit status of Rasa."""
    argv = [_python(root), "-m", "rasa", "train", "--force", "--config", "config.yml", "--domain", "bot/domain.yml", "--data", "bot/data"]
    argv += ["--out", str(made.parent), "--fixed-model-name", made.name.removesuffix(".tar.gz")]
    on_progress("Training the dialogue model")
    waited = 0
    with (
        log.open("wb") as output,
        subprocess.Popen(  # noqa: S603
            dying_with_parent(argv), env=_rasa_environment(), cwd=root, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            while True:
                try:
                    return process.wait(timeout=5)
                except subprocess.TimeoutExpired:
                    waited += 5
                    on_progress(f"Training the dialogue model, {waited} s")
        except BaseException:
            process.kill()
            raise
