"""Finds known phrases in what people type: whole words, the longest first, with or without diacritics, forgiving wrong tone marks.

No Rasa in here: standard library, PyYAML and knowledge.text only.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from knowledge.errors import KnowledgeError
from knowledge.text import fold, has_diacritics, nfc

WORD = re.compile(r"(?:[^\W_][\u0300-\u036f]*)+")
"""A run of letters and digits. Combining marks belong to it, so that NFD text is cut where NFC text is."""
_TONES = dict.fromkeys((0x0300, 0x0301, 0x0303, 0x0309, 0x0323))


@dataclass(frozen=True, slots=True)
class Match:
    """`text[start:end]` names `value`, of the kind `entity`."""

    entity: str
    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Phrase:
    entity: str
    value: str
    words: tuple[str, ...]

    def agrees(self, typed: tuple[str, ...]) -> bool:
        """Words of the same letters are given. A lone syllable must be typed as it is written; in longer phrases marks may be missing,
        and tones may be wrong, as in the South's "trẽ em"."""
        if len(typed) == 1:
            return typed == self.words
        return all(not has_diacritics(word) or toneless(word) == toneless(own) for word, own in zip(typed, self.words, strict=True))


def toneless(word: str) -> str:
    """Tones off, letters kept: `toneless("trẽ") == toneless("trẻ")`, but "nằm" is not "nam"."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", word).translate(_TONES))


class PhraseTable:
    """A lookup of phrases by their folded words."""

    def __init__(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """`rows`: entity, value, phrase. Of phrases that fold alike all are kept; the first one that agrees with the typed words counts."""
        self._by_words: dict[tuple[str, ...], list[_Phrase]] = {}
        for entity, value, phrase in rows:
            words = tuple(WORD.findall(nfc(phrase).lower()))
            self._by_words.setdefault(tuple(map(fold, words)), []).append(_Phrase(entity, value, words))
        self._longest = max(map(len, self._by_words), default=0)

    def find(self, text: str) -> Iterator[Match]:
        """The longest phrases in `text`, left to right, not overlapping. Spans count code points of `text` as it is, whatever its form."""
        spans = [match.span() for match in WORD.finditer(text)]
        typed = [nfc(text[start:end]).lower() for start, end in spans]
        folded = [fold(word) for word in typed]
        at = 0
        while at < len(spans):
            hit = self._at(typed, folded, at)
            if hit is None:
                at += 1
                continue
            last = at + len(hit.words) - 1
            yield Match(hit.entity, hit.value, spans[at][0], spans[last][1])
            at = last + 1

    def _at(self, typed: list[str], folded: list[str], at: int) -> _Phrase | None:
        for size in range(min(self._longest, len(folded) - at), 0, -1):
            for phrase in self._by_words.get(tuple(folded[at : at + size]), ()):
                if phrase.agrees(tuple(typed[at : at + size])):
                    return phrase
        return None


def named_synonyms(path: Path, entity: str) -> Iterator[tuple[str, str, str]]:
    """Rows for a PhraseTable from a YAML list of {name, synonyms, source}. KnowledgeError names the file and what does not fit."""
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    for number, entry in enumerate(entries, start=1):
        if not (isinstance(entry, Mapping) and {"name", "synonyms", "source"} == set(entry)):
            raise KnowledgeError(f"{path.name}, entry {number}: name, synonyms and source are wanted", file=path.name)
        for phrase in (entry["name"], *entry["synonyms"]):
            yield entity, entry["name"], phrase
