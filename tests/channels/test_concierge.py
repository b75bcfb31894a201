"""What is said to whatever arrives, through the real gateway, index and store."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from concierge_house import CHAT, DANGER, FACILITIES, ChatClock, ChatHouse, ChatStore, MemoryChats, blocks, button, labels, said

from actions.texts import Texts
from bot import intake
from bot.channels.concierge import TEXTS, Concierge
from bot.channels.model import Reply
from bot.gateway import Gateway, Parts, TooMany
from bot.services import Services
from bot.settings import Settings
from bot.throttle import Throttle
from knowledge.store import Actor, CaseJournal, Store

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def services(built_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """The session's snapshot in a house of its own. Read only."""
    home = shutil.copytree(built_home, tmp_path_factory.mktemp("concierge") / "home")
    services = Services.open(Settings.load({"TROGIUP_HOME": str(home)}, ROOT), ChatClock())
    services.warm()
    yield services
    services.close()


@pytest.fixture(scope="module")
def parts(services: Services) -> Parts:
    """The tables, read once."""
    return services.gateway_parts()


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "trogiup.db"
    Store.open(f"sqlite:///{path}", ChatClock()).close()
    return path


@pytest.fixture
def house(services: Services, parts: Parts, empty_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatHouse]:
    """Without Rasa, without a throttle, with a store of its own."""
    monkeypatch.setattr(intake, "_DATABASE_S", 5.0)  # a test finds the case in the database
    clock = ChatClock()
    database = shutil.copy(empty_database, tmp_path / "trogiup.db")
    store = Store.open(f"sqlite:///{database}", clock)
    journal = CaseJournal(tmp_path / "cases.journal", clock=clock)
    gateway = Gateway(replace(parts, store=store, journal=journal, clock=clock), None, Throttle(burst=10_000))
    chats = MemoryChats(clock)
    made = Concierge.of(replace(services, clock=clock), gateway, ChatStore(chats, store.conversations, store.updates))
    yield ChatHouse(made, gateway, store, chats, clock)
    store.close()


async def taken(house: ChatHouse, text: str = "cho tôi gặp cán bộ") -> str:
    """A case that an officer has."""
    await house.says(text)
    joined = house.gateway.intake.joined(CHAT)
    assert joined
    officer = house.store.accounts.add("lan", "Nguyễn Thị Lan", ["duty_officer"], "x", by=Actor()).account_id
    house.store.duty.take(joined.case_id, officer)
    await house.gateway.intake.refresh()
    return joined.case_id


# Answers


async def test_a_question_is_answered_once_with_its_source_and_what_can_be_pressed(house: ChatHouse) -> None:
    reply = await house.says(FACILITIES)
    assert (reply.lane, reply.chatter, reply.reply_to) == ("normal", False, "m1")
    assert "16 cơ sở" in blocks(reply, "text")[0]
    assert blocks(reply, "source")[0].startswith("Nguồn: Kế hoạch 2735/KH-UBND (Đồng Nai, 2018–2020, đã hết hạn), mục I.2")
    assert blocks(reply, "notice") == ["Kế hoạch này đặt ra cho giai đoạn 2018–2020, đã kết thúc."]
    assert said(reply).count("đã kết thúc") == 1
    assert labels(reply, "say")[0] == "Xem tiếp"
    assert labels(reply, "vote") == ["👍", "👎"]
    assert 1 <= len(labels(reply, "passage")) <= 3


async def test_the_same_event_is_answered_the_same_under_the_same_key(house: ChatHouse) -> None:
    incoming = house.incoming("text", FACILITIES)
    assert await house.concierge.handle(incoming) == await house.concierge.handle(incoming)


async def test_more_is_told_with_a_press(house: ChatHouse) -> None:
    reply = await house.says(FACILITIES)
    more = await house.presses(reply, "Xem tiếp")
    assert blocks(more, "text") != blocks(reply, "text")
    assert more.key != reply.key


async def test_small_talk_is_chatter_and_asks_for_no_vote(house: ChatHouse) -> None:
    reply = await house.says("xin chào")
    assert reply.chatter
    assert labels(reply, "vote") == []
    assert labels(reply, "say")


