"""What the tests of the house share: a clock, a Rasa and a database that can fail, and the contract's answer object."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from actions.assistant import Assistant
from actions.model import Context, Message
from actions.rasa_actions import payload, read_context
from bot.dialogue import RasaUnavailable
from bot.loopback import Said, Unanswered
from bot.settings import Settings
from knowledge.collection import Collection
from knowledge.directory import Directory
from knowledge.errors import StoreError
from knowledge.store import Store

ROOT = Path(__file__).parents[2]
NOON = datetime(2026, 5, 4, 5, 0, tzinfo=UTC)
"""Noon in Việt Nam, a Monday."""
FACILITIES = "Đồng Nai có bao nhiêu cơ sở trợ giúp xã hội?"
DANGER = "Chồng em đang cầm dao đòi giết em, cứu em với"


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **length: float) -> None:
        self.now += timedelta(**length)


@dataclass
class FakeRasa:
    """Does what Rasa and the action endpoint do, in this process. `failing`: raised instead; `gate`: waited for first."""

    assistant: Assistant
    failing: Exception | None = None
    gate: asyncio.Event | None = None
    asked: list[str] = field(default_factory=list)
    running: int = 0
    most_at_once: int = 0

    async def ask(self, conversation_id: str, text: str, metadata: Mapping[str, Any]) -> Mapping[str, Any]:
        self.asked.append(text)
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        try:
            if self.gate:
                await self.gate.wait()
            await asyncio.sleep(0)
            if self.failing:
                raise self.failing
            received_at, as_of = datetime.fromisoformat(metadata["received_at"]), date.fromisoformat(metadata["as_of"])
            message = Message(conversation_id, text, "", received_at, as_of)
            return payload(self.assistant.reply(message, read_context(metadata["context"])))
        finally:
            self.running -= 1


def rasa_down() -> RasaUnavailable:
    return RasaUnavailable("Rasa does not answer.")


class FakeServer:
    """A server of ours behind bot.loopback.Loopback; `serve` may be a coroutine function, and raise what httpx raises."""

    def __init__(self, serve: Callable[[httpx.Request], Any]) -> None:
        self._transport = httpx.MockTransport(serve)

    async def post(self, path: str, body: object) -> Said:
        try:
            answer = await self._transport.handle_async_request(httpx.Request("POST", f"http://ours{path}", json=body))
        except httpx.HTTPError as error:
            raise Unanswered("no") from error
        return Said(answer.status_code, answer.content)


@dataclass
class Faulty:
    """Stands in for a part: every call raises `error`, after `gate` was opened if there is one. `calls` counts them."""

    error: Exception
    gate: threading.Event | None = None
    calls: int = 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def fails(*_: object, **__: object) -> None:
            self.calls += 1
            if self.gate:
                self.gate.wait(30)
            raise self.error

        return fails


def store_down(gate: threading.Event | None = None) -> Any:
    """A database that does not answer, at once or only once `gate` opens."""
    store = Faulty(StoreError("The database does not answer."), gate)
    store.conversations = store.cases = store.documents = store  # type: ignore[attr-defined]
    return store


class Broken:
    """An assistant with a bug, whose error repeats what was written."""

    def reply(self, message: Message, context: Context, intent: str | None = None) -> Any:
        raise KeyError(message.text)


def settings_of(home: Path, **environ: str) -> Settings:
    return Settings.load({"TROGIUP_HOME": str(home), **environ}, ROOT)


def environment(home: Path, **more: str) -> dict[str, str]:
    """For a `trogiup` of its own: this home, and nothing of what the developer has set here or in .env (an empty value is none there).

    Compiled modules are kept, which saves seconds. Nothing listens on port 9.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    unset = {line.name: "" for line in Settings.load({}, ROOT / "tests").describe()}
    return {**kept, **unset, "TROGIUP_HOME": str(home), "TROGIUP_PORT": "9", "PYTHONIOENCODING": "utf-8", **more}


TROGIUP = [sys.executable, "-m", "bot.cli"]


# The contract's answer object

