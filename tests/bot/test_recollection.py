"""What the gateway has in memory."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from house_fakes import NOON

from actions.model import Context, Message
from bot import recollection
from bot.recollection import FORGET_AFTER, Ear, Recollection


class Counting:
    """Stands for triage."""

    def __init__(self) -> None:
        self.read: list[tuple[str, tuple[str, ...]]] = []

    def assess(self, text: str, earlier: Sequence[str] = ()) -> Any:
        self.read.append((text, tuple(earlier)))
        return SimpleNamespace(urgent="cứu" in text)


def ear() -> tuple[Ear, Counting]:
    counting = Counting()
    triage: Any = counting
    return Ear(triage), counting


def message(text: str, conversation_id: str = "c", minutes: int = 0) -> Message:
    at = NOON + FORGET_AFTER * minutes / 60
    return Message(conversation_id, text, "m", at, at.date())


def test_a_message_is_read_once_between_the_door_and_its_answer() -> None:
    listening, triage = ear()
    assert [listening.hear("c", "cứu em", []).urgent for _ in range(3)] == [True] * 3
    assert triage.read == [("cứu em", ())]


def test_what_was_written_before_is_read_with_it() -> None:
    listening, triage = ear()
    listening.hear("c", "em sợ")
    listening.hear("c", "em sợ", ["nó đánh em"])
    listening.hear("d", "em sợ")
    assert triage.read == [("em sợ", ()), ("em sợ", ("nó đánh em",)), ("em sợ", ())]


def test_what_was_read_is_forgotten() -> None:
    listening, triage = ear()
    listening.hear("c", "em sợ")
    listening.forget()
    listening.hear("c", "em sợ")
    assert len(triage.read) == 2


def test_texts_of_the_last_minutes_come_back_in_order() -> None:
    kept = Recollection()
    for at, text in enumerate(["một", "hai", "ba", "bốn", "năm"]):
        kept.note_text(message(text, minutes=at))
    assert kept.texts_before(message("", minutes=5)) == ["hai", "ba", "bốn", "năm"]
    assert kept.texts_before(message("", minutes=13)) == ["bốn", "năm"]
    assert kept.texts_before(message("", "other")) == []
    kept.forget("c")
    assert kept.texts_before(message("", minutes=5)) == []


def test_a_context_is_kept_until_the_conversation_rests() -> None:
    kept = Recollection()
    kept.note_context(message("", minutes=0), Context(preferred="Cà Mau"))
    assert kept.context(message("", minutes=60)).preferred == "Cà Mau"
    assert kept.context(message("", minutes=61)) == Context()


async def test_a_lock_in_use_is_never_dropped(monkeypatch: Any) -> None:
    monkeypatch.setattr(recollection, "_REMEMBERED", 20)
    kept = Recollection()
    async with kept.turn("in use"):
        held = kept.turn("in use")
        for at in range(100):
            kept.turn(str(at))
        assert kept.turn("in use") is held
        assert len(kept._locks) <= 22
