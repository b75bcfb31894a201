"""A reply as plain messages: nothing lost, nothing too long, the first thing first."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channels.model import Block, Button, Reply
from bot.channels.zalo_bot.render import LIMIT, Texts, length, messages, split

TEXTS = Texts.load()


def reply(*blocks: Block, buttons: tuple[Button, ...] = ()) -> Reply:
    return Reply("k", "normal", blocks, buttons, menu="m")


def test_choices_are_numbered_and_calls_are_lines() -> None:
    buttons = (
        Button("Gọi 111", "call", "111"),
        Button("Còn ở Hà Nam?", "say", "Còn ở Hà Nam?"),
        Button("Tổng đài", "call", "18001567"),
        Button("Công an", "call", "113"),
        Button("Xem nguyên văn", "passage", "d:1:2"),
        Button("👎", "vote", "bad", about="m"),
    )
    (text,) = messages(reply(Block("text", "Gọi 1 1 3 nhé."), buttons=buttons), TEXTS)
    assert text.splitlines() == [
        "Gọi 1 1 3 nhé.",
        "",
        "Gọi 111",
        "☎ Tổng đài: 18001567",
        TEXTS.menu,
        "1. Còn ở Hà Nam?",
        "2. Xem nguyên văn",
        "3. 👎 chưa đúng ý",
    ]


def test_what_must_be_seen_first_comes_first() -> None:
    (text,) = messages(reply(Block("text", "Sau đó."), Block("lead", "Gọi 113 ngay.")), TEXTS)
    assert text.startswith("Gọi 113 ngay.")


def test_nothing_to_say_is_never_an_empty_message() -> None:
    assert messages(reply(), TEXTS) == (TEXTS.nothing,)
    assert messages(reply(Block("text", " \n"), Block("quote", "")), TEXTS) == (TEXTS.nothing,)


def test_a_long_text_is_cut_at_sentence_ends_and_the_menu_stays_whole() -> None:
    sentence = "Hộ nghèo được hỗ trợ theo kế hoạch của tỉnh. "
    parts = messages(reply(Block("text", sentence * 100), buttons=(Button("Còn nữa?", "say", "x"),)), TEXTS)
    assert len(parts) == 3
    assert all(part.startswith("Hộ nghèo") for part in parts)
    assert all(part.endswith(".") for part in parts[:-1])
    assert parts[-1].endswith(f"{TEXTS.menu}\n1. Còn nữa?")


@pytest.mark.parametrize("text", ["a" * 5000, "🙂" * 3000, "e\u0301\u0323" * 4000, "👩‍👩‍👧‍👦" * 900, "\n".join(["dòng"] * 9000)])
def test_texts_without_a_good_place_to_cut(text: str) -> None:
    parts = split(text)
    assert all(0 < length(part) <= LIMIT for part in parts)
    assert re.sub(r"\s", "", "".join(parts)) == re.sub(r"\s", "", text)
    assert not any(part[0] in "\u0301\u0323\u200d" for part in parts)


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from("aă🙂. \n!,\u0301"), max_size=300), st.integers(4, 40))
def test_splitting_loses_nothing_but_white_space(text: str, limit: int) -> None:
    parts = split(text, limit)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(0 < length(part) <= limit and part == part.strip() for part in parts)
