"""Trains index/data/answerability.json on the training questions: `.venv/bin/python tools/train_answerability.py [GOLD]`.

A question counts as answered when its evidence stands in one of the three best passages, as not answered when the gold set says that the
documents cannot answer it; questions whose answer search does not find are left out. Printed figures come from 10-fold
cross-validation, and so does the threshold: the largest that still answers `_ANSWERED` of the answerable ones.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from actions.routing import Router  # noqa: E402
from bot.knowledge_base import KnowledgeBase  # noqa: E402
from bot.settings import Settings  # noqa: E402
from index.answerability import FEATURES, Demands, features  # noqa: E402
from index.evaluation import SOURCES, read_gold  # noqa: E402
from index.search import Retriever  # noqa: E402
from index.snapshot import EMBEDDED, open_current  # noqa: E402
from index.understanding import Understanding  # noqa: E402
from knowledge.places import load_gazetteer  # noqa: E402
from knowledge.store import Store  # noqa: E402

_ANSWERED = 0.965
_C = 0.5


def main(path: Path) -> None:
    """Trains, prints, writes."""
    settings = Settings.load(os.environ, ROOT)
    settings.home.mkdir(parents=True, exist_ok=True)
    gazetteer = load_gazetteer()
    store = Store.open(settings.database_url, lambda: datetime.now(UTC))
    KnowledgeBase(store, gazetteer, settings.home, EMBEDDED, settings.database_url, lambda: datetime.now(UTC)).ensure(print)
    retriever = Retriever(open_current(settings.home), gazetteer)
    rows, labels, names = _examples(retriever, Understanding.load(gazetteer), read_gold(path))
    x, y = np.array(rows), np.array(labels)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=_C, class_weight="balanced"))
    folds = StratifiedKFold(10, shuffle=True, random_state=0)
    probability = cross_val_predict(model, x, y, cv=folds, method="predict_proba")[:, 1]
    threshold = float(np.quantile(probability[y], 1 - _ANSWERED))
    print(f"{len(y)} questions, {int((~y).sum())} unanswerable; cross-validated AUC {roc_auc_score(y, probability):.3f}")
    for t in sorted({0.2, 0.3, 0.4, 0.5, 0.6, round(threshold, 3)}):
        print(f"threshold {t:.3f}: answered {np.mean(probability[y] >= t):.3f}, abstained {np.mean(probability[~y] < t):.3f}")
    for low in np.arange(0, 1, 0.1):
        within = (probability >= low) & (probability < low + 0.1)
        if within.any():
            print(f"said {low:.1f}–{low + 0.1:.1f}: {within.sum():4} questions, answerable {y[within].mean():.2f}")
    if "-v" in sys.argv:
        for at in np.argsort(-probability * ~y)[:30]:
            print(f"{probability[at]:.2f}", names[at])
    model.fit(x, y)
    scaler, regression = model[0], model[-1]
    written = {
        "features": FEATURES,
        "mean": scaler.mean_.round(6).tolist(),
        "scale": scaler.scale_.round(6).tolist(),
        "coefficients": regression.coef_[0].round(6).tolist(),
        "intercept": round(float(regression.intercept_[0]), 6),
        "threshold": round(threshold, 4),
    }
    (ROOT / "index/data/answerability.json").write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


def _examples(
    retriever: Retriever, understanding: Understanding, gold: list[dict[str, Any]]
) -> tuple[list[tuple[float, ...]], list[bool], list[str]]:
    router, demands = Router.load(), Demands.load()
    rows: list[tuple[float, ...]] = []
    labels: list[bool] = []
    names: list[str] = []
    for question in gold:
        if question["history"] or "hotline" in question["tags"] or question["kind"] not in ("answer", "abstain"):
            continue
        query = retriever.mended(understanding.read(question["question"], date(2026, 11, 22)))
        scope = retriever.scope(query)
        if query.fact or scope.missing_provinces or scope.missing_numbers or router.route(question["question"]) != "question":
            continue
        hits = demands.met(query, retriever.search(query, 10, scope))
        if not hits or not query.terms:
            continue
        answerable = question["kind"] == "answer"
        if answerable and not any(_holds(question, hit) for hit in hits[:3]):
            continue
        rows.append(features(query, hits, retriever))
        labels.append(answerable)
        names.append(question["question"])
    return rows, labels, names


def _holds(question: dict[str, Any], hit: Any) -> bool:
    text = " ".join(f"{' '.join(hit.passage.path)} {hit.passage.text}".split()).casefold()
    from_it = any(hit.document.source_file.startswith(SOURCES[name]) for name in question["docs"])
    return from_it and any(" ".join(evidence.split()).casefold() in text for evidence in question["evidence"])


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    main(Path(arguments[0]) if arguments else ROOT / "tests/eval/train.jsonl")
