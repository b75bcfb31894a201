"""Triage: whether somebody is in danger, decided on the words alone, before anything else. No index, database, dialogue or network.

A message becomes words (teencode, telex remains, slips and emoji undone: spelling.yml), words become concepts (lexicon.yml), and rules
(rules.yml) ask for concepts in order and near each other: "partner ~4 hit ~1 self". Marks are never contradicted: a syllable written
with marks must carry the right ones, and where a message is written with marks a bare syllable stands for itself ("danh sách" is no "đánh").
Open rules are silent in a message that asks about policy, tells news or a film; firm ones, where the person speaks of themselves, are not.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property, lru_cache
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from knowledge.errors import KnowledgeError
from knowledge.text import clean_message, fold, squeeze

DATA = Path(__file__).parent / "data" / "triage"
BRIEF = 4
"""Words: in a message this short a single word of alarm is enough."""
KINDS = (
    "child_abuse",
    "child_neglect",
    "sexual_abuse",
    "domestic_violence",
    "trafficking",
    "suicide",
    "overdose",
    "other_violence",
    "fire_accident",
)
SPEAKERS = ("self", "child", "witness", "official", "unknown")


class Risk(IntEnum):
    """How near the danger is; the queue of the duty desk is ordered by it."""

    NONE = 0
    WORRY = 1
    PAST_HARM = 2
    THREAT = 3
    DANGER_NOW = 4


@dataclass(frozen=True, slots=True)
class Assessment:
    """What triage read in a message. `kinds`: the gravest first; `rules`: the ids of the rules that fired."""

    risk: Risk
    kinds: tuple[str, ...]
    speaker: str
    rules: tuple[str, ...]

    @property
    def urgent(self) -> bool:
        """Whether a number is shown and a case opened: somebody is or may be in danger."""
        return self.risk > Risk.NONE


class Word(NamedTuple):
    """A syllable as it was meant, with its marks, and folded."""

    form: str
    folded: str


class Found(NamedTuple):
    """A concept at words[start:end]."""

    start: int
    end: int
    concept: str


class Step(NamedTuple):
    """An element of a pattern: one of `concepts`, at most `gap` words behind the element before it."""

    concepts: tuple[str, ...]
    gap: int


@dataclass(frozen=True, slots=True)
class Rule:
    """`patterns`: any of them fires. `firm`: also where policy, news or a film is spoken of. `steady`: the risk does not rise with "now"."""

    id: str
    kind: str
    risk: Risk
    firm: bool
    steady: bool
    patterns: tuple[tuple[Step, ...], ...]
    examples: tuple[str, ...]


# --- syllables -------------------------------------------------------------------------------------------------------------------------

_SYLLABLE = re.compile(r"(?:ngh|ng|nh|gh|gi|kh|ph|th|tr|ch|qu|[bcdghklmnpqrstvx])?(?!aa|ee|ii|oo)[aeiouy]{1,3}(?:ng|nh|ch|[cmnpt])?")
_MIXED = re.compile(r"(\d+)(\D+)")
_SIGNS = {"\u0302": "^", "\u0306": "(", "\u031b": "+"}
_TONES = {"\u0301": "1", "\u0300": "2", "\u0309": "3", "\u0303": "3", "\u0323": "5"}
"""Hỏi and ngã are one here: half of the country writes them alike."""


@lru_cache(maxsize=16384)
def _anatomy(form: str) -> tuple[tuple[str, ...], str]:
    """Each letter's own sign (circumflex, breve, horn, stroke) and the tone of the syllable."""
    signs: list[str] = []
    tone = ""
    for char in form:
        parts = unicodedata.normalize("NFD", char)
        signs.append("-" if char == "đ" else "".join(_SIGNS.get(p, "") for p in parts[1:]))
        tone = next((_TONES[p] for p in parts[1:] if p in _TONES), tone)
    return tuple(signs), tone


@lru_cache(maxsize=16384)
def agrees(written: str, meant: str, with_marks: bool) -> bool:
    """Whether `written` can be `meant` (same letters when folded): no mark contradicts, marks may be missing.

    `with_marks`: the message is written with marks, so a syllable without any stands for itself.
    """
    if written == meant:
        return True
    signs, tone = _anatomy(written)
    if not tone and not any(signs):
        # A syllable that ends in a stop always has a tone: bare, its mark is missing.
        return not with_marks or written[-1] in "ptc" or written.endswith("ch")
    meant_signs, meant_tone = _anatomy(meant)
    return tone in ("", meant_tone) and all(s == m or (not s and m == "-") for s, m in zip(signs, meant_signs, strict=True))


