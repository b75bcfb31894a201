"""What the guided question says: its questions, and in the end the clauses that apply, what is to be checked, and where to go.

Every clause is found in the documents in use, in the province asked for; nothing is said of an entitlement that no clause speaks of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from actions.answering import LIMIT, Answerer
from actions.assistant import Assistant
from actions.citing import Citing
from actions.clauses import Excerpt, clipped, excerpt, repeats
from actions.eligibility import UNKNOWN, Facts, Guide
from actions.eligibility_tables import WHERE, WHO, Clause, Group, Tables
from actions.hotlines import HotlineDesk
from actions.model import Answer, Context, Message, ShownHotline
from actions.recall import cited
from actions.texts import Texts
from index.model import Hit, Query
from knowledge.text import folded_line

DATA = Path(__file__).parent / "data" / "eligibility_texts.yml"
_CLAUSES = 3
_SEARCHED = 8
_FULLEST = ((3, True, 240), (3, True, 190), (2, True, 240), (2, True, 190), (3, True, 150), (2, True, 150), (2, False, 190), (2, True, 120))
_LEAST = ((2, False, 150), (1, True, 150), (1, False, 240), (1, False, 150), (1, False, 90))
"""What is told, the fullest first: so many clauses, the second place to go or not, characters of a clause."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A passage that says what was looked for. `check`: the fields on which it depends and which are not known."""

    hit: Hit
    query: Query
    check: tuple[str, ...]
    special: bool
    """Whether it is for cases like this one, and not for everybody of the group."""


