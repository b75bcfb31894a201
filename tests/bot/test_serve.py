from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from house_fakes import DANGER, FACILITIES, NOON, Clock, settings_of

from actions.rasa_actions import build_executor
from bot import serve as serve_module
from bot.lanes import Lane
from bot.serve import action_endpoint, house, serve
from bot.services import Services
from bot.supervisor import free_port
from index import snapshot
from knowledge.errors import SettingsError, StoreError, TrogiupError
from knowledge.store import JournalEntry, NewCase, Store

DONG_NAI = "efbc4e6044693632"


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def damage(home: Path, name: str | None = None) -> str:
    name = name or snapshot.read_manifest(home).name
    flip(home / "index" / name / "vectors.faiss")
    return name


async def until(true: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not await true():
            await asyncio.sleep(0.05)


def asking(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test")


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve_module, "_UPKEEP_EVERY_S", 0.05)
    monkeypatch.setattr(serve_module, "trim_memory", lambda: None)


async def test_a_house_without_rasa_answers_and_is_ready(services: Services, said: list[str]) -> None:
    async with house(services, said.append, with_rasa=False) as running:
        answer = await running.gateway.reply(conversation_id="c", text=FACILITIES)
        assert "16 cơ sở" in answer["text"]
        ready = (await asking(running.app).get("/readyz")).json()
        assert ready == {"ready": True, "parts": {"index": "ready", "database": "ready", "rasa": "off"}}
    assert said == []


async def test_of_a_damaged_snapshot_the_last_good_one_answers_and_it_is_said(
    services: Services, clock: Clock, said: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    good = snapshot.read_manifest(services.settings.home).name
    clock.now = NOON + timedelta(days=365)
    services.knowledge_base.build()
    bad = damage(services.settings.home)
    assert bad != good
    async with house(services, said.append, with_rasa=False) as running:
        assert services.answerer().retriever.snapshot.manifest.name == good
        assert "16 cơ sở" in (await running.gateway.reply(conversation_id="c", text=FACILITIES))["text"]
        assert (await asking(running.app).get("/readyz")).status_code == 200
        await asyncio.sleep(0.3)  # it is not tried again and again
    assert said == [f"index: {bad}: vectors.faiss was changed or is damaged."]
    assert caplog.text.count("event=index_fault") == 1


async def test_the_upkeep_goes_on_whatever_goes_wrong(
    services: Services, said: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    replay, errors = services.journal.replay, iter([OverflowError(DANGER), StoreError("gone")])

    def fails_at_first(store: Store) -> int:
        if error := next(errors, None):
            raise error
        return replay(store)

    def no_snapshot() -> tuple[str, ...]:
        raise RuntimeError(DANGER)

    monkeypatch.setattr(services.journal, "replay", fails_at_first)
    monkeypatch.setattr(services, "refresh", no_snapshot)
    async with house(services, said.append, with_rasa=False):
        services.journal.append(JournalEntry("c", "m", DANGER, services.clock(), "api", NewCase("violence", 4, "danger")))

        async def moved() -> bool:
            return bool(services.store.cases.list())

        await until(moved)
    assert "event=journal_stuck why=OverflowError" in caplog.text
    assert DANGER not in caplog.text


async def test_without_any_whole_snapshot_the_house_stands_and_danger_is_answered(services: Services, said: list[str]) -> None:
    damage(services.settings.home)
    async with house(services, said.append, with_rasa=False) as running:
        assert (await running.gateway.reply(conversation_id="c", text=DANGER))["kind"] == "urgent"
        assert (await running.gateway.reply(conversation_id="c", text=FACILITIES))["kind"] == "abstain"
        assert (await asking(running.app).get("/readyz")).status_code == 503
    (line,) = said
    assert line.startswith("index: ")
    assert "trogiup index build" in line


async def test_a_new_snapshot_is_taken_up_while_it_runs(services: Services, said: list[str]) -> None:
    async with house(services, said.append, with_rasa=False) as running:

        async def answered_from_the_plan() -> bool:
            answer = await running.gateway.reply(conversation_id="c", text=FACILITIES)
            return DONG_NAI in [citation["document_id"] for citation in answer["citations"]]

        async def no_longer() -> bool:
            return not await answered_from_the_plan()

        assert await answered_from_the_plan()
        another = Services.open(settings_of(services.settings.home))  # as another program does
        another.store.documents.retire(DONG_NAI)
        another.knowledge_base.build()
        another.close()
        await until(no_longer)
        assert (await asking(running.app).get(f"/tai-lieu/{DONG_NAI}")).status_code == 404


async def test_a_new_snapshot_that_is_damaged_changes_nothing(services: Services, clock: Clock) -> None:
    services.warm()
    good = services.answerer().retriever.snapshot.manifest.name
    clock.now = NOON + timedelta(days=365)
    services.knowledge_base.build()
    bad = damage(services.settings.home)
    assert services.refresh() == (f"{bad}: vectors.faiss was changed or is damaged.",)
    assert services.refresh() == ()
    assert services.answerer().retriever.snapshot.manifest.name == good


async def test_cases_in_the_journal_are_moved_into_the_database(services: Services, said: list[str], clock: Clock) -> None:
    entry = JournalEntry("c", "m", "cứu em", clock(), "zalo", NewCase("violence", 4, "danger"))
    case_id = services.journal.append(entry)
    async with house(services, said.append, with_rasa=False):

        async def moved() -> bool:
            return [case.case_id for case in services.store.cases.list()] == [case_id]

        await until(moved)


async def test_without_a_dialogue_model_the_actions_answer_and_it_is_said(
    services: Services, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise TrogiupError("The dialogue model could not be trained: see the log.")

    monkeypatch.setattr(serve_module, "ensure_rasa_model", fails)
    async with house(services, said.append, with_rasa=True, wait_for_rasa=True) as running:
        assert (await running.gateway.reply(conversation_id="c", text=FACILITIES))["kind"] == "answer"
        assert running.gateway.direct == 1
        assert (await asking(running.app).get("/readyz")).json()["parts"]["rasa"] == "off"
    assert said == ["rasa: The dialogue model could not be trained: see the log."]


async def test_it_serves_until_it_is_stopped(services: Services, said: list[str]) -> None:
    port = free_port()
    on_it = replace(services, settings=replace(services.settings, port=port))
    serving = asyncio.create_task(serve(on_it, said.append, with_rasa=False))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:

        async def up() -> bool:
            return bool(said)

        await until(up)
        assert said == [f"ready http://127.0.0.1:{port}"]
        body = {"conversation_id": "c", "text": FACILITIES}
        assert (await client.post("/api/v1/messages", json=body)).json()["kind"] == "answer"
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
        with pytest.raises(httpx.ConnectError):
            await client.get("/healthz")


async def test_a_taken_port_is_one_line(services: Services, said: list[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        on_it = replace(services, settings=replace(services.settings, port=port))
        with pytest.raises(SettingsError, match=f"Port {port}"):
            await serve(on_it, said.append, with_rasa=False)


# What Rasa calls


@pytest.fixture
def actions(opened: Services, clock: Clock) -> TestClient:
    return TestClient(action_endpoint(build_executor(opened.assistant(), clock), Lane("answers")))


def call(action: str, text: str, **metadata: Any) -> dict[str, Any]:
    latest = {"text": text, "intent": {"name": "ask", "confidence": 0.9}, "entities": [], "metadata": metadata}
    tracker = {"sender_id": "c", "slots": {}, "latest_message": latest, "events": [], "paused": False, "active_loop": {}}
    return {"next_action": action, "sender_id": "c", "tracker": tracker}


def test_an_action_answers_rasa(actions: TestClient) -> None:
    context = {"question": FACILITIES, "province": "Đồng Nai", "document_id": None, "shown": []}
    metadata = {"as_of": "2026-05-04", "received_at": NOON.isoformat(), "context": context}
    response = actions.post("/webhook", json=call("action_answer", "Còn ở Cà Mau?", **metadata))
    assert response.status_code == 200
    (message,) = response.json()["responses"]
    assert {c["province"] for c in message["custom"]["answer"]["citations"]} == {"Cà Mau"}
    assert message["custom"]["context"]["province"] == "Cà Mau"
    assert {event["name"] for event in response.json()["events"]} == {"last_question", "province"}


def test_a_sign_put_before_a_command_is_not_read(actions: TestClient) -> None:
    context: dict[str, Any] = {"question": None, "province": None, "document_id": None, "shown": []}
    metadata = {"as_of": "2026-05-04", "received_at": NOON.isoformat(), "context": context}
    asked = [
        actions.post("/webhook", json=call("action_answer", text, **metadata)).json() for text in (f"\u200b/{FACILITIES}", f"/{FACILITIES}")
    ]
    assert asked[0] == asked[1]


def test_an_unknown_action_is_said(actions: TestClient) -> None:
    response = actions.post("/webhook", json=call("action_dance", "chào"))
    assert response.status_code == 404
    assert response.json()["action_name"] == "action_dance"
