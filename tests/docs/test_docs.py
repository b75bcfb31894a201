"""What the documents say of commands, settings, files and dependencies is held against the code, so that it stays true."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from bot.cli import parser
from knowledge.text import nfc

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
GUIDES = [README, ROOT / "README.vi.md", ROOT / "CONTRIBUTING.md"]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
PAGES = [*GUIDES, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "bot" / "rasa" / "README.md"]
MADE_LATER = re.compile(r"(\./)?(\.venv|\.venv-rasa|var|~)(/|$)|\.env$")
"""Not in a fresh checkout: environments, state, secrets."""


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def spans(text: str) -> Iterator[str]:
    """What stands between backticks on a line."""
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    yield from re.findall(r"`([^`\n]+)`", outside)


def code_lines(text: str) -> Iterator[str]:
    """Indented and fenced lines without their comments, and the spans."""
    for line in re.findall(r"^ {4}(\S.*)$", text, flags=re.MULTILINE):
        yield re.sub(r"\s+#.*$", "", line)
    yield from spans(text)


def commands(text: str) -> Iterator[list[str]]:
    """The arguments of every `trogiup …`, also where only the rest of it is written (`docs show ID`)."""
    for line in code_lines(text):
        found = re.match(r"(?:\.venv/bin/)?trogiup (.+)|((?:docs|index|cases|accounts|ingest) [a-z-].*)", line)
        if found and "…" not in line:
            yield shlex.split(found[1] or found[2])


def below(of: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The commands under a command."""
    return {
        word: child for action in of._actions if isinstance(action, argparse._SubParsersAction) for word, child in action.choices.items()
    }


def leaves(of: argparse.ArgumentParser, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command of the command line, as the words that name it."""
    children = below(of)
    if not children:
        yield path
    for word, child in children.items():
        yield from leaves(child, (*path, word))


def is_taken(words: list[str]) -> bool:
    """Whether the command line takes these words, or they only name one of its commands."""
    at, rest = parser(), list(words)
    while rest and rest[0] in below(at):
        at = below(at)[rest.pop(0)]
    if not rest:
        return True
    if all(word in at._option_string_actions for word in rest):
        return True  # a command with an option is spoken of, not shown
    try:
        parser().parse_args(words)
    except SystemExit:
        return False
    return True


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_shown_exists(page: Path) -> None:
    assert [words for words in commands(read(page)) if not is_taken(words)] == []


def test_options_told_in_the_readme_exist() -> None:
    rows = re.findall(r"^\| `trogiup (\w+).*$", read(README), flags=re.MULTILINE)
    lines = [line for line in read(README).splitlines() if line.startswith("| `trogiup ")]
    unknown = [
        (word, option)
        for word, line in zip(rows, lines, strict=True)
        for option in spans(line)
        if option.startswith("-") and option not in below(parser())[word]._option_string_actions
    ]
    assert unknown == []


def test_readme_shows_every_command() -> None:
    shown = [tuple(words) for words in commands(read(README))]
    missing = [path for path in leaves(parser()) if not any(words[: len(path)] == path for words in shown)]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_make_target_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", read(ROOT / "Makefile"), flags=re.MULTILINE))
    named = {found[1] for line in code_lines(read(page)) if (found := re.match(r"make ([a-z-]+)", line))}
    assert named <= targets


def test_readme_shows_every_make_target() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", read(ROOT / "Makefile"), flags=re.MULTILINE)) - {"help"}
    missing = {target for target in targets if not re.search(rf"\bmake {target}\b", read(README))}
    assert missing == set()


def test_readme_says_every_setting_and_no_other() -> None:
    rows = yaml.safe_load(read(ROOT / "bot" / "data_settings.yml"))
    wanted = {name for name, row in rows.items() if not row.get("inner")}
    assert set(re.findall(r"`(TROGIUP_[A-Z_]+)`", read(README))) == wanted


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_setting_named_exists(page: Path) -> None:
    assert set(re.findall(r"TROGIUP_[A-Z_]+", read(page))) <= set(yaml.safe_load(read(ROOT / "bot" / "data_settings.yml")))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_path_named_exists(page: Path) -> None:
    """Whatever looks like a path from the root, or from the page's own folder, between backticks."""
    folders = {entry.name for entry in ROOT.iterdir() if entry.is_dir()}
    missing = []
    for span in spans(read(page)):
        looks = re.fullmatch(r"[\w.-]+(/[\w.-]+)+/?", span) and span.split("/")[0] in folders
        if looks and not MADE_LATER.match(span) and not any((base / span).exists() for base in (ROOT, page.parent)):
            missing.append(span)
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    targets = [*re.findall(r"\]\(([^)\s]+)\)", read(page)), *re.findall(r'src="([^"]+)"', read(page))]
    for target in targets:
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in anchors(read(there))):
            broken.append(target)
    assert broken == []


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)}


def test_decisions_are_numbered_without_gaps_and_listed() -> None:
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    listed = re.findall(r"^(\d+)\. \[(.+)\]\((.+)\)$", read(ROOT / "docs" / "decisions" / "README.md"), flags=re.MULTILINE)
    titles = [re.match(r"# (\d+)\. (.+)", read(page)) for page in DECISIONS]
    assert listed == [(found[1], found[2], page.name) for found, page in zip(titles, DECISIONS, strict=True) if found]


@pytest.mark.parametrize("page", DECISIONS, ids=name_of)
def test_a_decision_has_its_four_parts_and_fits_a_page(page: Path) -> None:
    text = read(page)
    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == ["Context", "Decision", "Evidence", "Consequences"]
    assert len(text.splitlines()) <= 80


def test_the_table_of_dependencies_is_whole() -> None:
    table = read(ROOT / "docs" / "decisions" / "0011-direct-dependencies.md")
    told = {row.lower() for row in re.findall(r"^\| ([\w.-]+) \|", table, flags=re.MULTILINE)} - {"name"}
    named = set()
    for name in ("main", "dev"):
        text = read(ROOT / "requirements" / f"{name}.in")
        named |= {found.lower() for found in re.findall(r"^([A-Za-z][\w.-]*)", text, flags=re.MULTILINE)}
    assert told == named


def test_the_changelog_tells_of_this_version() -> None:
    version = tomllib.loads(read(ROOT / "pyproject.toml"))["project"]["version"]
    headings = re.findall(r"^## \[(.+?)\]", read(ROOT / "CHANGELOG.md"), flags=re.MULTILINE)
    assert headings[0] in ("Unreleased", version)


def test_the_answer_shown_quotes_its_document() -> None:
    answer = json.loads(re.findall(r"^```json\n(.*?)^```$", read(README), flags=re.DOTALL | re.MULTILINE)[0])
    for citation in answer["citations"]:
        text = nfc((ROOT / "knowledge" / "sources" / citation["source_file"]).read_bytes().decode("utf-8-sig"))
        assert text[citation["start"] : citation["end"]] == citation["quote"]


def test_pictures_are_small_and_shown() -> None:
    shown = set(re.findall(r"""pictures/([\w.-]+)[)"]""", "".join(map(read, PAGES))))
    pictures = sorted((ROOT / "docs" / "pictures").iterdir())
    assert [p.name for p in pictures if p.stat().st_size > 200_000 or p.name not in shown] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_address_of_an_index_and_no_path_of_a_machine(page: Path) -> None:
    assert not re.search(r"pypi|/simple\b|index-url|extra-index|download\.pytorch|/home/|/root/|/work/", read(page))
