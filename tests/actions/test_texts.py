"""The fixed sentences: each that the code names is there, each that is there is named, and what is filled in fits."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

from actions.eligibility_outcome import DATA as ELIGIBILITY
from actions.routing import Router
from actions.talk import Talk
from actions.texts import Texts
from knowledge.errors import KnowledgeError
from knowledge.model import Status

ROOT = Path(__file__).parents[2]
YEARS = frozenset({"first", "last"})
"""What `**years` of notices.py hands over."""


@dataclass(frozen=True)
class Use:
    """A sentence asked for in the code: its name or, where that is put together, how it begins; and the values handed over."""

    where: str
    table: str
    pattern: re.Pattern[str]
    exact: bool
    values: frozenset[str]


TABLES = {"texts.yml": Texts.load(), "eligibility_texts.yml": Texts.load(ELIGIBILITY)}
"""By file; the second is what eligibility_outcome.py calls its own texts."""


def uses() -> Iterator[Use]:
    for path in sorted([*(ROOT / "actions").glob("*.py"), *(ROOT / "bot").glob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not re.search(r"(^|[._])texts(\.choices)?$", ast.unparse(node.func)) or not node.args:
                continue
            own = path.name == "eligibility_outcome.py" and ast.unparse(node.func).startswith("self.texts")
            table = "eligibility_texts.yml" if own else "texts.yml"
            first = node.args[0]
            for name in (first.body, first.orelse) if isinstance(first, ast.IfExp) else (first,):
                yield Use(f"{path.name}:{node.lineno}", table, _pattern(name), isinstance(name, ast.Constant), _values(node))


def _pattern(name: ast.expr) -> re.Pattern[str]:
    if isinstance(name, ast.Constant):
        return re.compile(re.escape(str(name.value)))
    assert isinstance(name, ast.JoinedStr)
    return re.compile("".join(re.escape(str(p.value)) if isinstance(p, ast.Constant) else "[a-z_]+" for p in name.values))


def _values(call: ast.Call) -> frozenset[str]:
    named = {keyword.arg for keyword in call.keywords if keyword.arg}
    return frozenset(named) | (YEARS if any(keyword.arg is None for keyword in call.keywords) else frozenset())


USES = tuple(uses())
EXACT = frozenset((use.table, re.sub(r"\\(.)", r"\1", use.pattern.pattern)) for use in USES if use.exact)


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


def test_the_code_was_read() -> None:
    assert len(USES) > 40


@pytest.mark.parametrize("use", USES, ids=lambda use: use.where)
def test_every_sentence_named_in_the_code_is_there_and_can_be_filled_in(use: Use) -> None:
    table = TABLES[use.table].table
    found = [name for name in table if use.pattern.fullmatch(name) and (use.exact or (use.table, name) not in EXACT)]
    assert found
    for name in found:
        for sentence in (told,) if isinstance(told := table[name], str) else told:
            assert placeholders(sentence) <= use.values


@pytest.mark.parametrize("file", TABLES)
def test_every_sentence_is_named_in_the_code(file: str) -> None:
    named = [use.pattern for use in USES if use.table == file]
    assert [name for name in TABLES[file].table if not any(pattern.fullmatch(name) for pattern in named)] == []


def test_a_notice_that_is_not_named_is_that_of_a_status(texts: Texts) -> None:
    others = {name.removeprefix("notices.") for name in texts.table if name.startswith("notices.") and ("texts.yml", name) not in EXACT}
    assert {re.sub(r"^(was|is)\.", "", name) for name in others} <= {*get_args(Status), "outlook"}


def test_every_kind_of_small_talk_has_its_sentence(texts: Texts, router: Router) -> None:
    learned = {name for name in Talk.load().others.classes if name not in ("outside", "attack")}
    assert learned.union(name for name, _ in (*router.about, *router.smalltalk)) == {
        name.split(".")[1] for name in texts.table if name.startswith("smalltalk.")
    }


def test_every_fact_has_its_sentence_and_its_name(texts: Texts) -> None:
    from index.understanding import QuestionRules

    facts = {name for name, _ in QuestionRules.load().fact}
    assert facts == {name.split(".")[2] for name in texts.table if name.startswith("facts.fields.")}
    assert all(isinstance(texts.table[f"facts.{name}"], str) for name in facts)


def test_no_sentence_holds_a_figure_or_a_number_to_call(texts: Texts) -> None:
    """Figures come from documents and the directory; the day of the merger is the one that is fixed."""
    sentences = [s for told in texts.table.values() for s in ((told,) if isinstance(told, str) else told)]
    assert [s for s in sentences if re.search(r"\d", s.replace("1/7/2025", ""))] == []


def test_values_are_filled_in(texts: Texts) -> None:
    assert texts("notices.merged", old="Hà Nam", now="Ninh Bình") == "Từ 1/7/2025, Hà Nam thuộc tỉnh Ninh Bình (mới)."


@pytest.mark.parametrize("name", ["nothing", "suggestions.examples", "notices"])
def test_an_unknown_sentence_is_an_error_at_once(texts: Texts, name: str) -> None:
    with pytest.raises(KnowledgeError, match=name):
        texts(name)


@pytest.mark.parametrize("name", ["nothing", "notices.merged"])
def test_an_unknown_list_too(texts: Texts, name: str) -> None:
    with pytest.raises(KnowledgeError, match=name):
        texts.choices(name)


def test_every_subject_outside_has_its_sentence(texts: Texts, router: Router) -> None:
    assert {*router.outside, "plain", "other", "attack"} == {n.split(".")[1] for n in texts.table if n.startswith("out_of_scope.")}
