"""Reading a turn in the light of the ones before: "Còn ở Cà Mau?", "ai chủ trì?", "nói rõ hơn", "không, ý tôi là Hà Nam".

What a turn means is written out as a question that stands on its own; that question is all the next turn has to know.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Literal

import yaml

from actions.model import Context
from actions.wording import Wording
from index.model import Query
from index.understanding import Understanding
from knowledge.text import folded_line, squeeze, words

DATA = Path(__file__).parent / "data"
_LEANING = 3
"""Content words: a question of no more leans on the one before."""
_BARE_NUMBER = re.compile(r"\d{2,4}")

Turn = Literal["standalone", "moved", "narrowed", "more", "detail", "source", "lost"]
"""standalone: stands on its own · moved: the same question for another province or plan · narrowed: a new question in the same place ·
more: go on after what was shown · detail: the same at more length · source: where the last answer stands ·
lost: refers to something earlier that is not there (any more)."""


Way = Literal["rules", "alone", "combined", "slotted", "moved", "back"]
"""rules: as the rules of this module have it · alone: by itself, in the place talked about · combined: with the words of the question
before · slotted: that question with a thing of a kind in the place of another · moved: that question for another province or plan ·
back: with the words of a question before that."""


@dataclass(frozen=True, slots=True)
class Sense:
    """One way to understand a turn."""

    query: Query
    question: str
    """The words that stand on their own, but for the place: kept as the context's question."""
    topic: str
    """What it is about, for a next turn that only asks ("ai chủ trì?")."""


