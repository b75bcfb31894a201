"""Triage: a message is read once by the speller, the lexicon and the rules, and assessed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from actions.triage.lexicon import Lexicon
from actions.triage.model import DATA, Assessment, Risk, table
from actions.triage.rules import Rule, Scene
from actions.triage.spelling import Speller

_OVER = frozenset({"fire_accident", "overdose"})
"""Kinds that are no danger any more once they lie in the past."""
_HARMS = frozenset({"sexual_abuse", "domestic_violence", "other_violence"})
_CHILDREN = ("minor", "minor_self", "child", "son_daughter")


@dataclass(frozen=True)
class Triage:
    """The rules, ready to read messages. Pure: the same words give the same assessment."""

    speller: Speller
    lexicon: Lexicon
    rules: tuple[Rule, ...]

    @classmethod
    def load(cls, folder: Path = DATA) -> Triage:
        """Reads and checks the tables of `folder`. Raises KnowledgeError naming the entry that cannot be read."""
        spelling, entries, rules = (table(folder / name) for name in ("spelling.yml", "lexicon.yml", "rules.yml"))
        lexicon = Lexicon.build(entries)
        read = tuple(Rule.build(entry, rules["groups"], lexicon.concepts) for entry in rules["rules"])
        return cls(Speller.build(spelling, lexicon.syllables), lexicon, read)

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
                if span := scene.match(pattern, since):
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
