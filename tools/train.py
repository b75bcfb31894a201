"""`make train`: everything that is learned from tests/eval/train.jsonl, in one go, the same bytes each time.

    index/data/reranker.json        the second look at the candidates of search
    index/data/asking.json          how questions ask that the documents answer, and those that they do not
    index/data/answerability.json   whether what was found answers the question
    actions/data/choosing.json      which way of reading a follow-up is told (tools/train_choosing.py)
    actions/data/talk.json          small talk and wishes for a human (tools/train_talk.py)

Figures printed are cross-validated in ten folds; questions that share a passage share a fold, so no passage is learned and scored. The
signals of the second model come from a first model that has not seen the question (out of fold). Both files record what they were trained
on: `python -m tools.train --check` says whether that is what there is now; `--choosing` and `--talk` learn only that one.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from actions import choosing
from actions.routing import Router
from index import answerability, asking, reranking
from index.answerability import Answerability
from index.asking import Asking, spoken
from index.demands import Demands
from index.kinds import Kinds
from index.model import Hit
from index.reranking import Reranker
from index.search import Retriever
from index.understanding import Understanding
from knowledge.places import load_gazetteer
from tools import train_choosing, train_talk
from tools.examples import ROOT, Example, built, examples, groups

TRAIN = ROOT / "tests" / "eval" / "train.jsonl"
ARTEFACTS = (reranking.DATA / "reranker.json", asking.DATA / "asking.json", answerability.DATA / "answerability.json")
CHOOSING = choosing.DATA / "choosing.json"
TALK = choosing.DATA / "talk.json"
_FOLDS = 10
_CANDIDATES = 20
_PENALTY = 10.0
"""Of the squared weights of the re-ranker; 3 to 30 measure the same."""
_C, _ASKING_C = 0.2, 1.0
_SAID_BY = 2
"""Questions that must have a word or pair for it to be weighed."""
_ANSWERED = 0.98
"""The share of answerable questions that the threshold answers, each by a model that has not read its writer."""
_DECIMALS = 4
"""Of what is written: below that the solver's rounding differs between machines."""

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ranked:
    """The candidates of a question: their signals, shape (candidates, signals), first-look scores, and which of them answer it."""

    signals: Matrix
    fused: list[float]
    answers: npt.NDArray[np.bool_]


def main(arguments: Sequence[str]) -> int:
    """Trains, prints, writes; with --check only compares. 1 when a file is out of date."""
    if "--check" in arguments:
        marks = {**dict.fromkeys((*ARTEFACTS, CHOOSING), fingerprint(TRAIN)), TALK: talk_fingerprint(TRAIN)}
        stale = [path.name for path, mark in marks.items() if json.loads(path.read_text("utf-8")).get("trained_on") != mark]
        print(f"out of date: {', '.join(stale)}. Run: make train" if stale else "what is learned is up to date")
        return int(bool(stale))
    only = {argument for argument in arguments if argument in ("--choosing", "--talk")}
    if only <= {"--talk"}:
        _write(TALK, {"trained_on": talk_fingerprint(TRAIN), **train_talk.train(TRAIN, print)}, indent=None)
    if not only:
        train(TRAIN, reranking.DATA, print)
    if only <= {"--choosing"}:
        train_choice(TRAIN, CHOOSING, reranking.DATA, print)
    return 0


def train(gold: Path, folder: Path, say: Callable[[str], None]) -> None:
    """Trains on the questions of `gold` and writes the two files into `folder`."""
    gazetteer = load_gazetteer()
    with built(gazetteer) as opened:
        retriever = Retriever(opened, gazetteer, reranker=Reranker())
    found = examples(retriever, Understanding.load(gazetteer), gold)
    fold = folds(groups(found))
    reranker, unseen = _reranker(retriever, found, fold, say)
    mark = fingerprint(gold)
    _write(folder / "reranker.json", {"trained_on": mark, "features": reranking.FEATURES, **vars(reranker)})
    _write(folder / "asking.json", {"trained_on": mark, **vars(fit_asking(found))})
    retrievers = [retriever.with_reranker(other) for other in unseen]
    _write(folder / "answerability.json", {"trained_on": mark, **_answerability(retrievers, found, fold, say)})


def train_choice(gold: Path, path: Path, learned: Path, say: Callable[[str], None]) -> None:
    """Trains on the conversations of `gold`, with what was learned before in the folder `learned`, and writes the file."""
    gazetteer = load_gazetteer()
    with built(gazetteer) as opened:
        retriever = Retriever(opened, gazetteer, reranker=Reranker.load(learned / "reranker.json"))
        asked = train_choosing.assistant(retriever, Answerability.load(learned / "answerability.json"), gazetteer)
        _write(path, {"trained_on": fingerprint(gold), **train_choosing.train(asked, gold, say)})


