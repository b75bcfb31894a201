"""Finds provinces, document numbers, groups of people and topics by lookup; nothing is learnt, so nothing has to be annotated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.rasa.components.document_numbers import document_numbers
from bot.rasa.components.phrases import WORD, Match, PhraseTable, named_synonyms
from knowledge.places import Gazetteer, load_gazetteer
from knowledge.tables import DATA


class EntityFinder:
    """The lookup itself, apart from Rasa's graph."""

    def __init__(self, places: Gazetteer, groups: PhraseTable, topics: PhraseTable) -> None:
        self._places = places
        self._tables = (groups, topics)

    def find(self, text: str) -> Iterator[Match]:
        """Every entity in `text`. A group and a topic may stand on the same words ("xâm hại trẻ em" is both)."""
        spans = [match.span() for match in WORD.finditer(text)]
        for mention in self._places.mentions(text):
            yield Match("province", mention.province, spans[mention.start][0], spans[mention.end - 1][1])
        for number, start, end in document_numbers(text):
            yield Match("document_number", number, start, end)
        for table in self._tables:
            yield from table.find(text)


def load_finder() -> EntityFinder:
    """The finder over the tables of knowledge/data."""
    return EntityFinder(
        load_gazetteer(),
        PhraseTable(named_synonyms(DATA / "groups.yml", "group")),
        PhraseTable(named_synonyms(DATA / "topics.yml", "topic")),
    )


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class EntityLookup(GraphComponent, EntityExtractorMixin):
    """Rasa's wrapping of EntityFinder. Reads the tables when the model is loaded, so a change in them needs a restart, no training."""

    def __init__(self, finder: EntityFinder) -> None:
        self._finder = finder

    @classmethod
    def create(
        cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource, execution_context: ExecutionContext
    ) -> EntityLookup:
        """A component over the tables as they are now."""
        return cls(load_finder())

    def process(self, messages: list[Message]) -> list[Message]:
        """Adds the entities found to each message."""
        for message in messages:
            found = [
                {"entity": match.entity, "value": match.value, "start": match.start, "end": match.end}
                for match in self._finder.find(message.get(TEXT) or "")
            ]
            message.set(ENTITIES, message.get(ENTITIES, []) + self.add_extractor_name(found), add_to_output=True)
        return messages
