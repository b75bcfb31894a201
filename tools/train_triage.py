"""Part of `make train`: the classifier of triage (actions/data/triage/classifier.npz), the same bytes each time.

    .venv/bin/python -m tools.train_triage            # trains; prints what it reaches on writers that it has not read
    .venv/bin/python -m tools.train_triage --check    # says whether the weights are those of the sets, tables and code there are now

It learns from tests/eval/danger/ (all but heldout-*), the questions about policy of tests/eval/train.jsonl, the clauses of the plans and
the examples of the rules; each as written, without marks and with typos. Every head is a logistic regression over the same features.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import zipfile
from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, diags_array
from sklearn.linear_model import LogisticRegression

from actions.triage import DATA, KINDS, Triage
from actions.triage.classifier import CLASSES, RISKS, SPEAKERS, Pieces, group_weights
from knowledge.text import fold, nfc, sentences
from tools.typos import damaged

ROOT = Path(__file__).resolve().parent.parent
SETS = ROOT / "tests" / "eval" / "danger"
WRITERS = {"x": ("danger", "harmless"), **{writer: (f"train-{writer}",) for writer in "cdefghijklmnoprst"}}
"""Who wrote which sets."""
HAS_READ = {"g": frozenset("cd"), "m": frozenset("cdefhijkl"), "n": frozenset("hijkl"), "r": frozenset("xcdefhijklop")}
"""Who had read whose sets while writing: measured as if they were one, so that nothing is learned of a writer who counts as unread."""
POLICY = ROOT / "tests" / "eval" / "train.jsonl"
PLANS = ROOT / "knowledge" / "sources"
WEIGHTS = DATA / "classifier.npz"
_C = 10.0
_RULES = 3
"""The group of features that names the rules that fired, each with an "r" before it."""
_SAID_BY = 3
"""Messages that must have a feature for it to be weighed."""
_SMALL = 2
"""Weights under so many of 127 steps are left out of the file."""
_SEED = 20261122
_RARITY = 3
"""The power of its inverse document frequency that a feature is scaled by; by writers unread better than 0, 1 and 2, and 4 is no better."""
_FALSE_ALARMS = 0.046
"""The share of what only looks like danger, by writers unread, that may raise the alarm, rules and classifier together."""
_LOST_FIRM = 0.002
"""The share of danger in which a firm rule fires, by writers unread, that the classifier may take for harmless."""
_PRICES = np.geomspace(0.05, 20, 121)
"""What one false alarm may cost in messages of danger missed."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """A message to learn from; `risk`, `category`, `speaker` are None where nobody said."""

    writer: str
    text: str
    earlier: tuple[str, ...]
    urgent: bool
    risk: str | None = None
    category: str | None = None
    speaker: str | None = None
    id: str = ""

    def rewritten(self, how: Callable[[str], str]) -> Row:
        """The same message written otherwise."""
        return replace(self, text=how(self.text), earlier=tuple(map(how, self.earlier)))


def bare(text: str) -> str:
    """Without marks."""
    return fold(nfc(text))


def read_set(path: Path, writer: str) -> list[Row]:
    """The rows of one set of danger and what looks like it."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        category = row.get("category") or next((tag for tag in row["tags"] if tag in KINDS), None)
        urgent = row["kind"] == "urgent"
        risk = row["risk"].upper() if urgent and row.get("risk") else None
        who = row.get("speaker") if urgent else None
        rows.append(Row(writer, row["question"], tuple(row.get("history", ())), urgent, risk, category, who, row["id"]))
    return rows


def danger_rows() -> list[Row]:
    """Every row of the sets to learn from."""
    return [row for writer, names in WRITERS.items() for name in names for row in read_set(SETS / f"{name}.jsonl", writer)]


def other_rows(triage: Triage) -> list[Row]:
    """Questions about policy and small talk, clauses of the plans, and the rules' own examples; the writer is "" (read by every model)."""
    asked = [json.loads(line) for line in POLICY.read_text(encoding="utf-8").splitlines()]
    rows = [Row("", row["question"], (), False) for row in asked if row["kind"] != "urgent"]
    clauses = [
        text[a:b]
        for path in sorted(PLANS.glob("*.txt"))
        for text in [nfc(path.read_text(encoding="utf-8"))]
        for a, b in sentences(text)
        if b - a > 15
    ]
    rows += [Row("", clause, (), False) for clause in dict.fromkeys(clauses[::3])]
    return rows + [Row("", example, (), True) for rule in triage.rules for example in rule.examples]


def fingerprint() -> str:
    """16 hex digits over all that the weights depend on: sets, tables and the code that reads them."""
    code = [ROOT / "actions" / "triage" / f"{name}.py" for name in ("spelling", "lexicon", "rules", "cast", "classifier", "reader")]
    read = [SETS / f"{name}.jsonl" for names in WRITERS.values() for name in names]
    paths = [*code, *read, POLICY, *(DATA / f"{name}.yml" for name in ("spelling", "lexicon", "rules", "classes"))]
    paths += [*sorted(PLANS.glob("*.txt")), Path(__file__), ROOT / "tools" / "typos.py"]
    whole = hashlib.sha256()
    for path in paths:
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()[:16]