@dataclass(frozen=True)
class Eligibility:
    """Asks and tells. `answerer` gives the one for the snapshot in use, whichever that is by then."""

    guide: Guide
    answerer: Callable[[], Answerer]
    desk: HotlineDesk
    texts: Texts

    @classmethod
    def of(cls, assistant: Assistant) -> Eligibility:
        """With the parts of the assistant and the tables of the guided question."""
        guide = Guide(Tables.load(), assistant.followups.understanding, assistant.router)
        return cls(guide, assistant.answerer, assistant.desk, Texts.load(DATA))

    # Questions

    def question(self, asked: str, facts: Facts, note: str | None, context: Context) -> Answer:
        """A question of the form. `note`: what stands before it (a sentence of eligibility_texts.yml)."""
        before = [self.texts(f"{note}")] if note else []
        if note == "first" and (known := self._known(facts)):
            before.append(self.texts("known", known=known))
        text = " ".join([*before, self.texts(f"ask.{asked}")])
        choices = [choice.label for choice in self.guide.tables.fields[asked].buttons]
        if asked == WHERE:
            choices = list(self._held)
        kept = replace(context, question=self._search(facts), province=facts.get(WHERE) or context.province, shown=())
        return Answer("clarify", text, suggestions=(*choices, self.texts("skip")), context=kept if facts.get(WHO) else context)

    def is_over(self, facts: Facts) -> bool:
        """Whether more answers would change nothing: no document of the province named is held."""
        place = _known(facts, WHERE)
        return place is not None and bool(self._missing(place))

    def _missing(self, place: str) -> tuple[str, ...]:
        return self.answerer().retriever.scope(replace(self.guide.understanding.read("", date.min), provinces=(place,))).missing_provinces

    def stopped(self, context: Context) -> Answer:
        """The person wants no more questions."""
        return Answer("smalltalk", self.texts("left"), suggestions=self.desk.texts.choices("suggestions.examples"), context=context)

    def direct(self, message: Message, context: Context) -> Answer | None:
        """Without a dialogue: the outcome of what the one message says. None when the message does not ask for it."""
        if not self.guide.starts(message.text):
            return None
        facts = self.guide.begin(message.text, message.as_of, context.province).facts
        if WHO in facts:
            return self.outcome(facts, message, context)
        return Answer("clarify", self.texts("direct"), suggestions=self.texts.choices("direct_examples"), context=context)

    # The outcome

    def outcome(self, facts: Facts, message: Message, context: Context) -> Answer:
        """The clauses that apply, those to check and where to go; an honest no where there are none."""
        who = facts.get(WHO, UNKNOWN)
        kept = Context(self._search(facts) if who != UNKNOWN else None, _known(facts, WHERE), None)
        group = self.guide.tables.groups.get(who)
        if group is None:
            return self._without(self.texts("no_group"), Group((), (), None, ("111",), ()), facts, message, kept)
        place = _known(facts, WHERE)
        if place and self.is_over(facts):
            return self._without(self.texts("no_province", province=place, held=", ".join(self._held)), group, facts, message, kept)
        found = self._clauses(group, facts, place, message.as_of) if place else self._everywhere(group, facts, message.as_of)
        if not found:
            where = place or ", ".join(self._held)
            return self._without(self.texts("nothing", province=where, who=self._who(facts)), group, facts, message, kept)
        return self._told(found, group, facts, message, kept)

    def _told(self, found: Sequence[_Found], group: Group, facts: Facts, message: Message, context: Context) -> Answer:
        answerer = self.answerer()
        hotlines = self._hotlines(group, facts, message)
        place = _known(facts, WHERE)
        go = self._look_for(group.go, facts, place, message.as_of) if group.go and place else None
        if go and any(repeats(go.hit.passage.text, one.hit.passage.text) for one in found):
            go = None
        fullest = (self._body(part, go, facts, hotlines, share) for part, go, share in _smaller(found, go))
        for parts, lines, shown in fullest:
            hits = [one.hit for one in shown]
            notices = self._notices(hits, facts, "\n".join(lines), message.as_of)
            source = self._citing.source(hits if not _known(facts, WHERE) else hits[:1])
            citations = tuple(self._citing.cite(one.hit, one.query, told.span) for one, told in zip(shown, parts, strict=True))
            if len("\n".join([*lines, source, *notices])) <= LIMIT:
                break
        kept = replace(context, document_id=hits[0].document.document_id, shown=tuple(hit.passage.passage_id for hit in hits))
        suggestions = (*self._others(facts), self.texts("for_other"))
        answer = Answer("answer", "\n".join(lines), citations, hotlines, notices, suggestions, context=kept)
        told = answerer.finish(answer, source, [line.phone for line in hotlines])
        phones = tuple(line.phone for line in hotlines)
        return replace(told, context=replace(told.context, cited=cited(told, ()), phones=phones))

    def _body(
        self, found: Sequence[_Found], go: _Found | None, facts: Facts, hotlines: Sequence[ShownHotline], share: int
    ) -> tuple[list[Excerpt], list[str], list[_Found]]:
        """The excerpts, the lines, and what the excerpts stand in."""
        retriever = self.answerer().retriever
        shown = [*found, *([go] if go else [])]
        parts = [excerpt(one.query, one.hit, retriever, share) for one in shown]
        lines = [self.texts("head", who=self._who(facts), place=self._place(facts))]
        for one, part in zip(found, parts, strict=False):
            check = ", ".join(self.guide.tables.fields[name].check for name in one.check)
            words = clipped(part.words, share)
            if not _known(facts, WHERE):
                words = f"{self._citing.province(one.hit.document)}: {words}"
            lines.append(self.texts("to_check", check=check, clause=words) if check else self.texts("clause", clause=words))
        named = {name for one in found for name in one.check}
        checks = [self.guide.tables.fields[name].check for name in self._unknown(facts) if name not in named]
        if checks:
            lines.append(self.texts("check", checks=", ".join(checks)))
        if what := self._unstated(" ".join(part.words for part in parts), facts):
            lines.append(self.texts("unstated", what=", ".join(what)))
        phones = "".join(self.texts("go_phone", phone=line.phone, name=line.name) for line in hotlines)
        lines.append(self.texts("go", phones=phones))
        if go:
            lines.append(self.texts("go_also", clause=clipped(parts[-1].words, share)))
        return parts, lines, shown

    def _without(self, said: str, group: Group, facts: Facts, message: Message, context: Context) -> Answer:
        """The honest no: no clause, but where to ask all the same."""
        hotlines = self._hotlines(group, facts, message)
        phones = "".join(self.texts("go_phone", phone=line.phone, name=line.name) for line in hotlines)
        text = f"{said}\n{self.texts('go', phones=phones)}"
        return Answer("abstain", text, (), hotlines, suggestions=(*self._others(facts), self.texts("for_other")), context=context)

    # Clauses

    def _clauses(self, group: Group, facts: Facts, place: str, on: date) -> list[_Found]:
        """A passage for each clause of the group that the documents of the province hold: for this case, for everybody, to check."""
        fitting = [clause for clause in group.clauses if _fits(clause, facts)]
        # Where a plan speaks only of other cases ("thuộc hộ nghèo"), that is what has to be checked.
        others = [clause for clause in group.clauses if clause not in fitting] if _known(facts, WHERE) else []
        for clauses in (fitting, others):
            found: list[_Found] = []
            for clause in clauses:
                if one := self._look_for(clause, facts, place, on, [other.hit.passage.text for other in found]):
                    found.append(one)
            if found:
                return sorted(found, key=lambda one: (bool(one.check), not one.special))[:_CLAUSES]
        return []

    def _everywhere(self, group: Group, facts: Facts, on: date) -> list[_Found]:
        """The first clause of each province that documents are held of: nobody said which one it is."""
        return [found[0] for place in self._held if (found := self._clauses(group, facts, place, on))][:_CLAUSES]

    def _look_for(self, clause: Clause, facts: Facts, place: str, on: date, told: Sequence[str] = ()) -> _Found | None:
        """The best passage that says what the clause must say and was not told yet."""
        query = self._query(clause.search, place, on)
        check = tuple(name for name, values in clause.when if facts.get(name) not in values)
        for hit in self.answerer().retriever.search(query, _SEARCHED):
            line = folded_line(hit.passage.text)
            says = clause.holds.search(line) and not (clause.lacks and clause.lacks.search(line))
            if says and hit.passage.role == "body" and not any(repeats(hit.passage.text, text) for text in told):
                return _Found(hit, query, check, bool(clause.when))
        return None

    def _query(self, search: str, place: str, on: date) -> Query:
        read = self.guide.understanding.read(search, on)
        return replace(read, provinces=(place,), numbers=(), fact=None, wants_phone=False)

    def _notices(self, hits: Sequence[Hit], facts: Facts, body: str, on: date) -> tuple[str, ...]:
        """As other answers have them: the years, the successor of a body named, what became of the province."""
        notices, collection = self.answerer().notices, self.answerer().retriever.snapshot.collection
        documents = {hit.document.document_id: hit.document for hit in hits}
        said = notices.of_each([(self._citing.province(d), d) for d in documents.values()], collection, on)
        said += notices.body(body, " ".join([*hits[0].passage.path, hits[0].passage.text]), on)
        place = _known(facts, WHERE)
        said += notices.merger([place] if place else [], [self._citing.province(d) for d in documents.values()], on)
        return tuple(dict.fromkeys(said))

    @property
    def _citing(self) -> Citing:
        return Citing(self.answerer().retriever, self.answerer().texts)

    @property
    def _held(self) -> tuple[str, ...]:
        """The provinces that documents are held of."""
        return tuple(self.answerer().retriever.snapshot.collection.provinces)

    # Words

    def _search(self, facts: Facts) -> str:
        """The office's words for what is known: what a later turn leans on, and what is searched without a province."""
        group = self.guide.tables.groups.get(facts.get(WHO, UNKNOWN))
        return group.clauses[0].search if group else ""

    def _who(self, facts: Facts) -> str:
        choice = next((choice for choice in self.guide.tables.fields[WHO].choices if choice.value == facts.get(WHO)), None)
        if choice is None:
            return ""
        return choice.said_child if facts.get("is_child") == "yes" else choice.said

    def _place(self, facts: Facts) -> str:
        place = _known(facts, WHERE)
        return self.texts("place", province=place) if place else ""

    def _known(self, facts: Facts) -> str:
        parts = [self._who(facts), _known(facts, WHERE) or ""]
        household = next((c.label for c in self.guide.tables.fields["household"].choices if c.value == facts.get("household")), "")
        return ", ".join(part for part in (*parts, household.lower()) if part)

    def _unknown(self, facts: Facts) -> list[str]:
        """The fields that a person passed over, as far as their group is asked for them."""
        group = self.guide.tables.groups[facts[WHO]]
        young = facts[WHO] == "elderly" and facts.get("age", "").isdigit() and int(facts["age"]) < self.guide.tables.elderly_from
        return [name for name in group.ask if facts.get(name, UNKNOWN) == UNKNOWN or (name == "age" and young)]

    def _unstated(self, words: str, facts: Facts) -> list[str]:
        """What people want to know and what is told does not say."""
        said = folded_line(words)
        rows = [row for row in self.guide.tables.unstated if not row.only or facts[WHO] in row.only]
        return [row.label for row in rows if not row.holds.search(said)]

    def _others(self, facts: Facts) -> tuple[str, ...]:
        texts = self.desk.texts
        others = [province for province in self._held if province != facts.get(WHERE)][:2]
        return tuple(texts("suggestions.province", province=province) for province in others) if facts.get(WHO) else ()

    def _hotlines(self, group: Group, facts: Facts, message: Message) -> tuple[ShownHotline, ...]:
        child = group.child_phones if facts.get("is_child") == "yes" else ()
        rows = [row for phone in (*child, *group.phones) if (row := self.desk.directory.by_phone(phone))]
        return self.desk.shown(dict.fromkeys(rows), message.received_at)


