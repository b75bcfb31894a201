"""A small share of `tools.bench_documents`: three made-up plans in the formats that need no recognition; all their fields and headings."""

from __future__ import annotations

from pathlib import Path

import pytest
from plans import gazetteer

from knowledge.loading import load
from tools.bench_documents import Score, judge, said
from tools.plan_maker import FIELDS, as_file, plans, twenty_pages


@pytest.mark.parametrize("form", ["txt", "docx", "pdf"])
@pytest.mark.parametrize("name", ["a07", "a17", "b09"])
def test_every_field_and_heading_is_read(tmp_path: Path, name: str, form: str) -> None:
    (plan,) = [plan for which in ("first", "later") for plan in plans(which) if plan.name == name]
    file, content = as_file(plan, form)
    path = tmp_path / file
    path.write_bytes(content)
    score = Score()
    judge(score, plan, load(path, gazetteer()), file)
    assert score.misses == []
    assert score.found == score.headings > 0


def test_the_plans_are_thirty_and_differ() -> None:
    every = [*plans("first"), *plans("later")]
    assert (len(plans("first")), len(plans("later"))) == (20, 10)
    assert len({plan.truth["number"] for plan in every}) == 30
    assert len({plan.truth["province"] for plan in every}) >= 25
    assert set(every[0].truth) == set(FIELDS)


def test_the_score_tells_right_from_missing_and_wrong(tmp_path: Path) -> None:
    plan, other = plans("first")[:2]
    path = tmp_path / "a.txt"
    path.write_bytes(as_file(other, "txt")[1])
    document = load(path, gazetteer())
    score = Score()
    judge(score, plan, document, "a.txt")
    assert said(document)["number"] == other.truth["number"]
    assert score.fields["number", "wrong"] == 1
    assert score.fields["kind", "right"] == 1
    assert score.found < score.headings


def test_twenty_pages_are_read_and_told_of(tmp_path: Path) -> None:
    path = tmp_path / "long.pdf"
    path.write_bytes(twenty_pages("pdf"))
    told: list[tuple[int, int]] = []
    document = load(path, gazetteer(), lambda done, of: told.append((done, of)))
    assert document.pages == 20
    assert told[-1] == (20, 20)
    assert {document.page_at(p.span.start) for p in document.passages} == set(range(1, 21))
