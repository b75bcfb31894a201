"""What people say and what the plans call it: abbreviations, teencode, colloquial phrases, stop words.

The tables under `index/data` are written by hand. All of them are matched on folded whole words, the longest first, under two conditions:

- Marks must not contradict: a word typed with marks has to agree with the row ("giá" never matches "già"), a word typed without them
  matches as it stands. Where the tone mark sits (hòa, hoà) makes no difference, nor do hỏi and ngã, which the South writes alike.
- The row's guard must hold: `+phrase` (one of these must be in the text), `-phrase` (none may be), `=` (typed letter for letter as in the
  row). A row of the lexicon with `accented` 1 matches only a word that carries the row's marks, for phrases that fold to something else.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import chain, pairwise
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from knowledge.errors import IndexFault
from knowledge.text import fold, folded_line, has_diacritics, nfc, words

DATA = Path(__file__).parent / "data"

_COLUMNS = ("colloquial", "official", "scope", "guard", "accented", "source")
_OF_STAFF = Path("staff")
"""Where a row of staff is said to stand, in a fault."""

Scope = Literal["person", "need", "body", "place", "act", "figure", "time", "document"]

_WORD = re.compile(r"[^\W_]+")
_DOCUMENT_NUMBER = re.compile(r"(?<!\d)\d+(?:/\d+)?/[a-z]+(?:\s?-\s?[a-z]+)*")
"""On folded text: "2735/kh-ubnd", "94/2010/nd-cp". Its letters are part of a number, no abbreviation to write out."""
_TONES = "\u0300\u0301\u0303\u0309\u0323"
"""The combining marks of huyền, sắc, ngã, hỏi, nặng."""
_SOUTHERN = str.maketrans("\u0309", "\u0303")
"""Hỏi and ngã are one tone in the South, and written one for the other."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """A phrase of the question and the official phrases that say the same in the plans."""

    colloquial: str
    official: tuple[str, ...]
    scope: Scope


@dataclass(frozen=True, slots=True)
class Guard:
    """What else the text must hold. `wanted` and `unwanted` are folded phrases with a space at both ends."""

    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    verbatim: bool = False

    def allows(self, line: str) -> bool:
        """Whether the context fits; `line` is the text as `folded_line` gives it."""
        return (not self.wanted or any(phrase in line for phrase in self.wanted)) and not any(phrase in line for phrase in self.unwanted)


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of `lexicon.tsv`. `source` says who speaks so (spoken, Southern, press …) or "directory"."""

    expansion: Expansion
    guard: str
    accented: bool
    source: str
    line: int


class _Marks(NamedTuple):
    """A word in lower case: its letters with their quality (â, ơ, đ …), and its tone."""

    letters: tuple[str, ...]
    tone: str

    def contradicts(self, listed: _Marks) -> bool:
        """Whether this typed word carries a mark that the listed word, which folds to the same, does not."""
        if self.tone and self.tone.translate(_SOUTHERN) != listed.tone.translate(_SOUTHERN):
            return True
        if self.letters == listed.letters:
            return False
        return any(mine != theirs and mine != fold(mine) for mine, theirs in zip(self.letters, listed.letters, strict=True))


@lru_cache(maxsize=1024)
def _letter(char: str) -> tuple[str, str]:
    """A letter in lower case without its tone, and the tone ("" for none)."""
    parts = unicodedata.normalize("NFD", char.lower())
    return nfc("".join(c for c in parts if c not in _TONES)), "".join(c for c in parts if c in _TONES)


def _marks(word: str) -> _Marks:
    letters, tones = zip(*map(_letter, word), strict=True)
    return _Marks(letters, "".join(tones))


