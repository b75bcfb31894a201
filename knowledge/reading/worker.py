"""The process that files are read in: `python -m knowledge.reading.worker`. Holds itself to the limits before it looks at the file.

Takes the file on standard input; writes lines of JSON: {"done": n, "of": m} while it reads, then {"extracted": …}, {"members": …},
{"picture": …} or {"refused": advice, "reason": …}.
"""

from __future__ import annotations

import base64
import json
import resource
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from knowledge.errors import LoadError
from knowledge.reading.model import LIMITS, Extracted, Limits, Progress

_Reader = Callable[[bytes, Limits, Progress], Extracted]


def _hold(limits: Limits) -> None:
    """From here on the system enforces them, on Tesseract too. CPU time: SIGXCPU at the soft limit ends the process."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.written_bytes, limits.written_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 5))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)


def _readers() -> dict[str, _Reader]:
    """By kind. Imported here: the libraries count towards the limits, and are not needed for a zip."""
    from knowledge.reading.ocr import read_picture
    from knowledge.reading.pdf import read_pdf
    from knowledge.reading.web import read_web
    from knowledge.reading.word import read_word

    return {"pdf": read_pdf, "docx": read_word, "html": read_web, "picture": read_picture}


def _say(**line: object) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def run(argv: list[str], limits: Limits = LIMITS) -> None:
    """`argv`: a kind, or "zip" and the folder to unpack into, or "page" and the number of the one to draw."""
    kind, *rest = argv
    try:
        _hold(limits)
        content = sys.stdin.buffer.read(limits.file_bytes + 1)
        if kind == "zip":
            from knowledge.reading.archive import unpack

            _say(members=[asdict(member) for member in unpack(content, Path(rest[0]), limits)])
        elif kind == "page":
            from knowledge.reading.picture import page_picture

            _say(picture=base64.b64encode(page_picture(content, int(rest[0]), limits)).decode())
        else:
            _say(extracted=asdict(_readers()[kind](content, limits, lambda done, of: _say(done=done, of=of))))
    except LoadError as error:
        _say(refused=error.advice, reason=error.context.get("reason"))
    except MemoryError:
        _say(refused=None, reason="too_hungry")
    except Exception as error:
        # A library's own error of any kind: the file is at fault as far as the person is concerned. Its type goes to the log.
        _say(refused=None, reason="broken", cause=type(error).__name__)


if __name__ == "__main__":
    limits = Limits(**json.loads(sys.argv[1]))
    run(sys.argv[2:], limits)
