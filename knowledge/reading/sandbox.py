"""Reading a file in a process of its own: what crashes, hangs or eats memory there ends there, with one clear error here."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from threading import Timer
from typing import Any

from knowledge.errors import LoadError
from knowledge.reading.archive import Member
from knowledge.reading.kinds import Kind
from knowledge.reading.model import LIMITS, Extracted, Limits, Progress
from knowledge.reading.wording import refusal

_ROOT = Path(__file__).resolve().parents[2]
_KEPT = ("PATH", "LANG", "LC_ALL", "TESSDATA_PREFIX", "HOME", "TMPDIR", "LD_LIBRARY_PATH")
"""What the process sees of the environment: no setting, no secret."""


def read_apart(file: Path, kind: Kind, progress: Progress, limits: Limits = LIMITS) -> Extracted:
    """What a file of that kind says. LoadError when it cannot be read, for whatever reason."""
    said = _asked(file, [kind], progress, limits)["extracted"]
    return Extracted(said["text"], said["pages"], said["ocr"], tuple(said["warnings"]))


def picture_apart(file: Path, number: int, limits: Limits = LIMITS) -> bytes:
    """Page `number`, from 1, of a PDF or a picture, as WebP. LoadError when it cannot be drawn."""
    return base64.b64decode(_asked(file, ["page", str(number)], lambda done, of: None, limits)["picture"])


def unpack_apart(file: Path, folder: Path, limits: Limits = LIMITS) -> tuple[Member, ...]:
    """The files of a zip, unpacked into `folder`. LoadError when it cannot be opened or is a bomb."""
    said = _asked(file, ["zip", str(folder)], lambda done, of: None, limits)["members"]
    return tuple(Member(**member) for member in said)


def _asked(file: Path, what: list[str], progress: Progress, limits: Limits) -> dict[str, Any]:
    argv = [sys.executable, "-m", "knowledge.reading.worker", json.dumps(asdict(limits)), *what]
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | {"PYTHONPATH": str(_ROOT), "OMP_THREAD_LIMIT": "1"}
    last: dict[str, Any] = {}
    with file.open("rb") as source:
        process = subprocess.Popen(  # noqa: S603
            argv,
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=_ROOT,
            env=environment,
            text=True,
            start_new_session=True,
        )
    watch = _Watch(process, limits.silent_seconds)
    with process:
        try:
            for line in process.stdout or ():
                watch.heard()
                last = _parsed(line)
                if "done" in last:
                    progress(last["done"], last["of"])
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        finally:
            watch.end()
    if last.keys() & {"extracted", "members", "picture"}:
        return last
    if last.get("refused"):
        raise LoadError(last["refused"], reason=last["reason"])
    error = refusal("too_slow" if watch.fired or process.returncode == -signal.SIGXCPU else last.get("reason") or "crashed")
    error.context |= {"status": process.returncode, "cause": last.get("cause")}
    raise error


class _Watch:
    """Ends the process and its children (Tesseract) once nothing was heard for so long."""

    def __init__(self, process: subprocess.Popen[str], seconds: float) -> None:
        self._process, self._seconds = process, seconds
        self.fired = False
        self._set()

    def _set(self) -> None:
        self._timer = Timer(self._seconds, self._late)
        self._timer.daemon = True
        self._timer.start()

    def heard(self) -> None:
        """Something was said: the time begins anew."""
        self._timer.cancel()
        self._set()

    def _late(self) -> None:
        self.fired = True
        self._kill()

    def end(self) -> None:
        """Ends what is left. Called before the process is reaped, while its number is still ours."""
        self._timer.cancel()
        self._kill()

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


def _parsed(line: str) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
