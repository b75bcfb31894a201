"""Whether everything that an answer says stands somewhere: a check of its own, made differently from the guard in front of citizens.

Answers are made of the documents' own words, of fixed sentences, and of rows of the directory. So the words of the fixed sentences
are taken out first; what is left is cut at its punctuation, and every run with a figure or a capital in it (figures, dates, numbers of
documents and telephones, provinces, bodies, persons) must stand as it is, word after word, in a source. A right figure beside the wrong
thing stands nowhere; nor does the figure of one province in the line of another, because a line that names a province draws on that
province alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from itertools import pairwise

from index.evaluation.gold import LIMIT, Question, Reply
from index.spoken_numbers import written_as_figures
from knowledge.collection import Collection
from knowledge.directory import Directory
from knowledge.errors import UnknownDocument
from knowledge.model import Document, Hotline
from knowledge.ocr import Repairs
from knowledge.places import Gazetteer
from knowledge.reorganisation import Succession
from knowledge.text import nfc

_TOKEN = re.compile(r"\d+(?:[.,/:]\d+)*(?:[/-]?[^\W\d_][^\W_]*(?:[-&][^\W_]+)*)?%?|[^\W\d_]+")
_SLOT = re.compile(r"(?:\{[^{}]*\})+")
_BOUNDARY = "\0"
_JOINED = re.compile(r"[\s*_+-]*|–")
"""What may stand between two words of one run."""
_Place = tuple[int, int, bool]
"""Where something was filled into a frame, half-open, and whether the frame is free."""
_DOUBLED = re.compile(r"([^\W\d_])\1+")
_LIST = 60
"""Characters: a place that holds more is filled with a clause, not with a list."""
_PAIR = re.compile(r"\{\w+\}( \w+ )\{\w+\}")
_AROUND = 6
"""Words on either side of a figure or name that must stand there with it."""
_HEAD = re.compile(r"(?:• )?([^:]{1,60}):")
"""What a line is about, before its colon: provinces that say the same."""
_SENTENCE = re.compile(r"[.!?:…”)]$")
"""How a fixed text without places to fill ends; others are words to fill in."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A fixed sentence with its places to fill. `free`: it speaks of what was asked and of tables, not of what is quoted."""

    pattern: re.Pattern[str]
    literals: tuple[str, ...]
    words: int
    free: bool

    @classmethod
    def of(cls, sentence: str, free: bool) -> Frame | None:
        """None for what has no words of its own, and for words without a sentence."""
        literals = _SLOT.split(nfc(sentence).strip())
        words = sum(len(_TOKEN.findall(literal)) for literal in literals)
        is_sentence = len(literals) > 1 or _SENTENCE.search(literals[0])
        if not words or not is_sentence or _PAIR.fullmatch(sentence):
            return None
        begin = "" if literals[0] else "^"
        end = "" if literals[-1] else "$"
        middle = "(.*?)".join(map(re.escape, literals))
        return cls(re.compile(rf"{begin}(?<!\w){middle}(?!\w){end}"), tuple(filter(None, literals)), words, free)


@dataclass(frozen=True, slots=True)
class _Run:
    """Words between two breaks of a line. `filled`: in a place of a frame; `free`: of a free one; `cut`: its last word may be cut short."""

    words: tuple[str, ...]
    filled: bool
    free: bool
    cut: bool