_STATUS = {"ended", "in_force", "future", "replaced", "unknown"}
_KINDS = {"answer", "clarify", "abstain", "urgent", "handover", "smalltalk"}
_TEXT, _MAYBE_TEXT, _WHOLE = (str,), (str, type(None)), (int,)
_ANSWER: dict[str, tuple[type, ...]] = {
    "conversation_id": _TEXT,
    "message_id": _TEXT,
    "kind": _TEXT,
    "text": _TEXT,
    "citations": (list,),
    "hotlines": (list,),
    "notices": (list,),
    "case_id": _MAYBE_TEXT,
    "suggestions": (list,),
    "latency_ms": (int, float),
}
_CITATION: dict[str, tuple[type, ...]] = {
    "document_id": _TEXT,
    "source_file": _TEXT,
    "number": _MAYBE_TEXT,
    "title": _MAYBE_TEXT,
    "province": _MAYBE_TEXT,
    "issued_on": _MAYBE_TEXT,
    "valid_from": _MAYBE_TEXT,
    "valid_to": _MAYBE_TEXT,
    "status": _TEXT,
    "heading_path": (list,),
    "page": (int, type(None)),
    "quote": _TEXT,
    "start": _WHOLE,
    "end": _WHOLE,
    "passage_id": _MAYBE_TEXT,  # beyond the contract: the page links to the passage with it
}
_HOTLINE: dict[str, tuple[type, ...]] = {
    "name": _TEXT,
    "phone": _TEXT,
    "hours": _TEXT,
    "open_now": (bool, type(None)),
    "source": _TEXT,
}
_FIGURE = re.compile(r"\d+(?:[.,/]\d+)*")


def _fits(value: Any, form: dict[str, tuple[type, ...]]) -> None:
    assert isinstance(value, dict)
    assert value.keys() == form.keys()
    for name, types in form.items():
        assert type(value[name]) in types, f"{name}: {value[name]!r}"


def check_citation(citation: dict[str, Any], collection: Collection) -> None:
    """The contract's keys and types, and a quote that is the document's own text."""
    _fits(citation, _CITATION)
    assert citation["status"] in _STATUS
    assert all(type(title) is str for title in citation["heading_path"])
    for name in ("issued_on", "valid_from", "valid_to"):
        assert citation[name] is None or date.fromisoformat(citation[name])
    document = collection.document(citation["document_id"])
    assert citation["quote"]
    assert document.text[citation["start"] : citation["end"]] == citation["quote"]
    assert document.source_file == citation["source_file"]


def check_answer(answer: dict[str, Any], collection: Collection, directory: Directory) -> None:
    """The contract's answer object, and that nothing is said that does not stand somewhere."""
    _fits(answer, _ANSWER)
    assert answer["kind"] in _KINDS
    assert 0 < len(answer["text"]) <= 900
    assert answer["latency_ms"] >= 0
    for line in (*answer["notices"], *answer["suggestions"]):
        assert type(line) is str
        assert line
    for citation in answer["citations"]:
        check_citation(citation, collection)
    for hotline in answer["hotlines"]:
        _fits(hotline, _HOTLINE)
        assert directory.by_phone(hotline["phone"])
    if answer["kind"] == "answer":
        assert answer["citations"] or answer["hotlines"]
    if answer["kind"] == "abstain":
        assert not answer["citations"]
    if answer["kind"] == "clarify":
        assert answer["suggestions"]
    if answer["kind"] == "urgent":
        assert answer["hotlines"]
        assert answer["hotlines"][0]["phone"] in answer["text"].split("\n")[0]
    _check_figures(answer, directory)


def _check_figures(answer: dict[str, Any], directory: Directory) -> None:
    said = [answer["case_id"] or "", *answer["notices"]]
    for citation in answer["citations"]:
        said += [citation["quote"], *citation["heading_path"], citation["number"] or "", citation["title"] or ""]
    for hotline in answer["hotlines"]:
        said += [hotline["phone"], hotline["hours"], hotline["name"]]
    known = {figure for part in said for figure in _FIGURE.findall(part)}
    if answer["kind"] in ("abstain", "urgent"):  # who may know, and when else to call: from the directory
        known |= {figure for row in directory.hotlines for part in (row.phone, row.hours) for figure in _FIGURE.findall(part)}
    assert not [figure for figure in _FIGURE.findall(answer["text"]) if figure not in known]


def without_ids(answer: dict[str, Any]) -> dict[str, Any]:
    """What must be the same for the same question."""
    return {name: value for name, value in answer.items() if name not in ("conversation_id", "message_id", "latency_ms", "case_id")}


def new_store(home: Path, clock: Clock) -> Store:
    return Store.open(settings_of(home).database_url, clock)