def fingerprint(gold: Path) -> str:
    """16 hex digits over the questions and the names of the signals."""
    names = json.dumps([reranking.FEATURES, answerability.FEATURES, choosing.FEATURES])
    return hashlib.sha256(gold.read_bytes() + names.encode()).hexdigest()[:16]


def talk_fingerprint(gold: Path) -> str:
    """16 hex digits over all that small talk is learned from."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in train_talk.sources(gold))).hexdigest()[:16]


def folds(group: Sequence[int]) -> npt.NDArray[np.int64]:
    """A fold for each example, the same for all of a group; examples without a passage (-1) are dealt out one by one."""
    known = sorted({number for number in group if number >= 0})
    dealt = dict(zip(known, np.random.default_rng(0).permutation(len(known)) % _FOLDS, strict=True))
    return np.array([dealt.get(number, at % _FOLDS) for at, number in enumerate(group)])


def ranked(retriever: Retriever, example: Example) -> Ranked:
    """The candidates of one example."""
    candidates = retriever.candidates(example.query, _CANDIDATES)
    signals = reranking.features(example.query, retriever.wanted(example.query), [candidate for _, candidate in candidates])
    answers = np.array([at in example.relevant for at, _ in candidates], dtype=bool)
    return Ranked(signals, [candidate.fused for _, candidate in candidates], answers)


def fit(rows: Sequence[Ranked]) -> Reranker:
    """The weights under which the passages that answer take the largest share of a softmax over the candidates (listwise, as ListNet:
    Cao et al. 2007), with a penalty on their squares. Convex but for several answers to one question; L-BFGS from zero, no randomness."""
    rows = [row for row in rows if row.answers.any()]
    signals, answers = np.concatenate([row.signals for row in rows]), np.concatenate([row.answers for row in rows])
    mean, scale = signals.mean(axis=0), signals.std(axis=0)
    scale[scale < 1e-9] = 1.0
    scaled = (signals - mean) / scale
    sizes = [len(row.answers) for row in rows]
    starts, owner = np.cumsum([0, *sizes[:-1]]), np.repeat(np.arange(len(rows)), sizes)

    def loss(weights: Matrix) -> tuple[float, Matrix]:
        values = scaled @ weights
        powers = np.exp(values - np.maximum.reduceat(values, starts)[owner])
        every, right = np.add.reduceat(powers, starts), np.add.reduceat(powers * answers, starts)
        slope = scaled.T @ (powers / every[owner] - powers * answers / right[owner])
        return float(np.log(every / right).sum() + _PENALTY / 2 * weights @ weights), slope + _PENALTY * weights

    weights = minimize(loss, np.zeros(scaled.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 1000, "ftol": 1e-12}).x
    model = Reranker(_rounded(mean), _rounded(scale), _rounded(weights))
    return Reranker(model.mean, model.scale, model.weights, _temperature(model, rows))


def _temperature(model: Reranker, rows: Sequence[Ranked]) -> float:
    """So that the second best has, in the median, the same share of the best as by the first look: thresholds keep their meaning."""
    gaps, shares = [], []
    for row in rows:
        if len(row.fused) > 1:
            first, second = np.sort(model.values(row.signals))[:-3:-1]
            best, next_best = np.sort(row.fused)[:-3:-1]
            gaps.append(first - second)
            shares.append(next_best / best)
    return round(float(np.median(gaps) / -np.log(np.median(shares))), _DECIMALS)


def _reranker(
    retriever: Retriever, found: Sequence[Example], fold: npt.NDArray[np.int64], say: Callable[[str], None]
) -> tuple[Reranker, list[Reranker]]:
    """The model of all questions, and for each fold that of the others."""
    rows = [ranked(retriever, example) for example in found]
    unseen = [fit([row for row, its in zip(rows, fold, strict=True) if its != number]) for number in range(_FOLDS)]
    asked = [(row, its) for row, its, example in zip(rows, fold, found, strict=True) if example.gold["kind"] == "answer"]
    for name, models in (("first look", [Reranker()] * _FOLDS), ("re-ranked, cross-validated", unseen)):
        orders = [row.answers[np.argsort(-models[its].scores(row.signals, row.fused), kind="stable")] for row, its in asked]
        shares = " ".join(f"R@{k} {np.mean([order[:k].any() for order in orders]):.3f}" for k in (1, 3, 10))
        say(f"{name}: {shares} ({len(orders)} questions)")
    return fit(rows), unseen


def fit_asking(found: Sequence[Example]) -> Asking:
    """Logistic regression over what is said, as Asking adds it up."""
    said = [spoken(example.query) for example in found]
    counts = Counter(piece for pieces in said for piece in pieces)
    known = {piece: at for at, piece in enumerate(sorted(piece for piece, count in counts.items() if count >= _SAID_BY))}
    rows = [(at, known[piece], len(pieces) ** -0.5) for at, pieces in enumerate(said) for piece in sorted(pieces) if piece in known]
    owner, column, value = zip(*rows, strict=True)
    x = csr_array((value, (owner, column)), shape=(len(said), len(known)))
    y = np.array([example.gold["kind"] == "answer" for example in found])
    model = LogisticRegression(C=_ASKING_C, class_weight="balanced", max_iter=5000, tol=1e-8).fit(x, y)
    return Asking(dict(zip(known, _rounded(model.coef_[0]), strict=True)), round(float(model.intercept_[0]), _DECIMALS))


def _asking_unseen(found: Sequence[Example]) -> list[float]:
    """What a model that has read nothing of a question's writer says of it: words tell who asks, and that must not be learned."""
    writers = sorted({_writer(example) for example in found})
    models = {writer: fit_asking([example for example in found if _writer(example) != writer]) for writer in writers}
    return [models[_writer(example)].value(example.query) for example in found]


