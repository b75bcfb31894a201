"""Triage: whether somebody is in danger, decided on the words alone, before anything else. No index, database, dialogue or network.

A message becomes words (teencode, telex remains, slips and emoji undone: spelling.yml), words become concepts (lexicon.yml), and rules
(rules.yml) ask for concepts in order and near each other: "partner ~4 strike ~1 self". Marks are never contradicted: a syllable written
with marks must carry the right ones, and where a message is written with marks a bare syllable stands for itself ("danh" is no "đánh").
Open rules are silent in a message that asks about policy, tells news or a film; firm ones, where the words name a person, are not.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property, lru_cache
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from knowledge.errors import KnowledgeError
from knowledge.text import clean_message, fold, nfc, squeeze

DATA = Path(__file__).parent / "data" / "triage"
KINDS = frozenset(
    {
        *("child_abuse", "child_neglect", "sexual_abuse", "domestic_violence", "trafficking", "suicide"),
        *("overdose", "other_violence", "fire_accident"),
    }
)
BRIEF = 4
"""Words: in a message this short a single word of alarm is enough."""


class Risk(IntEnum):
    """How near the danger is; the queue of the duty desk is ordered by it."""

    NONE = 0
    WORRY = 1
    PAST_HARM = 2
    THREAT = 3
    DANGER_NOW = 4


@dataclass(frozen=True, slots=True)
class Assessment:
    """What triage read. `kinds`: of KINDS, gravest first; `speaker`: self, child, witness, official, unknown; `rules`: ids that fired."""

    risk: Risk
    kinds: tuple[str, ...]
    speaker: str
    rules: tuple[str, ...]

    @property
    def urgent(self) -> bool:
        """Whether a number is shown and a case opened: somebody is or may be in danger."""
        return self.risk > Risk.NONE


class Text(NamedTuple):
    """The words of a message, their places (pauses take room: a sentence's end two, a comma one), whether it is written with marks."""

    forms: tuple[str, ...]
    folded: tuple[str, ...]
    places: tuple[int, ...]
    with_marks: bool


class Found(NamedTuple):
    """A concept between two places."""

    start: int
    end: int
    concept: str


# --- syllables -------------------------------------------------------------------------------------------------------------------------

_SYLLABLE = re.compile(r"(?:ngh|ng|nh|gh|gi|kh|ph|th|tr|ch|qu|[bcdghklmnpqrstvx])?(?!aa|ee|ii|oo)[aeiouy]{1,3}(?:ng|nh|ch|[cmnpt])?")
_MIXED = re.compile(r"(\d+)([^\W\d]+)")
_ODD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
_PAUSES = {",": 1, ":": 1} | dict.fromkeys(".!?…;\n", 2)
_SIGNS = {"\u0302": "^", "\u0306": "(", "\u031b": "+"}
# Hỏi and ngã are one here: half of the country writes them alike.
_TONES = {"\u0301": "1", "\u0300": "2", "\u0309": "3", "\u0303": "3", "\u0323": "5"}


@lru_cache(maxsize=16384)
def _anatomy(form: str) -> tuple[tuple[str, ...], str]:
    """Each letter's own sign (circumflex, breve, horn, stroke) and the tone of the syllable."""
    signs: list[str] = []
    tone = ""
    for char in form:
        parts = unicodedata.normalize("NFD", char)[1:]
        signs.append("-" if char == "đ" else "".join(_SIGNS.get(p, "") for p in parts))
        tone = next((_TONES[p] for p in parts if p in _TONES), tone)
    return tuple(signs), tone


def agrees(written: str, meant: str, *, with_marks: bool, exact: bool = False) -> bool:
    """Whether `written` can be `meant` (same letters when folded): no mark contradicts, a tone or the stroke of đ may be missing.

    `with_marks`: the message is written with marks, so a syllable without any stands for itself. `exact`: every mark must be there.
    """
    signs, tone = _anatomy(written)
    meant_signs, meant_tone = _anatomy(meant)
    if exact or written == meant:
        return signs == meant_signs and tone == meant_tone
    if not tone and not any(signs):
        # A syllable that ends in a stop always has a tone: bare, its mark is missing.
        return not with_marks or written[-1] in "ptc" or written.endswith("ch")
    return tone in ("", meant_tone) and all(s == m or (not s and m == "-") for s, m in zip(signs, meant_signs, strict=True))


def _untelex(text: str) -> str:
    """What the keys of telex or VNI left in a syllable, folded: "ddanhs" → "danh", "chong2" → "chong"."""
    bare = re.sub(r"\d", "", text) if text[0].isalpha() else text
    bare = bare.replace("dd", "d").replace("aa", "a").replace("ee", "e").replace("oo", "o").replace("w", "")
    bare = re.sub(r"([^aeiouy])\1+", r"\1", bare)
    return bare if _SYLLABLE.fullmatch(bare) else re.sub(r"(?<=[aeiouy])([cghmnpt]*)[sfrxj]", r"\1", bare, count=1)


def _slips(folded: str) -> Iterator[str]:
    """A letter left out or two exchanged, where what comes out is no syllable of Vietnamese."""
    for i in range(1, len(folded)):
        for slip in (folded[:i] + folded[i + 1 :], folded[: i - 1] + folded[i] + folded[i - 1] + folded[i + 1 :]):
            if not _SYLLABLE.fullmatch(slip):
                yield slip


@dataclass(frozen=True)
class Speller:
    """From what was typed to what was meant. `short`: teencode; `signs`: emoji; `slips`: typos; `known`: syllables that are right."""

    short: Mapping[str, str]
    signs: Mapping[str, str]
    slips: Mapping[str, str]
    known: frozenset[str]
    _seen: dict[str, tuple[tuple[str, ...], tuple[str, ...], int, bool]] = field(default_factory=dict, repr=False)

    @cached_property
    def _token(self) -> re.Pattern[str]:
        return re.compile(rf"[^\W_]+|[%,:]|[.!?…;\n]+|{'|'.join(map(re.escape, self.signs))}")

    def read(self, text: str) -> Text:
        """The words of a message."""
        clean = clean_message(text) if _ODD.search(text) else nfc(text)
        forms: list[str] = []
        folded: list[str] = []
        places: list[int] = []
        place = marked = lettered = 0
        for token in self._token.findall(squeeze(clean.lower())):
            new_forms, new_folded, pause, has_marks = self._seen.get(token) or self._learn(token)
            place += pause
            if new_forms:
                lettered += 1
                marked += has_marks
                forms += new_forms
                folded += new_folded
                places += range(place, place + len(new_forms))
                place += len(new_forms)
        return Text(tuple(forms), tuple(folded), tuple(places), marked * 2 >= lettered)

    def _learn(self, token: str) -> tuple[tuple[str, ...], tuple[str, ...], int, bool]:
        if len(self._seen) > 20000:  # a bound on memory that Vietnamese does not reach
            self._seen.clear()
        pause = _PAUSES.get(token[0], 0)
        forms = () if pause else tuple(self._meant(token).split())
        self._seen[token] = learnt = (forms, tuple(map(fold, forms)), pause, not token.isascii())
        return learnt

    def _meant(self, token: str) -> str:
        if known := self.signs.get(token) or self.short.get(token):
            return known
        folded = fold(token)
        if mixed := _MIXED.fullmatch(folded):
            return f"{mixed[1]} {self.short.get('_' + mixed[2], mixed[2])}"
        if _SYLLABLE.fullmatch(folded) or folded in self.known:
            return token
        bare = _untelex(folded)
        if bare != folded and _SYLLABLE.fullmatch(bare):
            return bare
        return self.short.get(folded) or self.slips.get(folded, token)


# --- concepts --------------------------------------------------------------------------------------------------------------------------

ROLES = ("who", "weak", "covers", "act", "guard")


class Name(NamedTuple):
    """A concept. `who`: names a person; `weak`: gives way to any longer phrase; `covers`: hides what stands inside its phrases."""

    concept: str
    who: bool
    weak: bool
    covers: bool


class Node:
    """A node of the tree of folded syllables, and the phrases that end there: (concept, syllables, every mark needed)."""

    __slots__ = ("_seen", "children", "phrases")

    def __init__(self) -> None:
        self.children: dict[str, Node] = {}
        self.phrases: list[tuple[Name, tuple[str, ...], bool]] = []
        self._seen: dict[tuple[tuple[str, ...], bool], tuple[Name, ...]] = {}

    def find(self, forms: tuple[str, ...], with_marks: bool) -> tuple[Name, ...]:
        """The concepts whose phrases `forms` can be; remembered, since people use the same words."""
        if (names := self._seen.get((forms, with_marks))) is None:
            if len(self._seen) > 100:
                self._seen.clear()
            fitting = (
                name
                for name, phrase, exact in self.phrases
                if all(agrees(form, meant, with_marks=with_marks, exact=exact) for form, meant in zip(forms, phrase, strict=True))
            )
            self._seen[forms, with_marks] = names = tuple(dict.fromkeys(fitting))
        return names


@dataclass(frozen=True)
class Lexicon:
    """The phrases of all concepts as a tree, and the concepts by role (ROLES; lexicon.yml says what they mean)."""

    root: Node
    concepts: frozenset[str]
    roles: Mapping[str, frozenset[str]]

    @classmethod
    def build(cls, entries: Mapping[str, Mapping[str, Any]]) -> Lexicon:
        """The tree of the entries of lexicon.yml. Raises KnowledgeError for a role that is none."""
        roles = {role: frozenset(c for c, entry in entries.items() if role in entry.get("is", ())) for role in ROLES}
        if unknown := {role for entry in entries.values() for role in entry.get("is", ())} - set(ROLES):
            raise KnowledgeError(f"lexicon.yml: unknown role {', '.join(sorted(unknown))}")
        root = Node()
        for concept, entry in entries.items():
            name = Name(concept, *(concept in roles[role] for role in ROLES[:3]))
            for phrase in map(str, entry["phrases"]):
                parts = [part.split("|") for part in re.split(r"[()]", phrase.removeprefix("!"))]
                for choice in product(*parts):
                    node, forms = root, tuple(" ".join(choice).split())
                    for form in forms:
                        node = node.children.setdefault(fold(form), Node())
                    node.phrases.append((name, forms, phrase.startswith("!")))
        return cls(root, frozenset(entries), roles)

    def find(self, text: Text) -> list[Found]:
        """Every concept in the text, longest phrase first at each place.

        What stands inside a phrase of no danger is left out ("đánh" in "đánh răng"), so is a person inside a longer name and a weak word
        inside any longer phrase.
        """
        forms, folded, places, with_marks = text
        found = [Found(0, 0, "brief")] if len(forms) <= BRIEF else []
        covered = covered_who = covered_weak = (-1, -1)
        for start, begin in enumerate(places):
            for stop, names in reversed(self._phrases(forms, folded, start, with_marks)):
                span = (begin, places[stop - 1] + 1)
                end = span[1]
                for name in names:
                    if (
                        (end <= covered[1] and span != covered)
                        or (name.who and end <= covered_who[1] and span != covered_who)
                        or (name.weak and end <= covered_weak[1] and span != covered_weak)
                    ):
                        continue
                    found.append(Found(begin, end, name.concept))
                    covered = span if name.covers and end > covered[1] else covered
                    covered_who = span if name.who and end > covered_who[1] else covered_who
                    covered_weak = span if end > covered_weak[1] else covered_weak
        return found

    def _phrases(self, forms: tuple[str, ...], folded: tuple[str, ...], start: int, with_marks: bool) -> list[tuple[int, tuple[Name, ...]]]:
        """The phrases that begin at word `start`: the word they end before, and their concepts."""
        found = []
        stop = start
        node = self.root.children.get(folded[start])
        while node is not None:
            stop += 1
            if node.phrases and (names := node.find(forms[start:stop], with_marks)):
                found.append((stop, names))
            node = node.children.get(folded[stop]) if stop < len(folded) else None
        return found

    def syllables(self) -> Iterator[str]:
        """The folded syllables of all phrases."""
        stack = [self.root]
        while stack:
            children = stack.pop().children
            yield from children
            stack += children.values()


# --- rules -----------------------------------------------------------------------------------------------------------------------------

_OVER = frozenset({"fire_accident", "overdose"})
"""Kinds that are no danger any more once they lie in the past."""
_HARMS = frozenset({"sexual_abuse", "domestic_violence", "other_violence"})
_CHILDREN = ("minor", "minor_self", "child", "son_daughter")
_NEAR = 6
"""Words between an act and the "now" or "years ago" that belongs to it."""
_LONGEST = 10
"""Words in the longest phrase of the lexicon, and a pause."""


class Step(NamedTuple):
    """An element of a pattern: one of `concepts`, at most `gap` words behind the element before it."""

    concepts: tuple[str, ...]
    gap: int


@dataclass(frozen=True, slots=True)
class Rule:
    """`patterns`: any of them fires. `firm`: also where policy, news or a film is spoken of. `steady`: "now" does not raise the risk."""

    id: str
    kind: str
    risk: Risk
    firm: bool
    steady: bool
    patterns: tuple[tuple[Step, ...], ...]
    examples: tuple[str, ...]


class Scene:
    """One reading of a message: its concepts by name, in order, negated acts taken out."""

    def __init__(self, found: Iterable[Found], acts: frozenset[str]) -> None:
        self._places: dict[tuple[str, ...], list[Found]] = {}
        negated_until = -1
        for item in found:
            if item.concept == "negation":
                negated_until = item.end
            elif item.start <= negated_until and item.concept == "suffer":
                negated_until = item.end + 3  # "không bị chồng đánh": the act behind is negated too
                continue
            elif item.start <= negated_until and item.concept in acts:
                negated_until = max(negated_until, item.end - 1)
                continue
            self._places.setdefault((item.concept,), []).append(item)
        self.present = {concepts[0] for concepts in self._places}

    def has(self, concepts: Iterable[str]) -> bool:
        """Whether any of `concepts` is there."""
        return not self.present.isdisjoint(concepts)

    def places(self, concepts: tuple[str, ...]) -> list[Found]:
        """The places of any of `concepts`, in order of their beginning."""
        if (places := self._places.get(concepts)) is None:
            places = sorted(item for concept in concepts for item in self._places.get((concept,), ()))
            self._places[concepts] = places
        return places

    def match(self, pattern: tuple[Step, ...], since: int) -> tuple[int, int] | None:
        """Where the steps stand one behind the other, the last ending after place `since`: (start, end) or None."""
        rare = min(range(len(pattern)), key=lambda i: len(self.places(pattern[i].concepts)))
        for item in self.places(pattern[rare].concepts):
            end = self._onward(pattern, rare, item, since)
            start = self._back(pattern, rare, item) if end is not None else None
            if start is not None and end is not None:
                return start, end
        return None

    def _onward(self, pattern: tuple[Step, ...], at: int, item: Found, since: int) -> int | None:
        if at + 1 == len(pattern):
            return item.end if item.end > since else None
        step = pattern[at + 1]
        places = self.places(step.concepts)
        # A phrase may hold the next step ("bắt con" holds "con"), so order goes by beginnings.
        for i in range(bisect_right(places, (item.start, item.end, "~")), len(places)):
            if places[i].start - item.end > step.gap:
                break
            if (end := self._onward(pattern, at + 1, places[i], since)) is not None:
                return end
        return None

    def _back(self, pattern: tuple[Step, ...], at: int, item: Found) -> int | None:
        if at == 0:
            return item.start
        places = self.places(pattern[at - 1].concepts)
        for i in range(bisect_left(places, (item.start, item.end, "")) - 1, -1, -1):
            if item.start - places[i].start > pattern[at].gap + _LONGEST:
                break
            if item.start - places[i].end <= pattern[at].gap and (start := self._back(pattern, at - 1, places[i])) is not None:
                return start
        return None

    def near(self, concept: str, span: tuple[int, int]) -> bool:
        """Whether `concept` stands in the span or within a few words of it."""
        return any(f.start - span[1] <= _NEAR and span[0] - f.end <= _NEAR for f in self.places((concept,)))


@dataclass(frozen=True)
class Triage:
    """The rules, ready to read messages. Pure: the same words give the same assessment."""

    speller: Speller
    lexicon: Lexicon
    rules: tuple[Rule, ...]

    @classmethod
    def load(cls, folder: Path = DATA) -> Triage:
        """Reads and checks the tables of `folder`. Raises KnowledgeError naming the entry that cannot be read."""
        spelling, entries, rules = (_yaml(folder / name) for name in ("spelling.yml", "lexicon.yml", "rules.yml"))
        lexicon = Lexicon.build(entries)
        known = frozenset(lexicon.syllables())
        slips = {slip: syllable for syllable in sorted(known) if len(syllable) >= 4 and syllable.isalpha() for slip in _slips(syllable)}
        short, signs = ({str(k): str(v) for table in spelling[part] for k, v in table["words"].items()} for part in ("short", "signs"))
        read = tuple(_rule(entry, rules["groups"], lexicon.concepts) for entry in rules["rules"])
        return cls(Speller(short, signs, slips, known), lexicon, read)

    def assess(self, text: str, earlier: Sequence[str] = ()) -> Assessment:
        """Reads one message. `earlier`: what the person wrote before, oldest first; only what this message adds counts."""
        alone = self._read(text, -1)
        if not earlier:
            return alone
        before = "\n".join(message[-1000:] for message in earlier[-4:])
        places = self.speller.read(before).places
        joined = self._read(f"{before}\n{text}", places[-1] + 1 if places else -1)
        if alone.risk < joined.risk:
            return joined
        return Assessment(alone.risk, alone.kinds, joined.speaker if alone.speaker == "unknown" else alone.speaker, alone.rules)

    def _read(self, text: str, since: int) -> Assessment:
        roles = self.lexicon.roles
        scene = Scene(self.lexicon.find(self.speller.read(text)), roles["act"])
        guarded = scene.has(roles["guard"])
        fired: list[tuple[Risk, Rule]] = []
        for rule in self.rules:
            if guarded and not rule.firm:
                continue
            for pattern in rule.patterns:
                if all(scene.has(step.concepts) for step in pattern) and (span := scene.match(pattern, since)):
                    risk = _risk(rule, scene, span)
                    if risk >= rule.risk or rule.kind not in _OVER:
                        fired.append((risk, rule))
                    break
        fired.sort(key=lambda pair: -pair[0])
        speaker = _speaker(scene, bool(fired))
        kinds = [rule.kind for _, rule in fired]
        if _HARMS & set(kinds) and (speaker == "child" or scene.has(_CHILDREN)):
            kinds.append("child_abuse")
        return Assessment(fired[0][0] if fired else Risk.NONE, tuple(dict.fromkeys(kinds)), speaker, tuple(rule.id for _, rule in fired))


def _risk(rule: Rule, scene: Scene, span: tuple[int, int]) -> Risk:
    """The rule's own risk, lower where it was years ago, higher where it is now or somebody cries for help."""
    if rule.steady or rule.risk < Risk.PAST_HARM:
        return rule.risk
    if scene.has(("help",)) or scene.near("now", span):
        return Risk.DANGER_NOW
    return min(rule.risk, Risk.PAST_HARM) if scene.near("past", span) else rule.risk


def _speaker(scene: Scene, fired: bool) -> str:
    """Who writes, as far as the words show it."""
    mine = scene.places(("mychild",))
    if any(not any(c.start < m.start < c.end for c in mine) for m in scene.places(("minor_self",))):  # not "con [tôi học lớp 8]"
        return "child"
    if scene.has(("official",)) and not fired:
        return "official"
    if scene.has(("witness", "mychild")):
        return "witness"
    if scene.has(("young", "son_daughter")) and not scene.has(("partner", "child", "self")):
        # "em" and "cháu" are also how grown-ups speak of themselves when they ask for something.
        return "child" if scene.has(("parent", "relative", "school")) else "unknown"
    if scene.has(("self", "young")):
        return "self"
    return "witness" if scene.has(("child", "third", "parent")) else "unknown"


# --- reading the tables ----------------------------------------------------------------------------------------------------------------


def _yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise KnowledgeError(f"{path.name} cannot be read", file=str(path)) from error


def _rule(entry: Mapping[str, Any], groups: Mapping[str, Sequence[str]], concepts: frozenset[str]) -> Rule:
    try:
        if entry["kind"] not in KINDS:
            raise ValueError(f"unknown kind {entry['kind']}")
        patterns = tuple(_pattern(text, groups, concepts) for text in entry["any"])
        firm, steady = entry.get("firm", False), entry.get("steady", False)
        return Rule(entry["id"], entry["kind"], Risk[entry["risk"].upper()], firm, steady, patterns, tuple(entry["examples"]))
    except (KeyError, ValueError) as error:
        raise KnowledgeError(f"rules.yml, {entry.get('id')}: {error}") from error


def _pattern(text: str, groups: Mapping[str, Sequence[str]], concepts: frozenset[str]) -> tuple[Step, ...]:
    steps: list[Step] = []
    gap = 2
    for part in text.split():
        if part.startswith("~"):
            gap = int(part[1:])
            continue
        names = tuple(name for choice in part.split("|") for name in groups.get(choice, (choice,)))
        if unknown := set(names) - concepts:
            raise ValueError(f"unknown concept {', '.join(sorted(unknown))}")
        steps.append(Step(names, gap))
        gap = 2
    return tuple(steps)
