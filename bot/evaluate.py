"""`trogiup eval`: puts gold questions to the assistant, and looks beside it into search to say why an answer fell short."""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from actions.answering import Answerer
from actions.assistant import Assistant
from actions.model import Context, Message
from bot.gateway import Gateway
from bot.services import ROOT, Services
from bot.settings import Settings
from index.evaluation import (
    SOURCES,
    Support,
    Trace,
    breakdown,
    compare,
    misses,
    read_answers,
    read_gold,
    reasons_table,
    reliability,
    score,
    table,
)
from index.evaluation.gold import Question, Reply, holds, is_from
from index.evaluation.misses import LOOKED_AT
from index.model import Query
from knowledge.directory import VIETNAM
from knowledge.errors import SettingsError
from knowledge.model import Document, Passage
from knowledge.ocr import Repairs
from knowledge.reorganisation import load_successions
from knowledge.store import sqlite_url
from knowledge.text import clean_message

FIXED = ROOT / "actions" / "data"
UNSPOKEN = frozenset({"followups.yml", "guard.yml", "hotline_topics.yml", "routing.yml", "topics.yml"})
"""Tables of `FIXED` that hold patterns, and no sentence that anybody is shown."""
OF_THE_ASKED = (
    *(f"texts.{group}." for group in ("notices", "abstain", "missing", "clarify", "suggestions")),
    *(f"eligibility_texts.{group}" for group in ("go_phone", "no_province", "nothing")),
)
"""Fixed sentences that speak of what was asked, of provinces held and of tables; all others only of what is quoted."""


def evaluate(settings: Settings, arguments: argparse.Namespace) -> int:
    """Scores on gold sets, or compares two files of answers."""
    if str(arguments.files[0]) == "compare":
        return _compare(arguments)
    sets = [(path, read_gold(path)) for path in arguments.files]
    replies = _asked(settings, [question for _, gold in sets for question in gold], arguments)
    if arguments.answers:
        arguments.answers.write_text("".join(f"{json.dumps(a, ensure_ascii=False)}\n" for a in replies), encoding="utf-8")
    services = Services.open(settings)
    try:
        judge = Judge(services, arguments.as_of or services.clock().astimezone(VIETNAM).date())
        begin = 0
        for path, gold in sets:
            told = replies[begin : begin + len(gold)]
            begin += len(gold)
            if len(sets) > 1:
                print(f"== {path.name}, {len(gold)} questions")
            for line in judge.report(gold, told, with_misses=arguments.misses, with_reliability=arguments.reliability):
                print(line)
    finally:
        services.close()
    return 0


def _compare(arguments: argparse.Namespace) -> int:
    if len(arguments.files) != 3 or arguments.gold is None:
        raise SettingsError("Write: trogiup eval compare OLD NEW --gold GOLD.jsonl, OLD and NEW as eval --answers kept them.")
    old, new = map(read_answers, arguments.files[1:])
    for line in compare(read_gold(arguments.gold), old, new):
        print(line)
    return 0


