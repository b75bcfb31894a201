"""Which command a message is: after a slash, or the whole message in plain words. The words are texts.yml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from actions.texts import Texts
from knowledge.text import words

Name = Literal["start", "help", "province", "search", "human", "forget", "unknown"]
NAMES: tuple[Name, ...] = ("start", "help", "province", "search", "human", "forget")
_SLASH = re.compile(r"/([^\W\d][\w-]{0,31})(?:@\w+)?(?:\s+|$)")


@dataclass(frozen=True, slots=True)
class Command:
    """What is asked for. `rest`: what stands behind it; `bare`: nothing of the person's own words is in it."""

    name: Name
    rest: str = field(default="", repr=False)
    bare: bool = False


@dataclass(frozen=True)
class Commands:
    """Reads commands: marks, case, blanks and underscores do not count."""

    slashed: Mapping[str, Name]
    spoken: Mapping[tuple[str, ...], Name]

    @classmethod
    def of(cls, texts: Texts) -> Commands:
        """From the lists `commands` and `spoken`."""
        slashed = {"".join(words(said)): name for name in NAMES for said in texts.choices(f"commands.{name}")}
        spoken = {tuple(words(said)): name for name in NAMES for said in texts.choices(f"spoken.{name}")}
        return cls(slashed, spoken)

    def read(self, text: str) -> Command | None:
        """The command of a message, None where it is none."""
        if match := _SLASH.match(text):
            name = self.slashed.get("".join(words(match[1].replace("_", " "))), "unknown")
            rest = text[match.end() :].strip()
            return Command(name, rest, bare=name != "unknown" and not rest)
        spoken = self.spoken.get(tuple(words(text)))
        return Command(spoken) if spoken else None
