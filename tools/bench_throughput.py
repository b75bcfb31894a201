"""How many messages a second the whole house answers, Rasa included, and what each costs its processes.

    .venv/bin/python -m tools.bench_throughput [--seconds 10] [--rounds 2] [--against CHECKOUT]

Two loads over HTTP, conversations of five questions from tests/eval/train.jsonl: closed (16 clients, each asks again once it is
answered) for the most that goes through, open (30 a second, answered or not; the wait counts from when a message was due) for the wait.
Seconds of CPU come from proc(5), so that they mean something on a busy machine, too. `--against` runs another checkout, alternately with
this one. Everything happens in homes of their own.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import json
import os
import re
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.supervisor import free_port
from tools.bench import ROOT, percentile, questions, say, service

CLIENTS = 16
PER_SECOND = 30
TURNS = 5
"""Questions to a conversation."""
LEAST_PER_S, MOST_P95_MS = 60.0, 250.0
_OPEN_CLIENTS = 64
_TICKS = os.sysconf("SC_CLK_TCK")
_FORKED = ("trogiup-gateway", "trogiup-answers")
_ANSWERED = re.compile(r"^trogiup_answered_(by_rasa|directly) ([0-9.e+]+)$", re.MULTILINE)


@dataclass(frozen=True)
class Load:
    """What one load came to. `waits`: ms; `cpu`: seconds of CPU by process; `by_rasa`: how many of the answers came through Rasa."""

    waits: list[float]
    seconds: float
    refused: int
    by_rasa: int
    cpu: dict[str, float]

    @property
    def per_second(self) -> float:
        """Answered messages."""
        return len(self.waits) / self.seconds

    def cost(self, process: str) -> float:
        """Milliseconds of CPU for a message."""
        return self.cpu.get(process, 0.0) * 1000 / max(1, len(self.waits))


def processes(pid: int) -> dict[int, str]:
    """The process and its descendants, by what they are for."""
    found, waiting = {pid: "keeper"}, [pid]
    while waiting:
        for task in Path(f"/proc/{waiting.pop()}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                name, command = Path(f"/proc/{child}/comm").read_text().strip(), Path(f"/proc/{child}/cmdline").read_bytes()
                found[child] = name.removeprefix("trogiup-") if name in _FORKED else "Rasa" if b"bot.rasa" in command else "other"
                waiting.append(child)
    return found


def cpu_seconds(pids: Mapping[int, str]) -> dict[str, float]:
    """User and system time so far, by what the process is for (proc(5), stat)."""
    spent: dict[str, float] = {}
    for pid, name in pids.items():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        spent[name] = spent.get(name, 0.0) + (int(fields[11]) + int(fields[12])) / _TICKS
    return spent


class Crowd:
    """People who ask, each in one conversation after the other. `asked` goes on from load to load: no conversation comes twice."""

    def __init__(self, port: int, texts: list[str]) -> None:
        self._port = port
        self._texts = texts
        self._conversation = itertools.count()

    def load(self, pid: int, seconds: float, *, every_s: float | None) -> Load:
        """For so many seconds; `every_s`: when the next message is due, None for as soon as the last is answered."""
        waits: list[float] = []
        refused: list[int] = []
        due = itertools.count()
        began = time.perf_counter()
        watched = processes(pid)
        before, by_rasa = cpu_seconds(watched), self._by_rasa()

        def one() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
            while True:
                conversation = next(self._conversation)
                for turn in range(TURNS):
                    at = time.perf_counter() if every_s is None else began + next(due) * every_s
                    if at - began >= seconds:
                        connection.close()
                        return
                    time.sleep(max(0.0, at - time.perf_counter()))
                    text = self._texts[(conversation * TURNS + turn) % len(self._texts)]
                    body = json.dumps({"conversation_id": f"crowd-{conversation}", "text": text})
                    connection.request("POST", "/api/v1/messages", body, {"Content-Type": "application/json"})
                    response = connection.getresponse()
                    response.read()
                    if response.status == 200:
                        waits.append((time.perf_counter() - at) * 1000)
                    else:
                        refused.append(response.status)

        people = [threading.Thread(target=one) for _ in range(CLIENTS if every_s is None else _OPEN_CLIENTS)]
        for person in people:
            person.start()
        for person in people:
            person.join()
        after = cpu_seconds(watched)
        cpu = {name: after[name] - before[name] for name in after}
        return Load(waits, time.perf_counter() - began, len(refused), self._by_rasa() - by_rasa, cpu)

    def _by_rasa(self) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        connection.request("GET", "/metrics")
        found = dict(_ANSWERED.findall(connection.getresponse().read().decode()))
        connection.close()
        return int(float(found.get("by_rasa", 0)))


@contextlib.contextmanager
def started(checkout: Path, home: Path) -> Iterator[tuple[int, int]]:
    """The service of a checkout: its process id and its port."""
    port = free_port()
    environ = {key: value for key, value in os.environ.items() if not key.startswith("TROGIUP_")}
    environ |= {"TROGIUP_HOME": str(home), "TROGIUP_PORT": str(port), "TROGIUP_HOST": "127.0.0.1"}
    with service(environ, f"http://127.0.0.1:{port}", checkout) as (pid, _):
        yield pid, port


def measured(checkout: Path, home: Path, texts: list[str], seconds: float) -> tuple[Load, Load]:
    """One round: closed, open."""
    with started(checkout, home) as (pid, port):
        crowd = Crowd(port, texts)
        crowd.load(pid, 2, every_s=None)
        closed = crowd.load(pid, seconds, every_s=None)
        return closed, crowd.load(pid, seconds, every_s=1 / PER_SECOND)


def joined(loads: list[Load]) -> Load:
    """Several rounds as one."""
    waits = [wait for load in loads for wait in load.waits]
    cpu = {name: sum(load.cpu.get(name, 0.0) for load in loads) for name in dict.fromkeys(name for load in loads for name in load.cpu)}
    seconds, refused = sum(load.seconds for load in loads), sum(load.refused for load in loads)
    return Load(waits, seconds, refused, sum(load.by_rasa for load in loads), cpu)


def rows(closed: Load, opened: Load) -> dict[str, float]:
    """The table of one checkout."""
    found = {
        "answered a second, 16 clients": closed.per_second,
        f"p50 at {PER_SECOND}/s, ms": percentile(opened.waits, 0.5),
        f"p95 at {PER_SECOND}/s, ms": percentile(opened.waits, 0.95),
        "through Rasa, %": 100 * (closed.by_rasa + opened.by_rasa) / (len(closed.waits) + len(opened.waits)),
        "refused": float(closed.refused + opened.refused),
    }
    costs = {name: closed.cost(name) for name in closed.cpu}
    return found | {f"CPU a message, {name}, ms": cost for name, cost in costs.items()} | {"CPU a message, ms": sum(costs.values())}


def main() -> int:
    """Prints the table and writes it under var/bench/; 1 when this checkout's figures pass their limits."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--against", type=Path)
    arguments = parser.parse_args()
    folder = ROOT / "var" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    checkouts = [arguments.against.resolve(), ROOT] if arguments.against else [ROOT]
    found: dict[Path, list[tuple[Load, Load]]] = {checkout: [] for checkout in checkouts}
    texts = questions()
    with tempfile.TemporaryDirectory(prefix="home-", dir=folder) as name:
        for turn in range(arguments.rounds):
            for number, checkout in enumerate(checkouts):
                say(f"round {turn + 1}, {checkout.name}")
                found[checkout].append(measured(checkout, Path(name) / str(number), texts, arguments.seconds))
    tables = [rows(joined([one[0] for one in rounds]), joined([one[1] for one in rounds])) for rounds in found.values()]
    own = tables[-1]
    lines = ["".join(["whole house, over HTTP".ljust(34), *(checkout.name[:12].rjust(13) for checkout in checkouts)])]
    for what in dict.fromkeys(what for table in tables for what in table):
        lines.append(f"{what:34}" + "".join(f"{table.get(what, 0.0):13.1f}" for table in tables))
    print(text := "\n".join(lines))
    (folder / "bench_throughput.txt").write_text(text + "\n", "utf-8")
    fast = own["answered a second, 16 clients"] >= LEAST_PER_S and own[f"p95 at {PER_SECOND}/s, ms"] <= MOST_P95_MS
    return 0 if fast else 1


if __name__ == "__main__":
    sys.exit(main())