def _same(written: str, meant: str, with_marks: bool) -> bool:
    """Whether all marks are there and right."""
    return written == meant or _anatomy(written) == _anatomy(meant)


def _untelex(text: str) -> str:
    """What the keys of telex or VNI left in a syllable, folded: "ddanhs" → "danh", "chong2" → "chong"."""
    bare = re.sub(r"\d", "", text) if text[0].isalpha() else text
    bare = bare.replace("dd", "d").replace("aa", "a").replace("ee", "e").replace("oo", "o").replace("w", "")
    bare = re.sub(r"([^aeiouy])\1+", r"\1", bare)
    return bare if _SYLLABLE.fullmatch(bare) else re.sub(r"(?<=[aeiouy])([cghmnpt]*)[sfrxj]", r"\1", bare, count=1)


def _slips(folded: str) -> Iterator[str]:
    """A letter left out or two exchanged, where what comes out is no syllable of Vietnamese."""
    for i in range(1, len(folded)):
        yield folded[:i] + folded[i + 1 :]
        yield folded[: i - 1] + folded[i] + folded[i - 1] + folded[i + 1 :]


@dataclass(frozen=True)
class Speller:
    """From what was typed to the words that were meant. `short`: teencode; `signs`: emoji; `slips`: typos; `known`: never undone."""

    short: Mapping[str, str]
    signs: Mapping[str, str]
    slips: Mapping[str, str]
    known: frozenset[str]
    _seen: dict[str, tuple[Word, ...]] = field(default_factory=dict, repr=False)

    @cached_property
    def _token(self) -> re.Pattern[str]:
        emoji = "|".join(map(re.escape, self.signs))
        return re.compile(rf"[^\W_]+|%|{emoji}|(?P<stop>[.!?…;\n]+)|(?P<comma>[,:])")

    def read(self, text: str) -> Text:
        """The words of a cleaned message, with their places: the end of a sentence is two words wide, a comma one."""
        found: list[Word] = []
        places: list[int] = []
        place = marked = lettered = 0
        for match in self._token.finditer(squeeze(text.lower())):
            if match.lastgroup:
                place += 2 if match.lastgroup == "stop" else 1
                continue
            token = match.group()
            meant = self._seen.get(token) or self._learn(token)
            lettered += 1
            marked += not token.isascii()
            for word in meant:
                found.append(word)
                places.append(place)
                place += 1
        return Text(tuple(found), tuple(places), marked * 2 >= lettered)

    def _learn(self, token: str) -> tuple[Word, ...]:
        if len(self._seen) > 20000:  # a bound on memory, never reached by Vietnamese
            self._seen.clear()
        meant = tuple(Word(form, fold(form)) for form in self._meant(token).split())
        self._seen[token] = meant
        return meant

    def _meant(self, token: str) -> str:
        for known in (self.signs.get(token), self.short.get(token)):
            if known:
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


class Text(NamedTuple):
    """The words of a message, the place of each, and whether the message is written with marks."""

    words: tuple[Word, ...]
    places: tuple[int, ...]
    with_marks: bool


# --- concepts --------------------------------------------------------------------------------------------------------------------------

_Node = dict[str, Any]


@dataclass(frozen=True)
class Lexicon:
    """Phrases of concepts as a tree of folded syllables; under "" the phrases that end there: (concept, syllables, marks needed)."""

    tree: _Node
    concepts: frozenset[str]
    examples: Mapping[str, str]

    @classmethod
    def build(cls, entries: Mapping[str, Mapping[str, Any]]) -> Lexicon:
        tree: _Node = {}
        for concept, entry in entries.items():
            for phrase in entry["phrases"]:
                for forms in _expand(str(phrase).removeprefix("!")):
                    node = tree
                    for form in forms:
                        node = node.setdefault(fold(form), {})
                    node.setdefault("", []).append((concept, forms, str(phrase).startswith("!")))
        return cls(tree, frozenset(entries), {concept: entry["example"] for concept, entry in entries.items()})

    def find(self, text: Text) -> list[Found]:
        """Every concept in the text; what stands inside a longer phrase is left to the phrase ("đánh" inside "đánh răng")."""
        found: list[Found] = []
        for start, word in enumerate(text.words):
            node, end = self.tree.get(word.folded), start + 1
            while node is not None:
                for concept, forms, needs_marks in node.get("", ()):
                    same = _same if needs_marks else agrees
                    if all(same(w.form, form, text.with_marks) for w, form in zip(text.words[start:end], forms, strict=True)):
                        found.append(Found(start, end, concept))
                node = node.get(text.words[end].folded) if end < len(text.words) else None
                end += 1
        if len(text.words) <= BRIEF:
            found.append(Found(0, 0, "brief"))
        return list(_outermost(found))

    def syllables(self) -> Iterable[str]:
        """All folded syllables of the phrases."""
        stack = [self.tree]
        while stack:
            for syllable, node in stack.pop().items():
                if syllable:
                    yield syllable
                    stack.append(node)


