"""What a conversation is about: a turn that begins a new subject ("hỏi cái khác: …") or goes back to one ("về lại chuyện …")."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml

from actions.model import Context, Earlier
from actions.wording import Wording
from index.understanding import Understanding

DATA = Path(__file__).parent / "data"
_LEAST = 2
"""Words that must be left of a turn when what announces it is taken away."""


@dataclass(frozen=True, slots=True)
class Topic:
    """What is left to be read of a turn, and the context to read it in."""

    text: str
    context: Context


@dataclass(frozen=True)
class Topics:
    """The patterns of data/topics.yml, over folded text with a space at both ends."""

    understanding: Understanding
    fresh: re.Pattern[str]
    back: re.Pattern[str]
    ordinals: Sequence[re.Pattern[str]]
    """Of the first question of those remembered, the second, …"""

    @classmethod
    def load(cls, understanding: Understanding, path: Path = DATA / "topics.yml") -> Topics:
        """From the data file."""
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
        patterns = [re.compile(pattern) for pattern in table["ordinals"]]
        return cls(understanding, re.compile("|".join(table["fresh"])), re.compile("|".join(table["back"])), patterns)

    def of(self, text: str, context: Context, as_of: date) -> Topic:
        """The topic of a turn; as it stands, in the context it came in, where it announces nothing."""
        if context.question is None:
            return Topic(text, context)
        said = Wording.of(text)
        if (left := _after(self.fresh, said)) is not None:
            # The place talked about stays: who goes on to another matter lives where he lived.
            return Topic(left, Context(None, context.province, earlier=context.earlier))
        if (earlier := self._gone_back_to(said, context, as_of)) is None:
            return Topic(text, context)
        question, province = earlier
        left = _after(self.back, said)
        return Topic(left or text, Context(question, province or context.province, earlier=context.earlier))

    def _gone_back_to(self, said: Wording, context: Context, as_of: date) -> Earlier | None:
        """The earlier question that a turn which says that it goes back means; None: none of them, or the last one."""
        if not self.back.search(said.line) or not context.earlier:
            return None
        asked = [*reversed(context.earlier), (context.question or "", context.province)]
        for at, ordinal in enumerate(self.ordinals[: len(asked) - 1]):
            if ordinal.search(said.line):
                return asked[at]
        own = set(self.understanding.read(said.text, as_of).terms)
        shared = [len(own & set(self.understanding.read(question, as_of).terms)) for question, _ in asked]
        return asked[shared.index(max(shared))] if max(shared) > shared[-1] else None


def _after(pattern: re.Pattern[str], said: Wording) -> str | None:
    """What a turn says after (or before) what the pattern finds at its begin; None where nothing is found or left."""
    match = pattern.search(said.line)
    if match is None or not match.group().strip():
        return None
    part = said.range_of(match)
    left = said.between(part.stop, len(said.spans))
    return left if len(said.spans) - part.stop >= _LEAST else None
