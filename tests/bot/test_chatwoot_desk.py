"""Cases to an emulated Chatwoot and its agents' replies back, through the real application."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from chatwoot_emulator import BASE, SECRET, TOKEN, Emulator
from house_fakes import DANGER, Clock

from actions.duty.desk import DutyDesk
from actions.duty.notices import DutyNotices
from bot import commands
from bot import serve as serve_module
from bot.api import build_app
from bot.duty.chatwoot import Chatwoot
from bot.duty.chatwoot_desk import ChatwootDesk, check
from bot.gateway import Gateway
from bot.serve import _served, house
from bot.services import Services
from bot.settings import Settings
from bot.supervisor import free_port
from knowledge.directory import Directory
from knowledge.errors import SettingsError, StoreError, TrogiupError
from knowledge.store import Actor, NewCase, Store

SCARED = NewCase("domestic_violence", 4, "danger", voice="adult")
ABOUT = (
    "note",
    "Ca {}: bạo lực gia đình. Mức độ: nguy hiểm ngay lúc này. Anh/chị trả lời ở đây là nhận ca; người nhắn được báo là có cán bộ vào.",
)


@dataclass
class Office:
    """One house beside one Chatwoot. `desk` may be put in place anew, as a restart does."""

    emulator: Emulator
    store: Store
    clock: Clock
    desk: ChatwootDesk
    app: Any = None

    def write(self, text: str, message_id: str, case: NewCase | None = None, person: str = "web:1") -> str:
        accepted = self.store.conversations.accept(person, message_id, text, self.clock(), "web", case)
        return str(accepted.case_id)

    def answer(self, message_id: str, text: str) -> None:
        self.store.conversations.finish("web:1", message_id, json.dumps({"text": text}), None)

    def number(self, case_id: str) -> int:
        (number,) = [number for number, owner in self.emulator.conversations.items() if owner == case_id]
        return number

    def seen(self, case_id: str) -> list[tuple[str, str]]:
        return self.emulator.seen(self.number(case_id))

    async def post(self, event: Any, secret: str = SECRET) -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://us.test") as client:
            return (await client.post(f"/chatwoot/{secret}", json=event)).status_code

    def event(self, case_id: str, text: str, **more: Any) -> Any:
        """An agent's reply, as it is delivered."""
        message = {"id": len(self.emulator.messages) + 900, "conversation": self.number(case_id), "content": text}
        self.emulator.messages.append({**message, "kind": "outgoing", "private": False})
        return {**self.emulator.event(self.emulator.messages[-1]), **more}

    def sent(self) -> list[str]:
        return [row.text for row in self.store.outbox.after("web:1")]

    def officer(self, name: str = "Trần Thị Lan") -> str:
        return self.store.accounts.add("lan", name, ["duty_officer"], "!", by=Actor()).account_id


@pytest.fixture(scope="module")
def notices() -> DutyNotices:
    return DutyNotices.load(Directory.load())


@pytest.fixture
async def office(store: Store, clock: Clock, notices: DutyNotices, opened: Services, gateway: Gateway) -> AsyncIterator[Office]:
    emulator = Emulator()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(emulator.app)) as client:
        chatwoot = Chatwoot(client, base_url=BASE, inbox_identifier="inbox-1", api_token=TOKEN)
        office = Office(emulator, store, clock, ChatwootDesk(store, chatwoot, notices, clock))
        office.app = build_app(opened, gateway, dict, office.desk.router(SECRET))
        yield office


@pytest.fixture
def restarted(office: Office, notices: DutyNotices) -> Callable[..., ChatwootDesk]:
    def make(token: str | None = TOKEN) -> ChatwootDesk:
        client = httpx.AsyncClient(transport=httpx.ASGITransport(office.emulator.app))
        chatwoot = Chatwoot(client, base_url=BASE, inbox_identifier="inbox-1", api_token=token)
        return ChatwootDesk(office.store, chatwoot, notices, office.clock)

    return make


async def test_a_case_is_brought_once_and_in_order(office: Office, restarted: Callable[..., ChatwootDesk]) -> None:
    case_id = office.write(DANGER, "m1", SCARED)
    await office.desk.round()
    office.answer("m1", "Gọi 113 ngay.")
    office.clock.forward(seconds=1)
    office.write("em ở Cà Mau", "m2")
    for desk in (office.desk, office.desk, restarted(), restarted()):
        await desk.round()
    assert office.seen(case_id) == [
        (ABOUT[0], ABOUT[1].format(case_id)),
        ("person", DANGER),
        ("note", "Máy đã trả lời người nhắn: Gọi 113 ngay."),
        ("person", "em ở Cà Mau"),
    ]
    assert office.emulator.contacts == {case_id: f"Người nhắn {case_id}"}


