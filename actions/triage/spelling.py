"""From what was typed to the words that were meant: teencode, telex remains, slips and emoji undone (spelling.yml)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from knowledge.text import clean_message, fold, nfc, squeeze

_SYLLABLE = re.compile(r"(?:ngh|ng|nh|gh|gi|kh|ph|th|tr|ch|qu|[bcdghklmnpqrstvx])?(?!aa|ee|ii|oo)[aeiouy]{1,3}(?:ng|nh|ch|[cmnpt])?")
_MIXED = re.compile(r"(\d+)([^\W\d]+)")
_ODD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
_PAUSES = {",": 1, ":": 1} | dict.fromkeys(".!?…;\n", 2)
_SIGNS = {"\u0302": "^", "\u0306": "(", "\u031b": "+"}
# Hỏi and ngã are one here: half of the country writes them alike.
_TONES = {"\u0301": "1", "\u0300": "2", "\u0309": "3", "\u0303": "3", "\u0323": "5"}
_SEEN = 20000
"""Tokens remembered: a bound on memory that Vietnamese does not reach."""


class Text(NamedTuple):
    """The words of a message, their places (pauses take room: a sentence's end two, a comma one), whether it is written with marks."""

    forms: list[str]
    places: list[int]
    with_marks: bool


@lru_cache(maxsize=16384)
def _anatomy(form: str) -> tuple[tuple[str, ...], str]:
    """Each letter's own sign (circumflex, breve, horn, stroke) and the tone of the syllable."""
    signs: list[str] = []
    tone = ""
    for char in form:
        parts = unicodedata.normalize("NFD", char)[1:]
        signs.append("-" if char == "đ" else "".join(_SIGNS.get(p, "") for p in parts))
        tone = next((_TONES[p] for p in parts if p in _TONES), tone)
    return tuple(signs), tone


def agrees(written: str, meant: str, *, with_marks: bool, exact: bool = False) -> bool:
    """Whether `written` can be `meant` (same letters when folded): no mark contradicts, a tone or the stroke of đ may be missing.

    `with_marks`: the message is written with marks, so a syllable without any stands for itself. `exact`: every mark must be there.
    """
    signs, tone = _anatomy(written)
    meant_signs, meant_tone = _anatomy(meant)
    if exact or written == meant:
        return signs == meant_signs and tone == meant_tone
    if not tone and not any(signs):
        # A syllable that ends in a stop always has a tone: bare, its mark is missing.
        return not with_marks or written[-1] in "ptc" or written.endswith("ch")
    return tone in ("", meant_tone) and all(s == m or (not s and m == "-") for s, m in zip(signs, meant_signs, strict=True))


def _untelex(text: str) -> str:
    """What the keys of telex or VNI left in a syllable, folded: "ddanhs" → "danh", "chong2" → "chong"."""
    bare = re.sub(r"\d", "", text) if text[0].isalpha() else text
    bare = bare.replace("dd", "d").replace("aa", "a").replace("ee", "e").replace("oo", "o").replace("w", "")
    bare = re.sub(r"([^aeiouy])\1+", r"\1", bare)
    return bare if _SYLLABLE.fullmatch(bare) else re.sub(r"(?<=[aeiouy])([cghmnpt]*)[sfrxj]", r"\1", bare, count=1)


def _slips(folded: str) -> Iterator[str]:
    """A letter left out or two exchanged, where what comes out is no syllable of Vietnamese."""
    for i in range(1, len(folded)):
        for slip in (folded[:i] + folded[i + 1 :], folded[: i - 1] + folded[i] + folded[i - 1] + folded[i + 1 :]):
            if not _SYLLABLE.fullmatch(slip):
                yield slip


class _Learnt(NamedTuple):
    """What a token stands for: its words, the room of a pause, whether it is written with marks."""

    forms: tuple[str, ...]
    pause: int
    marked: bool


@dataclass(frozen=True)
class Speller:
    """From what was typed to what was meant. `short`: teencode; `signs`: emoji; `slips`: typos; `known`: syllables that are right."""

    short: Mapping[str, str]
    signs: Mapping[str, str]
    slips: Mapping[str, str]
    known: frozenset[str]
    _seen: dict[str, _Learnt] = field(default_factory=dict, repr=False)

    @classmethod
    def build(cls, tables: Mapping[str, Any], syllables: Iterable[str]) -> Speller:
        """The speller of spelling.yml for a lexicon's folded `syllables`."""
        known = frozenset(syllables)
        slips = {slip: syllable for syllable in sorted(known) if len(syllable) >= 4 and syllable.isalpha() for slip in _slips(syllable)}
        short, signs = ({str(k): str(v) for table in tables[part] for k, v in table["words"].items()} for part in ("short", "signs"))
        return cls(short, signs, slips, known)

    @cached_property
    def _token(self) -> re.Pattern[str]:
        return re.compile(rf"[^\W_]+|[%,:]|[.!?…;\n]+|{'|'.join(map(re.escape, self.signs))}")

    def read(self, text: str) -> Text:
        """The words of a message."""
        clean = clean_message(text) if _ODD.search(text) else nfc(text)
        forms: list[str] = []
        places: list[int] = []
        place = marked = lettered = 0
        seen = self._seen
        for token in self._token.findall(clean.lower()):
            new, pause, has_marks = seen.get(token) or self._learn(token)
            if pause:
                place += pause
                continue
            lettered += 1
            marked += has_marks
            forms += new
            if len(new) == 1:
                places.append(place)
                place += 1
            else:
                places += range(place, place + len(new))
                place += len(new)
        return Text(forms, places, marked * 2 >= lettered)

    def _learn(self, token: str) -> _Learnt:
        if len(self._seen) > _SEEN:
            self._seen.clear()
        pause = _PAUSES.get(token[0], 0)
        forms = () if pause else tuple(self._meant(squeeze(token)).split())
        self._seen[token] = learnt = _Learnt(forms, pause, not token.isascii())
        return learnt

    def _meant(self, token: str) -> str:
        if known := self.signs.get(token) or self.short.get(token):
            return known
        folded = fold(token)
        if mixed := _MIXED.fullmatch(folded):
            return f"{mixed[1]} {self.short.get('_' + mixed[2], mixed[2])}"
        if _SYLLABLE.fullmatch(folded) or folded in self.known:
            return token
        bare = _untelex(folded)
        if bare != folded and _SYLLABLE.fullmatch(bare):
            return bare
        return self.short.get(folded) or self.slips.get(folded, token)
