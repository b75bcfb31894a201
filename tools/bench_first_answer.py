"""How long somebody in danger waits for the number to call: quiet, with the database locked, without index and Rasa, in a crowd.

    .venv/bin/python -m tools.bench_first_answer [--seconds 15] [--in-process | --over-http]

In the process: from the message to its answer, on the gateway's event loop. Over HTTP: the same as the service says (`latency_ms`), and
what another program waits for, sending and JSON included. Rasa is down in all of them: then this process works out every answer by itself.
The disk alone is measured first, as nobody is answered before their message is on it. Everything happens in a home of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path

import httpx

from bot.gateway import Gateway
from bot.serve import house, open_index
from bot.services import Services
from bot.settings import Settings
from bot.supervisor import dying_with_parent, free_port
from bot.workshop import workshop
from knowledge.errors import RequestRefused
from tools.bench import ROOT, percentile, questions, say

DANGER = (
    "Chồng em đang cầm dao đòi giết em, cứu em với",
    "em bi chu ho sam so",
    "con không muốn sống nữa, con đang đứng trên sân thượng",
    "nhà bên đánh con dã man, cháu bé khóc thét",
    "cháu 10 tuổi bị bố đánh chảy máu đầu",
    "mẹ tôi uống cả vỉ thuốc ngủ rồi, gọi không dậy",
)
EVERY_S = 0.1
OTHERS_S = 200
LIMIT_MS = 10.0
LOCKED_S, FREE_S = 5.0, 0.5

Ask = Callable[[str, str], Awaitable[float]]
"""(conversation, text) → milliseconds."""


def figures(what: str, taken: list[float]) -> str:
    """One line of the table."""
    shares = "".join(f"{percentile(taken, share):9.1f}" for share in (0.5, 0.95, 0.99, 1.0))
    return f"{what:58}{len(taken):6}{shares}{'' if percentile(taken, 0.99) <= LIMIT_MS else '  over'}"


def disk(folder: Path) -> list[float]:
    """Milliseconds of one line to the disk, nothing else."""
    taken = []
    descriptor = os.open(folder / "probe", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_DSYNC, 0o600)
    for _ in range(300):
        began = time.perf_counter()
        os.write(descriptor, b"x" * 800 + b"\n")
        taken.append((time.perf_counter() - began) * 1000)
        time.sleep(0.005)
    os.close(descriptor)
    return taken


@contextlib.contextmanager
def locked(database: Path, on: bool) -> Iterator[None]:
    """Meanwhile another program writes for five seconds, again and again."""
    ends = threading.Event()

    def hold() -> None:
        connection = sqlite3.connect(database, isolation_level=None, timeout=30)
        while not ends.is_set():
            connection.execute("BEGIN IMMEDIATE")
            ends.wait(LOCKED_S)
            connection.execute("ROLLBACK")
            ends.wait(FREE_S)
        connection.close()

    holder = threading.Thread(target=hold)
    if on:
        holder.start()
    yield
    ends.set()
    if on:
        holder.join()


async def crowd(ask: Ask, texts: list[str], ends: asyncio.Event) -> None:
    """200 others a second, each in a conversation of its own, whether or not the last were answered."""
    loop, tasks, number = asyncio.get_running_loop(), set[asyncio.Task[float]](), 0
    began = loop.time()
    while not ends.is_set():
        while number < (loop.time() - began) * OTHERS_S:
            task = asyncio.create_task(ask(f"other-{began}-{number}", texts[number % len(texts)]))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            number += 1
        await asyncio.sleep(0.005)
    await asyncio.gather(*tasks, return_exceptions=True)


async def dangers(ask: Ask, seconds: float) -> list[float]:
    """Ten a second, each in a conversation of its own."""
    began, taken = time.perf_counter(), []
    while (now := time.perf_counter()) - began < seconds:
        taken.append(await ask(f"danger-{now}", DANGER[len(taken) % len(DANGER)]))
        await asyncio.sleep(max(0.0, began + len(taken) * EVERY_S - time.perf_counter()))
    return taken


def in_process(settings: Settings, texts: list[str], seconds: float) -> dict[tuple[bool, bool], list[float]]:
    """By (locked, in a crowd)."""
    services = Services.open(settings)
    try:
        open_index(services, lambda line: None)
        with workshop(services) as forked:

            async def run() -> dict[tuple[bool, bool], list[float]]:
                async with house(services, lambda line: None, with_rasa=False, workshop=forked) as running:
                    return await asked_here(running.gateway, settings, texts, seconds)

            return asyncio.run(run())
    finally:
        services.close()


async def asked_here(gateway: Gateway, settings: Settings, texts: list[str], seconds: float) -> dict[tuple[bool, bool], list[float]]:
    """The crowd and those in danger on the gateway's own event loop."""
    found = {}

    async def ask(conversation_id: str, text: str) -> float:
        began = time.perf_counter()
        with contextlib.suppress(RequestRefused):
            await gateway.reply(conversation_id=conversation_id, text=text)
        return (time.perf_counter() - began) * 1000

    for text in DANGER * 5:
        await ask(f"warm-{text}-{time.time()}", text)
    for lock, others in ((False, False), (True, False), (False, True), (True, True)):
        ends = asyncio.Event()
        with locked(settings.home / "trogiup.db", lock):
            beside = asyncio.create_task(crowd(ask, texts, ends)) if others else None
            found[lock, others] = await dangers(ask, seconds)
            ends.set()
        if beside:
            await beside
    return found


