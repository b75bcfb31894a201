"""Provinces by their old, new and folded names, and the towns that give a province away.

Names and mergers: data/provinces.tsv (63 names before 1 July 2025; `now` only where the merger has a source).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path

from knowledge.tables import DATA, listed, rows
from knowledge.text import fold, has_diacritics, marked_words, words

_TONES = frozenset("\u0300\u0301\u0303\u0309\u0323")
"""Combining grave, acute, tilde, hook above and dot below: the five written tones."""


@dataclass(frozen=True, slots=True)
class Place:
    """A province as it was named before 1 July 2025. `now`: the province it is part of today, None where we hold no source."""

    name: str
    now: str | None
    aliases: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class Mention:
    """A province named in a text, by its own name or by a town in it. Positions count folded words (`knowledge.text.words`)."""

    province: str
    start: int
    end: int
    by_locality: bool


@dataclass(frozen=True)
class Gazetteer:
    """Finds provinces in what people write. Longest name first, whole words, diacritics optional but never contradicted."""

    places: tuple[Place, ...]
    localities: tuple[tuple[str, str], ...]

    @cached_property
    def _by_name(self) -> dict[str, Place]:
        return {place.name: place for place in self.places}

    @cached_property
    def _names(self) -> dict[tuple[str, ...], list[tuple[str, str, bool]]]:
        """Spellings by their folded words, a province before a town: "Đắk Lắk" and "Đăk Lăk" fold alike."""
        table: dict[tuple[str, ...], list[tuple[str, str, bool]]] = {}
        provinces = ((name, place.name, False) for place in self.places for name in (place.name, *place.aliases))
        towns = ((name, province, True) for name, province in self.localities)
        for spelling in chain(provinces, towns):
            table.setdefault(tuple(words(spelling[0])), []).append(spelling)
        return table

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self._names))

    def mentions(self, text: str) -> tuple[Mention, ...]:
        """Provinces in the order they are named. "hà năm" is not Hà Nam: a mark that is typed must be the right one."""
        spelled = marked_words(text)
        folded = [fold(word) for word in spelled]
        found: list[Mention] = []
        at = 0
        while at < len(folded):
            for length in range(min(self._longest, len(folded) - at), 0, -1):
                spellings = self._names.get(tuple(folded[at : at + length]), ())
                hit = next((spelling for spelling in spellings if _agrees(spelled[at : at + length], spelling[0])), None)
                if hit:
                    found.append(Mention(hit[1], at, at + length, hit[2]))
                    at += length
                    break
            else:
                at += 1
        return tuple(found)

    def place(self, name: str) -> Place | None:
        """The province of that name, as it was before the merger."""
        return self._by_name.get(name)

    def now(self, name: str) -> str | None:
        """The province that `name` is part of today."""
        place = self._by_name.get(name)
        return place.now if place else None

    def merged_into(self, name: str) -> tuple[str, ...]:
        """The provinces that make up today's `name`, itself included."""
        return tuple(place.name for place in self.places if place.now == name)

    def kin(self, name: str) -> tuple[str, ...]:
        """`name` first, then the provinces that today are one with it."""
        now = self.now(name)
        return (name, *(other for other in self.merged_into(now) if other != name)) if now else (name,)


def _agrees(typed: Iterable[str], name: str) -> bool:
    return all(not has_diacritics(word) or _spelling(word) == _spelling(own) for word, own in zip(typed, marked_words(name), strict=True))


def _spelling(word: str) -> tuple[str, frozenset[str]]:
    """Letters with their own marks, and the tone apart: "hòa" and "hoà" are spelled alike wherever the tone is set."""
    parts = unicodedata.normalize("NFD", word)
    return "".join(c for c in parts if c not in _TONES), frozenset(parts) & _TONES


def load_places(path: Path = DATA / "provinces.tsv") -> tuple[Place, ...]:
    """The table of provinces. KnowledgeError names a row that does not fit."""
    return tuple(
        Place(row["name"], row["now"] or None, listed(row["aliases"]), row["source"])
        for row in rows(path, ("name", "now", "aliases", "source"))
    )


def load_gazetteer(folder: Path = DATA) -> Gazetteer:
    """Provinces and localities from the data folder."""
    localities = tuple((row["name"], row["province"]) for row in rows(folder / "localities.tsv", ("name", "province", "source")))
    return Gazetteer(load_places(folder / "provinces.tsv"), localities)
