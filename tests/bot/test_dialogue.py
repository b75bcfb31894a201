from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from house_fakes import FakeServer

from bot import dialogue
from bot.dialogue import REST_S, TIMEOUT_S, Rasa, RasaUnavailable
from knowledge.text import clean_message

ANSWER: dict[str, Any] = {"answer": {"kind": "answer", "text": "16 cơ sở"}, "context": {"question": "?"}}
METADATA = {"as_of": "2026-05-04"}


class Server:
    """A Rasa that answers `answer`: a status with a body, an error, or nothing for `slow` seconds."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.answer: Callable[[httpx.Request], httpx.Response] = lambda _: httpx.Response(
            200, json=[{"recipient_id": "c", "custom": ANSWER}]
        )
        self.slow = 0.0
        self.seconds = 1000.0
        self.rasa = Rasa(FakeServer(self.serve), lambda: self.seconds)

    async def serve(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        await asyncio.sleep(self.slow)
        return self.answer(request)

    async def ask(self, text: str = "chào") -> Any:
        return await self.rasa.ask("c1", text, METADATA)

    def sent(self) -> dict[str, Any]:
        return dict(json.loads(self.requests[-1].content))


@pytest.fixture
def server() -> Server:
    return Server()


async def test_the_message_goes_to_the_rest_channel_and_the_actions_answer_comes_back(server: Server) -> None:
    assert await server.ask("Đồng Nai có gì?") == ANSWER
    assert server.requests[0].url.path == "/webhooks/rest/webhook"
    assert server.sent() == {"sender": "c1", "message": "Đồng Nai có gì?", "metadata": METADATA}


async def test_other_messages_beside_the_answer_do_not_matter(server: Server) -> None:
    server.answer = lambda _: httpx.Response(200, json=[{"text": "hm"}, "?", {"custom": 3}, {"custom": ANSWER}])
    assert await server.ask() == ANSWER


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(500),
        httpx.Response(404, json=[{"custom": ANSWER}]),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, content=b"\xff"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"custom": ANSWER}),
        httpx.Response(200, json=[{"text": "không có custom"}]),
        httpx.Response(200, json=[{"custom": {"answer": {}}}]),
        httpx.Response(302, headers={"location": "http://example.org/"}),
    ],
    ids=lambda response: f"{response.status_code} {response.content[:30]!r}",
)
async def test_anything_but_an_answer_is_no_answer(server: Server, response: httpx.Response) -> None:
    server.answer = lambda _: response
    with pytest.raises(RasaUnavailable):
        await server.ask()


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError, httpx.ReadTimeout])
async def test_a_rasa_that_is_down_is_asked_again_with_the_next_message(server: Server, error: type[httpx.TransportError]) -> None:
    def fails(request: httpx.Request) -> httpx.Response:
        raise error("no")

    server.answer = fails
    for _ in range(3):
        with pytest.raises(RasaUnavailable):
            await server.ask()
    assert len(server.requests) == 3


async def test_a_rasa_that_hangs_is_waited_for_once_and_then_left_alone_for_a_while(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert TIMEOUT_S == 2.0  # what the issue promises
    monkeypatch.setattr(dialogue, "TIMEOUT_S", 0.05)
    server.slow = 30
    began = asyncio.get_running_loop().time()
    with pytest.raises(RasaUnavailable):
        await server.ask()
    assert asyncio.get_running_loop().time() - began < 2
    for _ in range(20):
        with pytest.raises(RasaUnavailable, match="resting"):
            await server.ask()
    assert len(server.requests) == 1
    server.slow = 0
    server.seconds += REST_S + 0.1
    assert await server.ask() == ANSWER


@pytest.mark.parametrize("text", ["/restart", "/handover", '/bí mật {"x": ', "  /a"])
async def test_what_people_write_is_never_a_command_to_rasa(server: Server, text: str) -> None:
    await server.ask(text)
    sent = server.sent()["message"]
    assert not sent.strip().startswith("/")
    assert clean_message(sent) == text.strip()  # what the action reads


async def test_an_answer_and_the_question_that_the_form_comes_back_to_are_told_as_one(server: Server) -> None:
    long = "\n".join(["chữ " * 220, "Nguồn: x.", "đã kết thúc."])
    told = {"kind": "answer", "text": long, "citations": [{}], "notices": ["đã kết thúc."], "suggestions": ["Còn gì nữa không?"]}
    back = {"kind": "clarify", "text": "Mình quay lại nhé. Ở tỉnh nào ạ?", "citations": [], "notices": [], "suggestions": ["Cà Mau"]}
    both = [{"custom": {"answer": told, "context": {"question": "1"}}}, {"custom": {"answer": back, "context": {"question": "2"}}}]
    server.answer = lambda _: httpx.Response(200, json=both)
    said = await server.ask()
    assert said["context"] == {"question": "1"}
    assert len(said["answer"]["text"]) <= 900
    assert said["answer"]["text"].endswith("…\nNguồn: x.\nđã kết thúc.\n\nMình quay lại nhé. Ở tỉnh nào ạ?")
    assert said["answer"] == {**told, "text": said["answer"]["text"], "suggestions": ["Cà Mau"]}