def _known(facts: Facts, name: str) -> str | None:
    """The value of a field, None when it is not known."""
    value = facts.get(name, UNKNOWN)
    return None if value == UNKNOWN else value


def _fits(clause: Clause, facts: Facts) -> bool:
    """Whether nothing that is known speaks against a clause."""
    return all(facts.get(name, UNKNOWN) in (UNKNOWN, *values) for name, values in clause.when)


def _smaller(found: Sequence[_Found], go: _Found | None) -> list[tuple[Sequence[_Found], _Found | None, int]]:
    """What may be told, the fullest first."""
    return [(found[:count], go if also else None, share) for count, also, share in (*_FULLEST, *_LEAST)]


def shortened(text: str, closing: int, room: int) -> str:
    """The text of an answer within `room` characters: its last `closing` lines (source, notices) stay, what is above them loses its end."""
    if len(text) <= room:
        return text
    lines = text.split("\n")
    closing = min(closing, len(lines) - 1)
    head, tail = lines[: len(lines) - closing], lines[len(lines) - closing :]
    while len(head) > 1 and len("\n".join([*head, *tail])) > room:
        head = head[:-1]
    left = room - len("\n".join(["", *tail])) if tail else room
    return "\n".join([clipped("\n".join(head), max(0, left - 1)), *tail])