def _writer(example: Example) -> str:
    """Ids of the training questions begin with two characters for who wrote them."""
    return str(example.gold["id"])[:2]


def _answerability(
    retrievers: Sequence[Retriever], found: Sequence[Example], fold: npt.NDArray[np.int64], say: Callable[[str], None]
) -> dict[str, Any]:
    """Logistic regression over the signals of what was found. An answerable question whose answer is not among the
    first three is left out: neither yes nor no is right there. An unanswerable one that the demands refuse already teaches all the same:
    they were written with these very questions in mind, and will let others through."""
    router, demands, kinds = Router.load(), Demands.load(), Kinds.load()
    rows: list[tuple[float, ...]] = []
    labels: list[bool] = []
    writers: list[str] = []
    for example, number, value in zip(found, fold, _asking_unseen(found), strict=True):
        retriever, query, answerable = retrievers[number], example.query, example.gold["kind"] == "answer"
        scope = retriever.scope(query)
        if scope.missing_provinces or scope.missing_numbers or router.route(example.gold["question"]) != "question":
            continue
        every = retriever.search(query, 12, scope)
        hits = demands.met(query, every) or ([] if answerable else every)
        if not hits or not query.terms or (answerable and not any(_is_relevant(retriever, hit, example) for hit in hits[:3])):
            continue
        rows.append(answerability.features(query, hits, retriever, value, kinds))
        labels.append(answerable)
        writers.append(_writer(example))
    x, y, by = np.array(rows), np.array(labels), np.array(writers)
    model = make_pipeline(StandardScaler(), FunctionTransformer(_within), LogisticRegression(C=_C, max_iter=5000))
    weights = _evenly(by, y)
    odds = np.zeros(len(y))
    for writer in sorted(set(writers)):
        others = by != writer
        model.fit(x[others], y[others], logisticregression__sample_weight=_evenly(by[others], y[others]))
        odds[~others] = model.decision_function(x[~others])
    # Platt (1999): what the model says of people it has not read is made a probability.
    platt = LogisticRegression(C=np.inf).fit(odds[:, None], y)
    slope, shift = float(platt.coef_[0, 0]), float(platt.intercept_[0])
    probability = platt.predict_proba(odds[:, None])[:, 1]
    threshold = round(float(np.quantile(probability[y], 1 - _ANSWERED)), _DECIMALS)
    said = f"answerability: {len(y)} questions, {int((~y).sum())} unanswerable"
    say(f"{said}; each writer by the others' model: AUC {roc_auc_score(y, odds):.3f}")
    for at in sorted({0.2, 0.3, 0.4, 0.5, 0.6, threshold}):
        say(f"  threshold {at:.3f}: answered {np.mean(probability[y] >= at):.3f}, abstained {np.mean(probability[~y] < at):.3f}")
    scaler, regression = model.fit(x, y, logisticregression__sample_weight=weights)[0], model[-1]
    return {
        "features": answerability.FEATURES,
        "mean": _rounded(scaler.mean_),
        "scale": _rounded(scaler.scale_),
        "coefficients": _rounded(slope * regression.coef_[0]),
        "intercept": round(slope * float(regression.intercept_[0]) + shift, _DECIMALS),
        "threshold": threshold,
    }


def _evenly(by: npt.NDArray[np.str_], y: npt.NDArray[np.bool_]) -> Matrix:
    """Weights by which each writer's answerable and unanswerable questions count the same: one of them wrote most that are unanswerable,
    and who asks must not be learned."""
    cells = list(zip(by.tolist(), y.tolist(), strict=True))
    counts = Counter(cells)
    return np.array([len(cells) / len(counts) / counts[cell] for cell in cells])


def _is_relevant(retriever: Retriever, hit: Hit, example: Example) -> bool:
    return retriever.position(hit) in example.relevant


def _within(rows: Matrix) -> Matrix:
    return np.array([answerability.within(row) for row in rows])


def _rounded(values: Matrix) -> tuple[float, ...]:
    return tuple(round(float(value), _DECIMALS) for value in values)


def _write(path: Path, content: dict[str, Any], indent: int | None = 1) -> None:
    path.write_text(json.dumps(content, indent=indent, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
