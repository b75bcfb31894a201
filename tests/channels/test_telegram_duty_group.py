"""The duty desk in Telegram: the group learns that there is a case, the officer who takes it reads and answers, nobody else does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from actions.duty.notices import DutyNotices
from bot.channels.model import Block, Incoming, Reply
from bot.channels.telegram.channel import TelegramChannel
from bot.channels.telegram.duty_group import DutyFirst, DutyGroup
from knowledge.directory import Directory
from knowledge.errors import SettingsError
from knowledge.store import EVERYBODY, Account, Actor, NewCase, Step, Store, sqlite_url

GROUP, AN, BINH = "-500", "71", "72"
WORDS = "Anh ấy đang cầm dao ngoài cửa"


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Desk:
    store: Store
    group: DutyGroup
    clock: Clock
    events: int = 0
    seen: int = 0

    def officer(self, username: str, number: str | None, *roles: str) -> Account:
        account = self.store.accounts.add(username, f"Nguyễn {username}", roles or ("duty_officer",), "-", by=Actor())
        if number:
            self.store.messengers.link("telegram", number, account.account_id, Actor())
        return account

    def writes(self, text: str = WORDS, message_id: str = "m1", who: str = "web:1", risk: int = 4) -> str:
        case = NewCase("domestic_violence", risk, "danger", "Cà Mau")
        accepted = self.store.conversations.accept(who, message_id, text, self.clock(), "web", case)
        assert accepted.case_id
        return accepted.case_id

    def sent(self) -> list[dict[str, Any]]:
        """What is new in the sends, in order; after a round."""
        self.group.round()
        found = []
        while rows := self.store.sends.claim(["telegram"], 50, timedelta(minutes=1)):
            assert all(row.lane == "danger" for row in rows)
            found += [(row.send_id, json.loads(row.call_json or "{}")) for row in rows]
            self.store.sends.sent({row.send_id: None for row in rows})
        return [call for _, call in sorted(found, key=lambda pair: pair[0])]

    async def comes(self, author: str, kind: Any, chat: str = GROUP, text: str = "", **data: str) -> list[str] | None:
        self.events += 1
        event = Incoming("telegram", str(self.events), f"telegram:{chat}", kind, self.clock(), text, "5", {"author": author, **data})
        replies = await self.group.handle(event)
        again = await self.group.handle(event) if kind != "choice" else replies
        assert (replies is None) is (again is None)
        return None if replies is None else [block.text for reply in replies for block in reply.blocks]

    async def presses(self, author: str, call: dict[str, Any], label: str, chat: str = GROUP) -> list[str] | None:
        keys = [key for row in call["reply_markup"]["inline_keyboard"] for key in row]
        (data,) = [key["callback_data"] for key in keys if key["text"] == label]
        menu, _, number = data.rpartition(":")
        return await self.comes(author, "choice", chat, menu=menu, number=number)


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "trogiup.db"
    Store.open(sqlite_url(path), Clock()).close()
    return path


@pytest.fixture
def desk(empty_database: Path, tmp_path: Path) -> Iterator[Desk]:
    clock = Clock()
    store = Store.open(sqlite_url(shutil.copy(empty_database, tmp_path / "trogiup.db")), clock)
    channel = TelegramChannel("1:A", "http://127.0.0.1:9/bot", clock)
    yield Desk(store, DutyGroup(store, channel, DutyNotices.load(Directory.load()), clock, GROUP), clock)
    store.close()


def test_the_group_is_told_of_a_case_once_and_never_what_was_written(desk: Desk) -> None:
    case_id = desk.writes(risk=2)
    (alert,) = desk.sent()
    assert alert["chat_id"] == int(GROUP)
    assert alert["text"].startswith(f"<b>Ca {case_id} · ca mới</b>")
    assert "Cà Mau" in alert["text"]
    assert "10:00" in alert["text"]
    assert WORDS not in alert["text"]
    assert desk.sent() == []

    desk.writes(message_id="m2", risk=4)
    (raised,) = desk.sent()
    assert "nặng thêm" in raised["text"]

    again = DutyGroup(desk.store, desk.group._channel, desk.group._desk.notices, desk.clock, GROUP)
    assert again.round() == 0, "another program tells nothing twice"


async def test_who_takes_it_reads_it_alone_and_answers_the_person(desk: Desk) -> None:
    an = desk.officer("cb-an", AN)
    case_id = desk.writes()
    (alert,) = desk.sent()
    said = await desk.presses(AN, alert, "Nhận ca")
    assert said
    assert "Nguyễn cb-an" in said[0]
    assert desk.store.cases.get(case_id).holder == an.account_id

    about, words = desk.sent()
    assert about["chat_id"] == words["chat_id"] == int(AN)
    assert WORDS in words["text"]
    desk.writes("Em trốn trong bếp", "m2")
    (more,) = desk.sent()
    assert "Em trốn trong bếp" in more["text"]

    shown = more["text"].replace("<b>", "").replace("</b>", "")
    assert await desk.comes(AN, "text", AN, "Chị ở yên đó, công an đang tới.", reply_to_text=shown) == []
    rows = [row for row in desk.store.outbox.after("web:1") if row.kind == "officer"]
    assert [row.text for row in rows] == ["Chị ở yên đó, công an đang tới."], "the same event worked twice says it once"

    (asked,) = (await desk.group.handle(_press(desk, about, "Đóng ca", AN))) or ()
    (number,) = [n for n, button in enumerate(asked.buttons, start=1) if button.value == "police"]
    closed = await desk.comes(AN, "choice", AN, menu=asked.menu or "", number=str(number))
    assert closed
    assert "Đã chuyển công an" in closed[0]
    assert (desk.store.cases.get(case_id).state, desk.store.cases.get(case_id).outcome_code) == ("closed", "police")
    assert [call["chat_id"] for call in desk.sent()] == [int(GROUP)]


def _press(desk: Desk, call: dict[str, Any], label: str, author: str) -> Incoming:
    keys = [key for row in call["reply_markup"]["inline_keyboard"] for key in row]
    (data,) = [key["callback_data"] for key in keys if key["text"] == label]
    menu, _, number = data.rpartition(":")
    desk.events += 1
    data = {"author": author, "menu": menu, "number": number}
    return Incoming("telegram", str(desk.events), f"telegram:{author}", "choice", desk.clock(), "", None, data)


async def test_nobody_closes_what_nobody_has_read(desk: Desk) -> None:
    desk.officer("cb-an", AN)
    case_id = desk.writes()
    (alert,) = desk.sent()
    await desk.presses(AN, alert, "Nhận ca")
    about = desk.sent()[0]
    (asked,) = (await desk.group.handle(_press(desk, about, "Đóng ca", AN))) or ()
    desk.writes("Anh ấy quay lại rồi", "m2")
    said = await desk.comes(AN, "choice", AN, menu=asked.menu or "", number="1")
    assert said
    assert "vừa viết thêm" in said[0]
    assert desk.store.cases.get(case_id).state == "taken"


async def test_two_do_not_have_one_case(desk: Desk) -> None:
    an = desk.officer("cb-an", AN)
    desk.officer("cb-binh", BINH)
    case_id = desk.writes()
    (alert,) = desk.sent()
    await desk.presses(AN, alert, "Nhận ca")
    said = await desk.presses(BINH, alert, "Nhận ca")
    assert said
    assert "Nguyễn cb-an đang giữ" in said[0]
    said = await desk.comes(BINH, "text", text="Chào chị", reply_to_text=f"Ca {case_id} · ca mới")
    assert said
    assert "Nguyễn cb-an đang giữ" in said[0]
    assert desk.store.cases.get(case_id).holder == an.account_id
    assert not [row for row in desk.store.outbox.after("web:1") if row.kind == "officer"]


@pytest.mark.parametrize("roles", [None, ("editor",)])
async def test_who_is_no_officer_does_nothing(desk: Desk, roles: tuple[str, ...] | None) -> None:
    if roles:
        desk.officer("cb-an", AN, *roles)
    case_id = desk.writes()
    (alert,) = desk.sent()
    for said in (
        await desk.presses(AN, alert, "Nhận ca"),
        await desk.presses(AN, alert, "Xem"),
        await desk.comes(AN, "text", text="Chào chị", reply_to_text=f"Ca {case_id} · ca mới"),
    ):
        assert said
        assert "/lienket" in said[0]
    assert await desk.comes(AN, "text", AN, "Chào chị", reply_to_text=f"Ca {case_id} · ca mới") is None, "a citizen's own words"
    assert desk.store.cases.get(case_id).state == "open"
    assert desk.sent() == []


async def test_a_disabled_officer_is_none(desk: Desk) -> None:
    an = desk.officer("cb-an", AN)
    desk.store.accounts.disable(an.account_id, Actor())
    desk.writes()
    (alert,) = desk.sent()
    said = await desk.presses(AN, alert, "Nhận ca")
    assert said
    assert "/lienket" in said[0]


async def test_words_are_read_before_taking_only_by_who_is_asked(desk: Desk) -> None:
    desk.officer("cb-an", AN)
    desk.writes()
    (alert,) = desk.sent()
    said = await desk.presses(AN, alert, "Xem")
    assert said
    assert "Nhận ca" in said[0]
    assert desk.sent() == []


async def test_whoever_is_asked_reads_before_taking_and_that_is_written_down(desk: Desk) -> None:
    desk.officer("cb-an", AN)
    case_id = desk.writes()
    (alert,) = desk.sent()
    now = desk.clock()
    desk.store.duty.advance(case_id, lambda *_: Step("offered_to_all", EVERYBODY, None, now, ()))
    desk.sent()
    for _ in range(2):
        assert await desk.presses(AN, alert, "Xem") == []
        (words,) = desk.sent()
        assert words["chat_id"] == int(AN)
        assert WORDS in words["text"]
    assert [event.kind for event in desk.store.cases.events(case_id)].count("looked") == 2
    assert desk.store.cases.get(case_id).state == "open"


def test_a_group_that_is_gone_is_called_out(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.store.chats.blocked(f"telegram:{GROUP}", desk.clock())
    desk.writes()
    assert len(desk.sent()) == 1, "it is tried all the same"
    assert "duty_group_gone" in caplog.text


async def test_given_back_is_offered_anew(desk: Desk) -> None:
    desk.officer("cb-an", AN)
    case_id = desk.writes()
    (alert,) = desk.sent()
    await desk.presses(AN, alert, "Nhận ca")
    about = desk.sent()[0]
    said = await desk.presses(AN, about, "Chuyển", AN)
    assert said
    assert "trả lại" in said[0]
    assert desk.store.cases.get(case_id).state == "open"
    assert "cần người khác" in desk.sent()[0]["text"]


async def test_pictures_and_edits_are_not_taken_for_sent(desk: Desk) -> None:
    desk.officer("cb-an", AN)
    case_id = desk.writes()
    for kind in ("media", "edit"):
        said = await desk.comes(AN, kind, text="" if kind == "media" else "Sửa", reply_to_text=f"Ca {case_id} · ca mới")
        assert said
        assert "chưa" in said[0]
    assert not [row for row in desk.store.outbox.after("web:1") if row.kind == "officer"]


def test_a_group_without_a_number_is_refused_at_the_start(desk: Desk) -> None:
    with pytest.raises(SettingsError, match="TROGIUP_TELEGRAM_DUTY_CHAT"):
        DutyGroup(desk.store, desk.group._channel, desk.group._desk.notices, desk.clock, "@nhom_truc")


async def test_how_an_officer_is_linked(desk: Desk) -> None:
    said = await desk.comes(AN, "text", AN, "/lienket")
    assert said
    assert f"link-telegram TÊN {AN}" in said[0]
    desk.officer("cb-an", AN)
    said = await desk.comes(AN, "text", AN, "/lienket")
    assert said
    assert "Nguyễn cb-an" in said[0]
    assert await desk.comes(AN, "text", GROUP, "/lienket") is None


async def test_everything_else_is_the_citizens(desk: Desk) -> None:
    @dataclass
    class Concierge:
        handled: int = 0

        async def handle(self, incoming: Incoming) -> tuple[Reply, ...]:
            self.handled += 1
            return ()

        def flooded(self, incoming: Incoming, skipped: int) -> Reply:
            return Reply("flooded", "normal", (Block("text", str(skipped)),))

        def failed(self, incoming: Incoming) -> Reply:
            return Reply("failed", "normal", ())

    citizens = Concierge()
    both = DutyFirst(desk.group, citizens)
    event: Callable[[str, str], Incoming] = lambda channel, text: Incoming(channel, "1", f"{channel}:9", "text", desk.clock(), text)  # noqa: E731
    assert await both.handle(event("telegram", "Chào")) == ()
    assert await both.handle(event("zalo-oa", "/lienket")) == ()
    assert citizens.handled == 2
    assert both.flooded(event("telegram", "x"), 3).key == "flooded"
    assert both.failed(event("telegram", "x")).key == "failed"


def test_one_number_is_one_officer(desk: Desk) -> None:
    an, binh = desk.officer("cb-an", AN), desk.officer("cb-binh", None)
    desk.store.messengers.link("telegram", AN, binh.account_id, Actor())
    assert desk.store.messengers.author_of("telegram", an.account_id) is None
    found = desk.store.messengers.account_of("telegram", AN)
    assert found
    assert found.account_id == binh.account_id
    assert desk.store.messengers.unlink("telegram", binh.account_id, Actor())
    assert not desk.store.messengers.unlink("telegram", binh.account_id, Actor())
    assert desk.store.messengers.account_of("telegram", AN) is None
    assert {"messenger_linked", "messenger_unlinked"} <= set(desk.store.audit.actions())