@dataclass(frozen=True)
class Support:
    """Checks answers. `fixed`: the fixed sentences by dotted name; `free`: how the names of those begin that speak of what was
    asked and of tables: the provinces asked for, documents that are not held, bodies of today."""

    collection: Collection
    gazetteer: Gazetteer
    directory: Directory
    successions: Sequence[Succession]
    fixed: Mapping[str, str]
    free: tuple[str, ...]
    repairs: Repairs
    _made: dict[str, str] = field(default_factory=dict, repr=False)

    def unsupported(self, question: Question, answer: Reply) -> tuple[str, ...]:
        """What stands nowhere, in the order in which it is read; empty when everything does."""
        quoted, found = self._quoted(answer)
        cites = bool(quoted)
        hotlines = answer.get("hotlines") or ()
        found += (hotline["phone"] for hotline in hotlines if not self._is_listed(hotline))
        phones = [hotline["phone"] for hotline in hotlines]
        listed = _held([str(answer.get("case_id") or ""), *self._rows(phones), *(row.source for row in self._listed(phones))])
        asked = self._asked(question, filter(None, quoted))
        offered = asked + _held(self.collection.provinces)
        sources, free = (quoted, asked) if cites else (self._of_all, offered)
        for line in (*str(answer.get("text") or "").split("\n"), *(answer.get("notices") or ())):
            found += self._in_line(nfc(line), sources, listed, free, cites)
        for line in answer.get("suggestions") or ():
            found += self._in_line(nfc(line), quoted, listed, offered, cites)
        return tuple(dict.fromkeys(found))

    def _in_line(self, line: str, quoted: Mapping[str | None, str], listed: str, free: str, cites: bool) -> Iterator[str]:
        """A line that begins with provinces ("• Hà Nam: …") draws on theirs alone; of others, each part on those that it names."""
        if line in self._whole_lines:
            return
        text, places = self._without_fixed(line)
        label = self._named(line.partition(":")[0]) & quoted.keys()
        for start, end in _segments(text):
            scope = self._named(line[start:end]) & quoted.keys() or label or quoted.keys()
            sources = listed + "".join(quoted[province] for province in scope)
            for run in _runs(text, start, end, places):
                allowed = sources + (self._fillings if run.filled else "") + (free if run.free or not cites else "")
                yield from _standing_nowhere(run, allowed)

    def _named(self, text: str) -> set[str | None]:
        """The provinces that a text calls by their own names."""
        return {mention.province for mention in self.gazetteer.mentions(text) if not mention.by_locality}

    @cached_property
    def _whole_lines(self) -> frozenset[str]:
        """Fixed lines without anything to fill in, short ones among them (a choice to press)."""
        return frozenset(
            line for text in self.fixed.values() for line in nfc(text).split("\n") if "{" not in line and len(line.split()) > 2
        )

    def _without_fixed(self, line: str) -> tuple[str, list[_Place]]:
        """The line with the words of fixed sentences struck out, position for position, and the places that were filled."""
        places: list[_Place] = []
        for frame in self._frames:
            if not all(literal in line for literal in frame.literals):
                continue
            for match in frame.pattern.finditer(line):
                slots = [match.span(at) for at in range(1, len(match.groups()) + 1)]
                ends = [match.start(), *(edge for slot in slots for edge in slot), match.end()]
                for start, end in pairwise(ends):
                    if (start, end) not in slots and _TOKEN.search(line, start, end):
                        line = line[:start] + _BOUNDARY * (end - start) + line[end:]
                places += [(start, end, frame.free) for start, end in slots]
        if head := _HEAD.match(line):  # "Hà Nam và Cà Mau: …"
            places = [*places, (*head.span(1), False)]
        for start, end, _ in places:
            for joint, most in self._joints:
                if end - start <= most:
                    line = line[:start] + line[start:end].replace(joint, _BOUNDARY * len(joint)) + line[end:]
        return line, places[:-1] if head else places

    @cached_property
    def _frames(self) -> tuple[Frame, ...]:
        """Those with the most words first: they may hold others."""
        made = (Frame.of(sentence, name.startswith(self.free)) for name, text in self.fixed.items() for sentence in text.split("\n"))
        return tuple(sorted(filter(None, made), key=lambda frame: -frame.words))

    @cached_property
    def _joints(self) -> tuple[tuple[str, int], ...]:
        """What stands between the parts of a list (" hoặc ", "{first} và {last}"), and how long a place may be to be taken for one."""
        texts = self.fixed.values()
        alone = [(text, LIMIT) for text in texts if text.startswith((" ", ",")) and text.endswith(" ") and "{" not in text]
        return (*alone, *((found[1], _LIST) for text in texts if (found := _PAIR.fullmatch(text))))

    @cached_property
    def _fillings(self) -> str:
        """Fixed words that are filled in (how a person is called), figures apart."""
        return _held(text for text in self.fixed.values() if not _SENTENCE.search(text) and not re.search(r"[\d{]", text))

    # What an answer may draw on

    def _quoted(self, answer: Reply) -> tuple[dict[str | None, str], list[str]]:
        """By province, the quotes and what the documents cited say of themselves; and citations that are not as they say."""
        texts: dict[str | None, str] = {}
        wrong: list[str] = []
        for citation in answer.get("citations") or ():
            try:
                document = self.collection.document(citation["document_id"])
            except UnknownDocument:
                wrong.append(str(citation["document_id"]))
                continue
            if document.text[citation["start"] : citation["end"]] != citation["quote"]:
                wrong.append(citation["quote"])
                continue
            wrong += (title for title in citation["heading_path"] if _line(title).rstrip("\n") not in self._whole(document))
            province = self.collection.province(document)
            mended = self.repairs.repaired(citation["quote"], (document.source_file,)).words
            said = _held([citation["quote"], mended, *citation["heading_path"]]) + self._itself(document)
            texts[province] = texts.get(province, "") + said
        return texts, wrong

    @cached_property
    def _of_all(self) -> dict[str | None, str]:
        """By province, what the documents held say of themselves, with their headings: an answer that cites none may name them."""
        found: dict[str | None, str] = {}
        for document in self.collection.documents:
            province = self.collection.province(document)
            found[province] = found.get(province, "") + self._itself(document) + _held(section.title for section in document.sections)
        return found

    def _whole(self, document: Document) -> str:
        return self._once(f"whole {document.document_id}", lambda: _held([document.text]))

    def _itself(self, document: Document) -> str:
        return self._once(document.document_id, lambda: _held(said_of_itself(document, self.collection.province(document))))

    def _once(self, name: str, make: Callable[[], str]) -> str:
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    def _asked(self, question: Question, cited: Iterable[str]) -> str:
        """What was asked, the provinces asked for and cited with those that they are one with today, and the tables."""
        turns = [str(turn) for turn in (*question.get("history", ()), question["question"])]
        turns += [written_as_figures(nfc(turn)) for turn in turns]  # "hai ngàn không trăm mười"
        read = [*turns, *(_DOUBLED.sub(r"\1", turn) for turn in turns)]  # "quảng ngãii"
        named = [mention.province for turn in read for mention in self.gazetteer.mentions(turn)]
        kin = [name for province in (*named, *cited) for name in (*self.gazetteer.kin(province), self.gazetteer.now(province) or "")]
        return _held([*turns, *kin]) + self._once("tables", lambda: _held(self._tables()))

    def _tables(self) -> Iterator[str]:
        for row in self.successions:
            yield from (row.task, row.now, row.source, *_written(row.since))
        yield from self._rows(row.phone for row in self.directory.hotlines)

    def _rows(self, phones: Iterable[str]) -> list[str]:
        return [part for row in self._listed(phones) for part in (row.name, row.phone, row.hours, row.cost)]

    def _listed(self, phones: Iterable[str]) -> list[Hotline]:
        return [row for phone in phones if (row := self.directory.by_phone(phone))]

    def _is_listed(self, hotline: Mapping[str, str]) -> bool:
        row = self.directory.by_phone(hotline["phone"])
        return row is not None and row.name == hotline["name"]