@dataclass(frozen=True, slots=True)
class Leaning:
    """A turn after another one, and what it may mean."""

    said: Query
    """The turn by itself."""
    asks: Query
    """The same; its terms are only the words that say what is asked for."""
    ways: tuple[tuple[Way, Sense], ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """What is asked, taken together with the context."""

    turn: Turn
    sense: Sense
    """As the rules have it."""
    leaning: Leaning | None = None
    """None: it can be read in one way only."""

    @property
    def query(self) -> Query:
        """The first sense's query."""
        return self.sense.query

    @property
    def question(self) -> str:
        """The first sense's question."""
        return self.sense.question


@dataclass(frozen=True)
class FollowUps:
    """The patterns of data/followups.yml."""

    understanding: Understanding
    filler: frozenset[str]
    manner: frozenset[str]
    light: frozenset[str]
    matters: frozenset[str]
    timing: frozenset[str]
    phrases: frozenset[str]
    generic: frozenset[str]
    pronouns: re.Pattern[str]
    paper: re.Pattern[str]
    plan: re.Pattern[str]
    of_paper: frozenset[str]
    source: re.Pattern[str]
    detail: re.Pattern[str]
    more: re.Pattern[str]
    opening: re.Pattern[str]
    correction: re.Pattern[str]
    corrected: re.Pattern[str]
    asking: re.Pattern[str]
    slots: Mapping[str, re.Pattern[str]]
    short_places: Mapping[str, str]
    placing: frozenset[str]

    @classmethod
    def load(cls, understanding: Understanding, path: Path = DATA / "followups.yml") -> FollowUps:
        """From the data file."""
        table = yaml.safe_load(path.read_text(encoding="utf-8"))

        def either(name: str) -> re.Pattern[str]:
            return re.compile("|".join(table[name]))

        return cls(
            understanding,
            filler=frozenset(table["filler"]),
            manner=frozenset(table["manner"]),
            light=frozenset(table["light"]),
            matters=frozenset(table["matters"]),
            timing=frozenset(map(str, table["timing"])),
            phrases=frozenset(table["phrases"]),
            generic=frozenset(table["generic"]),
            pronouns=either("pronouns"),
            paper=either("paper"),
            plan=either("plan"),
            of_paper=frozenset(table["of_paper"]),
            source=either("source"),
            detail=either("detail"),
            more=either("more"),
            opening=either("opening"),
            correction=either("correction"),
            corrected=re.compile(table["corrected"]),
            asking=either("asking"),
            slots={kind: re.compile(pattern) for kind, pattern in table["slots"].items()},
            short_places=table["short_places"],
            placing=frozenset(table["placing"]),
        )

    def read(self, text: str, context: Context, as_of: date) -> Reading:
        """The Reading of a turn. Never asks back; a turn that needs an earlier one which is not there is `lost`."""
        meant = self._meant(squeeze(text)) if context.question else text
        query = self._placed_by_short_name(self.understanding.read(meant, as_of))
        line = folded_line(query.written_out)
        own = self._own(query)
        if query.fact is None and not query.numbers:
            if turn := self._leaning_turn(line, own):
                return self._back(turn, query, context)
            if self.manner.issuperset(own) and query.provinces:
                return self._moved(query, context)
            if not own and self.opening.search(line):
                return self._back("more", query, context)
        if not context.question:
            return Reading("standalone", Sense(self._in_place(query, context), meant, meant))
        if named := self._other_plan(query, own, meant != text):
            return self._moved(named, context)
        vague = not own and query.asked in ("what", "whether") and query.fact is None and not query.numbers
        if vague and not self.points(query):
            return Reading("standalone", Sense(query, meant, meant))
        query = self._of_paper(query, context)
        reading = self._narrowed(query, own, line, context)
        if query.fact or _only_moves_in_time(query, reading.query):
            return reading
        return replace(reading, leaning=self._leaning(reading.sense, query, own, context))

    def _leaning(self, ruled: Sense, query: Query, own: list[str], context: Context) -> Leaning:
        """The ways in which the turn may be meant."""
        ways: list[tuple[Way, Sense]] = [("rules", ruled), ("alone", Sense(self._in_place(query, context), query.text, query.text))]
        ways.append(("combined", self._combined(query, own, context)))
        slotted, _ = self._slotted(query, own, context)
        if slotted:
            ways.append(("slotted", slotted))
        elif query.provinces or query.numbers:
            ways.append(("moved", self._moved(query, context).sense))
        if earlier := self._taken_up(own, query.as_of, context):
            ways.append(("back", self._combined(query, own, earlier)))
        return Leaning(query, self._asks(query), tuple(ways))

    def _taken_up(self, own: list[str], as_of: date, context: Context) -> Context | None:
        """The context of the earlier question whose words the turn takes up, where the last one has none of them."""
        said = set(own) - self.light

        def shared(question: str | None) -> int:
            return len(said & set(self.understanding.read(question or "", as_of).terms))

        question, province = max(context.earlier, key=lambda earlier: shared(earlier[0]), default=(None, None))
        return Context(question, province or context.province) if shared(question) and not shared(context.question) else None

    def _of_paper(self, query: Query, context: Context) -> Query:
        """A day or number that is asked for right after a decree was ("theo quyết định nào?" "ban hành ngày nào?") is not the plan's."""
        named = query.provinces or query.numbers or self.plan.search(folded_line(query.written_out))
        if query.fact not in self.of_paper or named or not self.paper.search(folded_line(context.question or "")):
            return query
        return replace(query, fact=None)

    def _own(self, query: Query) -> list[str]:
        """The words of a turn that say something of their own; a short name beside the name it stands for does not."""
        doubled = {short for short, province in self.short_places.items() if province in query.provinces}
        kept = self._together(query)
        return [term for term in query.terms if term in kept or (term not in self.filler and term not in doubled)]

    def _meant(self, text: str) -> str:
        """What is left of "không, ý tôi là Hà Nam cơ": the thing meant. The text itself where nothing is corrected."""
        wording = Wording.of(text)
        head = self.correction.match(wording.line)
        first = head.group().strip().count(" ") + 1 if head and head.group().strip() else 0
        tail = self.corrected.search(wording.line)
        last = (
            wording.at(tail.start() + 1)
            if tail and (head or " khong phai " in tail.group() or _BARE_NUMBER.match(text))
            else len(wording.spans)
        )
        return wording.between(first, last) if first < last else text

    def _placed_by_short_name(self, query: Query) -> Query:
        """ "cm thì s z": a short name counts where nothing else is said."""
        if query.provinces or query.numbers:
            return query
        typed = words(query.text)
        placed = next((after for word, after in pairwise(typed) if word in self.placing and after in self.short_places), None)
        if placed:
            return replace(query, provinces=(self.short_places[placed],), terms=tuple(term for term in query.terms if term != placed))
        said = [word for word in typed if word not in self.filler and word not in ("s", "z", "vs", "r", "ntn")]
        if len(said) == 1 and (province := self.short_places.get(said[0])):
            return replace(query, provinces=(province,), terms=(), fact=None)
        return query

    def goes_back(self, text: str, as_of: date) -> bool:
        """Whether a message asks for the source, for more, or for the same at more length."""
        query = self.understanding.read(text, as_of)
        own = self._own(query)
        return query.fact is None and self._leaning_turn(folded_line(query.written_out), own) is not None

    def _leaning_turn(self, line: str, own: list[str]) -> Turn | None:
        own = [word for word in own if not (word.isdigit() and " ngoai " in line)]  # "ngoài 95% ra thì còn gì nữa"
        turns: tuple[tuple[Turn, re.Pattern[str]], ...] = (("source", self.source), ("detail", self.detail), ("more", self.more))
        return next((turn for turn, pattern in turns if pattern.search(line)), None) if self.manner.issuperset(own) else None

    def _back(self, turn: Turn, query: Query, context: Context) -> Reading:
        if not context.question:
            return Reading("lost", Sense(query, query.text, query.text))
        placed = replace(context, province=query.provinces[0]) if query.provinces else context
        return Reading(turn, self._earlier(placed, query.as_of))

    def _moved(self, query: Query, context: Context) -> Reading:
        if not context.question:
            return Reading("lost", Sense(query, query.text, query.text))
        earlier = self._earlier(context, query.as_of)
        sense = replace(earlier, query=replace(earlier.query, provinces=query.provinces, numbers=query.numbers))
        leaning = None if sense.query.fact else Leaning(sense.query, sense.query, (("rules", sense), ("moved", sense)))
        return Reading("moved", sense, leaning)

    def _other_plan(self, query: Query, own: list[str], corrected: bool) -> Query | None:
        """The query of a turn that only names another document ("nhầm, 2735 cơ"); None when it says more."""
        if query.fact is None and query.numbers and not [w for w in own if not w.isdigit() and w not in ("hoach", "kh", "quyet", "dinh")]:
            return replace(query, provinces=())
        if corrected and len(own) == 1 and _BARE_NUMBER.fullmatch(own[0]) and not query.years:
            return replace(query, numbers=(own[0],), provinces=())
        return None

    def _narrowed(self, query: Query, own: list[str], line: str, context: Context) -> Reading:
        """A question of its own, or one that needs the earlier one's topic, place, or form."""
        alone = Sense(self._in_place(query, context), query.text, query.text)
        turn: Turn = "standalone" if query.provinces or query.numbers else "narrowed"
        opens = bool(self.opening.search(line))
        of_body = query.duties and bool(self.understanding.rules.body.search(line))
        if query.fact or query.numbers or not (opens or len(own) <= _LEANING or self.light.issuperset(own)):
            return Reading(turn, alone)
        slotted, rest = self._slotted(query, own, context)
        if slotted and not rest:
            return Reading("narrowed", slotted)
        combined = self._combined(query, own, context)
        asks_body = of_body or (query.asked == "who" and not self.matters.isdisjoint(own))
        if self.light.issuperset(own):
            whole_plan = self.understanding.read(context.question or "", query.as_of).fact is not None
            if asks_body or whole_plan:
                return Reading(turn, alone)
            return Reading("moved" if query.provinces else "narrowed", combined)
        if turn == "standalone":
            return Reading(turn, alone)
        if (opens or query.asked == "what") and not asks_body:
            return Reading("narrowed", combined)
        return Reading("narrowed", alone)

    def points(self, query: Query) -> bool:
        """Whether a turn opens like one that leans on the one before, or points back to it."""
        line = folded_line(query.written_out)
        return bool(self.opening.search(line) or self.pronouns.search(line))

    def shares(self, query: Query, context: Context) -> bool:
        """Whether a turn takes up a word of the questions before it."""
        questions = [context.question or "", *(question for question, _ in context.earlier)]
        before = {term for question in questions for term in self.understanding.read(question, query.as_of).terms}
        return bool((set(self._own(query)) - self.light) & before)

    def _asks(self, query: Query) -> Query:
        """The turn with only the words that say what is asked for: not those that point back ("trong đó"), nor those that name the kind
        of thing asked for ("ai phụ trách"), nor beside a year what only places it ("cuối", "quý 4")."""
        left = self.understanding.read(Wording.of(query.written_out).without(self.pronouns), query.as_of)
        own = self._own(left)
        said = [word for word in own if not (query.years and word in self.timing)]
        telling = self._together(left)
        matters = self.matters if query.asked == "who" else frozenset[str]()
        heavy = {word for word in said if word not in self.light or word in matters or word in telling}
        for phrase in left.paraphrases:  # one heavy word of "thông tư", "công nhân" takes the other along
            heavy |= set(phrase.words) - self.filler if heavy & set(phrase.words) else set()
        words = [word for word in left.terms if word in heavy]
        together = ["_".join(pair) for pair in pairwise(left.terms) if " ".join(pair) in self.phrases]
        meant = {word for phrase in left.paraphrases for word in phrase.words}
        counted = tuple(word for word in left.counted if word not in self.generic | self.light and word not in meant)
        return replace(left, terms=(*words, *together), light=frozenset(), asked=query.asked, counted=counted)

    def _together(self, query: Query) -> set[str]:
        """The words that are a phrase of `phrases` side by side."""
        return {word for pair in pairwise(query.terms) if " ".join(pair) in self.phrases for word in pair}

    def _slotted(self, query: Query, own: list[str], context: Context) -> tuple[Sense | None, list[str]]:
        """The earlier question with the things that this turn names in the place of its own, and what the turn says beside them."""
        said = Wording.of(query.written_out)
        earlier = Wording.of(context.question or "")
        taken: set[int] = set()
        for kind, pattern in self.slots.items():
            match = pattern.search(said.line)
            if kind == "body" and not pattern.search(earlier.line):
                continue
            if match is None or taken & set(part := said.range_of(match)):
                continue
            taken |= set(part)
            earlier = self._replaced(earlier, kind, said.between(part.start, part.stop))
        if not taken:
            return None, own
        named = {said.folded[at] for at in taken}
        rest = [word for word in own if word not in named and word not in self.light]
        read = self.understanding.read(earlier.text, query.as_of, of_figures=_of_figures(query))
        return Sense(self._in_place(replace(read, provinces=query.provinces), context), earlier.text, earlier.text), rest

    def _replaced(self, earlier: Wording, kind: str, value: str) -> Wording:
        """The earlier question with `value` for the first thing of that kind and without the others; added where there is none."""
        found = next((list(self.slots[name].finditer(earlier.line)) for name in _family(kind) if self.slots[name].search(earlier.line)), [])
        if not found:
            return Wording.of(f"{earlier.text.rstrip(' ?.!')} {value}")
        first, *others = [earlier.range_of(match) for match in found]
        for part in reversed(others):
            earlier = Wording.of(earlier.with_part(part, ""))
        return Wording.of(earlier.with_part(first, value))

    def _combined(self, query: Query, own: list[str], context: Context) -> Sense:
        """The turn's question about the earlier topic. What is new counts twice."""
        topic = context.topic or context.question or ""
        kept = Wording.of(topic).without(self.asking)
        if query.asked == "who":
            kept = Wording.of(kept).without(self.slots["body"])
        text = f"{query.text.rstrip(' ?.!')} {kept}"
        read = self.understanding.read(text, query.as_of, of_figures=_of_figures(query))
        placed = self._in_place(replace(read, provinces=query.provinces, numbers=(), fact=None), context)
        earlier = self.understanding.read(context.question or "", query.as_of)
        asked = earlier.asked if query.asked == "what" else query.asked
        counted = query.counted or (earlier.counted if query.asked == "what" else ())
        return Sense(replace(placed, terms=(*own, *placed.terms), asked=asked, counted=counted, wants_phone=query.wants_phone), text, topic)

    def _in_place(self, query: Query, context: Context) -> Query:
        """The query in the place talked about, unless it names its own."""
        if query.provinces or query.numbers or not context.province:
            return query
        return replace(query, provinces=(context.province,))

    def _earlier(self, context: Context, as_of: date) -> Sense:
        question = context.question or ""
        earlier = self.understanding.read(question, as_of)
        if context.province:
            earlier = replace(earlier, provinces=(context.province,), numbers=())
        return Sense(earlier, question, context.topic or question)


def _of_figures(said: Query) -> bool:
    """Whether the time that a turn names is that of a figure: the words of the question before do not make more of it."""
    return said.moment is not None and not (said.moment.holding or said.moment.framed)


def _only_moves_in_time(said: Query, meant: Query) -> bool:
    """Whether a turn only names a time ("thế hồi 2019 thì sao"), and the question before asks what held then: nothing else is meant."""
    return bool(said.moment and said.moment.alone and meant.moment and meant.moment.holding)


def _family(kind: str) -> tuple[str, ...]:
    """The kinds of thing that one of this kind may stand for, itself first."""
    return {"year": ("years", "year"), "years": ("years", "year")}.get(kind, (kind,))
