"""Which folded words can be Vietnamese, and what a word that cannot was meant to be: a slip of the finger or unswitched Telex."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import yaml

from knowledge.tables import DATA


@dataclass(frozen=True)
class Syllables:
    """Onsets and rimes of data/syllables.yml."""

    whole: re.Pattern[str]
    doubled: re.Pattern[str]
    tones: str
    horn: str

    def fits(self, word: str) -> bool:
        """Whether a folded word is built like a Vietnamese syllable; a number is."""
        return word.isdigit() or bool(self.whole.fullmatch(word))

    def untyped(self, word: str) -> str:
        """The folded syllable that Telex would have made of these keys: "ddoongf" → "dong"."""
        plain = self.doubled.sub(lambda match: match.group()[0], word.replace(self.horn, ""))
        return plain[:-1] if plain[-1:] in self.tones and self.fits(plain[:-1]) else plain

    def meant(self, typed: str, word: str) -> bool:
        """Whether `typed`, which is no syllable, was meant to be `word`: Telex keys, or one letter missing, too many, wrong or swapped.

        Two letters for two are no slip: that is half of the word, and people shorten so ("hn" is not "hà").
        """
        if len(typed) < 2 or self.fits(typed):
            return False
        return self.untyped(typed) == word or (max(len(typed), len(word)) > 2 and _one_slip(typed, word))


@cache
def load_syllables() -> Syllables:
    """The table of the data folder, read once."""
    table = yaml.safe_load((DATA / "syllables.yml").read_text(encoding="utf-8"))
    onsets, rimes = ("|".join(sorted(table[name], key=len, reverse=True)) for name in ("onsets", "rimes"))
    return Syllables(
        re.compile(f"(?:{onsets})?(?:{rimes})"), re.compile("|".join(table["doubled"])), "".join(table["tones"]), table["horn"]
    )


def _one_slip(typed: str, word: str) -> bool:
    """Damerau's four slips (1964), at most one of them."""
    at = next((at for at, (mine, theirs) in enumerate(zip(typed, word, strict=False)) if mine != theirs), min(len(typed), len(word)))
    mine, theirs = typed[at:], word[at:]
    swapped = mine[1:2] + mine[:1] + mine[2:]
    return theirs in (mine[1:], swapped) or mine in (theirs[1:],) or mine[1:] == theirs[1:]