async def test_a_message_that_joins_late_and_a_graver_risk_are_brought(office: Office) -> None:
    office.store.conversations.accept("web:1", "m0", "cho em gặp người", office.clock(), "web")
    office.clock.forward(seconds=1)
    case_id = office.write("em buồn", "m1", NewCase("other", 1, "handover"))
    await office.desk.round()
    office.write("cho em gặp người", "m0", SCARED)
    await office.desk.round()
    assert [(who, text[:27]) for who, text in office.seen(case_id)[1:]] == [
        ("person", "em buồn"),
        ("note", f"Ca {case_id}: việc khác, bạo"[:27]),
        ("person", "cho em gặp người"),
    ]


async def test_an_hour_of_errors_loses_nothing(office: Office, restarted: Callable[..., ChatwootDesk]) -> None:
    first = office.write("một", "m0", SCARED)
    await office.desk.round()
    office.emulator.down = True
    for minute in range(0, 60, 3):
        office.write(f"phút {minute}", f"m{minute + 1}")
        office.clock.forward(minutes=3)
        if minute == 30:
            office.desk = restarted()
        await office.desk.round()
    second = office.write("người khác", "n1", SCARED, "web:2")
    office.emulator.down = False
    for _ in range(5):
        office.clock.forward(minutes=1)
        await office.desk.round()
    assert [text for who, text in office.seen(first) if who == "person"] == ["một", *(f"phút {minute}" for minute in range(0, 60, 3))]
    assert office.seen(second)[1:] == [("person", "người khác")]


async def test_a_message_that_is_not_taken_holds_up_nobody_else(office: Office) -> None:
    broken = [office.write("hỏng", f"m{n}", SCARED, f"web:broken{n}") for n in range(4)]
    office.clock.forward(seconds=1)
    case_id = office.write("sau", "m1", SCARED)
    office.emulator.refuses = {"hỏng"}
    await office.desk.round()
    await office.desk.round()
    assert office.seen(case_id)[1:] == [("person", "sau")]
    office.emulator.refuses = set()
    office.clock.forward(minutes=1)
    await office.desk.round()
    assert [office.seen(other)[1:] for other in broken] == [[("person", "hỏng")]] * 4


async def test_two_programs_do_not_bring_the_same(office: Office, restarted: Callable[..., ChatwootDesk]) -> None:
    case_id = office.write(DANGER, "m1", SCARED)
    assert office.store.chatwoot.lease(case_id, timedelta(minutes=3)) is not None
    assert office.store.chatwoot.lease(case_id, timedelta(minutes=3)) is None
    await office.desk.round()
    assert office.emulator.messages == []
    office.clock.forward(minutes=4)  # it was killed
    await restarted().round()
    assert office.seen(case_id)[1:] == [("person", DANGER)]


@pytest.mark.parametrize("token", [None, "no-longer-good"])
async def test_without_notes_agents_read_marked_lines(office: Office, restarted: Callable[..., ChatwootDesk], token: str | None) -> None:
    case_id = office.write(DANGER, "m1", SCARED)
    await restarted(token).round()
    marked = "[Máy ghi, không phải lời người nhắn] " + ABOUT[1].format(case_id)
    assert office.seen(case_id) == [("person", marked), ("person", DANGER)]


async def test_a_conversation_deleted_there_is_opened_anew(office: Office) -> None:
    case_id = office.write(DANGER, "m1", SCARED)
    await office.desk.round()
    office.emulator.conversations.clear()
    office.write("còn đây", "m2")
    for _ in range(2):
        await office.desk.round()
        office.clock.forward(minutes=1)
    assert office.seen(case_id)[-1] == ("person", "còn đây")


async def test_an_agents_reply_takes_the_case_and_reaches_the_person(office: Office) -> None:
    case_id = office.write(DANGER, "m1", SCARED)
    await office.desk.round()
    event = office.event(case_id, "Tôi đang nghe đây.", sender={"id": 1, "name": "Nguyễn Hoa", "type": "user"})
    for _ in range(3):
        assert await office.post(event) == 200
    account = office.store.accounts.by_username("chatwoot")
    assert account.roles == {"duty_officer"}
    case = office.store.cases.get(case_id)
    assert (case.state, case.holder) == ("taken", account.account_id)
    joined, words = office.sent()
    assert joined.startswith("Cán bộ trực Nguyễn Hoa đã vào cuộc trò chuyện.")
    assert words == "Tôi đang nghe đây."
    assert [event.kind for event in office.store.cases.events(case_id)] == ["opened", "message", "taken", "told", "message"]


async def test_an_agent_without_a_name_is_the_officer_on_duty(office: Office) -> None:
    case_id = office.write(DANGER, "m1", SCARED)
    await office.desk.round()
    assert await office.post(office.event(case_id, "Chào", sender={"type": "user"})) == 200
    assert office.sent()[0].startswith("Cán bộ trực đã vào cuộc trò chuyện.")


