"""The part of `make train` that learns which way of reading a follow-up is told: actions/data/choosing.json, from the conversations of
tests/eval/train.jsonl.

Each conversation is played as the rules alone would have it; then every way in which its last turn may be meant is told and judged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from actions.answering import Answerer
from actions.assistant import Assistant
from actions.choosing import FEATURES, Chooser, options, signals
from actions.followup import FollowUps
from actions.hotlines import HotlineDesk
from actions.model import Answer, Context, Message
from actions.notices import Notices
from actions.routing import Router
from actions.texts import Texts
from index.answerability import Answerability
from index.demands import Demands
from index.evaluation.gold import cited, read_gold, said
from index.search import Retriever
from index.understanding import Understanding
from knowledge.directory import Directory
from knowledge.places import Gazetteer
from knowledge.reorganisation import load_successions
from knowledge.text import clean_message
from tools.examples import AS_OF

NOON = datetime.combine(AS_OF, time(5), UTC)
_PENALTY = 3.0
"""Of the squared weights, signals scaled to a deviation of 1; 3 and 10 measure the same."""
_FOLDS = 10
_ANSWERED = 0.99
"""The share of answerable turns that are answered, each by a model that has not read it."""
_DECIMALS = 4

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Turn:
    """The last turn of a conversation. `rows`: the signals of its options and, last, of the honest no (all 0), shape (options + 1,
    signals); `right`: which of them the gold accepts."""

    writer: str
    rows: Matrix
    right: npt.NDArray[np.bool_]


def assistant(retriever: Retriever, answerability: Answerability, gazetteer: Gazetteer) -> Assistant:
    """As the service puts it together, with the rules alone to choose."""
    texts, directory = Texts.load(), Directory.load()
    answerer = Answerer(retriever, texts, Notices(texts, gazetteer, load_successions()), directory, answerability, Demands.load())
    followups = FollowUps.load(Understanding.load(gazetteer))
    return Assistant(lambda: answerer, followups, Router.load(), HotlineDesk.load(directory, texts), texts, Chooser.ruled())


def train(asked: Assistant, gold: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """The content of choosing.json but for what it was trained on."""
    played = [turn for line in read_gold(gold) if line["history"] and (turn := _played(asked, line))]
    right = 0
    for writer in sorted({turn.writer for turn in played}):
        weights = fit([turn for turn in played if turn.writer != writer])
        right += sum(bool(turn.right[np.argmax(turn.rows @ weights)]) for turn in played if turn.writer == writer)
    within = sum(bool(turn.right.any()) for turn in played)
    say(f"follow-ups: {len(played)} turns, right among their readings {within}; each writer by the others' model: chosen {right}")
    # One writer alone wrote most that are unanswerable: how sure the honest no must be is learned in folds of turns.
    sure = np.zeros(len(played))
    for fold in range(_FOLDS):
        weights = fit([turn for at, turn in enumerate(played) if at % _FOLDS != fold])
        for at in range(fold, len(played), _FOLDS):
            sure[at] = sum(Chooser(tuple(weights.tolist())).shares(played[at].rows[:-1].tolist()))
    answerable = np.array([not turn.right[-1] for turn in played], dtype=bool)
    least = round(float(np.quantile(sure[answerable], 1 - _ANSWERED)), _DECIMALS) if answerable.any() else 0.5
    no = f"abstained {np.mean(sure[~answerable] < least):.3f}" if not answerable.all() else "none unanswerable"
    say(f"  least {least:.3f}: answered {np.mean(sure[answerable] >= least):.3f}, {no}")
    return {"features": FEATURES, "weights": [round(float(weight), _DECIMALS) for weight in fit(played)], "least": least}


def fit(turns: Sequence[Turn]) -> Matrix:
    """The weights under which what is right takes the largest share of a softmax, with a penalty on their squares; zero without turns."""
    turns = [turn for turn in turns if turn.right.any()]
    if not turns:
        return np.zeros(len(FEATURES))
    scale = np.concatenate([turn.rows for turn in turns]).std(axis=0)
    scale[scale < 1e-9] = 1.0

    def loss(weights: Matrix) -> tuple[float, Matrix]:
        total, slope = _PENALTY / 2 * float(weights @ weights), _PENALTY * weights
        for turn in turns:
            scaled = turn.rows / scale
            values = scaled @ weights
            shares = np.exp(values - values.max())
            shares /= shares.sum()
            right = shares * turn.right
            total -= float(np.log(right.sum()))
            slope = slope + scaled.T @ (shares - right / right.sum())
        return total, slope

    found: Matrix = minimize(loss, np.zeros(len(FEATURES)), jac=True, method="L-BFGS-B", options={"maxiter": 1000, "ftol": 1e-12}).x
    return found / scale


def _played(asked: Assistant, line: dict[str, Any]) -> Turn | None:
    """None where the turn can be read in one way only, or is no question for the documents."""
    context = Context()
    for text in line["history"]:
        context = asked.reply(_message(text), context).context
    message = _message(line["question"])
    read = asked.leaning(message, context)
    if read is None:
        return None
    reading, context = read
    leaning = reading.leaning
    assert leaning is not None  # noqa: S101 - Assistant.leaning promises it
    parts = (context, asked.answerer(), asked.followups, asked.recall)
    found = options(leaning, *parts)
    rows = [signals(option, leaning, *parts) for option in found]
    right = [_accepted(line, asked.told_as(option, leaning, context, reading.turn)) for option in found]
    return Turn(str(line["id"])[:2], np.array([*rows, [0.0] * len(FEATURES)]), np.array([*right, line["kind"] == "abstain"]))


def _message(text: str) -> Message:
    return Message("train", clean_message(text), "train", NOON, AS_OF)


def _accepted(line: dict[str, Any], answer: Answer) -> bool:
    if line["kind"] == "abstain":
        return answer.kind != "answer"
    told = answer.as_json(conversation_id="", message_id="", latency_ms=0)
    return answer.kind == "answer" and said(line, told) and (not line["evidence"] or cited(line, told))