async def test_danger_says_the_number_first_and_waits_for_no_chat(house: ChatHouse) -> None:
    house.chats.failing = True
    reply = await house.says(DANGER)
    assert (reply.lane, reply.menu) == ("danger", None)
    assert reply.blocks[0].kind == "lead"
    assert "113" in reply.blocks[0].text
    assert {button.kind for button in reply.buttons} == {"call"}
    assert button(reply, "113").value == "113"
    assert "TG-" in said(reply)
    assert house.chats.calls == []


async def test_without_the_chats_a_question_is_answered_all_the_same(house: ChatHouse) -> None:
    house.chats.failing = True
    assert "16 cơ sở" in said(await house.says(FACILITIES))


async def test_an_empty_text_is_told_so(house: ChatHouse) -> None:
    assert "chưa viết gì" in said(await house.says("\u200b"))


async def test_too_many_is_for_later(house: ChatHouse) -> None:
    house.gateway._throttle = Throttle(burst=0)
    with pytest.raises(TooMany):
        await house.says(FACILITIES)


async def test_nothing_is_said_while_an_officer_has_the_conversation(house: ChatHouse) -> None:
    case_id = await taken(house)
    assert await house.comes("text", "em đợi ạ") == ()
    assert "em đợi ạ" in house.texts_of(case_id)


# A long text


async def test_a_long_text_is_asked_to_be_shortened(house: ChatHouse) -> None:
    assert "dài quá" in said(await house.says("tôi kể chuyện. " * 400))


async def test_danger_at_the_end_of_a_long_text_is_danger_and_all_of_it_is_kept(house: ChatHouse) -> None:
    reply = await house.says("chuyện dài. " * 700 + DANGER)
    assert reply.lane == "danger"
    joined = house.gateway.intake.joined(CHAT)
    assert joined
    kept = [text or "" for text in house.texts_of(joined.case_id)]
    assert sum(text.count("chuyện dài") for text in kept) >= 700
    assert any(DANGER in text for text in kept)


# Commands


@pytest.mark.parametrize("text", ["/start", "/start@TroGiupBot", "/batdau", "bắt đầu"])
async def test_the_welcome_names_the_numbers_first_and_a_machine(house: ChatHouse, text: str) -> None:
    reply = await house.says(text)
    assert reply.blocks[0].kind == "lead"
    assert all(phone in reply.blocks[0].text for phone in ("111", "113", "115"))
    assert "máy" in said(reply)
    assert "số giấy tờ" in said(reply)
    assert "16 cơ sở" not in said(reply)
    assert len(labels(reply, "say")) == 3


@pytest.mark.parametrize("text", ["/help", "/trogiup", "/tro_giup", "trợ giúp", "Hướng dẫn"])
async def test_help(house: ChatHouse, text: str) -> None:
    assert "/tracuu" in said(await house.says(text))


async def test_an_unknown_command_is_told_in_a_line(house: ChatHouse) -> None:
    reply = await house.says("/abc")
    assert "/help" in said(reply)
    assert len(said(reply).split("\n")) == 1


@pytest.mark.parametrize("command", ["/abc", "/tracuu", "/tinh", "/nguoi", "/start", "/xoa"])
async def test_danger_in_a_command_is_danger(house: ChatHouse, command: str) -> None:
    assert (await house.says(f"{command} {DANGER}")).lane == "danger"


async def test_a_province_is_chosen_by_button_and_used_where_none_is_named(house: ChatHouse) -> None:
    shown = await house.says("/tinh")
    assert set(labels(shown, "province")[:4]) == {"Đồng Nai", "Hà Nam", "Cà Mau", "Hưng Yên"}  # those held
    assert "Tỉnh khác" in labels(shown, "say")
    assert "Cà Mau" in said(await house.presses(shown, "Cà Mau"))
    assert house.chats.rows[CHAT].province == "Cà Mau"
    assert "(Cà Mau" in blocks(await house.says("Cơ quan nào lo trợ giúp pháp lý?"), "source")[0]
    assert "(Đồng Nai" in blocks(await house.says(FACILITIES), "source")[0]


async def test_all_provinces_of_today_can_be_paged_through(house: ChatHouse) -> None:
    reply, found = await house.says("/tinh"), []
    while True:
        found += labels(reply, "province")
        if "Tỉnh khác" not in labels(reply, "say"):
            break
        reply = await house.presses(reply, "Tỉnh khác")
    assert len(set(found)) == 35  # today's, and Hà Nam, for which a plan is held
    assert len(found) == 35
    for name in found:
        assert house.concierge._provinces.named(name)


