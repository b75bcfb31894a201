"""Hides who somebody is in what they wrote: numbers, addresses, names. Rules are data (masking.yml).

Rules know forms and not people: a name behind no word that announces it gets through where it may be another word. So what is
masked is still for few eyes (roles editor and administrator), and nothing of it is kept beyond the messages themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from knowledge.places import Gazetteer
from knowledge.text import fold, has_diacritics, nfc

_RULES = Path(__file__).with_name("masking.yml")
_PART = re.compile(r"%(\w+)%")
_WORD = re.compile(r"[^\W_]+")
"""As knowledge.text counts words."""
_NOWHERE = r"(?!)"


@dataclass(frozen=True)
class Rule:
    """One row of the table; see there. `after` is looked for where diacritics are typed, `bare` where none are: None where it is not."""

    label: str
    hide: re.Pattern[str]
    after: re.Pattern[str] | None = None
    bare: re.Pattern[str] | None = None
    places: bool = False
    hard: bool = False
    whole: bool = False

    def found(self, text: str, plain: str) -> Iterator[tuple[int, int]]:
        """Where it hides something: spans of `text`, which is NFC; `plain`: without diacritics."""
        if self.after is None:
            yield from (match.span() for match in self.hide.finditer(plain))
            return
        cue, line = (self.after, text.lower()) if has_diacritics(text) else (self.bare, plain.lower())
        for said in cue.finditer(line) if cue else ():
            if match := self.hide.match(plain, said.end()):
                yield said.start() if self.whole else match.start(), match.end()


@dataclass(frozen=True)
class Masker:
    """Masks texts."""

    rules: tuple[Rule, ...]
    labels: Mapping[str, str]
    gazetteer: Gazetteer

    @classmethod
    def load(cls, gazetteer: Gazetteer, path: Path = _RULES) -> Masker:
        """With the shipped rules."""
        raw: Mapping[str, Any] = yaml.safe_load(path.read_text("utf-8"))
        return cls(tuple(_rule(row, raw["parts"]) for row in raw["rules"]), raw["labels"], gazetteer)

    def mask(self, text: str) -> str:
        """`text` in NFC on one line, with the label of what was there in place of it: "chị [tên] hỏi"."""
        return self._masked(" ".join(nfc(text).split()), hard_only=False)

    def without_labels(self, masked: str) -> str:
        """A masked text without what stands for the hidden."""
        return self._labels.sub(" ", masked)

    @cached_property
    def _labels(self) -> re.Pattern[str]:
        return re.compile("|".join(re.escape(f"[{label}]") for label in self.labels.values()))

    def must_not_be_kept(self, text: str) -> bool:
        """Whether it holds a number, an address of the net or the like that belongs to somebody."""
        line = " ".join(nfc(text).split())
        return self._masked(line, hard_only=True) != line

    def _masked(self, text: str, *, hard_only: bool) -> str:
        if len(text.lower()) != len(text):  # a letter whose small form is two, as in no Vietnamese word: spans would not fit
            text = "".join(char if len(char.lower()) == 1 else " " for char in text)
        plain, named = _plain(text), None
        hidden: list[tuple[int, int, str]] = []
        for rule in self.rules:
            if hard_only and not rule.hard:
                continue
            for start, end in rule.found(text, plain):
                if any(start < right and left < end for left, right, _ in hidden):
                    continue
                if rule.places:
                    named = self._places(text) if named is None else named
                    if any(start < right and left < end for left, right in named):
                        continue
                hidden.append((start, end, rule.label))
        for start, end, label in sorted(hidden, reverse=True):
            text = f"{text[:start]}[{self.labels[label]}]{text[end:]}"
        return text

    def _places(self, text: str) -> list[tuple[int, int]]:
        """Where provinces are named."""
        words = [match.span() for match in _WORD.finditer(fold(text))]
        return [(words[mention.start][0], words[mention.end - 1][1]) for mention in self.gazetteer.mentions(text)]


def _plain(text: str) -> str:
    """Without diacritics, capitals kept; one code point for one."""
    pairs = zip(text, fold(text), strict=True)
    return "".join(letter.upper() if char.isupper() and letter.isascii() else letter for char, letter in pairs)


def _rule(row: Mapping[str, Any], parts: Mapping[str, str]) -> Rule:
    def filled(pattern: str) -> str:
        while match := _PART.search(pattern):
            pattern = pattern.replace(match[0], parts[match[1]])
        return pattern

    after = filled(row["after"]) if "after" in row else None
    return Rule(
        row["label"],
        re.compile(filled(row["hide"])),
        re.compile(_NOWHERE if row.get("unmarked") else after) if after else None,
        re.compile(fold(after)) if after and not row.get("marked") else None,
        bool(row.get("places")),
        bool(row.get("hard")),
        bool(row.get("whole")),
    )
