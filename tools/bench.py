"""`make bench`: how long it takes and what it weighs. Tables on standard output and under var/bench/.

Everything happens in a home of its own under var/bench/, removed at the end: the state of a running office is not touched. The questions
are answerable ones of tests/eval/train.jsonl, asked one after the other, each in a conversation of its own.
"""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from actions.model import Context, Message
from bot.services import Services
from bot.settings import Settings
from bot.supervisor import dying_with_parent, free_port

ROOT = Path(__file__).resolve().parent.parent
QUESTIONS = 200


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `limit`: what must not be passed, in the same unit; None where nothing was promised."""

    what: str
    value: float
    unit: str
    limit: float | None

    @property
    def kept(self) -> bool:
        """Whether it is within its limit."""
        return self.limit is None or self.value <= self.limit


def percentile(values: list[float], share: float) -> float:
    """The nearest-rank percentile, `share` in (0, 1]."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def timed(call: Callable[[str], object], questions: list[str]) -> list[float]:
    """Milliseconds of each call; the first ten questions are asked once before, unmeasured."""
    for question in questions[:10]:
        call(question)
    taken = []
    for question in questions:
        began = time.perf_counter()
        call(question)
        taken.append((time.perf_counter() - began) * 1000)
    return taken


def spread(what: str, taken: list[float], p50: float | None, p95: float | None) -> list[Row]:
    """Two rows: the median and the 95th percentile, in ms."""
    return [Row(f"{what}, p50", percentile(taken, 0.5), "ms", p50), Row(f"{what}, p95", percentile(taken, 0.95), "ms", p95)]


def questions() -> list[str]:
    """Evenly taken from the training set's answerable questions that nobody can take for danger: danger overtakes."""
    lines = (ROOT / "tests" / "eval" / "train.jsonl").read_text("utf-8").splitlines()
    gold = [json.loads(line) for line in lines]
    asked = [str(line["question"]) for line in gold if line["kind"] == "answer" and not line["history"] and "urgent-ok" not in line["tags"]]
    return asked[:: max(1, len(asked) // QUESTIONS)][:QUESTIONS]


def memory_mb(pid: int) -> float:
    """Proportional set size of a process and its descendants (proc(5), smaps_rollup); shared pages are counted once."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    own = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) / 1024
    children = [child for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]
    return own + sum(memory_mb(int(child)) for child in children)


@contextmanager
def service(environ: Mapping[str, str], address: str, checkout: Path = ROOT) -> Iterator[tuple[int, float]]:
    """A started service: its process id, and the seconds until every part was ready."""
    began = time.perf_counter()
    command = dying_with_parent([str(checkout / ".venv" / "bin" / "python"), "-m", "bot.cli", "serve"])
    process = subprocess.Popen(command, env=dict(environ), cwd=checkout, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    try:
        while not all_ready(address):
            if process.poll() is not None or time.perf_counter() - began > 300:
                sys.exit("The service did not get ready: try `make run`, it says why.")
            time.sleep(0.05)
        yield process.pid, time.perf_counter() - began
    finally:
        process.terminate()
        process.wait(timeout=30)


def all_ready(address: str) -> bool:
    """Whether /readyz calls every part ready."""
    try:
        parts: dict[str, Any] = httpx.get(f"{address}/readyz", timeout=2, trust_env=False).json()["parts"]
    except (httpx.HTTPError, ValueError, KeyError):
        return False
    return set(parts.values()) == {"ready"}


def over_http(environ: Mapping[str, str], address: str, asked: list[str]) -> list[Row]:
    """What a person and the machine see of the service: start, memory, answers."""
    say("a first start: it builds the index and trains")
    with service(environ, address):
        pass
    say("a warm start")
    with service(environ, address) as (pid, seconds), httpx.Client(base_url=address, timeout=30, trust_env=False) as client:
        number = iter(range(10_000))

        def message(text: str) -> None:
            body = {"conversation_id": f"bench-{next(number)}", "text": text}
            client.post("/api/v1/messages", json=body).raise_for_status()

        def search(text: str) -> None:
            client.get("/api/v1/search", params={"q": text}).raise_for_status()

        say("idle memory, answers")
        time.sleep(5)
        idle = memory_mb(pid)
        rows = [Row("warm start until ready", seconds, "s", 25), Row("idle memory of everything", idle, "MB", 900)]
        rows += spread("message over HTTP, with Rasa", timed(message, asked), 80, 150)
        return [*rows, *spread("search over HTTP", timed(search, asked), None, None)]


def in_process(environ: Mapping[str, str], asked: list[str]) -> list[Row]:
    """The parts alone, without HTTP and Rasa."""
    services = Services.open(Settings.load(environ, ROOT))
    try:
        assistant = services.assistant()

        def reply(text: str) -> None:
            now = services.clock()
            message = Message("bench", text, "bench", now, now.date())
            assistant.reply(message, Context())

        rows = spread("triage alone", timed(services.triage.assess, asked), None, 2)
        rows += spread("triage, 4,000 characters", timed(services.triage.assess, [". ".join(asked)[:4000]] * 40), None, None)
        return rows + spread("retrieval and answer alone", timed(reply, asked), None, 15)
    finally:
        services.close()


def index_build(environ: Mapping[str, str]) -> list[Row]:
    """The whole command, with the encoder."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "bot.cli", "index", "build"]
    subprocess.run(command, env=dict(environ), cwd=ROOT, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    return [Row("index build", time.perf_counter() - began, "s", 15)]


def say(line: str) -> None:
    """What is being measured, on standard error."""
    print(f"bench: {line}", file=sys.stderr, flush=True)


def table(rows: list[Row]) -> str:
    """The rows in columns."""
    lines = [f"{'':32} {'measured':>12} {'limit':>10}"]
    for row in rows:
        limit = "" if row.limit is None else f"{row.limit:g} {row.unit}"
        lines.append(f"{row.what:32} {row.value:9.1f} {row.unit:2} {limit:>10} {'' if row.kept else ' over'}")
    return "\n".join(lines)


def main() -> int:
    """Prints and writes the tables; 1 when a limit is passed."""
    folder, port = ROOT / "var" / "bench", free_port()
    folder.mkdir(parents=True, exist_ok=True)
    asked = questions()
    with tempfile.TemporaryDirectory(prefix="home-", dir=folder) as home:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("TROGIUP_")}
        environ |= {"TROGIUP_HOME": home, "TROGIUP_PORT": str(port), "TROGIUP_HOST": "127.0.0.1"}
        rows = over_http(environ, f"http://127.0.0.1:{port}", asked)
        say("the parts alone")
        rows += in_process(environ, asked)
        rows += index_build(environ)
    print(text := f"{len(asked)} questions, {os.cpu_count()} cores, Python {platform.python_version()}\n{table(rows)}")
    (folder / "bench.txt").write_text(text + "\n", "utf-8")
    measured = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "rows": [asdict(row) for row in rows]}
    (folder / "bench.json").write_text(json.dumps(measured, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return 0 if all(row.kept for row in rows) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except httpx.HTTPError as error:
        sys.exit(f"bench: the service failed ({type(error).__name__}): ask the same with `trogiup ask`.")