@dataclass(frozen=True, slots=True)
class _Text:
    """NFC text cut into words: their spans, as typed in lower case, and folded; `line` is what guards look at."""

    source: str
    spans: list[tuple[int, int]]
    typed: list[str]
    folded: list[str]
    line: str

    @classmethod
    def read(cls, source: str) -> _Text:
        plain = fold(source)
        spans = [match.span() for match in _WORD.finditer(plain)]
        folded = [plain[start:end] for start, end in spans]
        lower = source.replace("İ", "i").lower()  # the one letter that grows in lower case; spans must hold
        return cls(source, spans, [lower[start:end] for start, end in spans], folded, f" {' '.join(folded)} ")

    def between(self, start: int, end: int) -> str:
        """The text from word `start` up to and without word `end`."""
        return self.source[self.spans[start][0] : self.spans[end - 1][1]]

    def joints(self, start: int, end: int) -> tuple[str, ...]:
        """What stands between these words, blanks off and every dash a hyphen."""
        gaps = (self.source[left[1] : right[0]] for left, right in pairwise(self.spans[start:end]))
        return tuple(re.sub(r"\s", "", gap).replace("–", "-").replace("—", "-") for gap in gaps)


@dataclass(frozen=True, slots=True)
class _Rule:
    """One row, ready to match. `value` is what is written in the phrase's place."""

    phrase: _Text
    guard: Guard
    accented: bool
    value: str
    expansion: Expansion | None = None

    def fits(self, text: _Text, start: int, end: int) -> bool:
        """Whether these words of `text`, which fold to this rule's, are written as the rule asks."""
        if self.guard.verbatim:
            return text.between(start, end) == self.phrase.source
        for typed, folded, listed in zip(text.typed[start:end], text.folded[start:end], self.phrase.typed, strict=True):
            if typed == listed or (typed == folded and not self.accented):
                continue
            mine, theirs = _marks(typed), _marks(listed)
            differs = mine != theirs if self.accented else mine.contradicts(theirs)
            if differs:
                return False
        return True


