"""A small linear classifier beside the rules: what it has learned of danger told without any of the lexicon's words.

Its features are runs of words with persons made one ("ME", "PARENT"), runs of words as written, the concepts and rules that were found,
and runs of words in which those that say the same of danger are one (data/triage/classes.yml). Its heads are logistic regressions that
share them: urgent or not, risk, kind, who writes.
`tools/train_triage.py` makes its weights (data/triage/classifier.npz: numpy arrays, no pickle), which are read with numpy alone.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from actions.triage.cast import PERSONS
from actions.triage.lexicon import Found
from actions.triage.model import KINDS, Risk
from actions.triage.spelling import Text
from knowledge.errors import KnowledgeError
from knowledge.text import fold

RISKS = tuple(risk for risk in Risk if risk)
CLASSES = tuple(sorted(KINDS))
SPEAKERS = ("child", "self", "carer", "witness", "doer", "official")
HEADS = ("urgent", *(risk.name for risk in RISKS), *CLASSES, *SPEAKERS)
"""The columns of the weights."""
WINDOW = 90
"""Words read at a time: in a long message danger must not drown in the rest of it."""
_STEP = 80
_WINDOWS = 6
"""Windows of one message, half from its beginning, half from its end: a bound on time. The rules read all of it."""
_SURE = 1.0
"""Log-odds of a risk from which it raises that of a rule."""
_ONE = {"minor_self": "ME", "self": "ME", "young": "ME", "son_daughter": "ME"}
_ORDER = {concept: at for at, concept in enumerate((*PERSONS, "generic"))}

_SHARES = (1.0, 1.0, 1.0, 0.5, 1.0)
"""How much a group may say; concepts and rules less than words, which read what these do not."""

Pieces = tuple[Sequence[str], ...]
"""The features of a text by group."""


class Reading(NamedTuple):
    """`urgent`: log-odds that somebody is in danger; the most likely `risk`, `kind` and `speaker`, were it so; `sure`: of the risk."""

    urgent: float
    risk: Risk
    sure: bool
    kind: str
    speaker: str


@dataclass(frozen=True)
class Classifier:
    """`weights`: shape (features, heads), in steps of `scales`, shape (heads,); `intercepts`: (heads,); columns as HEADS has them.

    `alarm`: log-odds from which it raises the alarm by itself; `quiet`, `silent`: log-odds under which open rules, and all rules, are
    not believed.
    """

    vocabulary: Mapping[str, int]
    weights: npt.NDArray[np.int8] | npt.NDArray[np.float32]
    scales: npt.NDArray[np.float32]
    intercepts: npt.NDArray[np.float32]
    alarm: float
    quiet: float
    silent: float

    @classmethod
    def load(cls, path: Path) -> Classifier:
        """Reads the weights. Raises KnowledgeError where the file cannot be read or is of another form."""
        try:
            with np.load(path, allow_pickle=False) as kept:
                words = kept["vocabulary"].tobytes().decode().split("\n")
                weights, scales, intercepts, bars = (kept[name] for name in ("weights", "scales", "intercepts", "bars"))
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise KnowledgeError(f"{path.name} cannot be read", file=str(path)) from error
        if weights.shape != (len(words), len(HEADS)) or not scales.shape == intercepts.shape == (len(HEADS),) or bars.shape != (3,):
            raise KnowledgeError(f"{path.name} is of another form; run: make train", file=str(path))
        return cls({word: at for at, word in enumerate(words)}, weights, scales, intercepts, *map(float, bars))

    def read(self, text: Text, found: Sequence[Found], rules: Sequence[str], classes: Sequence[Found]) -> Reading:
        """Reads a text, the most alarming window of it where it is long; `found`, `rules`, `classes`: what is in it."""
        windows = _windows(text, found, rules, classes)
        values = max((self.values(pieces(*window)) for window in windows), key=lambda values: float(values[0]))
        risks, kinds, speakers = values[1:5], values[5 : 5 + len(CLASSES)], values[5 + len(CLASSES) :]
        likely = int(risks.argmax())
        return Reading(
            urgent=float(values[0]),
            risk=RISKS[likely],
            sure=bool(risks[likely] > _SURE),
            kind=CLASSES[int(kinds.argmax())],
            speaker=SPEAKERS[int(speakers.argmax())],
        )

    def values(self, groups: Pieces) -> npt.NDArray[np.float32]:
        """The log-odds of every head, shape (heads,)."""
        values = self.intercepts
        known = self.vocabulary.get
        for group, weight in zip(groups, group_weights(groups), strict=True):
            rows = [at for piece in group if (at := known(piece)) is not None]
            if rows:
                values = values + self.weights[rows].sum(axis=0, dtype=np.float32) * self.scales * np.float32(weight)
        return values


def pieces(text: Text, found: Sequence[Found], rules: Iterable[str], classes: Sequence[Found]) -> Pieces:
    """The features of a text, each once, in groups: persons made one, as written, concepts and rules, words by class."""
    stream = _stream(text, _persons(found))
    folded = [fold(form) for form in text.forms]
    concepts = [item.concept for item in sorted(found)]
    by_class = _stream(text, [*classes, *_persons(found)])
    return (
        list(dict.fromkeys([*_runs("s", stream, 3), *_apart(stream)])),
        list(dict.fromkeys(_runs("f", folded, 3))),
        list(dict.fromkeys(_runs("m", text.forms, 2))),
        list(dict.fromkeys([*(f"k{c}" for c in concepts), *(f"k{a} {b}" for a, b in pairwise(concepts)), *(f"r{rule}" for rule in rules)])),
        list(dict.fromkeys(_runs("w", by_class, 3))),
    )


def group_weights(groups: Pieces) -> list[float]:
    """What each feature of a group counts: less where there are many."""
    return [share * max(len(group), 1) ** -0.5 for share, group in zip(_SHARES, groups, strict=True)]


def _windows(
    text: Text, found: Sequence[Found], rules: Sequence[str], classes: Sequence[Found]
) -> Iterator[tuple[Text, Sequence[Found], Sequence[str], Sequence[Found]]]:
    if len(text.forms) <= WINDOW:
        yield text, found, rules, classes
        return
    starts = range(0, len(text.forms) - WINDOW + _STEP, _STEP)
    for start in [*starts[: _WINDOWS // 2], *starts[max(_WINDOWS // 2, len(starts) - _WINDOWS // 2) :]]:
        forms, places = text.forms[start : start + WINDOW], text.places[start : start + WINDOW]
        inside, named = ([item for item in items if places[0] <= item.start and item.end <= places[-1] + 1] for items in (found, classes))
        yield Text(forms, places, text.with_marks), inside, rules, named


def _persons(found: Sequence[Found]) -> list[Found]:
    """The persons named, each by the name that all who are the same to the classifier share."""
    persons = sorted((item for item in found if item.concept in _ORDER), key=lambda item: _ORDER[item.concept])
    return [item._replace(concept=_ONE.get(item.concept, item.concept.upper())) for item in persons]


def _stream(text: Text, named: Sequence[Found]) -> list[str]:
    """Folded words, what is `named` by its name (the longest, then the one that stands first), each number as 0, a pause as a full stop."""
    names: dict[int, Found] = {}
    for item in named:
        if item.start not in names or item.end > names[item.start].end:
            names[item.start] = item
    stream: list[str] = []
    covered = last = -1
    for form, place in zip(text.forms, text.places, strict=True):
        if place - last > 1 and place >= covered:
            stream.append(".")
        last = place
        if place < covered:
            continue
        if name := names.get(place):
            covered = name.end
            stream.append(name.concept)
        else:
            stream.append("0" if form.isdigit() else fold(form))
    return stream


def _runs(group: str, words: Sequence[str], longest: int) -> Iterator[str]:
    for length in range(1, longest + 1):
        for start in range(len(words) - length + 1):
            yield group + " ".join(words[start : start + length])


def _apart(words: Sequence[str]) -> Iterator[str]:
    """Pairs of words with one or two others between them."""
    for distance in (2, 3):
        for at in range(len(words) - distance):
            yield f"s{words[at]}~{words[at + distance]}"