def _expand(phrase: str) -> Iterator[tuple[str, ...]]:
    """`(dọa|đe) giết` → `dọa giết`, `đe giết`; an empty choice leaves the place out."""
    parts = [part.split("|") for part in re.split(r"[()]", phrase)]
    for choice in product(*parts):
        yield tuple(" ".join(choice).split())


_WHO = frozenset("self young son_daughter minor_self minor mychild child partner parent relative school outsider third witness generic".split())
_WEAK = frozenset({"negation", "now", "fiction", "news", "policy", "idiom"})
_COVERS = frozenset({"idiom", "asking", "official", "generic", "policy", "news", "fiction", "not_negation"})


def _outermost(found: list[Found]) -> Iterator[Found]:
    """Leaves out what stands inside a longer phrase of no danger, a person inside a longer name, weak words inside any longer phrase."""
    covered = {"every": (-1, -1), "who": (-1, -1), "weak": (-1, -1)}
    for item in sorted(found, key=lambda f: (f.start, -f.end)):
        span = (item.start, item.end)
        layers = ["every"] + ["who"] * (item.concept in _WHO) + ["weak"] * (item.concept in _WEAK)
        if any(item.end <= covered[layer][1] and span != covered[layer] for layer in layers):
            continue
        yield item
        own = ["weak"] + ["who"] * (item.concept in _WHO) + ["every"] * (item.concept in _COVERS)
        for layer in own:
            if item.end > covered[layer][1]:
                covered[layer] = span


# --- rules -----------------------------------------------------------------------------------------------------------------------------

_ACTS = frozenset({"hit", "hit_weak", "brutal", "rape", "touch", "threat", "threat_kill", "confine", "neglect", "starve", "self_harm", "violence", "armed", "force", "die_wish", "suicide_word"})
_GUARDS = frozenset({"policy", "news", "fiction", "generic", "official"})
_NEAR = 6
"""Words between an act and the "now" or "years ago" that belongs to it."""


class Scene:
    """One reading of a message: its concepts, negated acts taken out."""

    def __init__(self, text: Text, found: Sequence[Found]) -> None:
        self.text = text
        self._by_concept: dict[str, list[Found]] = {}
        negated_until = -1
        for item in found:
            if item.concept == "negation":
                negated_until = item.end
            elif item.start <= negated_until and item.concept == "suffer":
                negated_until = item.end + 3  # "không bị chồng đánh": the act behind is negated too
                continue
            elif item.start <= negated_until and item.concept in _ACTS:
                negated_until = max(negated_until, item.end - 1)
                continue
            self._by_concept.setdefault(item.concept, []).append(item)
        self._merged: dict[tuple[str, ...], list[Found]] = {}

    def has(self, concepts: Iterable[str]) -> bool:
        return not self._by_concept.keys().isdisjoint(concepts)

    def all_of(self, concepts: tuple[str, ...]) -> list[Found]:
        """The places of any of `concepts`, in order of their beginning."""
        if concepts not in self._merged:
            self._merged[concepts] = sorted(item for c in concepts for item in self._by_concept.get(c, ()))
        return self._merged[concepts]

    def gap(self, end: int, start: int) -> int:
        """Words, and pauses, between words[:end] and words[start:]."""
        return self.text.places[start] - (self.text.places[end - 1] if end else -1) - 1

    def match(self, pattern: tuple[Step, ...], since: int) -> tuple[int, int] | None:
        """Where the steps stand one behind the other, the last ending after word `since`: (start, end) or None."""
        reached: list[tuple[int, int, int]] = []  # where the last step begins and ends, where the first began
        for number, step in enumerate(pattern, 1):
            places = [f for f in self.all_of(step.concepts) if number < len(pattern) or f.end > since]
            if number == 1:
                reached = [(f.start, f.end, f.start) for f in places]
                continue
            onward: list[tuple[int, int, int]] = []
            for f in places:
                # A phrase may hold the next step ("bắt con" holds "con"), so order goes by beginnings.
                before = bisect_left(reached, (f.start, f.end, -1)) - 1
                if before >= 0 and self.gap(reached[before][1], f.start) <= step.gap:
                    onward.append((f.start, f.end, reached[before][2]))
            reached = onward
        return (reached[0][2], reached[0][1]) if reached else None

    def near(self, concept: str, span: tuple[int, int]) -> bool:
        """Whether `concept` stands in the span or within a few words of it."""
        start, end = span
        return any(
            start <= f.start < end
            or (f.end <= start and self.gap(f.end, start) <= _NEAR)
            or (f.start >= end and self.gap(end, f.start) <= _NEAR)
            for f in self.all_of((concept,))
        )


