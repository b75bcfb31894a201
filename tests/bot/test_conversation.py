"""What reaches the person outside of an answer: over HTTP to the web page, and through a channel."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from house_fakes import DANGER, Clock

from actions.duty.desk import DutyDesk
from actions.duty.notices import DutyNotices
from bot.api import build_app
from bot.duty import conversation
from bot.duty.conversation import Deliveries, NotDelivered, PersonsSide, lines
from bot.gateway import Gateway
from bot.services import Services
from knowledge.directory import Directory
from knowledge.store import Actor, NewCase, Outgoing, Store

WEB = "w" * 22


@pytest.fixture
def desk(store: Store, clock: Clock) -> DutyDesk:
    return DutyDesk(store, DutyNotices.load(Directory.load()), clock)


@pytest.fixture
def officer(store: Store) -> str:
    return store.accounts.add("lan", "Nguyễn Thị Lan", ["duty_officer"], "x", by=Actor()).account_id


@pytest.fixture
def side(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> PersonsSide:
    monkeypatch.setattr(conversation, "_LOOK_EVERY_S", 0.02)
    return PersonsSide(store, clock, "cán bộ trực")


def opened(store: Store, clock: Clock, conversation_id: str = WEB, channel: str = "web") -> str:
    accepted = store.conversations.accept(conversation_id, "m1", "cứu em với", clock(), channel, NewCase("suicide", 4, "danger"))
    assert accepted.case_id
    return accepted.case_id


async def test_the_officers_words_arrive_while_the_page_waits(
    store: Store, clock: Clock, desk: DutyDesk, officer: str, side: PersonsSide
) -> None:
    case_id = opened(store, clock)
    asking = asyncio.create_task(side.updates(WEB, 0, 20))
    await asyncio.sleep(0.1)
    desk.take(case_id, officer)
    (joined,) = await asking
    assert (joined["kind"], joined["author"]) == ("notice", None)
    assert "Nguyễn Thị Lan" in joined["text"]
    asking = asyncio.create_task(side.updates(WEB, joined["id"], 20))
    await asyncio.sleep(0.1)
    said = store.duty.say(case_id, officer, "Em đang ở đâu?")
    (words,) = await asking
    assert words == {
        "id": said.outgoing_id,
        "kind": "officer",
        "author": "cán bộ trực",
        "text": "Em đang ở đâu?",
        "created_at": clock().isoformat(),
        "replaces": None,
    }
    store.duty.say(case_id, officer, "Em đang ở chỗ nào?", replaces=said.outgoing_id)
    (mended,) = await side.updates(WEB, said.outgoing_id, 20)
    assert (mended["replaces"], mended["text"]) == (said.outgoing_id, "Em đang ở chỗ nào?")


async def test_what_is_asked_after_has_arrived_and_nothing_else(
    store: Store, clock: Clock, desk: DutyDesk, officer: str, side: PersonsSide
) -> None:
    case_id = opened(store, clock)
    desk.take(case_id, officer)
    store.duty.say(case_id, officer, "một")
    shown = await side.updates(WEB, 0, 0)
    assert len(shown) == 2
    assert [row.delivered_at for row in store.outbox.after(WEB)] == [None, None]  # the answer may be lost on its way
    clock.forward(seconds=5)
    await side.updates(WEB, shown[0]["id"], 0)
    assert [row.delivered_at for row in store.outbox.after(WEB)] == [clock(), None]


async def test_who_only_guesses_an_id_learns_nothing(store: Store, clock: Clock, desk: DutyDesk, officer: str, side: PersonsSide) -> None:
    for conversation_id, channel in (("c1", "web"), ("telegram:1234567890", "telegram")):
        case_id = opened(store, clock, conversation_id, channel)
        desk.take(case_id, officer)
        assert await side.updates(conversation_id, 0, 0) == []
    assert await side.updates("x" * 22, 0, 0.05) == []
    assert not (await side.thread("c1")).live


async def test_the_thread_of_the_last_hour_is_there_while_the_case_lives(
    store: Store, clock: Clock, desk: DutyDesk, officer: str, side: PersonsSide
) -> None:
    store.conversations.accept(WEB, "old", "chuyện cũ", clock() - timedelta(hours=2), "web")
    case_id = opened(store, clock)
    store.conversations.finish(WEB, "m1", '{"text": "Gọi 111"}', None)
    clock.forward(seconds=5)
    desk.take(case_id, officer)
    said = store.duty.say(case_id, officer, "Em dang o dau?")
    clock.forward(seconds=5)
    store.conversations.accept(WEB, "m2", "trong phòng", clock(), "web")
    clock.forward(seconds=5)
    once = store.duty.say(case_id, officer, "Em đang ở đâu", replaces=said.outgoing_id)
    store.duty.say(case_id, officer, "Em đang ở đâu?", replaces=once.outgoing_id)
    thread = await side.thread(WEB)
    told = lines(thread)
    assert [(line.who, line.text, line.edited) for line in told if line.who != "notice"] == [
        ("mine", "cứu em với", False),
        ("answer", "Gọi 111", False),
        ("officer", "Em đang ở đâu?", True),
        ("mine", "trong phòng", False),
    ]
    assert thread.newest == once.outgoing_id + 1
    desk.close(case_id, officer, "done", "xong")
    closed = await side.thread(WEB)
    assert (closed.live, closed.messages, closed.sent) == (False, (), ())
    assert closed.newest > thread.newest


async def test_over_http(services: Services, clock: Clock) -> None:
    gateway = Gateway(services.gateway_parts(), None)
    app = build_app(services, gateway, lambda: {})
    officer = services.store.accounts.add("lan", "Lan", ["duty_officer"], "x", by=Actor()).account_id
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client:
        path = f"/api/v1/conversations/{WEB}/updates"
        assert (await client.get(path)).json() == {"updates": []}
        case_id = (await client.post("/api/v1/messages", json={"conversation_id": WEB, "text": DANGER})).json()["case_id"]
        services.store.duty.take(case_id, officer)
        services.store.duty.say(case_id, officer, "Em ơi")
        answered = await client.get(path, params={"after": 0, "wait": 5})
        assert [row["text"] for row in answered.json()["updates"]] == ["Em ơi"]
        assert answered.headers["cache-control"] == "no-store"
        for bad in ({"after": -1}, {"after": "x"}, {"wait": 26}):
            assert (await client.get(path, params=bad)).status_code == 400
        page = await client.get("/", headers={"accept": "text/html", "cookie": f"trogiup_conversation={WEB}"})
        assert "Em ơi" in page.text
        assert DANGER in page.text
        assert "data-live" in page.text
        other = await client.get("/", headers={"accept": "text/html", "cookie": f"trogiup_conversation={'x' * 22}"})
        assert "Em ơi" not in other.text
        form = {"conversation_id": WEB, "message_id": "m" * 22, "text": "em ở trong phòng"}
        sent = await client.post("/", data=form, headers={"accept": "text/html", "cookie": f"trogiup_conversation={WEB}"})
        assert sent.text.count("em ở trong phòng") == 1
        assert "Đã gửi" in sent.text
    await gateway.intake.close()


class Channel:
    """Keeps what it is brought; fails as often as it is told."""

    def __init__(self) -> None:
        self.brought: list[str] = []
        self.failures = 0

    async def deliver(self, row: Outgoing) -> None:
        if self.failures:
            self.failures -= 1
            raise NotDelivered("The channel does not answer.")
        self.brought.append(row.text)


async def test_a_channel_is_brought_danger_first_and_again_what_it_did_not_take(store: Store, clock: Clock, officer: str) -> None:
    channel = Channel()
    deliveries = Deliveries(store, {"zalo": channel}, clock)
    for conversation_id, case in (("zalo:1", NewCase("handover", 0, "handover")), ("zalo:2", NewCase("suicide", 4, "danger"))):
        case_id = store.conversations.accept(conversation_id, "m", "a", clock(), "zalo", case).case_id
        assert case_id
        store.duty.take(case_id, officer)
        for n in (1, 2):
            store.duty.say(case_id, officer, f"{conversation_id} {n}")
    opened(store, clock)  # the page's own rows are nobody's to bring
    channel.failures = 1
    assert await deliveries.round() == 2
    assert channel.brought == ["zalo:1 1", "zalo:1 2"]  # the first of danger failed, and what follows it waits
    clock.forward(seconds=1)
    assert await deliveries.round() == 2
    assert channel.brought[2:] == ["zalo:2 1", "zalo:2 2"]
    assert await deliveries.round() == 0
    rows: list[Any] = [row for n in (1, 2) for row in store.outbox.after(f"zalo:{n}")]
    assert all(row.delivered_at for row in rows)
    assert max(row.attempts for row in rows) == 2