def crowd_over_http(address: str, texts: list[str], seconds: float) -> None:
    """A program of its own."""

    async def run() -> None:
        limits = httpx.Limits(max_connections=400, max_keepalive_connections=400)
        async with httpx.AsyncClient(base_url=address, timeout=30, trust_env=False, limits=limits) as client:

            async def ask(conversation_id: str, text: str) -> float:
                await client.post("/api/v1/messages", json={"conversation_id": conversation_id, "text": text})
                return 0.0

            ends = asyncio.Event()
            asyncio.get_running_loop().call_later(seconds, ends.set)
            await crowd(ask, texts, ends)

    asyncio.run(run())


def over_http(
    environ: Mapping[str, str], home: Path, texts: list[str], seconds: float
) -> dict[tuple[bool, bool], tuple[list[float], list[float]]]:
    """As `in_process`: what the service says, and what is waited for."""
    address, found = f"http://127.0.0.1:{environ['TROGIUP_PORT']}", {}
    command = dying_with_parent([sys.executable, "-m", "bot.cli", "serve", "--without-rasa"])
    process = subprocess.Popen(command, env=dict(environ), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    try:
        with httpx.Client(base_url=address, timeout=30, trust_env=False) as client:
            for _ in range(600):
                with contextlib.suppress(httpx.HTTPError):
                    if client.get("/healthz").status_code == 200:
                        break
                time.sleep(0.1)
            inside: list[float] = []

            async def ask(conversation_id: str, text: str) -> float:
                began = time.perf_counter()
                answer = client.post("/api/v1/messages", json={"conversation_id": conversation_id, "text": text}).json()
                taken = (time.perf_counter() - began) * 1000
                inside.append(answer["latency_ms"])
                return taken

            for lock, others in ((False, False), (True, False), (False, True), (True, True)):
                with locked(home / "trogiup.db", lock):
                    beside = multiprocessing.get_context("spawn").Process(target=crowd_over_http, args=(address, texts, seconds + 3))
                    if others:
                        beside.start()
                        time.sleep(2)
                    inside.clear()
                    waited = asyncio.run(dangers(ask, seconds))
                    found[lock, others] = (list(inside), waited)
                if others:
                    beside.join()
    finally:
        process.terminate()
        process.wait(timeout=30)
    return found


def main() -> int:
    """Prints the table and writes it under var/bench/; 1 when the gateway's p99 is over its limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--in-process", action="store_true")
    parser.add_argument("--over-http", action="store_true")
    arguments = parser.parse_args()
    both = arguments.in_process == arguments.over_http
    folder = ROOT / "var" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    names = {
        (False, False): "quiet",
        (True, False): "database locked for 5 s",
        (False, True): f"{OTHERS_S} others a second",
        (True, True): "locked, and the others",
    }
    lines = [f"{'first answer, ms':58}{'n':>6}{'p50':>9}{'p95':>9}{'p99':>9}{'max':>9}"]
    texts = questions()
    with tempfile.TemporaryDirectory(prefix="home-", dir=folder) as name:
        home = Path(name)
        lines.append(figures("the disk alone (one line, O_DSYNC)", disk(home)))
        environ = {key: value for key, value in os.environ.items() if not key.startswith("TROGIUP_")}
        environ |= {"TROGIUP_HOME": name, "TROGIUP_PORT": str(free_port()), "TROGIUP_HOST": "127.0.0.1"}
        settings = Settings.load(environ, ROOT)
        services = Services.open(settings)
        services.knowledge_base.ensure(lambda line: None)
        services.close()
        kept = True
        for index in ("index up", "index down"):
            if index == "index down":
                shutil.rmtree(home / "index")
            if both or arguments.in_process:
                say(f"in the process, {index}")
                for key, taken in in_process(settings, texts, arguments.seconds).items():
                    lines.append(figures(f"in the process, {index}, {names[key]}", taken))
                    kept = kept and percentile(taken, 0.99) <= LIMIT_MS
            if (both or arguments.over_http) and index == "index up":
                say(f"over HTTP, {index}")
                for key, (inside, waited) in over_http(environ, home, texts, arguments.seconds).items():
                    lines.append(figures(f"over HTTP, {index}, {names[key]}, in the gateway", inside))
                    lines.append(figures(f"over HTTP, {index}, {names[key]}, the whole way", waited))
    print(text := "\n".join(lines))
    (folder / "bench_first_answer.txt").write_text(text + "\n", "utf-8")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
