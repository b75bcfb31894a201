"""How well intents are recognised: trains on 70% of the examples, asks the other 30%, as they are typed and with the diacritics taken off.

Run with Rasa's python from the checkout: `.venv-rasa/bin/python -m bot.rasa.evaluate_nlu [--json] [--misses]`. It drives the tokenizer
and the classifier themselves (their train and process), as config.yml sets them, outside Rasa's graph, so it takes seconds. The split
depends on the examples alone.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.importers.rasa import RasaFileImporter
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.rasa.components.intent_classifier import SyllableIntentClassifier
from bot.rasa.components.syllable_tokenizer import SyllableTokenizer
from knowledge.text import fold, nfc

ROOT = Path(__file__).resolve().parents[2]
HELD_OUT = 0.3


def split(examples: Iterable[tuple[str, str]]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """(text, intent) pairs to train on and to ask. Of each intent the 30% whose hashes come first are held out."""
    by_intent: dict[str, list[str]] = defaultdict(list)
    for text, intent in examples:
        by_intent[intent].append(text)
    train, held_out = [], []
    for intent, texts in sorted(by_intent.items()):
        shuffled = sorted(texts, key=lambda text: hashlib.sha256(text.encode()).digest())
        cut = round(HELD_OUT * len(shuffled))
        held_out += [(text, intent) for text in shuffled[:cut]]
        train += [(text, intent) for text in shuffled[cut:]]
    return train, held_out


def macro_f1(gold: Sequence[str], found: Sequence[str]) -> float:
    """Mean over the intents of 2·tp / (2·tp + fp + fn)."""
    hits = Counter(a for a, b in zip(gold, found, strict=True) if a == b)
    wanted, given = Counter(gold), Counter(found)
    return sum(2 * hits[intent] / (wanted[intent] + given[intent]) for intent in wanted) / len(wanted)


def classifier_settings(config: Path) -> dict[str, object]:
    """What config.yml sets for our classifier, over its defaults."""
    pipeline = yaml.safe_load(config.read_text(encoding="utf-8"))["pipeline"]
    entry = next(entry for entry in pipeline if entry["name"].endswith(SyllableIntentClassifier.__name__))
    return {**SyllableIntentClassifier.get_default_config(), **{name: value for name, value in entry.items() if name != "name"}}


def recognise(train: Sequence[tuple[str, str]], asked: Sequence[str]) -> list[str]:
    """The intents of `asked` after training on `train`, by the components themselves."""
    tokenizer = SyllableTokenizer(SyllableTokenizer.get_default_config())
    examples = TrainingData([Message({TEXT: text, INTENT: intent}) for text, intent in train])
    with tempfile.TemporaryDirectory() as folder:
        classifier = SyllableIntentClassifier.create(
            classifier_settings(ROOT / "config.yml"),
            LocalModelStorage(Path(folder)),
            Resource("classifier"),
            ExecutionContext(GraphSchema({})),
        )
        classifier.train(tokenizer.process_training_data(examples))
        messages = classifier.process(tokenizer.process([Message({TEXT: text}) for text in asked]))
    return [message.get(INTENT)["name"] for message in messages]


def main() -> int:
    """Print the two figures and, with --misses, every held-out example that was not recognised."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    parser.add_argument("--misses", action="store_true", help="list what was not recognised")
    options = parser.parse_args()
    data = RasaFileImporter(training_data_paths=[str(ROOT / "bot/data")]).get_nlu_data()
    train, held_out = split((example.get(TEXT), example.get(INTENT)) for example in data.intent_examples)
    gold = [intent for _, intent in held_out]
    typed = [nfc(text) for text, _ in held_out]
    found = recognise(train, [*typed, *map(fold, typed)])
    accented, stripped = found[: len(gold)], found[len(gold) :]
    figures = {
        "intents": len(set(gold)),
        "trained_on": len(train),
        "held_out": len(held_out),
        "macro_f1_accented": round(macro_f1(gold, accented), 3),
        "macro_f1_stripped": round(macro_f1(gold, stripped), 3),
    }
    if options.misses:
        for (text, intent), guess in zip(held_out, accented, strict=True):
            if intent != guess:
                print(f"{intent} → {guess}: {text}")
    print(json.dumps(figures) if options.json else "\n".join(f"{name}: {value}" for name, value in figures.items()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
