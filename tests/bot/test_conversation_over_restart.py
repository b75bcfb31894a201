"""What a conversation remembers outlives the service: two of them, one after the other, on the same home, asked over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from house_fakes import DANGER, Clock, settings_of

from bot.api import build_app
from bot.gateway import Gateway
from bot.services import Services


async def said(home: Path, clock: Clock, text: str, conversation_id: str = "c") -> dict[str, Any]:
    """One message to a service that is opened for it and closed again."""
    services = Services.open(settings_of(home), clock)
    try:
        app = build_app(services, Gateway(services.gateway_parts(), None), lambda: {"rasa": "off"})
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://house") as client:
            response = await client.post("/api/v1/messages", json={"conversation_id": conversation_id, "text": text})
        assert response.status_code == 200
        return dict(response.json())
    finally:
        services.close()


async def test_a_chain_goes_on_in_a_new_service_at_every_turn(home: Path, clock: Clock) -> None:
    turns = {
        "Hà Nam bao nhiêu phần trăm người nghiện vào cơ sở cai nghiện bắt buộc?": "95%",
        "con dong nai thi s z": "90%",
        "nguồn ở đâu": "Nguyên văn: “",
        "không, ý tôi là Hà Nam": "95%",
        "còn Bình Phước": "đã nhập vào tỉnh Đồng Nai (mới)",
    }
    for text, words in turns.items():
        clock.forward(minutes=5)
        answer = await said(home, clock, text)
        assert answer["kind"] == "answer"
        assert words in answer["text"]


async def test_pages_go_on_where_the_old_service_stopped(home: Path, clock: Clock) -> None:
    first = await said(home, clock, "Trẻ em bị xâm hại ở Đồng Nai được hỗ trợ thế nào?")
    second = await said(home, clock, "còn gì nữa không")
    assert second["kind"] == "answer"
    assert first["text"].split("\n")[0] != second["text"].split("\n")[0]


async def test_danger_in_between_forgets_nothing(home: Path, clock: Clock) -> None:
    await said(home, clock, "Ai ký kế hoạch của Cà Mau?")
    assert (await said(home, clock, DANGER))["kind"] == "urgent"
    assert "Nguyễn Khắc Hào" in (await said(home, clock, "còn Hưng Yên?"))["text"]


@pytest.mark.parametrize(("other", "minutes"), [("somebody else", 1), ("c", 61)])
async def test_nobody_else_and_nobody_much_later_is_taken_for_the_same(home: Path, clock: Clock, other: str, minutes: int) -> None:
    await said(home, clock, "Ai ký kế hoạch của Cà Mau?")
    clock.forward(minutes=minutes)
    assert (await said(home, clock, "nguồn ở đâu", other))["kind"] == "clarify"
