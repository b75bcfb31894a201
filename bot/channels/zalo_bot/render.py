"""A Reply as plain messages of the Zalo Bot Platform: at most 2,000 characters, no markup, no buttons.

Choices stand under the text as a numbered menu; what the person sends back is looked up by that number.
Telephone numbers and addresses stand as they are: the app makes them tappable by itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bot.channels.model import Block, Reply
from knowledge.store.schema import storable

LIMIT = 2000
"""Characters of a message. Whether the platform counts code points or UTF-16 units is not documented: the stricter, UTF-16, is kept."""
_BREAKS = tuple(map(re.compile, (r"\n\n", r"\n", r"(?<=[.!?…;])\s+", r"(?<=[,:])\s+", r"\s+")))
"""Where a text too long is cut, the best first: paragraph, line, sentence, clause, word."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The channel's own words."""

    menu: str
    option: str
    good: str
    bad: str
    call: str
    open: str
    nothing: str

    @classmethod
    def load(cls) -> Texts:
        """From texts.yml."""
        return cls(**yaml.safe_load(Path(__file__).with_name("texts.yml").read_text("utf-8")))


def messages(reply: Reply, texts: Texts) -> tuple[str, ...]:
    """The texts to send, in order, at least one and none empty. What must be seen first comes first; the menu comes last and whole."""
    blocks = [block.text.strip() for block in _lead_first(reply.blocks)]
    said = "\n\n".join(text for text in blocks if text)
    menu = _menu(reply, texts)
    *first, last = split(said) or ("",)
    whole = "\n\n".join(part for part in (last, menu) if part) or texts.nothing
    return (*first, whole) if length(whole) <= LIMIT else (*first, *split(last), *split(menu))


def _lead_first(blocks: Sequence[Block]) -> list[Block]:
    return sorted(blocks, key=lambda block: block.kind != "lead")


def _menu(reply: Reply, texts: Texts) -> str:
    """Calls and addresses as lines, then the numbered choices under their heading; "" when there are none.

    Without a name nobody could look the menu up: what can be said stands as a line, and writing it does the same.
    """
    said = " ".join(block.text for block in reply.blocks)
    numbers = {_digits(found) for found in re.findall(r"\d[\d .]*", said)}
    plain, choices = [], []
    for number, button in reply.numbered:
        if button.kind == "call" and _digits(button.value) in numbers:
            continue  # it stands above, and can be tapped there
        if button.kind in ("call", "open"):
            line: str = getattr(texts, button.kind).format(label=button.label, value=button.value)
            plain.append(button.label if button.value in button.label else line)
        elif reply.menu is None:
            plain += [button.value] if button.kind == "say" else []
        else:
            wordless = button.kind == "vote" and not any(map(str.isalpha, button.label))
            option: str = getattr(texts, button.value) if wordless else texts.option
            choices.append(option.format(number=number, label=button.label))
    return "\n".join([*plain, *([texts.menu, *choices] if choices else [])])


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def call(chat: str, text: str) -> Mapping[str, Any]:
    """The call that says it."""
    return {"method": "sendMessage", "chat_id": chat, "text": text}


def length(text: str) -> int:
    """In UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def split(text: str, limit: int = LIMIT) -> tuple[str, ...]:
    """The text in pieces of at most `limit`, cut at the best place in the second half of each; nothing but white space at the cuts is lost.

    () for none.
    """
    pieces, rest = [], storable(text).strip()
    while length(rest) > limit:
        at = _cut(rest, _fitting(rest, limit))
        pieces.append(rest[:at].rstrip())
        rest = rest[at:].lstrip()
    return (*pieces, rest) if rest else ()


def _fitting(text: str, limit: int) -> int:
    """How many code points go into `limit` units."""
    return len(text[:limit].encode("utf-16-le")[: 2 * limit].decode("utf-16-le", "ignore"))


def _cut(text: str, room: int) -> int:
    """Where to cut within `room`: few, full messages, so not in the first half; a word longer than that anywhere but within a letter."""
    for break_ in _BREAKS:
        ends = [found.start() for found in break_.finditer(text, room // 2, room + 1) if found.start() <= room]
        if ends and ends[-1] > 0:
            return ends[-1]
    return _whole(text, room)


def _whole(text: str, at: int) -> int:
    """The last place from `at` back that is no middle of an accented letter or a joined emoji; `at` where all are."""
    for place in range(at, max(0, at - 32), -1):
        if not _joins(text[place]) and text[place - 1] != "\u200d":
            return place
    return at


def _joins(character: str) -> bool:
    """Combining marks, joiners, variation selectors, skin tones: what belongs to the character before."""
    return character in "\u200d\ufe0f\ufe0e" or unicodedata.combining(character) > 0 or "\U0001f3fb" <= character <= "\U0001f3ff"
