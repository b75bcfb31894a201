"""The talk about a case, through the gateway: what the person says stands in the case, and no model or document is waited for."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from house_fakes import FACILITIES, Clock, FakeRasa, check_answer, store_down

from actions.duty.desk import DutyDesk
from actions.duty.notices import DutyNotices
from bot.gateway import Gateway, Parts
from bot.services import Services
from bot.throttle import Throttle
from knowledge.collection import Collection
from knowledge.directory import Directory
from knowledge.store import Actor, CaseJournal, Store

TOLD = "bố dượng hay sờ vào người em"


async def test_a_child_who_says_where_it_is_is_heard(
    parts: Parts, rasa: FakeRasa, store: Store, opened: Services, collection: Collection
) -> None:
    gateway = Gateway(parts, rasa, Throttle(burst=10_000))
    first = await gateway.reply(conversation_id="c", text=TOLD)
    assert first["kind"] == "urgent"
    said = ["em ở Cà Mau", "xã Khánh An ạ", "gọi mẹ em số 0912345678 sau 9h tối", "dạ được", "dạ cảm ơn"]
    answers = [await gateway.reply(conversation_id="c", text=text) for text in said]
    assert {(told["kind"], told["case_id"]) for told in answers} == {("handover", first["case_id"])}
    assert ["?" in told["text"] for told in answers] == [True, True, True, False, False]
    assert answers[0]["text"].startswith("Đã ghi thêm cho cán bộ trực: Cà Mau.")
    for told in answers:
        check_answer(told, collection, opened.directory)
        assert "anh/chị" not in told["text"].lower()
    case = store.cases.get(first["case_id"])
    assert (case.province, case.commune, case.safe_contact, case.consent) == ("Cà Mau", "xã Khánh An", said[2], True)
    assert [line.text for line in case.transcript] == [TOLD, *said]
    assert all(event.account_id is None for event in store.cases.events(case.case_id) if event.kind == "note")
    assert rasa.asked == []


async def test_it_does_not_wait_for_rasa(parts: Parts, rasa: FakeRasa) -> None:
    rasa.gate = asyncio.Event()
    gateway = Gateway(parts, rasa, Throttle(burst=10_000))
    await gateway.reply(conversation_id="c", text=TOLD)
    told = await asyncio.wait_for(gateway.reply(conversation_id="c", text="em ở Cà Mau"), 10)
    assert told["kind"] == "handover"


async def test_a_question_is_answered_from_the_documents(gateway: Gateway, parts: Parts, clock: Clock) -> None:
    question = "Ở Đồng Nai, bao nhiêu xã phải có nhà tạm lánh?"
    plain = await gateway.reply(conversation_id="other", text=question)
    await gateway.reply(conversation_id="c", text=TOLD)
    clock.forward(minutes=11)
    first = await gateway.reply(conversation_id="c", text=question)
    assert first["text"] == f"{plain['text']}\nCán bộ trực cũng đọc được cuộc trò chuyện này."
    assert first["citations"] == plain["citations"]
    again = await gateway.reply(conversation_id="c", text=question)
    assert again["text"] == plain["text"]


async def test_what_was_asked_outlives_a_restart(parts: Parts, store: Store) -> None:
    await Gateway(parts, None).reply(conversation_id="c", text=TOLD)
    where = await Gateway(parts, None).reply(conversation_id="c", text="em muốn kể thêm")
    contact = await Gateway(parts, None).reply(conversation_id="c", text="xã Khánh An, Cà Mau")
    consent = await Gateway(parts, None).reply(conversation_id="c", text="0912345678")
    assert ["tỉnh nào" in where["text"], "số nào" in contact["text"], "báo cáo" in consent["text"]] == [True, True, True]
    (case,) = store.cases.list()
    assert (case.commune, case.safe_contact, case.consent) == ("xã Khánh An", "0912345678", None)


async def test_the_same_message_is_answered_once(gateway: Gateway, store: Store) -> None:
    await gateway.reply(conversation_id="c", text=TOLD)
    told = [await gateway.reply(conversation_id="c", message_id="m2", text="em ở Cà Mau") for _ in range(2)]
    assert told[0] == told[1]
    (case,) = store.cases.list()
    assert len(store.cases.get(case.case_id).transcript) == 2


async def test_new_danger_is_danger(gateway: Gateway, store: Store) -> None:
    await gateway.reply(conversation_id="c", text=TOLD)
    assert (await gateway.reply(conversation_id="c", text="em ở Cà Mau"))["kind"] == "handover"
    told = await gateway.reply(conversation_id="c", text="dượng đang cầm dao đuổi em")
    assert (told["kind"], store.cases.list()[0].risk) == ("urgent", 4)


async def test_where_seconds_count_only_what_tells_something_else_is_not_danger(gateway: Gateway) -> None:
    await gateway.reply(conversation_id="c", text="bố em dọa giết em")
    assert (await gateway.reply(conversation_id="c", text="em sợ"))["kind"] == "urgent"
    told = await gateway.reply(conversation_id="c", text="em ở Cà Mau")
    assert told["kind"] == "handover"
    assert told["hotlines"][0]["phone"] in told["text"]


async def test_it_is_silent_while_an_officer_has_the_conversation(gateway: Gateway, store: Store, clock: Clock) -> None:
    first = await gateway.reply(conversation_id="c", text=TOLD)
    officer = store.accounts.add("lan", "Lan", ["duty_officer"], "x", by=Actor()).account_id
    desk = DutyDesk(store, DutyNotices.load(Directory.load()), clock)
    desk.take(first["case_id"], officer)
    assert (await gateway.reply(conversation_id="c", text="xã Khánh An"))["text"] == ""
    assert store.cases.get(first["case_id"]).commune is None
    desk.close(first["case_id"], officer, "done", "xong")
    after = await gateway.reply(conversation_id="c", text=FACILITIES)
    assert "Cán bộ trực" not in after["text"]


async def test_without_the_database_nothing_is_said_to_be_written_down(
    parts: Parts, store: Store, journal: CaseJournal, opened: Services, collection: Collection
) -> None:
    first = await Gateway(parts, None).reply(conversation_id="c", text=TOLD)
    cut_off = Gateway(replace(parts, store=store_down()), None)
    cut_off.intake.learn("c", first["case_id"], taken=False)
    told = await cut_off.reply(conversation_id="c", text="em ở xã Khánh An, Cà Mau")
    check_answer(told, collection, opened.directory)
    assert told["hotlines"]
    for word in ("ghi", "anh/chị", "?"):
        assert word not in told["text"].lower()
    assert (await cut_off.reply(conversation_id="c", text=FACILITIES))["kind"] == "answer"
    journal.replay(store)
    assert (await Gateway(parts, None).reply(conversation_id="c", text="dạ"))["kind"] == "handover"
    assert store.cases.get(first["case_id"]).commune == "xã Khánh An"


@pytest.mark.parametrize("text", ["dạ cảm ơn", "cho em gặp cán bộ", "bạn là người hay máy", "hihi", "thời tiết hôm nay thế nào", "ok"])
async def test_no_text_speaks_to_a_child_as_to_a_grown_up(gateway: Gateway, text: str) -> None:
    await gateway.reply(conversation_id="c", text=TOLD)
    told = await gateway.reply(conversation_id="c", text=text)
    assert told["kind"] == "handover"
    assert "anh/chị" not in told["text"].lower()