async def test_a_reply_delivered_again_after_a_restart_is_sent_once_and_takes_nothing(
    office: Office, restarted: Callable[..., ChatwootDesk], opened: Services, gateway: Gateway
) -> None:
    case_id = office.write(DANGER, "m1", SCARED)
    await office.desk.round()
    event = office.event(case_id, "Tôi đang nghe đây.")
    await office.post(event)
    office.store.duty.give_back(case_id, office.store.accounts.by_username("chatwoot").account_id)
    office.app = build_app(opened, gateway, dict, restarted().router(SECRET))
    assert await office.post(event) == 200
    assert office.sent()[1:] == ["Tôi đang nghe đây."]
    assert office.store.cases.get(case_id).state == "open"


async def test_a_wrong_secret_changes_nothing(office: Office) -> None:
    case_id = office.write(DANGER, "m1", SCARED)
    await office.desk.round()
    assert await office.post(office.event(case_id, "x"), "a-secret-of-nobody-here") == 404
    assert office.store.cases.get(case_id).state == "open"
    assert office.sent() == []
    with pytest.raises(SettingsError):
        office.desk.router("short")


async def test_the_desk_has_the_case(office: Office, notices: DutyNotices) -> None:
    case_id = office.write(DANGER, "m1", SCARED)
    await office.desk.round()
    DutyDesk(office.store, notices, office.clock).take(case_id, lan := office.officer())
    before, event = office.sent(), office.event(case_id, "Tôi nghe đây.")
    for _ in range(2):
        assert await office.post(event) == 200
    assert await office.post(office.emulator.resolved(office.number(case_id))) == 200
    for _ in range(2):
        await office.desk.round()
    assert office.sent() == before
    case = office.store.cases.get(case_id)
    assert (case.state, case.holder) == ("taken", lan)
    assert office.seen(case_id)[-2:] == [
        ("note", "Chưa gửi được lời anh/chị: Trần Thị Lan đang giữ ca này ở bàn trực và đang nói chuyện với người nhắn."),
        ("note", "Ca chưa đóng: Trần Thị Lan đang giữ ca này ở bàn trực."),
    ]


async def test_an_end_there_closes_the_case_when_everything_was_read_there(office: Office) -> None:
    case_id = office.write(DANGER, "m1", SCARED)
    await office.desk.round()
    await office.post(office.event(case_id, "Tôi nghe đây."))
    end = office.emulator.resolved(office.number(case_id))
    office.write("nó quay lại", "m2")
    assert await office.post(end) == 200
    assert office.store.cases.get(case_id).state == "taken"
    await office.desk.round()
    assert office.seen(case_id)[-2:] == [
        ("person", "nó quay lại"),
        ("note", "Ca chưa đóng: người nhắn vừa viết thêm. Anh/chị đọc tin mới rồi đóng lại."),
    ]
    for _ in range(2):
        assert await office.post(end) == 200
    case = office.store.cases.get(case_id)
    assert (case.state, case.outcome_code) == ("closed", "other")
    assert office.sent()[-1].startswith("Cán bộ trực đã rời cuộc trò chuyện")
    assert await office.post(office.event(case_id, "quên mất")) == 200
    await office.desk.round()
    assert office.seen(case_id)[-1][1].startswith("Chưa gửi được lời anh/chị: ca này đã đóng.")


async def test_nobody_is_closed_away_whom_no_agent_has_answered(office: Office) -> None:
    case_id = office.write(DANGER, "m1", SCARED)
    await office.desk.round()
    end = office.emulator.resolved(office.number(case_id))
    await office.post(end)
    assert office.store.cases.get(case_id).state == "open"
    await office.post(office.event(case_id, "Tôi nghe đây."))
    office.store.duty.give_back(case_id, office.store.accounts.by_username("chatwoot").account_id)
    await office.post(end)  # the agent was silent for a while, and has it again to end it
    assert office.store.cases.get(case_id).state == "closed"
    await office.desk.round()
    assert [text[:22] for who, text in office.seen(case_id) if who == "note"][1:] == ["Ca chưa đóng: chưa có "]


async def test_pictures_and_a_disabled_account_are_told_to_the_agent(office: Office) -> None:
    case_id = office.write(DANGER, "m1", SCARED)
    await office.desk.round()
    files = [{"data_url": "http://chatwoot.test/a.jpg"}]
    await office.post(office.event(case_id, "Xem hình", attachments=files))
    account = office.store.accounts.by_username("chatwoot").account_id
    office.store.accounts.disable(account, Actor())
    await office.post(office.event(case_id, "còn đó không"))
    await office.desk.round()
    assert office.sent()[1:] == ["Xem hình"]
    assert [text for who, text in office.seen(case_id) if who == "note"][1:] == [
        "Tệp đính kèm chưa tới người nhắn: từ đây chỉ gửi được chữ.",
        "Chưa gửi được lời anh/chị: quản trị viên đã khóa đường trả lời từ Chatwoot. Anh/chị trả lời ở bàn trực.",
    ]


