"""Provinces by their old, new and folded names, and the towns that give a province away.

Names and mergers: data/provinces.tsv (63 names before 1 July 2025; `now` only where the merger has a source).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path

from knowledge.syllables import load_syllables
from knowledge.tables import DATA, listed, rows
from knowledge.text import has_diacritics, marked_words, words

_Spelling = tuple[str, str, bool]
"""A name as it is listed, the province it means, whether it is a town's."""
_RANKS = (("thanh", "pho"), ("tinh",), ("tp",))
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


class _Words:
    """The words of a text, each read once however many names it may begin or end."""

    def __init__(self, text: str) -> None:
        self.marked = marked_words(text)
        self.folded = words(text)

    @cached_property
    def spellings(self) -> list[tuple[str, frozenset[str]]]:
        return [_spelling(word) for word in self.marked]

    @cached_property
    def fits(self) -> list[bool]:
        """Whether each word can be Vietnamese."""
        syllables = load_syllables()
        return [syllables.fits(word) for word in self.folded]


@dataclass(frozen=True)
class Gazetteer:
    """Finds provinces in what people write. Longest name first, whole words, diacritics optional but never contradicted."""

    places: tuple[Place, ...]
    localities: tuple[tuple[str, str], ...]
    misspelt: tuple[tuple[str, str], ...] = ()
    """Wrong marks that people set, and the province they mean."""

    @cached_property
    def _by_name(self) -> dict[str, Place]:
        return {place.name: place for place in self.places}

    @cached_property
    def _names(self) -> dict[tuple[str, ...], list[_Spelling]]:
        """Spellings by their folded words, a province before a town: "Đắk Lắk" and "Đăk Lăk" fold alike."""
        table: dict[tuple[str, ...], list[_Spelling]] = {}
        provinces = ((name, place.name, False) for place in self.places for name in (place.name, *place.aliases))
        towns = ((name, province, True) for name, province in self.localities)
        for spelling in chain(provinces, towns):
            table.setdefault(tuple(words(spelling[0])), []).append(spelling)
        return table

    @cached_property
    def _beginnings(self) -> frozenset[str]:
        """First words of names: most words begin none."""
        return frozenset(name[0] for name in self._names)

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self._names))

    def mentions(self, text: str) -> tuple[Mention, ...]:
        """Provinces in the order they are named. "hà năm" is not Hà Nam: a mark that is typed must be the right one."""
        return self._found(_Words(text), self._exact)

    def typed(self, text: str) -> tuple[Mention, ...]:
        """As `mentions`, in what a person typed: slips, wrong marks and run-together names count, "TP" belongs to the name.

        A slip is only read as a name where the word typed cannot be Vietnamese ("Hưg Yên", "camau"), or is listed as misspelt ("Cà Mâu").
        """
        read = _Words(text)
        right = [self._with_rank(mention, read.folded) for mention in self._found(read, self._exact)]
        if all(read.fits) and self._misspelt_beginnings.isdisjoint(read.spellings):
            return tuple(right)
        # A name that is spelled right keeps its words: "hn tỉnh hà nam" is no slip for Hà Tĩnh.
        taken = {at for mention in right for at in range(mention.start, mention.end)}
        slips = [self._with_rank(mention, read.folded) for mention in self._found(read, self._slip, taken)]
        return tuple(sorted([*right, *slips], key=lambda mention: mention.start))

    def _found(
        self, read: _Words, reading: Callable[[_Words, int, int], _Spelling | None], taken: Set[int] = frozenset()
    ) -> tuple[Mention, ...]:
        found: list[Mention] = []
        at = 0
        while at < len(read.folded):
            for end in range(min(at + self._longest, len(read.folded)), at, -1):
                if taken and not taken.isdisjoint(range(at, end)):
                    continue
                if hit := reading(read, at, end):
                    found.append(Mention(hit[1], at, end, hit[2]))
                    at = end
                    break
            else:
                at += 1
        return tuple(found)

    def _exact(self, read: _Words, at: int, end: int) -> _Spelling | None:
        if read.folded[at] not in self._beginnings:
            return None
        spellings = self._names.get(tuple(read.folded[at:end]), ())
        return next((spelling for spelling in spellings if _agrees(read.marked[at:end], spelling[0])), None)

    def _slip(self, read: _Words, at: int, end: int) -> _Spelling | None:
        """A province of whose name one word is mistyped, or which is run together, or misspelt as listed."""
        if read.spellings[at] in self._misspelt_beginnings and (province := self._misspelt.get(tuple(read.spellings[at:end]))):
            return province, province, False
        if all(read.fits[at:end]):
            return None
        folded = read.folded[at:end]
        if len(folded) == 1:
            name = self._joined.get(folded[0])
            return (name, name, False) if name else None
        syllables = load_syllables()
        for own, name in self._by_length.get(len(folded), ()):
            pairs = zip(read.marked[at:end], folded, marked_words(name), own, strict=True)
            if all(_agrees([word], right) if typed == meant else syllables.meant(typed, meant) for word, typed, right, meant in pairs):
                return name, name, False
        return None

    @cached_property
    def _misspelt(self) -> dict[tuple[tuple[str, frozenset[str]], ...], str]:
        return {tuple(map(_spelling, marked_words(typed))): province for typed, province in self.misspelt}

    @cached_property
    def _misspelt_beginnings(self) -> frozenset[tuple[str, frozenset[str]]]:
        return frozenset(typed[0] for typed in self._misspelt)

    @cached_property
    def _joined(self) -> dict[str, str]:
        return {"".join(words(place.name)): place.name for place in self.places}

    @cached_property
    def _by_length(self) -> dict[int, list[tuple[list[str], str]]]:
        table: dict[int, list[tuple[list[str], str]]] = {}
        for place in self.places:
            own = words(place.name)
            table.setdefault(len(own), []).append((own, place.name))
        return table

    @staticmethod
    def _with_rank(mention: Mention, spelled: Sequence[str]) -> Mention:
        """The mention with "tỉnh", "thành phố" in front of it."""
        rank = next((rank for rank in _RANKS if tuple(spelled[max(0, mention.start - len(rank)) : mention.start]) == rank), ())
        return mention if mention.by_locality else replace(mention, start=mention.start - len(rank))

    def place(self, name: str) -> Place | None:
        """The province of that name, as it was before the merger."""
        return self._by_name.get(name)

    def now(self, name: str) -> str | None:
        """The province that `name` is part of today."""
        place = self.place(name)
        return place.now if place else None

    def merged_into(self, name: str) -> tuple[str, ...]:
        """The provinces that make up today's `name`, itself included."""
        return tuple(place.name for place in self.places if place.now == name)

    def kin(self, name: str) -> tuple[str, ...]:
        """`name` first, then the provinces that today are one with it."""
        now = self.now(name)
        return (name, *(other for other in self.merged_into(now) if other != name)) if now else (name,)


class LiveGazetteer(Gazetteer):
    """The provinces that every part holds on to while staff change what became of them. Names and spellings stay as they were."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        super().__init__(gazetteer.places, gazetteer.localities, gazetteer.misspelt)
        self._current = {place.name: place for place in gazetteer.places}

    def take_up(self, places: Iterable[Place]) -> None:
        """From here on they are what is read; `places` itself stays what was shipped."""
        self._current = {place.name: place for place in places}

    def place(self, name: str) -> Place | None:
        """As `Gazetteer.place`."""
        return self._current.get(name)

    def merged_into(self, name: str) -> tuple[str, ...]:
        """As `Gazetteer.merged_into`."""
        return tuple(place.name for place in self._current.values() if place.now == name)


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
    misspelt = tuple((row["typed"], row["province"]) for row in rows(folder / "misspelt_provinces.tsv", ("typed", "province", "source")))
    return Gazetteer(load_places(folder / "provinces.tsv"), localities, misspelt)
