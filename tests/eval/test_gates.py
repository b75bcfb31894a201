"""No change makes the answers worse: every question set, answered without Rasa, against tests/eval/gates.yml; and the sets stay apart.

A gate that falls names the ids lost only where a set may be looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.evaluate import Judge, directly
from bot.services import ROOT, Services
from bot.settings import Settings
from index.evaluation import Figure, read_gold, score
from index.evaluation.gold import holds, is_from
from knowledge.collection import Collection
from knowledge.text import folded_line

pytestmark = pytest.mark.no_cover
"""Thousands of questions are answered here, on ways that other tests trace: tracing them again triples the time."""
FOLDER = Path(__file__).parent
DAY = date(2026, 11, 22)
NOON = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
GATES: dict[str, dict[str, float]] = yaml.safe_load((FOLDER / "gates.yml").read_text(encoding="utf-8"))
DECIMALS = 3
"""Of the gates."""
MAY_BE_READ = {"train", "regression"}
SIDES = {"train": "train", "followups": "train", "regression": "heldout", "heldout": "heldout"}
"""On which side of split.tsv the passages of a set are; voices asks of both."""
ON_BOTH_SIDES = {"train": 10, "followups": 4, "regression": 74, "heldout": 45}
"""Questions whose evidence the documents repeat word for word in a passage of the other side. Fewer is better, more is a leak. The ten
of train lean on an earlier turn: they teach how turns are read (tools/train_choosing.py), and nothing about passages."""


def gold_of(name: str) -> list[dict[str, Any]]:
    return read_gold(FOLDER / f"{name}.jsonl")


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    home = tmp_path_factory.mktemp("gates")
    services = Services.open(Settings.load({"TROGIUP_HOME": str(home)}, ROOT / "tests"), lambda: NOON)
    services.knowledge_base.ensure(lambda line: None)
    yield services
    services.close()


def fallen(name: str, figures: Sequence[Figure], gates: Mapping[str, float]) -> list[str]:
    """A line for each figure under its gate, and for each gate without a figure."""
    found = {figure.name: figure for figure in figures}
    lines = [f"{name}: {gate} is not measured any more" for gate in gates if gate not in found]
    for gate, wanted in gates.items():
        figure = found.get(gate)
        if figure and round(figure.share, DECIMALS) < wanted:
            ids = f", lost: {' '.join(figure.missed)}" if name in MAY_BE_READ else ""
            lines.append(f"{name}: {gate} wanted {wanted:.3f}, got {figure.share:.3f} ({figure.met}/{figure.asked}){ids}")
    return lines


@pytest.mark.parametrize("name", list(GATES))
async def test_the_gates_hold(services: Services, name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("ERROR")  # a warning tells by which rules a single message was taken for danger
    gold = gold_of(name)
    told = {answer["id"]: answer for answer in await directly(services, gold, DAY)}
    unsupported = Judge(services, DAY).unsupported(gold, told)
    figures = score(gold, told, unsupported)
    problems = fallen(name, figures, GATES[name])
    pieces = [f"{at}: {' · '.join(found)}" for at, found in unsupported.items() if found and name in MAY_BE_READ]
    assert not problems, "\n".join([*problems, *pieces])


def test_every_set_has_gates_and_each_promises_support() -> None:
    assert {path.stem for path in FOLDER.glob("*.jsonl")} == set(GATES)
    assert all(gates["supported"] == gates["answered_at_all"] == 1.0 for gates in GATES.values())


@pytest.mark.parametrize(("name", "told"), [("train", True), ("heldout", False)])
def test_a_fallen_gate_names_ids_only_where_they_may_be_read(name: str, told: bool) -> None:
    (line,) = fallen(name, [Figure("answer_correct", 1, 2, ("secret",))], {"answer_correct": 0.6})
    assert "answer_correct wanted 0.600, got 0.500 (1/2)" in line
    assert ("secret" in line) is told


def test_a_gate_is_met_to_its_decimals() -> None:
    assert fallen("train", [Figure("answer_correct", 14, 18, ())], {"answer_correct": 0.778}) == []
    assert fallen("train", [Figure("answer_correct", 14, 18, ())], {"answer_correct": 0.779}) != []


def test_a_figure_that_is_gone_is_a_fallen_gate() -> None:
    assert fallen("train", [], {"supported": 1.0}) == ["train: supported is not measured any more"]


# The sets


def test_ids_and_questions_are_unique_over_all_sets() -> None:
    lines = [line for name in GATES for line in gold_of(name)]
    assert [at for at, count in Counter(line["id"] for line in lines).items() if count > 1] == []
    asked: dict[tuple[str, ...], list[str]] = {}
    for line in lines:
        asked.setdefault(tuple(folded_line(turn) for turn in (*line["history"], line["question"])), []).append(line["id"])
    assert [ids for ids in asked.values() if len(ids) > 1] == []


def test_what_is_trained_on_is_never_scored(services: Services) -> None:
    collection, sides = services.answerer().retriever.snapshot.collection, split()
    assert {passage.passage_id for passage in collection.passages} == sides.keys()
    for name, own in SIDES.items():
        other = next(side for side in ("train", "heldout") if side != own)
        found = {line["id"]: {sides[at] for at in passages_of(line, collection)} for line in gold_of(name)}
        strayed = [at for at, held in found.items() if held == {other}]
        both = [at for at, held in found.items() if len(held) > 1]
        read = name in MAY_BE_READ
        assert not strayed, f"{name}: {' '.join(strayed) if read else len(strayed)} on the side {other}"
        assert len(both) <= ON_BOTH_SIDES[name], f"{name}: {' '.join(both) if read else len(both)} on both sides"


def split() -> dict[str, str]:
    """Passage id → side."""
    lines = (line.split("\t") for line in (FOLDER / "split.tsv").read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    return {cells[0]: cells[2] for cells in lines if cells[0] != "passage_id"}


def passages_of(line: Mapping[str, Any], collection: Collection) -> set[str]:
    """The passages in which an evidence of the question stands."""
    documents = [document for document in collection.documents if is_from(line, document.source_file)]
    return {passage.passage_id for document in documents for passage in document.passages if holds(line, passage.text)}