@dataclass(frozen=True)
class Corpus:
    """Rows with their features; `copies`: of each row (as written, without marks, with typos), one after the other."""

    rows: tuple[Row, ...]
    features: tuple[Pieces, ...]
    copies: int

    @classmethod
    def read(cls, triage: Triage, rows: Sequence[Row], seed: int = _SEED) -> Corpus:
        """Each row as written, without marks and with typos."""
        every: list[Row] = []
        for at, row in enumerate(rows):
            noise = np.random.default_rng([seed, at])
            wrong = row.rewritten(lambda text, noise=noise: damaged(text, noise))  # type: ignore[misc]
            every += [row, row.rewritten(bare), wrong.rewritten(bare) if at % 2 else wrong]
        return cls(tuple(every), tuple(triage.pieces(row.text, row.earlier) for row in every), 3)

    @cached_property
    def vocabulary(self) -> dict[str, int]:
        """Every feature that enough rows have."""
        counts: Counter[str] = Counter()
        for at in range(0, len(self.features), self.copies):
            counts.update({piece for groups in self.features[at : at + self.copies] for group in groups for piece in group})
        return {piece: at for at, piece in enumerate(sorted(piece for piece, count in counts.items() if count >= _SAID_BY))}

    @cached_property
    def matrix(self) -> csr_array:
        """Shape (rows, features), as Classifier.values weighs them."""
        known = self.vocabulary
        starts, columns, values = array("i", [0]), array("i"), array("d")
        for groups in self.features:
            for group, weight in zip(groups, group_weights(groups), strict=True):
                its = [known[piece] for piece in group if piece in known]
                columns.extend(its)
                values.extend([weight] * len(its))
            starts.append(len(columns))
        return csr_array((np.array(values), np.array(columns, np.int32), np.array(starts, np.int32)), shape=(len(self.rows), len(known)))

    def where(self, wanted: Callable[[Row], bool]) -> npt.NDArray[np.intp]:
        """The places of the rows that are wanted."""
        return np.array([at for at, row in enumerate(self.rows) if wanted(row)], dtype=np.intp)


def fit_head(corpus: Corpus, places: npt.NDArray[np.intp], is_it: Callable[[Row], bool]) -> tuple[Floats, float]:
    """Weights and intercept of one yes-or-no head over some rows. liblinear's dual, seeded: the same each time.

    While learning a feature is scaled by its rarity (inverse document frequency); the weights are those of the features as they are.
    """
    labels = np.array([is_it(corpus.rows[at]) for at in places])
    matrix = corpus.matrix[places]
    rarity = np.log((1 + len(places)) / (1 + np.bincount(matrix.indices, minlength=matrix.shape[1])))
    rarity = (rarity / rarity.mean()) ** _RARITY
    model = LogisticRegression(C=_C, class_weight="balanced", max_iter=1000, solver="liblinear", dual=True, random_state=0, tol=1e-3)
    model.fit((matrix @ diags_array(rarity)).tocsr(), labels)
    return model.coef_[0] * rarity, float(model.intercept_[0])


def fit_urgent(corpus: Corpus, hidden: set[str] | frozenset[str] = frozenset()) -> tuple[Floats, float]:
    """Weights and intercept of the head that says whether somebody is in danger, from all rows but those of `hidden` writers."""
    return fit_head(corpus, corpus.where(_not_by(hidden)), _is_urgent)


def unseen(corpus: Corpus) -> Floats:
    """The log-odds of each row by a model that has read nothing of its writer; NaN where nobody wrote it, or one who had read others."""
    scores = np.full(len(corpus.rows), np.nan)
    for writer in (writer for writer in WRITERS if writer not in HAS_READ):
        weights, intercept = fit_urgent(corpus, hidden_from(writer))
        its = np.setdiff1d(np.arange(len(corpus.rows)), corpus.where(_not_by({writer})))
        scores[its] = corpus.matrix[its] @ weights + intercept
    return scores


def _not_by(writers: set[str] | frozenset[str]) -> Callable[[Row], bool]:
    return lambda row: row.writer not in writers


def _is_urgent(row: Row) -> bool:
    return row.urgent