@dataclass(frozen=True, slots=True)
class _Rules:
    """Rules by their folded words, and for each first word the lengths to try, longest first.

    `joined`: what stands between the words counts too ("LĐ-TB&XH" is no "LĐ, TB, XH"), and document numbers are left alone.
    """

    joined: bool
    by_words: dict[tuple[str, ...], list[_Rule]] = field(default_factory=dict)
    lengths: dict[str, list[int]] = field(default_factory=dict)

    def add(self, rule: _Rule) -> None:
        key = tuple(rule.phrase.folded)
        self.by_words.setdefault(key, []).append(rule)
        lengths = self.lengths.setdefault(key[0], [])
        if len(key) not in lengths:
            lengths.append(len(key))
            lengths.sort(reverse=True)

    def matches(self, source: str) -> Iterator[tuple[int, int, _Rule]]:
        """Half-open span in NFC `source` and rule of each match, left to right, none over another."""
        text = _Text.read(source)
        numbers = _DOCUMENT_NUMBER.finditer(fold(source)) if self.joined else ()
        protected = {place for number in numbers for place in range(*number.span())}
        verdicts: dict[int, bool] = {}
        at = 0
        while at < len(text.folded):
            begin = text.spans[at][0]
            found = None if begin in protected else self._longest(text, at, verdicts)
            if found:
                end = at + len(found.phrase.folded)
                yield begin, text.spans[end - 1][1], found
                at = end
            else:
                at += 1

    def _longest(self, text: _Text, at: int, verdicts: dict[int, bool]) -> _Rule | None:
        """The first fitting rule of the longest phrase that starts at word `at`. `verdicts` keeps what guards said of this text."""
        for size in self.lengths.get(text.folded[at], ()):
            for rule in self.by_words.get(tuple(text.folded[at : at + size]), ()) if at + size <= len(text.folded) else ():
                if id(rule) not in verdicts:
                    verdicts[id(rule)] = rule.guard.allows(text.line)
                if self.joined and text.joints(at, at + size) != rule.phrase.joints(0, size):
                    continue
                if verdicts[id(rule)] and rule.fits(text, at, at + size):
                    return rule
        return None


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The five tables, loaded once. `stopwords` are folded words; see `is_stopword` for those that need their marks."""

    entries: tuple[Entry, ...]
    stopwords: frozenset[str]
    _marked_stopwords: frozenset[str] = field(repr=False)
    _light: frozenset[str] = field(repr=False)
    _written_out: _Rules = field(repr=False, compare=False)
    _phrases: _Rules = field(repr=False, compare=False)
    _in_use: list[_Rules] = field(repr=False, compare=False)
    """One: the phrases with those of staff before them."""

    @classmethod
    def load(cls, folder: Path = DATA) -> Lexicon:
        """Read `lexicon.tsv`, `abbreviations.tsv`, `teencode.tsv`, `stopwords.txt`
        and `light_words.txt` from `folder`.

        Raises IndexFault with `table` and `row` (a line of the file) in its context when a table is missing or a row cannot be meant.
        """
        written_out, phrases = _Rules(joined=True), _Rules(joined=False)
        for name, columns in (("abbreviations.tsv", ("short", "long")), ("teencode.tsv", ("typed", "meant"))):
            for row in _Table(folder / name, (*columns, "guard", "source")):
                written_out.add(row.rule(*columns))
        entries = []
        for row in _Table(folder / "lexicon.tsv", _COLUMNS):
            entry = row.entry()
            entries.append(entry)
            phrases.add(row.rule("colloquial", "official", accented=entry.accented, expansion=entry.expansion))
        stop = _words_of(folder / "stopwords.txt")
        marked = frozenset(filter(has_diacritics, stop))
        light = _words_of(folder / "light_words.txt") | marked
        return cls(tuple(entries), frozenset(stop - marked), marked, light | frozenset(map(fold, light)), written_out, phrases, [phrases])

    def with_rows(self, rows: Iterable[Mapping[str, str]]) -> Lexicon:
        """The lexicon with rows of staff before those of `lexicon.tsv`: mappings of its columns. Raises IndexFault as `load` does."""
        return replace(self, _in_use=[self._before(rows)])

    def take_up(self, rows: Iterable[Mapping[str, str]]) -> None:
        """From here on these rows of staff stand before the table, for everybody who holds this lexicon. Raises IndexFault."""
        self._in_use[0] = self._before(rows)

    def _before(self, rows: Iterable[Mapping[str, str]]) -> _Rules:
        found = [_Row(_OF_STAFF, number, {**dict.fromkeys(_COLUMNS, ""), **row}) for number, row in enumerate(rows, 1)]
        both = _Rules(joined=False)
        for row in found:
            both.add(row.rule("colloquial", "official", accented=row.entry().accented, expansion=row.entry().expansion))
        for rule in chain.from_iterable(self._phrases.by_words.values()) if found else ():
            both.add(rule)
        return both if found else self._phrases

    def normalise(self, text: str) -> str:
        """`text` in NFC with abbreviations and teencode written out, all else untouched.

        A text typed without any marks gets them written out without marks, in lower case, so that it stays of one kind.
        """
        text = nfc(text)
        plain = not has_diacritics(text)
        parts, done = [], 0
        for start, end, rule in self._written_out.matches(text):
            parts += [text[done:start], fold(rule.value) if plain else rule.value]
            done = end
        return nfc("".join([*parts, text[done:]]))

    def expand(self, text: str) -> tuple[Expansion, ...]:
        """The official phrases for what `text` says in other words, in the order of the text, each row once.

        Hand in what `normalise` gives: abbreviations are not looked at here.
        """
        found = (rule.expansion for _, _, rule in self._in_use[0].matches(nfc(text)))
        return tuple(dict.fromkeys(expansion for expansion in found if expansion))

    def is_stopword(self, word: str) -> bool:
        """Whether one word, as it was typed, carries no content: "tôi" does not, "toi" (tới, tối, tội) may."""
        word = nfc(word).lower()
        return word in self._marked_stopwords or fold(word) in self.stopwords

    def is_light(self, word: str) -> bool:
        """Whether one word, as it was typed, carries little: it says how people speak, not what about.

        Typed without marks, it is light when it may be such a word: "lam" (làm, lâm) is, "làng" is not.
        """
        return nfc(word).lower() in self._light


def _words_of(path: Path) -> frozenset[str]:
    """The words of a file that has one a line, each once."""
    found: set[str] = set()
    for number, word in _lines(path):
        if words(word) != [fold(word)] or word in found:
            raise _fault(path, number, "one word a line, each once")
        found.add(word)
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class _Row:
    """The cells of one line by column, and where they stand."""

    path: Path
    line: int
    cells: dict[str, str]

    def rule(self, phrase: str, value: str, *, accented: bool = False, expansion: Expansion | None = None) -> _Rule:
        said = self.cells[phrase]
        return _Rule(_Text.read(said), self.guard(said), accented, self.cells[value], expansion)

    def guard(self, said: str) -> Guard:
        terms = [term for term in self.cells["guard"].split("|") if term]
        for term in terms:
            if term != "=" and (term[0] not in "+-" or " ".join(words(term[1:])) != term[1:] or not term[1:]):
                raise _fault(self.path, self.line, f"guard {term!r}: '=' or + or - and a folded phrase")
            if term != "=" and folded_line(term) in folded_line(said):
                raise _fault(self.path, self.line, f"guard {term!r} stands in the phrase itself")
        wanted, unwanted = (tuple(folded_line(t) for t in terms if t[0] == sign) for sign in "+-")
        return Guard(wanted, unwanted, "=" in terms)

    def entry(self) -> Entry:
        cells = self.cells
        official = tuple(cells["official"].split("|"))
        if cells["scope"] not in get_args(Scope):
            raise _fault(self.path, self.line, f"unknown scope {cells['scope']!r}")
        if cells["accented"] not in ("", "1") or (cells["accented"] and not has_diacritics(cells["colloquial"])):
            raise _fault(self.path, self.line, "accented is empty, or 1 for a phrase with marks")
        if not all(words(phrase) for phrase in official) or len(set(map(folded_line, official))) < len(official):
            raise _fault(self.path, self.line, "official: different phrases with | between them")
        if set(map(folded_line, official)) == {folded_line(cells["colloquial"])}:
            raise _fault(self.path, self.line, "the official phrase is the colloquial one")
        scope: Scope = cells["scope"]  # type: ignore[assignment]  # one of get_args(Scope), just checked
        return Entry(Expansion(cells["colloquial"], official, scope), cells["guard"], cells["accented"] == "1", cells["source"], self.line)


@dataclass(frozen=True, slots=True)
class _Table:
    """A tab-separated table: comment lines with #, one line of column names, then rows. The first column and `source` are never empty."""

    path: Path
    columns: tuple[str, ...]

    def __iter__(self) -> Iterator[_Row]:
        lines = iter(_lines(self.path))
        number, header = next(lines, (1, ""))
        if tuple(header.split("\t")) != self.columns:
            raise _fault(self.path, number, f"columns {', '.join(self.columns)}")
        seen: set[tuple[str, str, str]] = set()
        for number, line in lines:
            cells = dict(zip(self.columns, line.split("\t"), strict=False))
            if line.count("\t") != len(self.columns) - 1 or not all(cells[name] for name in (*self.columns[:2], "source")):
                raise _fault(self.path, number, f"{len(self.columns)} cells; only guard and accented may be empty")
            said = cells[self.columns[0]]
            key = (said.lower(), cells["guard"], cells.get("accented", ""))
            if not words(said) or key in seen:
                raise _fault(self.path, number, f"{said!r} is no phrase or listed twice")
            seen.add(key)
            yield _Row(self.path, number, cells)


def _lines(path: Path) -> list[tuple[int, str]]:
    """Line numbers (from 1) and lines in NFC, comments and empty lines left out."""
    try:
        content = nfc(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise IndexFault(f"{path.name} cannot be read: restore it from the repository", table=path.name, row=0) from error
    return [(number, line) for number, line in enumerate(content.split("\n"), 1) if line.strip() and not line.startswith("#")]


def _fault(path: Path, row: int, what: str) -> IndexFault:
    return IndexFault(f"Correct line {row} of {path.name}: {what}", table=path.name, row=row)