@dataclass(frozen=True)
class Triage:
    """The rules, ready to read messages. Pure: the same words give the same assessment."""

    speller: Speller
    lexicon: Lexicon
    rules: tuple[Rule, ...]

    @classmethod
    def load(cls, folder: Path = DATA) -> Triage:
        """Reads and checks the tables of `folder`. Raises KnowledgeError naming the entry that cannot be read."""
        spelling, lexicon, rules = (_yaml(folder / name) for name in ("spelling.yml", "lexicon.yml", "rules.yml"))
        built = Lexicon.build(lexicon)
        slips: dict[str, str] = {}
        known = frozenset(built.syllables())
        for syllable in sorted(known):
            if len(syllable) >= 4 and syllable.isalpha():
                slips |= {slip: syllable for slip in _slips(syllable) if not _SYLLABLE.fullmatch(slip)}
        short = {str(k): str(v) for table in spelling["short"] for k, v in table["words"].items()}
        signs = {str(k): str(v) for table in spelling["signs"] for k, v in table["words"].items()}
        read = tuple(_rule(entry, rules["groups"], built.concepts) for entry in rules["rules"])
        return cls(Speller(short, signs, slips, known), built, read)

    def assess(self, text: str, earlier: Sequence[str] = ()) -> Assessment:
        """Reads one message. `earlier`: what the person wrote before in the conversation, oldest first; only what this message adds counts."""
        alone = self._read(text, 0)
        if not earlier:
            return alone
        before = "\n".join(message[-1000:] for message in earlier[-4:])
        since = len(self.speller.read(clean_message(before)).words)
        joined = self._read(f"{before}\n{text}", since)
        if alone.risk >= joined.risk:
            speaker = joined.speaker if alone.speaker == "unknown" else alone.speaker
            return Assessment(alone.risk, alone.kinds, speaker, alone.rules)
        return joined

    def _read(self, text: str, since: int) -> Assessment:
        read = self.speller.read(clean_message(text))
        scene = Scene(read, self.lexicon.find(read))
        guarded = scene.has(_GUARDS)
        fired: list[tuple[Risk, Rule]] = []
        for rule in self.rules:
            if guarded and not rule.firm:
                continue
            spans = (scene.match(pattern, since) for pattern in rule.patterns if all(scene.has(step.concepts) for step in pattern))
            if span := next((s for s in spans if s), None):
                fired.append((_risk(rule, scene, span), rule))
        fired.sort(key=lambda pair: -pair[0])
        child = scene.has(("minor", "minor_self"))
        speaker = _speaker(scene, bool(fired))
        kinds = [rule.kind for _, rule in fired]
        if kinds and (child or speaker == "child") and set(kinds) & {"sexual_abuse", "domestic_violence", "other_violence"}:
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
    """Who writes, as far as the words show it (one of SPEAKERS)."""
    if scene.has(("minor_self",)):
        return "child"
    if scene.has(("official",)) and not fired:
        return "official"
    if scene.has(("witness", "mychild")):
        return "witness"
    if scene.has(("young", "son_daughter")):
        return "child" if scene.has(("parent", "relative", "school")) and not scene.has(("partner", "child")) else "self"
    if scene.has(("self",)):
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
        kind = entry["kind"]
        if kind not in KINDS:
            raise ValueError(f"unknown kind {kind}")
        return Rule(
            id=entry["id"],
            kind=kind,
            risk=Risk[entry["risk"].upper()],
            firm=entry.get("firm", False),
            steady=entry.get("steady", False),
            patterns=tuple(_pattern(text, groups, concepts) for text in entry["any"]),
            examples=tuple(entry["examples"]),
        )
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
