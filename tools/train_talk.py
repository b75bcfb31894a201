"""Part of `make train`: what a message without a subject is (actions/data/talk.json), from tests/eval/talk, the questions of train.jsonl
and the messages about danger, which are no small talk whatever they say.

Each writer is judged by a model that has not read them; what is printed is how often a message is taken for what it is by rules and model
together, as the assistant asks them.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression

from actions.routing import Router
from actions.talk import HUMAN, OTHER, QUESTION, Linear, Talk, pieces, taken_for
from index.evaluation.gold import read_gold
from tools.examples import ROOT
from tools.train_triage import SETS, WRITERS, danger_rows

TALK = ROOT / "tests" / "eval" / "talk"
_C = 30.0
_SAID_BY = 3
"""Messages that must have a piece for it to be weighed; by the second model, which has fewer, two."""
_EVERY = 4
"""Of the messages about danger so many are one too many to learn from: they are alike here."""
_JUDGED = ("ha", "hb", "q0", "g0", "t0")
"""Writers with small talk."""
_ROUTES = {"fun": "outside", "weather": "outside"}
"""Routes by another name."""
_HARMLESS = frozenset({"policy", "news", "service"})


@dataclass(frozen=True, slots=True)
class Said:
    """A message, folded; `kind`: a class of the first model, `route`: of the second, where that is known."""

    writer: str
    text: str
    line: str
    kind: str
    route: str | None = None


def messages(gold: Path, router: Router) -> list[Said]:
    """All that is learned from, always in the same order."""
    return [*_of_gold(gold, router), *_of_talk(router), *_of_danger(router)]


def sources(gold: Path) -> list[Path]:
    """The files that they are read from."""
    danger = (SETS / f"{name}.jsonl" for names in WRITERS.values() for name in names)
    return [gold, *_talk_files(), *danger]


def train(gold: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """What is written."""
    router = Router.load()
    said = messages(gold, router)
    for writer in _JUDGED:
        talk = fit([one for one in said if one.writer != writer])
        say(_judged(writer, [one for one in said if one.writer == writer], router, talk))
    talk = fit(said)
    return {name: vars(model) for name, model in vars(talk).items()}


def fit(said: Sequence[Said]) -> Talk:
    """Both models: logistic regression over the pieces."""
    known = [(one.line, one.route) for one in said if one.route]
    return Talk(_fit([(one.line, one.kind) for one in said], _SAID_BY), _fit(known, _SAID_BY - 1))


def _fit(rows: Sequence[tuple[str, str]], said_by: int) -> Linear:
    said = [pieces(line) for line, _ in rows]
    counts = Counter(piece for found in said for piece in found)
    known = {piece: at for at, piece in enumerate(sorted(piece for piece, count in counts.items() if count >= said_by))}
    cells = [(at, [known[piece] for piece in sorted(found) if piece in known]) for at, found in enumerate(said)]
    owner = [at for at, own in cells for _ in own]
    value = [max(1, len(own)) ** -0.5 for _, own in cells for _ in own]
    x = csr_array((value, (owner, [column for _, own in cells for column in own])), shape=(len(rows), len(known)))
    model = LogisticRegression(C=_C, max_iter=3000).fit(x, [kind for _, kind in rows])
    weights = {piece: tuple(round(100 * float(weight)) for weight in model.coef_[:, at]) for piece, at in known.items()}
    return Linear(
        tuple(map(str, model.classes_)),
        tuple(round(float(own), 2) for own in model.intercept_),
        {piece: row for piece, row in weights.items() if any(row)},
    )


def _judged(writer: str, said: Sequence[Said], router: Router, talk: Talk) -> str:
    right: defaultdict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for one in said:
        rule = router.route(one.text)
        both = taken_for(rule, talk.hear(one.line), asking=router.names_subject(one.text))
        right[one.kind].append((_kind(rule) == one.kind, _kind(both) == one.kind))
    told = (f"{kind} {len(rows)}: {_share(rows, 0)} → {_share(rows, 1)}" for kind, rows in sorted(right.items()))
    return f"talk, {writer} by the others' model, rules → with model: {', '.join(told)}"


def _share(rows: Sequence[tuple[bool, bool]], at: int) -> str:
    return f"{sum(row[at] for row in rows) / len(rows):.3f}"


def _kind(route: str) -> str:
    return route if route in (QUESTION, HUMAN) else OTHER


def _of_gold(gold: Path, router: Router) -> Iterator[Said]:
    for line in read_gold(gold):
        text, kind = line["question"], {"smalltalk": OTHER, "handover": HUMAN}.get(line["kind"], QUESTION)
        if line["kind"] == "abstain" and not line["history"] and router.route(text) in ("outside", "attack"):
            kind = OTHER
        yield Said(line["id"][:2], text, router.line(text), kind, "outside" if line["kind"] == "abstain" and kind == OTHER else None)


def _of_talk(router: Router) -> Iterator[Said]:
    for path in _talk_files():
        for line in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
            text, route = line["question"], line["route"]
            kind = route if route in (QUESTION, HUMAN) else OTHER
            yield Said(line["id"][:2], text, router.line(text), kind, _ROUTES.get(route, route) if kind == OTHER else None)


def _of_danger(router: Router) -> Iterator[Said]:
    own = [row for row in danger_rows() if not row.earlier and (row.urgent or row.category in _HARMLESS)]
    return (Said("danger", row.text, router.line(row.text), QUESTION) for row in own[::_EVERY])


def _talk_files() -> list[Path]:
    return sorted(TALK.glob("train-*.jsonl"))
