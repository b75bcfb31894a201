"""Provinces, document numbers, groups of people and topics in what people type, found by lookup in the tables of knowledge/data.

No Rasa in here.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from bot.rasa.components.document_numbers import document_numbers
from bot.rasa.components.phrases import WORD, Match, PhraseTable, named_synonyms
from knowledge.places import Gazetteer, load_gazetteer
from knowledge.tables import DATA


class EntityFinder:
    """Looks up every kind of entity in one text."""

    def __init__(self, places: Gazetteer, groups: PhraseTable, topics: PhraseTable) -> None:
        self._places = places
        self._tables = (groups, topics)
        self._last: tuple[str, list[Match]] = ("", [])

    def find(self, text: str) -> list[Match]:
        """Every entity in `text`. A group and a topic may stand on the same words ("xâm hại trẻ em" is both)."""
        if text != self._last[0]:  # two components ask for the same message, one after the other
            self._last = (text, list(self._found(text)))
        return self._last[1]

    def _found(self, text: str) -> Iterator[Match]:
        spans = [match.span() for match in WORD.finditer(text)]
        for mention in self._places.mentions(text):
            yield Match("province", mention.province, spans[mention.start][0], spans[mention.end - 1][1])
        for number, start, end in document_numbers(text):
            yield Match("document_number", number, start, end)
        for table in self._tables:
            yield from table.find(text)


@cache
def load_finder() -> EntityFinder:
    """The finder over the tables of knowledge/data; one for all components."""
    return EntityFinder(
        load_gazetteer(),
        PhraseTable(named_synonyms(DATA / "groups.yml", "group")),
        PhraseTable(named_synonyms(DATA / "topics.yml", "topic")),
    )
