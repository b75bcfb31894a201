"""The custom actions, called as Rasa calls them."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from actions_house import NOON, VIETNAM
from rasa_sdk.executor import ActionExecutor

from actions.assistant import Assistant
from actions.model import Answer, Citation, Context
from actions.rasa_actions import ANSWERS, build_executor, payload, read_context, write_context

DOMAIN = yaml.safe_load((Path(__file__).parents[2] / "bot" / "domain.yml").read_text(encoding="utf-8"))
FACILITIES = "Đồng Nai có bao nhiêu cơ sở trợ giúp xã hội?"
BY_INTENT = [action for action in ANSWERS if action != "action_ask_province"]


@pytest.fixture(scope="module")
def executor(assistant: Assistant) -> ActionExecutor:
    return build_executor(assistant, lambda: NOON)


def call(
    action: str, text: str, *, metadata: dict[str, Any] | None = None, slots: dict[str, Any] | None = None, intent: str = "ask_figure"
) -> Any:
    """The body that Rasa posts to the action server."""
    message = {
        "text": text,
        "intent": {"name": intent, "confidence": 0.9},
        "intent_ranking": [{"name": intent, "confidence": 0.9}],
        "entities": [],
        "metadata": metadata or {},
    }
    tracker = {
        "sender_id": "c1",
        "slots": dict.fromkeys(DOMAIN["slots"]) | (slots or {}),
        "latest_message": message,
        "latest_event_time": 1.0,
        "followup_action": None,
        "paused": False,
        "events": [],
        "latest_input_channel": "rest",
        "active_loop": {},
        "latest_action_name": "action_listen",
    }
    return {"next_action": action, "sender_id": "c1", "tracker": tracker, "domain": DOMAIN, "version": "3.6.21"}


def metadata(context: Context, **more: Any) -> dict[str, Any]:
    return {"as_of": "2026-05-04", "received_at": NOON.isoformat(), "context": json.loads(write_context(context)), **more}


async def ran(executor: ActionExecutor, body: Any) -> tuple[dict[str, Any], dict[str, Any], str | None]:
    """The answer object, the slots that are set, and the plain text that is sent."""
    result = await executor.run(body)
    assert result is not None
    result = result if isinstance(result, dict) else result.model_dump()
    (response,) = result["responses"]
    return response["custom"], {event["name"]: event["value"] for event in result["events"] if event["event"] == "slot"}, response["text"]


def test_every_action_of_the_domain_is_registered_and_no_other(executor: ActionExecutor) -> None:
    assert set(executor.actions) == set(DOMAIN["actions"]) > set(ANSWERS)


@pytest.mark.parametrize("action", BY_INTENT)
async def test_an_action_answers_in_the_contracts_form(executor: ActionExecutor, action: str) -> None:
    told, slots, text = await ran(executor, call(action, FACILITIES, metadata=metadata(Context())))
    assert told["answer"]["kind"] == "answer"
    assert "16 cơ sở" in told["answer"]["text"]
    assert text is None
    assert slots == {"last_question": FACILITIES, "province": "Đồng Nai"}
    assert read_context(told["context"]).province == "Đồng Nai"
    json.dumps(told)


async def test_the_province_is_asked_for(executor: ActionExecutor) -> None:
    told, _, _ = await ran(executor, call("action_ask_province", "có bao nhiêu cơ sở?", metadata=metadata(Context())))
    assert told["answer"]["kind"] == "clarify"
    assert len(told["answer"]["suggestions"]) == 4


async def test_the_context_comes_with_the_message(executor: ActionExecutor) -> None:
    earlier = Context("Ai ký kế hoạch của Cà Mau?", "Cà Mau")
    told, slots, _ = await ran(executor, call("action_answer", "còn Hưng Yên?", metadata=metadata(earlier)))
    assert told["answer"]["text"].startswith("Người ký: Nguyễn Khắc Hào.")
    assert slots["province"] == "Hưng Yên"


async def test_without_metadata_the_slots_remember_and_words_are_sent(executor: ActionExecutor) -> None:
    """`rasa shell` prints text only."""
    slots = {"last_question": "Ai ký kế hoạch của Cà Mau?", "province": "Cà Mau"}
    told, kept, text = await ran(executor, call("action_answer", "còn Hưng Yên?", slots=slots))
    assert text == told["answer"]["text"]
    assert text.startswith("Người ký: Nguyễn Khắc Hào.")
    assert kept == {"last_question": "Ai ký kế hoạch của Cà Mau?", "province": "Hưng Yên"}


async def test_the_day_and_the_hour_come_with_the_message(executor: ActionExecutor) -> None:
    told, _, _ = await ran(executor, call("action_answer", FACILITIES, metadata=metadata(Context(), as_of="2019-06-01")))
    assert told["answer"]["notices"] == []
    night = datetime(2026, 5, 4, 2, 0, tzinfo=VIETNAM).isoformat()
    told, _, _ = await ran(executor, call("action_hotline", "đường dây Ngày mai số mấy", metadata=metadata(Context(), received_at=night)))
    assert told["answer"]["hotlines"][0]["open_now"] is False


async def test_the_intent_is_read_off_the_tracker(executor: ActionExecutor) -> None:
    told, _, _ = await ran(executor, call("action_smalltalk", "ờm", metadata=metadata(Context()), intent="thanks"))
    assert told["answer"]["kind"] == "smalltalk"


async def test_text_is_cleaned(executor: ActionExecutor) -> None:
    told, _, _ = await ran(
        executor,
        call("action_answer", "\u0000Đo\u0302\u0300ng Nai co\u0301 bao nhiêu cơ sở trợ giúp xã hội?\u200b", metadata=metadata(Context())),
    )
    assert "16 cơ sở" in told["answer"]["text"]


@pytest.mark.parametrize("context", [Context(), Context("Còn ở Cà Mau?", "Cà Mau", "d", ("a", "b"))])
def test_a_context_survives_the_journey(context: Context) -> None:
    assert read_context(json.loads(write_context(context))) == context
    assert read_context(json.loads(json.dumps(payload(Answer("answer", "x", context=context))))["context"]) == context


def test_a_newer_contexts_fields_are_left_out() -> None:
    assert read_context({"question": "q", "mood": "good"}) == Context("q")


def test_the_form_of_an_answer() -> None:
    """Names and forms as the contract fixes them."""
    day = NOON.date()
    citation = Citation("d", "f.txt", "1/KH-UBND", "T", "Cà Mau", day, day, None, "unknown", ("I",), "q", 0, 1)
    told = payload(Answer("answer", "x", (citation,)))["answer"]
    assert set(told) == {
        "conversation_id", "message_id", "kind", "text", "citations", "hotlines", "notices", "case_id", "suggestions", "latency_ms",
    }  # fmt: skip
    assert told["citations"][0] == {
        "document_id": "d", "source_file": "f.txt", "number": "1/KH-UBND", "title": "T", "province": "Cà Mau", "issued_on": "2026-05-04",
        "valid_from": "2026-05-04", "valid_to": None, "status": "unknown", "heading_path": ["I"], "page": None, "quote": "q", "start": 0,
        "end": 1, "passage_id": None,
    }  # fmt: skip


# The form. Rasa keeps its slots; here they are handed from call to call as Rasa does.

FORM = "eligibility_form"
START = "nhà em có được trợ cấp ko"


def validating(text: str, slots: dict[str, Any], *, meanwhile: str | None = None, intent: str = "nlu_fallback") -> Any:
    """The call that Rasa makes to read a turn; `meanwhile`: an action that answered the message before."""
    body = call(f"validate_{FORM}", text, metadata=metadata(Context()), slots=slots, intent=intent)
    body["tracker"]["active_loop"] = {"name": FORM}
    body["tracker"]["events"] = [{"event": "user", "text": text}, *([{"event": "action", "name": meanwhile}] if meanwhile else [])]
    return body


async def read(executor: ActionExecutor, body: Any) -> tuple[dict[str, Any], list[str]]:
    """The slots that are set, and the actions that are to follow at once."""
    result = await executor.run(body)
    assert result is not None
    result = result if isinstance(result, dict) else result.model_dump()
    assert result["responses"] == []
    events = result["events"]
    return {e["name"]: e["value"] for e in events if e["event"] == "slot"}, [e["name"] for e in events if e["event"] == "followup"]


@pytest.mark.parametrize("action", ["action_answer", "action_services", "action_eligibility"])
async def test_whatever_rasa_takes_it_for_the_question_for_it_begins_the_form(executor: ActionExecutor, action: str) -> None:
    assert await read(executor, call(action, START, metadata=metadata(Context()))) == ({}, [FORM])


async def test_the_form_begins_with_what_is_known_and_asks_for_the_rest(executor: ActionExecutor) -> None:
    slots, follow = await read(executor, validating("mẹ em 82 tuổi có được gì không", {}))
    assert (slots["for_whom"], slots["age"], slots["requested_slot"], follow) == ("elderly", "82", "in_province", [])


async def test_a_guess_of_the_dialogue_model_alone_begins_nothing(executor: ActionExecutor) -> None:
    assert await read(executor, validating(FACILITIES, {}, intent="start_eligibility")) == ({"requested_slot": None}, ["action_answer"])


async def test_a_new_case_forgets_the_last_one(executor: ActionExecutor) -> None:
    slots, _ = await read(executor, validating(START, {"for_whom": "hiv", "in_province": "Hà Nam", "eligibility_note": "done"}))
    assert (slots["for_whom"], slots["in_province"], slots["requested_slot"]) == (None, None, "for_whom")


async def test_all_that_is_asked_may_be_known_at_once(executor: ActionExecutor) -> None:
    slots, follow = await read(executor, validating("tôi ở Đồng Nai từng bán dâm có được hỗ trợ gì không", {}))
    assert (slots["requested_slot"], slots["eligibility_note"], follow) == (None, "done", ["action_eligibility_result"])


async def test_another_question_leaves_the_form_as_it_is_and_comes_back(executor: ActionExecutor) -> None:
    asked = {"for_whom": "elderly", "requested_slot": "in_province"}
    assert await read(executor, validating("số điện thoại bảo vệ trẻ em là số mấy", asked)) == ({}, [])
    slots, _ = await read(executor, validating("số điện thoại bảo vệ trẻ em là số mấy", asked, meanwhile="action_hotline"))
    assert slots == {"eligibility_note": "return", "requested_slot": "in_province"}


@pytest.mark.parametrize(("text", "note"), [("thôi không hỏi nữa", "left"), ("cho tôi gặp cán bộ", "handover")])
async def test_leaving_ends_the_form(executor: ActionExecutor, text: str, note: str) -> None:
    slots, _ = await read(executor, validating(text, {"for_whom": "elderly", "requested_slot": "in_province"}))
    assert (slots["eligibility_note"], slots["requested_slot"]) == (note, None)


async def test_a_province_without_documents_ends_it_early(executor: ActionExecutor) -> None:
    slots, _ = await read(executor, validating("lâm đồng", {"for_whom": "elderly", "requested_slot": "in_province"}))
    assert (slots["in_province"], slots["requested_slot"]) == ("Lâm Đồng", None)


@pytest.mark.parametrize(("note", "kind"), [("done", "answer"), ("left", "smalltalk"), ("handover", "handover")])
async def test_how_it_ends(executor: ActionExecutor, note: str, kind: str) -> None:
    slots = {"for_whom": "elderly", "in_province": "Cà Mau", "age": "82", "household": "poor", "support": "no", "eligibility_note": note}
    told, _, _ = await ran(executor, call("action_eligibility_result", "không có ai", metadata=metadata(Context()), slots=slots))
    assert told["answer"]["kind"] == kind


async def test_the_question_is_asked_in_the_contracts_form(executor: ActionExecutor) -> None:
    slots = {"for_whom": "elderly", "eligibility_note": "return"}
    told, _, text = await ran(executor, call("action_ask_in_province", "x", metadata=metadata(Context()), slots=slots))
    assert told["answer"]["text"] == "Mình quay lại nhé. Người đó ở tỉnh nào ạ?"
    assert "Cà Mau" in told["answer"]["suggestions"]
    assert text is None


async def test_right_after_the_end_the_form_takes_a_correction(executor: ActionExecutor) -> None:
    slots = {"for_whom": "elderly", "in_province": "Cà Mau", "age": "82", "household": "poor", "support": "no", "eligibility_note": "done"}
    body = call("action_answer", "Còn ở Hà Nam?", metadata=metadata(Context()), slots=slots)
    said, told = {"event": "user", "text": "x"}, {"event": "action", "name": "action_eligibility_result"}
    body["tracker"]["events"] = [said, told, said]
    assert await read(executor, body) == ({}, [FORM])
    again = validating("Còn ở Hà Nam?", slots)
    again["tracker"]["events"] = [said, told, said]
    changed, follow = await read(executor, again)
    assert (changed["in_province"], changed["requested_slot"], follow) == ("Hà Nam", None, ["action_eligibility_result"])
    body["tracker"]["events"] = [said, told, said, {"event": "action", "name": "action_answer"}, said]
    answered, _, _ = await ran(executor, body)
    assert answered["answer"]["kind"] in ("answer", "abstain", "clarify")