async def test_what_is_not_ours_is_left(office: Office) -> None:
    office.write(DANGER, "m1", SCARED)
    await office.desk.round()
    office.emulator.conversations[7] = "somebody-else"
    event = office.emulator.event(
        office.emulator.add(7, "x", "outgoing", False) | {"conversation": 7, "kind": "outgoing", "private": False}
    )
    assert await office.post(event) == 200
    assert await office.post(office.emulator.resolved(7)) == 200
    assert office.sent() == []


async def test_a_database_that_is_busy_is_asked_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    case_id = office.write(DANGER, "m1", SCARED)
    await office.desk.round()
    take, errors = office.store.duty.take, iter([StoreError("busy"), StoreError("busy")])

    def busy(*arguments: Any) -> Any:
        if error := next(errors, None):
            raise error
        return take(*arguments)

    monkeypatch.setattr(office.store.duty, "take", busy)
    assert await office.post(office.event(case_id, "Tôi nghe đây.")) == 200
    assert office.sent()[1:] == ["Tôi nghe đây."]


async def test_what_is_erased_here_is_known_there_no_more(office: Office) -> None:
    case_id = office.write(DANGER, "m1", SCARED)
    await office.desk.round()
    office.store.cases.close(case_id, "xong")
    office.store.retention.erase(case_id)
    assert office.store.chatwoot.case_of(office.number(case_id), case_id) is None
    assert office.store.chatwoot.waiting() == ()


async def test_the_house_brings_cases_and_takes_replies(
    home: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch, until: Callable[..., Any]
) -> None:
    emulator, port = Emulator(), free_port()
    monkeypatch.setattr(serve_module, "trim_memory", lambda: None)
    wired = {"URL": f"http://127.0.0.1:{port}", "INBOX": "inbox-1", "SECRET": SECRET, "TOKEN": TOKEN}
    environ = {f"TROGIUP_CHATWOOT_{name}": value for name, value in wired.items()}
    settings = Settings.load({"TROGIUP_HOME": str(home), **environ}, home)
    services = Services.open(settings, clock)
    async with _served(emulator.app, "127.0.0.1", port), house(services, lambda line: None, with_rasa=False) as running:
        answer = await running.gateway.reply(conversation_id="web:1", text=DANGER)
        await until(lambda: len(emulator.messages) == 3)
        office = Office(emulator, services.store, clock, None, running.app)  # type: ignore[arg-type]
        assert [who for who, _ in office.seen(answer["case_id"])] == ["note", "person", "note"]
        assert await office.post(office.event(answer["case_id"], "Tôi nghe đây.")) == 200
        assert office.sent()[-1] == "Tôi nghe đây."
    services.close()


@pytest.fixture
def until() -> Callable[..., Any]:
    async def wait(true: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not true():
                await asyncio.sleep(0.05)

    return wait


def test_the_doctor_asks_the_inbox(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    environ = {"TROGIUP_CHATWOOT_URL": BASE, "TROGIUP_CHATWOOT_INBOX": "inbox-1", "TROGIUP_CHATWOOT_SECRET": SECRET}
    settings = Settings.load(environ, tmp_path)
    for answer, said in ((200, None), (404, "answers 404"), (None, "does not answer")):

        def asked(url: str, answer: int | None = answer, **_: Any) -> httpx.Response:
            assert url == f"{BASE}/public/api/v1/inboxes/inbox-1"
            if answer is None:
                raise httpx.ConnectError("refused")
            return httpx.Response(answer, request=httpx.Request("GET", url))

        monkeypatch.setattr(httpx, "get", asked)
        if said is None:
            assert check(settings).startswith("the inbox answers")
        else:
            with pytest.raises(TrogiupError, match=said):
                check(settings)


def test_the_doctor_says_when_chatwoot_is_not_there(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    wired = {"URL": "http://127.0.0.1:9", "INBOX": "inbox-1", "SECRET": SECRET}
    environ = {f"TROGIUP_CHATWOOT_{name}": value for name, value in wired.items()}
    settings = Settings.load({"TROGIUP_HOME": str(tmp_path), **environ}, tmp_path)
    assert commands.doctor(settings, argparse.Namespace()) == 1
    out = capsys.readouterr().out
    assert "BAD  chatwoot   Chatwoot does not answer: check TROGIUP_CHATWOOT_URL" in out
    assert SECRET not in out