async def test_an_old_province_says_what_it_is_now(house: ChatHouse) -> None:
    told = said(await house.says("/tinh ha nam"))
    assert "Hà Nam thuộc tỉnh Ninh Bình" in told
    assert "chưa có tài liệu" not in told


async def test_a_province_without_documents_and_one_that_does_not_exist(house: ChatHouse) -> None:
    assert "chưa có tài liệu của Nghệ An" in said(await house.says("/tinh Nghệ An"))
    assert "không thấy tỉnh" in said(await house.says("/tinh Xyz"))
    assert house.chats.rows[CHAT].province == "Nghệ An"


async def test_the_choice_is_dropped(house: ChatHouse) -> None:
    await house.says("/tinh Cà Mau")
    await house.says("/tinh bỏ")
    assert house.chats.rows[CHAT].province is None


async def test_collaborators_find_passages_five_at_a_time(house: ChatHouse) -> None:
    first = await house.says("/tracuu nhà tạm lánh")
    assert len(blocks(first, "quote")) == 5
    assert blocks(first, "source")[0].startswith("1. Nguồn:")
    second = await house.presses(first, "Xem tiếp")
    assert blocks(second, "source")[0].startswith("6. Nguồn:")
    document = house.concierge._library.document(button(first, "Xem nguyên văn 1").value.split(":")[0])
    assert all(quote in document.text for quote in blocks(await house.presses(first, "Xem nguyên văn 1"), "quote"))


async def test_a_search_without_words_asks_for_them_and_one_by_province_stays_there(house: ChatHouse) -> None:
    assert "/tracuu" in said(await house.says("/tracuu"))
    await house.says("/tinh Cà Mau")
    assert all("(Cà Mau" in line for line in blocks(await house.says("/tracuu trợ giúp pháp lý"), "source"))


async def test_a_human_is_asked_for_through_the_gateway(house: ChatHouse) -> None:
    reply = await house.says("/nguoi")
    joined = house.gateway.intake.joined(CHAT)
    assert joined
    assert joined.case_id in said(reply)
    assert said(reply).count(joined.case_id) == 1


async def test_what_was_said_is_forgotten_after_a_second_yes(house: ChatHouse) -> None:
    await house.says(FACILITIES)
    await house.says("/tinh Cà Mau")
    asked = await house.says("/xoa")
    assert "forget" not in house.chats.calls
    assert labels(asked) == ["Xóa", "Không xóa"]
    assert "không xóa gì" in said(await house.presses(asked, "Không xóa"))
    assert "forget" not in house.chats.calls
    done = await house.presses(asked, "Xóa")
    assert "Đã xóa" in said(done)
    assert "cán bộ" not in said(done)
    assert house.chats.rows[CHAT].province is None
    assert house.store.conversations.recent_texts(CHAT, house.clock().replace(year=2020), 10) == ()


async def test_a_live_case_outlives_the_wish_to_be_forgotten_and_that_is_said(house: ChatHouse) -> None:
    case_id = await taken(house)
    assert "giải quyết xong" in said(await house.says("/xoa đồng ý"))
    assert "cho tôi gặp cán bộ" in house.texts_of(case_id)


# Choices


async def test_a_bare_number_means_the_menu_shown_last(house: ChatHouse) -> None:
    await house.says("Số điện thoại bảo vệ trẻ em là số nào?")
    shown = await house.says("xin chào")
    reply = await house.says("số 2")
    assert "Cà Mau" in shown.buttons[1].value
    assert "(Cà Mau" in blocks(reply, "source")[0]


@pytest.mark.parametrize("text", ["99", "2 người", "2018"])
async def test_another_number_is_an_ordinary_text(house: ChatHouse, text: str) -> None:
    await house.says("xin chào")
    await house.says(text)
    assert "Cà Mau" not in said(await house.says("xin chào"))
    (line,) = house.store.conversations.recent_texts(CHAT, house.clock().replace(year=2020), 10)[1:2]
    assert line == text


async def test_an_old_menu_is_not_meant_by_a_number(house: ChatHouse) -> None:
    await house.says("xin chào")
    house.clock.forward(minutes=61)
    await house.says("2")
    assert house.store.conversations.recent_texts(CHAT, house.clock().replace(year=2020), 10)[-1] == "2"