def bars(corpus: Corpus, scores: Floats, fired: Sequence[tuple[bool, bool]], say: Callable[[str], None]) -> tuple[float, float, float]:
    """The bars `alarm`, `quiet` and `silent` of the classifier: where no rule fires, an open one, a firm one.

    From scores of writers unread who had read nobody. Under `silent` lies no more than _LOST_FIRM of the danger in which a firm rule
    fires; under the other two a false alarm costs the same, the least at which no more than _FALSE_ALARMS are left in all.
    `fired`: for each row whether a firm rule fires, and whether any does.
    """
    known = np.array([row.writer not in HAS_READ for row in corpus.rows]) & ~np.isnan(scores)
    scores, urgent = scores[known], np.array([row.urgent for row in corpus.rows])[known]
    firm, any_ = np.array(fired)[known].T
    silent = _down(float(np.quantile(scores[firm & urgent], _LOST_FIRM)))
    for wanted in (0.01, 0.02, 0.03, 0.07, 0.1, _FALSE_ALARMS):
        for price in _PRICES:
            alarm, quiet = (_bar(scores[of], urgent[of], price) for of in (~any_, any_ & ~firm))
            raised = scores >= np.where(firm, silent, np.where(any_, quiet, alarm))
            if np.mean(raised[~urgent]) <= wanted:
                break
        say(f"writers unread: false alarms {np.mean(raised[~urgent]):.3f}, recall {np.mean(raised[urgent]):.3f}, price {price:.2f}")
    return alarm, min(quiet, alarm), min(silent, quiet, alarm)


def _bar(scores: Floats, urgent: npt.NDArray[np.bool_], price: float) -> float:
    """The bar above which the danger found is worth most more than its false alarms, each at `price`."""
    order = np.argsort(-scores, kind="stable")
    worth = np.cumsum(np.where(urgent[order], 1.0, -price))
    return _down(float(scores[order][int(worth.argmax())]))


def _down(bar: float) -> float:
    """Two decimals, rounded down."""
    return float(np.floor(bar * 100) / 100)


def hidden_from(writer: str) -> set[str]:
    """The writers that a model may not have read which is measured on `writer`."""
    return {writer, *(other for other, read in HAS_READ.items() if writer in read)}


def heads(corpus: Corpus, hidden: set[str] | frozenset[str] = frozenset()) -> tuple[Floats, Floats]:
    """Weights, shape (features, heads), and intercepts of every head, from all rows but those of `hidden` writers."""
    read = corpus.where(_not_by(hidden))
    of_danger = np.intersect1d(read, corpus.where(_is_urgent))
    fitted = [fit_urgent(corpus, hidden)]
    for field, classes in (("risk", [risk.name for risk in RISKS]), ("category", CLASSES), ("speaker", SPEAKERS)):
        known = np.array([at for at in of_danger if getattr(corpus.rows[at], field) is not None])
        fitted += [fit_head(corpus, known, lambda row, field=field, one=one: getattr(row, field) == one) for one in classes]  # type: ignore[misc]
    return np.stack([weights for weights, _ in fitted], axis=1), np.array([intercept for _, intercept in fitted])


def packed(corpus: Corpus, weights: Floats, intercepts: Floats, bars: tuple[float, float, float]) -> dict[str, npt.NDArray[Any]]:
    """The arrays of the file: a byte a weight, features that matter to no head left out."""
    scales = np.abs(weights).max(axis=0) / 127
    bytes_ = np.rint(weights / scales).astype(np.int8)
    bytes_[np.abs(bytes_) < _SMALL] = 0
    kept = bytes_.any(axis=1)
    words = [piece for piece, keep in zip(corpus.vocabulary, kept, strict=True) if keep]
    return {
        "vocabulary": np.frombuffer("\n".join(words).encode(), np.uint8),
        "weights": bytes_[kept],
        "scales": scales.astype(np.float32),
        "intercepts": intercepts.astype(np.float32),
        "bars": np.array(bars, np.float32),
    }


def train(path: Path, say: Callable[[str], None], one_in: int = 1) -> None:
    """Trains on all sets, or on one row in so many, and writes the weights to `path`."""
    triage = Triage.rules_only()
    corpus = Corpus.read(triage, [*danger_rows(), *other_rows(triage)][::one_in])
    say(f"{len(corpus.rows) // corpus.copies} messages, {len(corpus.vocabulary)} features")
    firm = {rule.id for rule in triage.rules if rule.firm}
    fired = [{piece[1:] for piece in groups[_RULES] if piece[0] == "r"} for groups in corpus.features]
    chosen = bars(corpus, unseen(corpus), [(not firm.isdisjoint(rules), bool(rules)) for rules in fired], say)
    arrays = packed(corpus, *heads(corpus), chosen)
    write(path, {**arrays, "trained_on": np.frombuffer(fingerprint().encode(), np.uint8)})
    say("alarm from {:.2f}, quiet under {:.2f}, silent under {:.2f}".format(*chosen))
    say(f"{len(arrays['weights'])} features, {path.stat().st_size / 1e6:.2f} MB")


def write(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """An .npz without the time of day in it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as kept:
        for name, array_ in arrays.items():
            content = io.BytesIO()
            np.save(content, array_, allow_pickle=False)
            kept.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue(), zipfile.ZIP_DEFLATED, 9)


def main(arguments: Sequence[str]) -> int:
    """Trains, prints, writes; with --check only compares. 1 when the file is out of date."""
    if "--check" in arguments:
        with np.load(WEIGHTS, allow_pickle=False) as kept:
            fresh = kept["trained_on"].tobytes().decode() == fingerprint()
        print("the classifier of triage is up to date" if fresh else "the classifier of triage is out of date. Run: make train")
        return int(not fresh)
    train(WEIGHTS, print)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
