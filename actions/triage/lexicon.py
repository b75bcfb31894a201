"""Words become concepts: the phrases of lexicon.yml as a network of syllables, walked by an automaton that is built as people write."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from actions.triage.spelling import Text, agrees
from knowledge.errors import KnowledgeError
from knowledge.text import fold

BRIEF = 4
"""Words: in a message this short a single word of alarm is enough."""
ROLES = ("who", "weak", "covers", "act", "guard", "story", "mute")
_LEARNT = 200000
"""Steps of an automaton remembered: a bound on memory."""


class Found(NamedTuple):
    """A concept between two places."""

    start: int
    end: int
    concept: str


class Name(NamedTuple):
    """A concept. `who`: names a person; `weak`: gives way to any longer phrase; `covers`: hides what stands inside its phrases."""

    concept: str
    who: bool
    weak: bool
    covers: bool


class Node:
    """A place between two syllables of a phrase: the syllables that may follow, by folded form, and the concepts that end here."""

    __slots__ = ("edges", "names")

    def __init__(self) -> None:
        self.edges: dict[str, list[tuple[str, bool, Node]]] = {}
        self.names: list[Name] = []

    def add(self, syllable: str, exact: bool, node: Node) -> None:
        """`syllable` leads to `node`; `exact`: only where every mark is written."""
        self.edges.setdefault(fold(syllable), []).append((syllable, exact, node))

    def share(self, other: Node) -> None:
        """What may follow `other` may follow here, and what ends there ends here."""
        for folded, edges in other.edges.items():
            self.edges.setdefault(folded, []).extend(edges)
        self.names += other.names


class State:
    """The places that the words read so far may have led to; what each further word leads to is remembered."""

    __slots__ = ("after", "names", "nodes")

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        self.names = tuple(dict.fromkeys(name for node in nodes for name in node.names))
        self.after: dict[str, State | None] = {}


class Automaton:
    """The states met so far in messages written with marks, or without."""

    def __init__(self, root: Node, with_marks: bool) -> None:
        self.start = State([root])
        self._with_marks = with_marks
        self._learnt = 0

    def learn(self, state: State, form: str) -> State | None:
        """The state that `form` leads to from `state`, None where no phrase goes on with it."""
        self._learnt += 1
        if self._learnt > _LEARNT:
            self._learnt = 0
            self.start.after.clear()
        folded = fold(form)
        nodes = [
            node
            for here in state.nodes
            for meant, exact, node in here.edges.get(folded, ())
            if agrees(form, meant, with_marks=self._with_marks, exact=exact)
        ]
        state.after[form] = following = State(nodes) if nodes else None
        return following


@dataclass(frozen=True)
class Lexicon:
    """The phrases of all concepts, and the concepts by role (ROLES; lexicon.yml says what they mean)."""

    root: Node
    concepts: frozenset[str]
    roles: Mapping[str, frozenset[str]]
    syllables: frozenset[str]
    _automata: Mapping[bool, Automaton]

    @classmethod
    def build(cls, entries: Mapping[str, Mapping[str, Any]]) -> Lexicon:
        """The network of the entries of lexicon.yml. Raises KnowledgeError for a role that is none."""
        roles = {role: frozenset(c for c, entry in entries.items() if role in entry.get("is", ())) for role in ROLES}
        if unknown := {role for entry in entries.values() for role in entry.get("is", ())} - set(ROLES):
            raise KnowledgeError(f"lexicon.yml: unknown role {', '.join(sorted(unknown))}")
        root = Node()
        syllables: set[str] = set()
        for concept, entry in entries.items():
            name = Name(concept, *(concept in roles[role] for role in ROLES[:3]))
            for phrase in map(str, entry["phrases"]):
                root.share(_phrase(phrase, name, syllables))
        return cls(root, frozenset(entries), roles, frozenset(syllables), {marks: Automaton(root, marks) for marks in (True, False)})

    def find(self, text: Text) -> list[Found]:
        """Every concept in the text, longest phrase first at each place.

        What stands inside a phrase of no danger is left out ("đánh" in "đánh răng"), so is a person inside a longer name and a weak word
        inside any longer phrase.
        """
        forms, places, with_marks = text
        found = [Found(0, 0, "brief")] if len(forms) <= BRIEF else []
        automaton = self._automata[with_marks]
        covered_begin = covered_end = who_begin = who_end = weak_begin = weak_end = -1
        known = automaton.start.after
        for start, begin in enumerate(places):
            state = known.get(forms[start], automaton.start)
            if state is None:  # no phrase begins with this word
                continue
            for end, names in self._phrases(automaton, forms, places, start):
                for name in names:
                    concept, who, weak, covers = name
                    if end <= covered_end and (end, begin) != (covered_end, covered_begin):
                        break
                    if who and end <= who_end and (end, begin) != (who_end, who_begin):
                        continue
                    if weak and end <= weak_end and (end, begin) != (weak_end, weak_begin):
                        continue
                    found.append(Found(begin, end, concept))
                    if end > weak_end:
                        weak_begin, weak_end = begin, end
                    if covers and end > covered_end:
                        covered_begin, covered_end = begin, end
                    if who and end > who_end:
                        who_begin, who_end = begin, end
        return found

    @staticmethod
    def _phrases(automaton: Automaton, forms: list[str], places: list[int], start: int) -> list[tuple[int, tuple[Name, ...]]]:
        """The phrases that begin at word `start`, longest first: the place each ends before, and its concepts."""
        state = automaton.start
        begin = places[start]
        phrases: list[tuple[int, tuple[Name, ...]]] = []
        for at in range(start, len(forms)):
            form = forms[at]
            after = state.after[form] if form in state.after else automaton.learn(state, form)
            if after is None:
                break
            state = after
            if names := state.names:
                if places[at] - begin != at - start:  # a name does not reach over a pause: "tới hẻm, em"
                    names = tuple(name for name in names if not name.who)
                phrases.append((places[at] + 1, names))
        phrases.reverse()
        return phrases


def _phrase(phrase: str, name: Name, syllables: set[str]) -> Node:
    """The network of a phrase with its choices, built from its end; its syllables are added to `syllables`."""
    exact = phrase.startswith("!")
    here = Node()
    here.names.append(name)
    for part in reversed(re.split(r"[()]", phrase.removeprefix("!"))):
        before = Node()
        for choice in part.split("|"):
            words = choice.split()
            syllables.update(map(fold, words))
            node = here
            for word in reversed(words[1:]):
                between = Node()
                between.add(word, exact, node)
                node = between
            if words:
                before.add(words[0], exact, node)
            else:
                before.share(node)
        here = before
    return here
