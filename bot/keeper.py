"""What `trogiup serve` begins as: a process that opens the index, forks the parts that work with it, and does nothing but keep them.

It starts no thread and no event loop, so that it can fork at any time, and the parts share the memory of what it has opened. Whichever part
is killed is forked anew; the parts die with their keeper (prctl(2), PR_SET_PDEATHSIG). Linux only.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass

logger = logging.getLogger("trogiup.keeper")

_AGAIN_S = (0.0, 0.2, 1.0, 5.0)
"""Seconds before a part is forked again, by how often it died within `_SETTLED_S` of its start, one time after the other."""
_SETTLED_S = 10.0
_LONG_S = 3600.0
_TOLD = frozenset({signal.SIGCHLD, signal.SIGTERM, signal.SIGINT})
_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15


@dataclass
class _Part:
    name: str
    pid: int | None = None
    """None while it is dead."""
    began: float = 0.0
    due: float = 0.0
    """When it is forked, by time.monotonic()."""
    died: int = 0

    def fork(self, mask: Collection[int]) -> bool:
        """Whether this is the child."""
        self.began = time.monotonic()
        try:
            self.pid = _forked(self.name, mask)
        except OSError as error:  # no memory, too many processes
            self.ended(f"errno {error.errno}")
        return self.pid == 0

    def ended(self, how: object) -> None:
        """It is forked again after a while."""
        now = time.monotonic()
        self.died = self.died + 1 if now - self.began < _SETTLED_S else 0
        wait = _AGAIN_S[min(self.died, len(_AGAIN_S) - 1)]
        self.pid, self.due = None, now + wait
        logger.error("event=part_died part=%s status=%s again_in_s=%.1f", self.name, how, wait)


def keep(leader: str, *others: str) -> str:
    """Forks a process for each name, which goes on from here: it returns its name. The calling process stays behind as their keeper.

    When the leader ends, so does the keeper: SystemExit, with the leader's status. SIGTERM and SIGINT are for the leader, as SIGTERM.
    Call it before anything starts a thread: a fork takes only the thread that forks, and leaves the others' locks locked.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _TOLD)
    parts, told_to_stop = [_Part(name) for name in (leader, *others)], False
    try:
        while True:
            for part in parts:
                if part.pid is None and part.due <= time.monotonic() and part.fork(before):
                    return part.name
            wait = min([_LONG_S, *(part.due - time.monotonic() for part in parts if part.pid is None)])
            signalled = signal.sigtimedwait(_TOLD, max(0.0, wait))
            if signalled and signalled.si_signo != signal.SIGCHLD:
                told_to_stop = True
                if parts[0].pid is None:
                    sys.exit(0)
                os.kill(parts[0].pid, signal.SIGTERM)
            _reap(parts, told_to_stop=told_to_stop)
    finally:
        if all(part.pid != 0 for part in parts):
            _end(parts)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _reap(parts: list[_Part], *, told_to_stop: bool) -> None:
    """Notes who has died. SystemExit when it is the leader and it was not killed by somebody else."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        for part in parts:
            if part.pid != pid:
                continue
            code = os.waitstatus_to_exitcode(status)
            if part is not parts[0] or (code < 0 and not told_to_stop):
                part.ended(code)
                continue
            part.pid = None
            sys.exit(max(0, code))


def _forked(name: str, mask: Collection[int]) -> int:
    """As fork(2). The child dies with its parent, bears its name (`ps -o comm`), and is left to itself by Ctrl-C."""
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    if child := os.fork():
        return child
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    libc.prctl(_PR_SET_NAME, f"trogiup-{name}".encode())
    if os.getppid() != parent:
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return 0


def _end(parts: list[_Part]) -> None:
    for part in parts:
        if part.pid:
            os.kill(part.pid, signal.SIGKILL)
            os.waitpid(part.pid, 0)