def _asked(settings: Settings, gold: Sequence[Question], arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """The answers, in a database of its own: an evaluation opens no real cases."""
    services = Services.open(settings)
    try:
        services.knowledge_base.ensure(lambda line: None)
    finally:
        services.close()
    with tempfile.TemporaryDirectory() as folder:
        alone = replace(settings, database_url=sqlite_url(Path(folder) / "eval.sqlite"))
        return asyncio.run(_answers(alone, gold, arguments))


async def _answers(settings: Settings, gold: Sequence[Question], arguments: argparse.Namespace) -> list[dict[str, Any]]:
    from bot.client import answer_line, asking

    async with asking(settings, with_rasa=not arguments.without_rasa, use_running=False, ensure=False) as put:
        return [await answer_line(put, line, arguments.as_of) for line in gold]


async def directly(services: Services, gold: Iterable[Question], as_of: date) -> list[dict[str, Any]]:
    """The answers of the actions without Rasa, in this process, in the services' own database."""
    from bot.client import answer_line

    gateway = Gateway(services.gateway_parts(), None)

    async def put(conversation_id: str, text: str, day: date | None) -> dict[str, Any]:
        return await gateway.reply(conversation_id=conversation_id, text=text, as_of=day, channel="cli")

    return [await answer_line(put, line, as_of) for line in gold]


def fixed_texts(folder: Path = FIXED) -> dict[str, str]:
    """Every fixed sentence by its dotted name, which begins with that of its file; lists by position."""
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.yml")):
        if path.name not in UNSPOKEN:
            found |= _flat(yaml.safe_load(path.read_text(encoding="utf-8")), path.stem)
    return found


def _flat(value: object, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping | list):
        for key, inner in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _flat(inner, f"{name}.{key}")
    else:
        yield name, str(value)


@dataclass(frozen=True)
class Judge:
    """Reads questions as the assistant reads them, on one day, and says what search made of them."""

    services: Services
    as_of: date
    _queries: dict[str, Query] = field(default_factory=dict, repr=False)

    def report(
        self, gold: Sequence[Question], told: Sequence[Reply], *, with_misses: bool = False, with_reliability: bool = False
    ) -> Iterator[str]:
        """Lines to print: the figures, by kind, province, tag and document, the misses by reason, the reliability."""
        answers = {answer["id"]: answer for answer in told}
        unsupported = self.unsupported(gold, answers)
        yield from table(score(gold, answers, unsupported), told, with_misses)
        for by, groups in (
            ("kind", lambda question: [question["kind"]]),
            ("province", self.provinces),
            ("tag", lambda question: question["tags"]),
            ("document", lambda question: question["docs"]),
        ):
            yield ""
            yield from breakdown(by, groups, gold, answers, unsupported)
        yield ""
        yield from reasons_table(misses(gold, answers, self.trace, unsupported), with_misses)
        if with_reliability:
            judged = [(p, question["kind"] == "answer") for question in gold if (p := self._probability_of(question)) is not None]
            yield ""
            yield from reliability(judged)

    def unsupported(self, gold: Iterable[Question], answers: Mapping[str, Reply]) -> dict[str, tuple[str, ...]]:
        """By question, what of its answer stands nowhere."""
        return {q["id"]: self._support.unsupported(q, answers[q["id"]]) for q in gold if q["id"] in answers}

    def provinces(self, question: Question) -> tuple[str, ...]:
        """Of the documents that answer; of a question that none answers, those it names."""
        collection = self._answerer.retriever.snapshot.collection
        found = [collection.province(d) for name in question["docs"] for d in collection.documents if d.source_file.startswith(_file(name))]
        asked = " / ".join([*question["history"], question["question"]])
        named = [] if found else [mention.province for mention in self.services.gazetteer.mentions(asked)]
        return tuple(dict.fromkeys(filter(None, [*found, *named])))

    def trace(self, question: Question) -> Trace:
        """The rank of the evidence in search, and the probability that the question can be answered."""
        query = self._query(question)
        hits = self._answerer.retriever.search(query, LOOKED_AT)
        ranks = (rank for rank, hit in enumerate(hits, 1) if _stands_in(question, hit.document, hit.passage))
        return Trace(next(ranks, None), self._probability(query))

    def _probability_of(self, question: Question) -> float | None:
        """None where rules decide: other kinds, the directory, facts of a document, provinces and numbers that are not held."""
        if question["kind"] not in ("answer", "abstain") or {"hotline", "directory"} & set(question["tags"]):
            return None
        if self._assistant.router.route(question["question"]) != "question":
            return None
        return self._probability(self._query(question))

    def _probability(self, query: Query) -> float | None:
        answerer = self._answerer
        scope = answerer.retriever.scope(query)
        if query.fact or scope.missing_provinces or scope.missing_numbers or not query.terms:
            return None
        hits = answerer.demands.met(query, answerer.retriever.search(query, LOOKED_AT, scope))
        return answerer.answerability.chance(query, hits, answerer.retriever)

    def _query(self, question: Question) -> Query:
        """As it is read after its history."""
        if question["id"] not in self._queries:
            now, context = self.services.clock(), Context()
            for turn in question["history"]:
                context = self._assistant.reply(Message("eval", clean_message(turn), "eval", now, self.as_of), context).context
            reading, _ = self._assistant.reading(Message("eval", clean_message(question["question"]), "eval", now, self.as_of), context)
            self._queries[question["id"]] = self._answerer.retriever.mended(reading.query)
        return self._queries[question["id"]]

    @property
    def _answerer(self) -> Answerer:
        return self.services.answerer()

    @cached_property
    def _assistant(self) -> Assistant:
        return self.services.assistant()

    @cached_property
    def _support(self) -> Support:
        services, collection = self.services, self._answerer.retriever.snapshot.collection
        return Support(collection, services.gazetteer, services.directory, load_successions(), fixed_texts(), OF_THE_ASKED, Repairs.load())


def _file(document: str) -> str:
    return SOURCES.get(document, document)


def _stands_in(question: Question, document: Document, passage: Passage) -> bool:
    """Whether an evidence stands in a passage with its headings, of an acceptable document."""
    return is_from(question, document.source_file) and holds(question, " ".join([*passage.path, passage.text]))
