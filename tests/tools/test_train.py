"""Training: the same bytes twice, folds that share no passage, artefacts that stay small, and an ablation that counts right."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from index.answerability import FEATURES as TOLD
from index.reranking import FEATURES
from tools import train
from tools.ablation import ndcg
from tools.examples import groups

SAMPLE = 12
MOST = 40 * 1024 * 1024


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every twelfth training question."""
    path = tmp_path_factory.mktemp("gold") / "train.jsonl"
    lines = train.TRAIN.read_text("utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[::SAMPLE]), "utf-8")
    return path


def test_training_twice_gives_the_same_bytes(sample: Path, tmp_path: Path) -> None:
    said: list[str] = []
    written = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        train.train(sample, folder, said.append)
        written.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert written[0] == written[1]
    assert set(written[0]) == {path.name for path in train.ARTEFACTS}
    assert said[: len(said) // 2] == said[len(said) // 2 :]


def test_what_is_learned_is_small_and_for_these_signals() -> None:
    assert sum(path.stat().st_size for path in train.ARTEFACTS) <= MOST
    written = {path.stem: json.loads(path.read_text("utf-8")) for path in train.ARTEFACTS}
    reranker, answerability = written["reranker"], written["answerability"]
    assert tuple(reranker["features"]) == FEATURES
    assert tuple(answerability["features"]) == TOLD
    assert len(reranker["weights"]) == len(FEATURES)


def test_the_fingerprint_knows_other_questions(sample: Path) -> None:
    assert train.fingerprint(sample) == train.fingerprint(sample)
    assert train.fingerprint(sample) != train.fingerprint(train.TRAIN)


def test_a_fold_has_all_of_a_group() -> None:
    numbers = [1, 2, 1, 3, 2, -1, -1, 1]
    dealt = train.folds(numbers)
    assert all(len({int(fold) for fold, number in zip(dealt, numbers, strict=True) if number == group}) == 1 for group in (1, 2, 3))


def test_questions_that_share_a_passage_are_one_group() -> None:
    def example(*relevant: int) -> train.Example:
        return train.Example({}, None, frozenset(relevant))  # type: ignore[arg-type]

    first, second, alone, none, linking = groups([example(1), example(4), example(9), example(), example(1, 4)])
    assert first == second == linking
    assert len({first, alone, none}) == 3
    assert none == -1


def test_the_fit_finds_the_signal_that_tells() -> None:
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(40):
        signals = np.zeros((5, len(FEATURES)))
        signals[:, [3, 7]] = rng.normal(size=(5, 2))
        answers = np.arange(5) == np.argmax(signals[:, 3])
        rows.append(train.Ranked(signals, [1.0, 0.9, 0.8, 0.7, 0.6], answers))
    model = train.fit(rows)
    assert int(np.argmax(np.abs(model.weights))) == 3
    right = [np.argmax(model.scores(row.signals, row.fused)) == np.argmax(row.answers) for row in rows]
    assert np.mean(right) > 0.9
    assert model.temperature > 0


@pytest.mark.parametrize(
    ("ranks", "relevant", "gain"), [([True, False], 1, 1.0), ([False, True], 1, 0.6309), ([False], 1, 0.0), ([True], 2, 0.6131)]
)
def test_ndcg(ranks: list[bool], relevant: int, gain: float) -> None:
    assert ndcg(ranks, relevant) == pytest.approx(gain, abs=1e-4)


def test_what_is_learned_is_of_the_questions_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    """`make train` was run after the last change of tests/eval/train.jsonl or of the signals."""
    assert train.main(["--check"]) == 0, capsys.readouterr().out
