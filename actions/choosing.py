"""Which of the ways in which a turn may be meant is told: each is looked up, and a small trained model compares what was found.

A softmax over the ways and the honest no (all of whose signals are 0), linear in the signals below, trained by tools/train.py on the
conversations of tests/eval/train.jsonl; its weights are data (data/choosing.json).
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from actions.answering import Answerer, Found
from actions.followup import FollowUps, Leaning, Sense
from actions.guard import bodies
from actions.model import Context
from actions.recall import DAY, Recall
from index.analysis import has_quantity, years_in
from index.model import Query
from index.search import Scope
from knowledge.errors import IndexFault
from knowledge.text import folded_line

DATA = Path(__file__).parent / "data"
_KINDS = ("rules", "alone", "combined", "slotted", "moved", "back", "nearby")
_SURE = 4.0
"""Log-odds: what is surer counts as this sure."""
_UNSAID = 0.5
"""Coverage of a turn without words."""
_ALL = 0.99
FEATURES = (
    "real",
    "answers",
    "chance",
    "asks",
    "asks_own",
    "asks_all",
    "said",
    "earlier",
    "told",
    "around",
    "same_document",
    "figure_missing",
    "day_missing",
    "body_missing",
    "year_missing",
    "missing_rarity",
    "told_asks",
    "told_pointed",
    "answers_asks",
    *_KINDS,
)


@dataclass(frozen=True, slots=True)
class Option:
    """One or several ways that look for the same, and what was found for them; `kinds`: names of FEATURES."""

    kinds: tuple[str, ...]
    sense: Sense
    found: Found
    """Its hits are not empty."""
    answers: bool
    chance: float | None
    """That it is answered by what was found, 0…1; None where that is not judged."""

    @property
    def first(self) -> str:
        """The id of the passage found first."""
        return self.found.hits[0].passage.passage_id


@dataclass(frozen=True, slots=True)
class Choice:
    """What is told: an option, and the one beside it; None and None where it is likelier that the documents do not answer."""

    best: Option | None
    second: Option | None = None


@dataclass(frozen=True)
class Chooser:
    """The trained weights, one for each of FEATURES. `least`: the share that all options must have together; `beside`: the share from
    which on those that found the second passage are told as well."""

    weights: tuple[float, ...]
    least: float = 0.5
    beside: float = 0.1

    @classmethod
    def load(cls, path: Path = DATA / "choosing.json") -> Chooser:
        """From the data file. IndexFault when it was trained for other features."""
        raw = json.loads(path.read_text(encoding="utf-8"))
        if tuple(raw["features"]) != FEATURES:
            raise IndexFault("choosing.json was trained for other features: run make train.")
        return cls(tuple(raw["weights"]), raw["least"])

    @classmethod
    def ruled(cls) -> Chooser:
        """Before any training: as the rules have it, if that answers."""
        return cls(tuple(float(name in ("rules", "answers")) - float(name == "real") * 1.5 for name in FEATURES))

    def shares(self, rows: Sequence[Sequence[float]]) -> list[float]:
        """How likely each option is by its signals (in the order of FEATURES); the honest no has what is missing to 1."""
        powers = [math.exp(sum(weight * value for weight, value in zip(self.weights, row, strict=True))) for row in rows]
        return [power / (1.0 + sum(powers)) for power in powers]

    def choose(self, options: Sequence[Option], rows: Sequence[Sequence[float]]) -> Choice:
        """Compares options by their signals (`rows`). For the second, those that found the same passage speak for it together."""
        shares = self.shares(rows)
        if not options or sum(shares) < self.least:
            return Choice(None)
        together: dict[str, float] = {}
        for option, share in zip(options, shares, strict=True):
            together[option.first] = together.get(option.first, 0.0) + share
        ranked = sorted(zip(options, shares, strict=True), key=lambda pair: -pair[1])
        best = ranked[0][0]
        return Choice(
            best, next((option for option, _ in ranked if option.first != best.first and together[option.first] >= self.beside), None)
        )


def options(leaning: Leaning, context: Context, answerer: Answerer, followups: FollowUps, recall: Recall) -> list[Option]:
    """Every way looked up once, and what stands around the passages told last."""
    kinds: dict[Query, list[str]] = {}
    senses: dict[Query, Sense] = {}
    for way, sense in leaning.ways:
        kinds.setdefault(sense.query, []).append(way)
        senses.setdefault(sense.query, sense)
    looked_up = (_option(tuple(kinds[query]), sense, answerer) for query, sense in senses.items())
    made = [option for option in looked_up if option]
    asks, earlier = leaning.asks, followups.understanding.read(context.question or "", leaning.asks.as_of)
    whole = replace(asks, terms=(*asks.terms, *earlier.terms), paraphrases=(*asks.paraphrases, *earlier.paraphrases))
    hits = recall.nearby(answerer, whole, asks, context)
    if hits and not leaning.said.provinces and not leaning.said.numbers:
        rules = leaning.ways[0][1]
        scope = Scope(frozenset({hits[0].document.document_id}))
        told = replace(rules, query=asks if asks.terms else whole)
        made.append(Option(("nearby",), told, Found(told.query, scope, tuple(hits)), True, None))
    return made


def _option(kinds: tuple[str, ...], sense: Sense, answerer: Answerer) -> Option | None:
    """None where nothing is found."""
    found = answerer.look_up(sense.query)
    # Where nothing is held, searching on would only find other places' papers.
    nowhere = found.scope.missing_numbers or (found.scope.missing_provinces and not found.scope.document_ids)
    if nowhere or not found.hits or not found.query.terms:
        return None
    chance = answerer.answerability.chance(found.query, found.hits, answerer.retriever)
    return Option(kinds, sense, found, answerer.is_answered(found), chance)


def signals(option: Option, leaning: Leaning, context: Context, answerer: Answerer, followups: FollowUps, recall: Recall) -> list[float]:
    """The signals of an option, in the order of FEATURES."""
    retriever, said, asks = answerer.retriever, leaning.said, leaning.asks
    first = option.found.hits[0]
    document, told, around = recall.told(answerer, context)
    kinds = [float(kind in option.kinds) for kind in _KINDS]
    chance = 0.0 if option.chance is None else _log_odds(option.chance)
    held, own = retriever.terms_of(first), retriever.own_terms_of(first)
    earlier = followups.understanding.read(context.question or "", asks.as_of)

    def covered(query: Query, terms: frozenset[str]) -> float:
        return retriever.coverage(query, terms) if query.terms else _UNSAID

    asked, words = covered(asks, held), " ".join([*first.passage.path, first.passage.text])
    return [
        1.0,
        float(option.answers),
        chance,
        asked,
        covered(asks, own),
        float(asked > _ALL),
        covered(said, held),
        covered(earlier, held),
        float(first.passage in told),
        float(first.passage in around),
        float(first.document == document),
        float(said.asked == "how_many" and not has_quantity(first.passage.text)),
        float(said.asked == "when" and not DAY.search(first.passage.text)),
        float(said.asked == "who" and not any(bodies(" ".join([*first.passage.path[-1:], first.passage.text])))),
        float(bool(said.years) and years_in(words).isdisjoint(said.years)),
        retriever.wanted(option.found.query).rarest_missing(own),
        float(first.passage in told) * asked,
        float(first.passage in told) * float(bool(followups.pronouns.search(folded_line(said.written_out)))),
        float(option.answers) * asked,
        *kinds,
    ]


def focused(option: Option, leaning: Leaning, answerer: Answerer) -> Found:
    """What was found, to be told by the words that the turn itself says, where the passage found holds them all."""
    found, asks = option.found, leaning.asks
    own = answerer.retriever.own_terms_of(found.hits[0])
    if "combined" not in option.kinds or not asks.terms or answerer.retriever.coverage(asks, own) <= _ALL:
        return found
    return replace(found, query=replace(found.query, terms=asks.terms, light=asks.light, paraphrases=asks.paraphrases))


def _log_odds(chance: float) -> float:
    least = 1 / (1 + math.exp(_SURE))
    within = min(max(chance, least), 1 - least)
    return math.log(within / (1 - within))
