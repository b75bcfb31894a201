"""Rasa's wrapping of IntentModel: reads the tokens of a message, puts the kind of an entity in place of its words, and asks the model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.nlu.constants import TOKENS_NAMES
from rasa.nlu.tokenizers.tokenizer import Token, Tokenizer
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.rasa.components.entities import EntityFinder, load_finder
from bot.rasa.components.intent_model import IntentModel
from bot.rasa.components.phrases import Match
from knowledge.text import fold, nfc


def masked_words(tokens: Sequence[Token], entities: Iterable[Match]) -> list[str]:
    """Folded tokens, those of one entity replaced by its kind: what is asked does not depend on the province that it is asked of."""
    covered_to, kinds = 0, {}
    for entity in sorted(entities, key=lambda match: (match.start, -match.end)):
        if entity.start >= covered_to:
            kinds[entity.start] = entity
            covered_to = entity.end
    words: list[str] = []
    covered_to = 0
    for token in tokens:
        if token.start < covered_to:
            continue
        entity = next((kinds[at] for at in range(token.start, token.end) if at in kinds), None)
        words.append(f"_{entity.entity}_" if entity else fold(nfc(token.text)))
        covered_to = entity.end if entity else token.end
    return words


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class SyllableIntentClassifier(IntentClassifier, GraphComponent):
    """Intents from syllables and letters. Nothing random, so the same examples give the same model."""

    def __init__(
        self, config: dict[str, Any], storage: ModelStorage, resource: Resource, finder: EntityFinder, model: IntentModel | None = None
    ) -> None:
        self._config = config
        self._storage = storage
        self._resource = resource
        self._finder = finder
        self._model = model

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """`c`: inverse strength of regularisation; `max_iter`: steps of its solver; `ranking_length`: how many intents are told."""
        return {"c": 10.0, "max_iter": 1000, "random_seed": 42, "ranking_length": 5}

    @classmethod
    def required_components(cls) -> list[type]:
        """A tokenizer."""
        return [Tokenizer]

    @classmethod
    def create(
        cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource, execution_context: ExecutionContext
    ) -> SyllableIntentClassifier:
        """An untrained classifier."""
        return cls(config, model_storage, resource, load_finder())

    @classmethod
    def load(
        cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource, execution_context: ExecutionContext, **kwargs: Any
    ) -> SyllableIntentClassifier:
        """The trained classifier out of the model archive."""
        with model_storage.read_from(resource) as folder:
            return cls(config, model_storage, resource, load_finder(), IntentModel.load(folder))

    def train(self, training_data: TrainingData) -> Resource:
        """Fit on every example that has an intent, and put the model into the archive."""
        examples = [example for example in training_data.intent_examples if example.get(TEXT)]
        self._model = IntentModel.fit(
            [self._words(example) for example in examples],
            [example.get(INTENT) for example in examples],
            c=self._config["c"],
            max_iter=self._config["max_iter"],
            seed=self._config["random_seed"],
        )
        with self._storage.write_to(self._resource) as folder:
            self._model.save(folder)
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        """Sets the intent of each message and the ranking behind it."""
        if self._model is None:
            raise RuntimeError("The intent classifier has not been trained; run: rasa train")
        for message in messages:
            ranking = [{"name": name, "confidence": share} for name, share in self._model.probabilities(self._words(message))]
            message.set(INTENT, ranking[0], add_to_output=True)
            message.set("intent_ranking", ranking[: self._config["ranking_length"]], add_to_output=True)
        return messages

    def _words(self, message: Message) -> list[str]:
        return masked_words(message.get(TOKENS_NAMES[TEXT]) or [], self._finder.find(message.get(TEXT)))
