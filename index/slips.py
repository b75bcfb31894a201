"""Words that no Vietnamese syllable is built like, written as what they were meant to be: Telex that was not switched on
("quyeets ddinhj"), and what people shorten and respell (data/slips.yml: "trùg", "fương", "tậpp").

Only what cannot be a word is touched, so nothing that was typed rightly is lost. What stays unexplained is left to index/spelling.py,
which knows the documents.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from knowledge.syllables import Syllables, load_syllables
from knowledge.text import fold

DATA = Path(__file__).parent / "data"
_WORD = re.compile(r"[^\W\d_]+")
_TELEX = re.compile(r"aa|dd|ee|oo|w|[sfrxj](?![aeiouy])")
"""Keys that Telex would have made marks of: doubled letters, the horn, a tone behind the vowel."""


@dataclass(frozen=True, slots=True)
class Slips:
    """The rules of data/slips.yml and how a syllable is built. Holds tables only; safe to share between threads."""

    rules: tuple[tuple[re.Pattern[str], str], ...]
    syllables: Syllables

    @classmethod
    def load(cls, path: Path = DATA / "slips.yml") -> Slips:
        """From the data file."""
        rows = yaml.safe_load(path.read_text(encoding="utf-8"))
        return cls(tuple((re.compile(pattern), meant) for pattern, meant in rows), load_syllables())

    def mended(self, text: str) -> str:
        """`text` (NFC, teencode written out) with what can be no word written as it was meant."""
        return _WORD.sub(lambda match: self._meant(match.group()), text)

    def _meant(self, typed: str) -> str:
        word = fold(typed)
        if len(word) < 2 or typed.isupper() or self.syllables.fits(word):
            return typed
        if typed.isascii() and _TELEX.search(word) and self.syllables.fits(plain := self.syllables.untyped(word)):
            return plain
        lower = typed.lower()
        made = (pattern.sub(meant, lower, count=1) for pattern, meant in self.rules)
        return next((one for one in made if one != lower and self.syllables.fits(fold(one))), typed)