async def test_a_number_after_an_answer_without_a_menu_is_not_a_choice_of_an_older_one(house: ChatHouse) -> None:
    await house.says("xin chào")
    assert (await house.says("cho tôi gặp cán bộ")).menu is None
    await house.says("2")
    assert house.store.conversations.recent_texts(CHAT, house.clock().replace(year=2020), 10)[-1] == "2"


async def test_after_a_passage_the_menu_is_still_there(house: ChatHouse) -> None:
    reply = await house.says(FACILITIES)
    first, second = [number for number, button in reply.numbered if button.kind == "passage"][:2]
    quotes = [blocks(await house.says(f"{number}"), "quote") for number in (first, second)]
    assert all(quotes)
    assert quotes[0] != quotes[1]


async def test_a_number_is_the_officers_to_read(house: ChatHouse) -> None:
    await house.says("xin chào")
    case_id = await taken(house)
    assert await house.comes("text", "2") == ()
    assert "2" in house.texts_of(case_id)


@pytest.mark.parametrize(("menu", "number"), [("gone", "1"), ("", ""), ("x", "-1"), ("x", "²")])
async def test_an_expired_menu_is_told_in_a_line(house: ChatHouse, menu: str, number: str) -> None:
    (reply,) = await house.comes("choice", menu=menu, number=number)
    assert "đã cũ" in said(reply)


async def test_two_presses_on_one_message_are_two_questions(house: ChatHouse) -> None:
    shown = await house.says("xin chào")
    first = await house.presses(shown, "Đồng Nai", message_id="shown")
    second = await house.presses(shown, "Cà Mau", message_id="shown")
    assert "(Đồng Nai" in said(first)
    assert "(Cà Mau" in said(second)


async def test_a_passage_is_shown_whole_and_unchanged(house: ChatHouse) -> None:
    reply = await house.says(FACILITIES)
    pressed = button(reply, "Xem nguyên văn")
    passage = await house.presses(reply, pressed.label)
    (quote,) = blocks(passage, "quote")
    document_id, start, end = pressed.value.split(":")
    text = house.concierge._library.document(document_id).text
    assert quote in text
    assert text[int(start) : int(end)].strip() in quote
    assert "2735/KH-UBND" in blocks(passage, "source")[0]
    assert "I. MỤC TIÊU" in said(passage)


async def test_votes_are_kept_and_a_bad_one_offers_a_human(house: ChatHouse) -> None:
    reply = await house.says(FACILITIES)
    assert (await house.presses(reply, "👍")).chatter
    assert house.chats.votes == {(CHAT, "m1"): True}
    bad = await house.presses(reply, "👎")
    assert house.chats.votes == {(CHAT, "m1"): False}
    await house.presses(bad, "Gặp cán bộ")
    assert house.gateway.intake.joined(CHAT)


# Edits, media, joined, left, unsupported, staff


async def test_an_edit_is_answered_anew_and_says_so(house: ChatHouse) -> None:
    await house.says("Kế hoạch của Hưng Yên số mấy?")
    (reply,) = await house.comes("edit", FACILITIES, message_id="m1")
    assert blocks(reply, "text")[0] == "(Anh/chị vừa sửa câu hỏi)"
    assert "16 cơ sở" in said(reply)


async def test_an_edit_into_danger_is_danger(house: ChatHouse) -> None:
    await house.says("xin chào")
    (reply,) = await house.comes("edit", DANGER, message_id="m1")
    assert (reply.lane, reply.blocks[0].kind) == ("danger", "lead")


async def test_an_officer_sees_that_words_were_edited(house: ChatHouse) -> None:
    case_id = await taken(house)
    assert await house.comes("edit", "em ở xã Khánh An", message_id="m1") == ()
    assert "(sửa) em ở xã Khánh An" in house.texts_of(case_id)


async def test_a_picture_cannot_be_read_and_the_numbers_are_told(house: ChatHouse) -> None:
    (reply,) = await house.comes("media", type="image", ref="f1")
    assert "chưa xem được ảnh" in said(reply)
    assert "113" in said(reply)
    assert (await house.comes("media", type="sticker"))[0].chatter
    assert "tên xã" in said((await house.comes("media", type="location", lat="9.18", lon="105.15"))[0])