def said_of_itself(document: Document, province: str | None) -> Iterator[str]:
    """The metadata of a document in the words in which it is told."""
    m = document.metadata
    yield from filter(None, (m.kind, m.number, m.title, m.issuer, m.signer, m.province, m.reports_on, province, *m.based_on))
    yield f"{m.kind} {m.number}"
    yield from (f"tỉnh {province}", f"{m.kind} tỉnh {province}")
    for _, fact in m.facts:
        yield fact.value
        yield fact.span.of(document.text)
    days = [day for day in (m.issued_on, m.valid_from, m.valid_to, m.outlook_to) if day]
    for day in days:
        yield from (str(day.year), *_written(day))
    yield from (f"{first.year} {last.year}" for first, last in pairwise(days))


def _written(day: date) -> tuple[str, ...]:
    return (
        f"{day.day}/{day.month}/{day.year}",
        f"{day:%d/%m/%Y}",
        day.isoformat(),
        f"ngày {day.day} tháng {day.month} năm {day.year}",
    )


def _held(texts: Iterable[str]) -> str:
    """Texts to look words up in: each a line of words with blanks at its ends."""
    return "".join(_line(text) for text in texts)


def _line(text: str) -> str:
    return f" {' '.join(_TOKEN.findall(nfc(text).casefold()))} \n"


def _segments(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for match in re.finditer(r";|$", text):
        yield start, match.end()
        start = match.end()


def _runs(text: str, start: int, end: int, places: Sequence[_Place]) -> Iterator[_Run]:
    """Words with nothing but blanks, hyphens and emphasis between them."""
    tokens = list(_TOKEN.finditer(text, start, end))
    begin = 0
    for at, token in enumerate(tokens):
        last = at + 1 == len(tokens)
        gap = text[token.end() : end if last else tokens[at + 1].start()]
        if last or not _JOINED.fullmatch(gap):
            place = tokens[begin].start()
            inside = [free for low, high, free in places if low <= place < high]
            yield _Run(tuple(t[0] for t in tokens[begin : at + 1]), bool(inside), any(inside), gap.strip()[:1] in ("…", "”", "–"))
            begin = at + 1


def _standing_nowhere(run: _Run, sources: str) -> Iterator[str]:
    """The stretches around figures and capitals that no source holds, each told once."""
    words = [word.casefold() for word in run.words]
    told = -1
    for at, word in enumerate(run.words):
        if at <= told or not (word[0].isdigit() or word[0].isupper()):
            continue
        first, after = max(0, at - _AROUND), min(len(words), at + _AROUND + 1)
        wanted = " " + " ".join(words[first:after])
        whole = not (run.cut and after == len(words) and words[-1].isalpha())
        if (f"{wanted} " if whole else wanted) not in sources:
            yield " ".join(run.words[first:after])
            told = after - 1
