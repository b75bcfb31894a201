"""The workshop as a process, and its client. The process is forked in a program of its own: this one has threads."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from house_fakes import FACILITIES, NOON, ROOT, Clock, FakeServer

from actions.model import Context, Message
from actions.rasa_actions import build_executor, payload
from bot import workshop as workshop_module
from bot.direct import FarAnswers, WorkshopDown
from bot.gateway import Gateway
from bot.services import Services
from bot.workshop import Workshop, worker_app
from knowledge.errors import IndexFault

ASKED = Message("c", FACILITIES, "m", NOON, NOON.date())
PROGRAM = """
import json, os, signal, sys, time
from pathlib import Path
import httpx
from bot.services import ROOT, Services
from bot.settings import Settings
from bot.workshop import workshop
from knowledge.store import Actor, RowChange

def worker():
    pids = Path(f"/proc/{os.getppid()}/task/{os.getppid()}/children").read_text().split()
    (found,) = [int(pid) for pid in pids if Path(f"/proc/{pid}/comm").read_text() == "trogiup-answers\\n"]
    return found

def answered(address, asked=sys.argv[1]):
    body = json.loads(asked)
    for _ in range(200):
        try:
            return httpx.post(f"{address}/answer", json=body, timeout=20, trust_env=False).json()["answer"]["text"]
        except httpx.HTTPError:
            time.sleep(0.05)

services = Services.open(Settings.load(dict(os.environ), ROOT))
services.warm()
lives = services.settings.home / "lives"
with workshop(services) as forked:
    if not lives.exists():
        lives.write_text(f"{os.getpid()} {os.getppid()}")
        os.kill(os.getpid(), signal.SIGKILL)
    told, first = [answered(forked.address)], worker()
    os.kill(first, signal.SIGKILL)
    told.append(answered(forked.address))
    line = {"name": "Tổng đài Cà Mau", "phone": "0290 383 1111", "hours": "Giờ hành chính", "opening": "unknown", "cost": "",
            "purposes": "child_abuse", "area": "Cà Mau", "source": "https://camau.gov.vn", "checked_on": "", "replaced_by": ""}
    services.store.directory.apply([RowChange("hotlines", values=line)], services.directory_keeper.shipped.refuse_unfit, Actor())
    for _ in range(100):  # the worker looks every two seconds
        if "0290 383 1111" in (said := answered(forked.address, sys.argv[2]) or ""):
            break
        time.sleep(0.1)
    told.append(said)
    killed, keeper = map(int, lives.read_text().split())
    pids = {"killed": killed, "gateway": os.getpid(), "keeper": keeper, "worker": first, "another": worker()}
    print(json.dumps({"told": told, "kept by": os.getppid(), "pids": pids}), flush=True)
    os.kill(keeper, signal.SIGKILL)
    time.sleep(60)
"""


def asked_body(message: Message = ASKED) -> dict[str, Any]:
    sent: list[httpx.Request] = []

    def serve(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={"answer": {}, "context": {}})

    asyncio.run(FarAnswers(FakeServer(serve)).answer(message, Context()))
    return dict(json.loads(sent[0].content))


def gone(pid: int) -> bool:
    """Dead, or dead and not yet waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")
def test_whoever_is_killed_is_followed_by_another_and_none_outlives_the_keeper(home: Path) -> None:
    environ = {key: value for key, value in os.environ.items() if not key.startswith("TROGIUP_")} | {"TROGIUP_HOME": str(home)}
    phone = replace(ASKED, text="Số điện thoại bảo vệ trẻ em ở Cà Mau là số nào?")
    command = [sys.executable, "-c", PROGRAM, json.dumps(asked_body()), json.dumps(asked_body(phone))]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -9, done.stderr[-2000:]
    found = json.loads(done.stdout)
    first, second, after_a_change = found["told"]
    assert "16 cơ sở" in first
    assert second == first
    assert "0290 383 1111" in after_a_change
    assert found["kept by"] == found["pids"]["keeper"]
    assert len(set(found["pids"].values())) == 5
    for _ in range(100):
        if all(gone(pid) for pid in found["pids"].values()):
            return
        time.sleep(0.05)
    pytest.fail("a process outlives the keeper")


@pytest.mark.parametrize(("seen", "answers"), [([True, False, True, False], True), ([False, False], False), ([False, False, True], True)])
async def test_one_miss_is_none(monkeypatch: pytest.MonkeyPatch, seen: list[bool], answers: bool) -> None:
    told = iter(seen)

    async def ask() -> bool:
        if (said := next(told, None)) is None:
            raise asyncio.CancelledError
        return said

    monkeypatch.setattr(workshop_module, "http_probe", lambda *_: ask)
    workshop = Workshop(1)
    with pytest.raises(asyncio.CancelledError):
        await workshop.watch(0)
    assert workshop.answers is answers


def test_the_worker_answers_as_the_assistant_does(opened: Services, clock: Clock) -> None:
    assistant = opened.assistant()
    client = TestClient(worker_app(assistant, build_executor(assistant, clock)))
    told = client.post("/answer", json=asked_body()).json()
    assert told == json.loads(json.dumps(payload(assistant.reply(ASKED, Context()))))


def far(serve: Any) -> FarAnswers:
    return FarAnswers(FakeServer(serve))


@pytest.mark.parametrize("response", [httpx.Response(500), httpx.Response(200, json=[]), httpx.Response(200, content=b"{")])
async def test_what_is_no_answer_is_said_to_be_none(response: httpx.Response) -> None:
    with pytest.raises(WorkshopDown):
        await far(lambda _: response).answer(ASKED, Context())


async def test_without_an_index_it_is_the_index_that_is_missing() -> None:
    with pytest.raises(IndexFault):
        await far(lambda _: httpx.Response(503)).answer(ASKED, Context())


async def test_the_gateway_answers_by_itself_when_the_workshop_is_down(gateway: Gateway) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    gateway.elsewhere = far(refuse)
    assert "16 cơ sở" in (await gateway.reply(conversation_id="c", text=FACILITIES))["text"]


async def test_the_gateway_tells_what_the_workshop_worked_out(gateway: Gateway, opened: Services) -> None:
    told = payload(opened.assistant().reply(ASKED, Context()))
    told["answer"]["text"] = "ở xa"
    gateway.elsewhere = far(lambda _: httpx.Response(200, json=told))
    assert (await gateway.reply(conversation_id="c", text=FACILITIES))["text"] == "ở xa"
    gateway.elsewhere = far(lambda _: httpx.Response(503))
    assert (await gateway.reply(conversation_id="d", text=FACILITIES))["kind"] == "abstain"