async def test_a_caption_is_read_and_its_picture_kept_with_the_case(house: ChatHouse) -> None:
    (reply,) = await house.comes("media", DANGER, type="image", ref="f1")
    assert reply.lane == "danger"
    joined = house.gateway.intake.joined(CHAT)
    assert joined
    assert {DANGER, "[Ảnh] f1"} <= set(house.texts_of(joined.case_id))
    (waiting,) = await house.comes("media", type="voice", ref="v1")
    assert "ghi lại cho cán bộ" in said(waiting)
    await house.comes("media", type="strange", ref="s1")
    assert {"[Tin thoại] v1", "[Nội dung khác] s1"} <= set(house.texts_of(joined.case_id))


async def test_a_place_reaches_the_officer_who_has_the_case(house: ChatHouse) -> None:
    case_id = await taken(house)
    assert await house.comes("media", type="location", lat="9.18", lon="105.15") == ()
    assert "[Vị trí] 9.18, 105.15" in house.texts_of(case_id)


async def test_who_joins_is_welcomed_once_a_day(house: ChatHouse) -> None:
    (first,), (again,) = await house.comes("joined"), await house.comes("joined")
    assert first.key == again.key
    house.clock.forward(days=1)
    assert (await house.comes("joined"))[0].key != first.key
    assert (await house.comes("joined", chat="telegram:8"))[0].key != first.key


async def test_who_leaves_is_not_written_to(house: ChatHouse) -> None:
    assert await house.comes("left") == ()
    assert house.chats.rows[CHAT].blocked_at == house.clock()
    await house.comes("joined")
    assert house.chats.rows[CHAT].blocked_at is None


async def test_a_protected_account_gets_the_numbers_and_the_duty_desk_a_case(house: ChatHouse) -> None:
    (reply,) = await house.comes("unsupported", chat="zalo_bot:5")
    assert (reply.lane, reply.blocks[0].kind) == ("danger", "lead")
    assert {button.value for button in reply.buttons} >= {"111", "113", "115"}
    assert "ghi lại" in said(reply)
    (case,) = house.store.cases.list()
    assert (case.conversation_id, case.kinds, case.reason, case.province) == ("zalo_bot:5", ("other",), "handover", None)
    assert "tài khoản được bảo vệ" in (house.texts_of(case.case_id)[0] or "")


@pytest.mark.parametrize("chat", ["zalo_bot:", "zalo_bot:unknown"])
async def test_one_that_cannot_be_addressed_is_raised_all_the_same(house: ChatHouse, chat: str) -> None:
    assert await house.comes("unsupported", chat=chat) == ()
    assert await house.comes("unsupported", chat=chat) == ()
    (case,) = house.store.cases.list()
    assert len(house.texts_of(case.case_id)) == 2


async def test_the_office_answers_itself_and_the_assistant_is_silent_for_an_hour(house: ChatHouse) -> None:
    assert await house.comes("staff", "Chào bác", author="a1") == ()
    assert await house.comes("text", FACILITIES) == ()
    assert await house.comes("media", type="image") == ()
    assert (await house.says(DANGER)).lane == "danger"
    joined = house.gateway.intake.joined(CHAT)
    assert joined
    await house.comes("staff", "Cháu đang gọi công an", author="a1")
    await house.comes("text", "cảm ơn chị")
    assert {"[Cán bộ trả lời từ ứng dụng] Cháu đang gọi công an", "cảm ơn chị"} <= set(house.texts_of(joined.case_id))
    house.clock.forward(minutes=61)
    assert await house.comes("text", "xin chào")


async def test_what_is_ignored_says_nothing(house: ChatHouse) -> None:
    assert await house.comes("ignored") == ()


def test_a_flood_and_a_failure_are_told_with_numbers(house: ChatHouse) -> None:
    incoming = house.incoming("text", "x")
    for reply in (house.concierge.flooded(incoming, 12), house.concierge.failed(incoming)):
        assert "113" in said(reply)
        assert incoming.event_id in reply.key
    assert "12" in said(house.concierge.flooded(incoming, 12))


# The words


def test_every_number_in_the_words_stands_in_the_directory(services: Services) -> None:
    texts = Texts.load(TEXTS)
    for phone in {*texts.choices("phones.first"), *texts.choices("phones.all")}:
        assert services.directory.by_phone(phone)
        assert texts(f"phones.{phone}")


def test_menu_names_fit_into_a_callback(house: ChatHouse) -> None:
    reply: Reply = house.concierge._standing.welcome("k" * 500)
    assert reply.menu is not None
    assert len(reply.menu) == 8
