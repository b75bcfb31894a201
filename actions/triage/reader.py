"""Triage: a message is read by the speller, the lexicon, the rules and the classifier, and assessed.

Either of the two raises the alarm by itself: the classifier from its bar `alarm` on, an open rule (one that gives way to talk of policy
and news anyhow) from the lower bar `quiet` on, a firm one from `silent` on, under which hardly any danger lies (tools/train_triage.py).
In a message of a few words there is too little for the classifier to go on: there no rule gives way to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from actions.triage.cast import STATES, Cast, cast, persons, speaker
from actions.triage.classifier import Classifier, Pieces, Reading, pieces
from actions.triage.lexicon import BRIEF, Found, Lexicon
from actions.triage.model import DATA, Assessment, Risk, table
from actions.triage.rules import Rule, Scene
from actions.triage.spelling import Speller, Text

_OVER = frozenset({"fire_accident", "overdose"})
"""Kinds that are no danger any more once they lie in the past."""
_MEANS = frozenset({"means", "means-open", "means-height", "means-poison"})
"""Rules of a suicide that is being done: seconds count."""
_LETHAL = frozenset({"death-threat", "death-threat-to-me"})
_GUESSED = ("trafficking", "child_abuse", "domestic_violence", "other_violence")
"""Kinds that rules guess where nobody is named, the leading one first."""
_BEFALLS = frozenset({"suicide", "overdose", "fire_accident"})
_HURT = frozenset({"body-crisis"})
"""Rules that say how somebody is, not why."""


_OWN = ("self", "young", "minor_self", "mychild")
"""Those whose danger is not a story."""
_BLOWS = frozenset({"partner-hits-me", "adult-hits-child", "child-is-hit", "i-am-hit", "somebody-is-hit", "brutality"})
_WORDS = frozenset({"sextortion", "groomed", "stranger-online", "secret-with-adult"})
"""Rules of sexual abuse by words and pictures: beside blows they come second."""


_OF_CHILDREN = frozenset({"child_abuse", "child_neglect"})
CLASSIFIER = "classifier"
"""Stands among the rules that fired where the classifier raised the alarm."""
_CRY = 8
"""Words: a bare cry for help may be anything; in a longer message the classifier says what the rules leave open."""
_WORSE = 1.0
"""Log-odds that a message must add to those before it."""


class Fired(NamedTuple):
    """A rule that fired, where, and the risk it has here."""

    risk: Risk
    rule: Rule
    span: tuple[int, int]


class Heard(NamedTuple):
    """A text taken apart, the rules that fired in it, and what the classifier makes of it (None where there is none)."""

    text: Text
    found: list[Found]
    classes: list[Found]
    scene: Scene
    fired: list[Fired]
    reading: Reading | None


@dataclass(frozen=True)
class Triage:
    """The rules and the classifier, ready to read messages. Pure: the same words give the same assessment.

    Without `classifier` the rules read alone: what the classifier is trained beside.
    """

    speller: Speller
    lexicon: Lexicon
    rules: tuple[Rule, ...]
    classes: Lexicon
    classifier: Classifier | None = None

    @classmethod
    def load(cls, folder: Path = DATA) -> Triage:
        """Reads and checks the tables and weights of `folder`. Raises KnowledgeError naming what cannot be read."""
        return replace(cls.rules_only(folder), classifier=Classifier.load(folder / "classifier.npz"))

    @classmethod
    def rules_only(cls, folder: Path = DATA) -> Triage:
        """The rules without the classifier. Raises KnowledgeError naming the entry that cannot be read."""
        spelling, entries, rules = (table(folder / name) for name in ("spelling.yml", "lexicon.yml", "rules.yml"))
        lexicon = Lexicon.build(entries)
        read = tuple(Rule.build(entry, rules["groups"], lexicon.concepts) for entry in rules["rules"])
        classes = Lexicon.build(table(folder / "classes.yml"))
        return cls(Speller.build(spelling, lexicon.syllables | classes.syllables), lexicon, read, classes)

    def assess(self, text: str, earlier: Sequence[str] = ()) -> Assessment:
        """Reads one message. `earlier`: what the person wrote before, oldest first; only what this message adds counts."""
        heard = self._hear(text, -1)
        alone = self._assess(heard, raised=self._alarmed(heard))
        if not earlier:
            return alone
        before, since = self._before(earlier)
        heard = self._hear(f"{before}\n{text}", since)
        joined = self._assess(heard, raised=self._alarmed(heard) and self._adds(heard, before))
        if alone.risk < joined.risk:
            return joined
        return replace(alone, speaker=joined.speaker) if alone.speaker == "unknown" else alone

    def pieces(self, text: str, earlier: Sequence[str] = ()) -> Pieces:
        """What the classifier is given of a message, joined with those before it."""
        before, since = self._before(earlier) if earlier else ("", -1)
        heard = replace(self, classifier=None)._hear(f"{before}\n{text}" if earlier else text, since)
        return pieces(heard.text, heard.found, _ids(heard.fired), heard.classes)

    def _before(self, earlier: Sequence[str]) -> tuple[str, int]:
        """The last four messages joined, and the place behind their last word (-1 where there is none)."""
        before = "\n".join(message[-1000:] for message in earlier[-4:])
        places = self.speller.read(before).places
        return before, places[-1] + 1 if places else -1

    def _hear(self, text: str, since: int) -> Heard:
        words = self.speller.read(text)
        found, classes = self.lexicon.find(words), self.classes.find(words)
        roles = self.lexicon.roles
        scene = Scene(found, roles["act"])
        muted = scene.has(roles["mute"]) and not scene.has(("self", "minor_self", "help"))
        fired = [] if muted else sorted(self._fired(scene, since), key=lambda one: -one.risk)
        reading = self.classifier.read(words, found, _ids(fired), classes) if self.classifier and words.forms else None
        if self.classifier and reading and len(words.forms) > BRIEF:
            fired = [one for one in fired if reading.urgent >= (self.classifier.silent if one.rule.firm else self.classifier.quiet)]
        return Heard(words, found, classes, scene, fired, reading)

    def _alarmed(self, heard: Heard) -> bool:
        """Whether the classifier raises the alarm by itself."""
        return bool(self.classifier and heard.reading and heard.reading.urgent >= self.classifier.alarm)

    def _adds(self, joined: Heard, before: str) -> bool:
        """Whether the last message made it clearly worse: what was alarming before it has had its answer."""
        earlier = self._hear(before, -1)
        if joined.reading is None or earlier.reading is None:
            return True
        return not self._alarmed(earlier) and joined.reading.urgent - earlier.reading.urgent >= _WORSE

    def _assess(self, heard: Heard, *, raised: bool) -> Assessment:
        found, reading = _by_rules(heard.scene, heard.fired), heard.reading
        if not raised or reading is None:
            return found
        rules = (*found.rules, CLASSIFIER)
        if not heard.fired:
            return replace(_by_reading(heard.scene, reading), rules=rules)
        vague = found.kinds == ("other_violence",) and len(heard.text.forms) > _CRY
        kinds = tuple(dict.fromkeys((reading.kind, *found.kinds))) if vague else found.kinds
        return replace(found, kinds=kinds, risk=max(found.risk, reading.risk) if reading.sure else found.risk, rules=rules)

    def _fired(self, scene: Scene, since: int) -> list[Fired]:
        guarded, story = (scene.has(self.lexicon.roles[role]) for role in ("guard", "story"))
        fired = []
        for rule in self.rules:
            if guarded and not rule.firm:
                continue
            for pattern in rule.patterns:
                if (span := scene.match(pattern, since)) and not (story and not any(scene.inside(own, span) for own in _OWN)):
                    risk = _risk(rule, scene, span)
                    if risk >= rule.risk or rule.kind not in _OVER:
                        fired.append(Fired(risk, rule, span))
                    break
        return fired


def _by_rules(scene: Scene, fired: Sequence[Fired]) -> Assessment:
    everybody = list(persons(scene)) if fired else []
    who = cast(scene, everybody, (one.span for one in fired))
    writer = speaker(scene, who, fired=bool(fired))
    if writer == "child" and not who.victims:
        who = replace(who, victims=frozenset({"child"}), me="child")
    kinds = _kinds(fired, who)
    if kinds and kinds[0] in _BEFALLS:  # whom it befalls is the one in danger, whoever else is spoken of
        who = cast(scene, everybody, (one.span for one in fired if one.rule.kind == kinds[0]), STATES)
        writer = speaker(scene, who, fired=True)
    return Assessment(fired[0].risk if fired else Risk.NONE, kinds, writer, _ids(fired), _victim(who))


def _by_reading(scene: Scene, reading: Reading) -> Assessment:
    """What the classifier found where no rule did. Who is hurt is read off who writes, unless the words name somebody."""
    child = reading.kind in _OF_CHILDREN or scene.has(("minor_self", "minor", "child", "mychild"))
    others = "child" if child else "other"
    victim = reading.speaker if reading.speaker in ("child", "self") else others
    kinds = (reading.kind, "child_abuse") if reading.kind == "sexual_abuse" and victim == "child" else (reading.kind,)
    return Assessment(reading.risk, kinds, reading.speaker, (), victim)


def _ids(fired: Sequence[Fired]) -> tuple[str, ...]:
    return tuple(one.rule.id for one in fired)


def _risk(rule: Rule, scene: Scene, span: tuple[int, int]) -> Risk:
    """The rule's own risk, lower where it was years ago, higher where it is now or somebody cries for help."""
    if rule.steady or rule.risk < Risk.PAST_HARM:
        return rule.risk
    if scene.has(("help",)) or scene.near("now", span):
        return Risk.DANGER_NOW
    return min(rule.risk, Risk.PAST_HARM) if scene.near("past", span) else rule.risk


def _victim(who: Cast) -> str:
    if who.me == "child" or (who.me is None and "child" in who.victims):
        return "child"
    if who.me:
        return "young" if who.me == "young" and not who.by_partner else "self"
    return "other" if who.victims else "unknown"


def _kinds(fired: Sequence[Fired], who: Cast) -> tuple[str, ...]:
    """The kinds, the leading one first: what is decided by seconds, then the gravest harm, named by who is hurt and by whom."""
    rules = {one.rule.id for one in fired}
    settled: dict[str, set[str]] = {}
    for one in fired:
        if not one.rule.by_cast:
            settled.setdefault(one.rule.kind, set()).add(one.rule.id)
    violence = _violence({one.rule.kind for one in fired if one.rule.by_cast}, who)
    only_hurt = settled.get("fire_accident", set()) <= _HURT
    sexual = ["sexual_abuse", "child_abuse"] if "child" in who.victims else ["sexual_abuse"]
    neglect = ["child_neglect"]
    if who.victims and "child" not in who.victims and who.me != "young":
        neglect = ["domestic_violence"]  # an old mother who is left hungry
    # The order in which they would lead; only those that were found are kept.
    order = ["suicide"] if rules & _MEANS and not rules & _LETHAL else []
    if set(violence) <= {"other_violence"}:
        order += ["overdose"] if only_hurt else ["overdose", "fire_accident"]
    # Who speaks of killing others and himself is a danger to others first.
    if not rules & _LETHAL and max((one.risk for one in fired), default=Risk.NONE) in [
        one.risk for one in fired if one.rule.kind == "suicide"
    ]:
        order.append("suicide")
    order += ["trafficking"] if "trafficking" in settled else []
    by_words = settled.get("sexual_abuse", set()) <= _WORDS and rules & _BLOWS
    order += [*violence, *sexual] if by_words else [*sexual, *violence]
    order += [*neglect, "suicide", "overdose", "fire_accident"]
    known = settled.keys() | set(violence)
    if "sexual_abuse" in known:
        known |= set(sexual)
    if "child_neglect" in known:
        known = known - {"child_neglect"} | set(neglect)
    if len(known) > 1 and only_hurt:
        known -= {"fire_accident"}
    return tuple(kind for kind in dict.fromkeys(order) if kind in known)


def _violence(guesses: set[str], who: Cast) -> list[str]:
    """The kinds of blows, threats and confinement: the rules' guesses, mended by who is hurt and by whom."""
    if not guesses:
        return []
    kinds = ["child_abuse"] if "child" in who.victims else []
    if who.victims != {"child"}:
        if who.by_partner or (who.at_home and who.victims):
            kinds.append("domestic_violence")
        else:
            kinds += [kind for kind in _GUESSED if kind in guesses and not (who.victims and kind == "child_abuse")]
    elif "trafficking" in guesses and not who.at_home:
        kinds.append("trafficking")
    if who.me in ("self", "young") and who.by_partner:
        kinds.reverse()
    return [kind for kind in kinds if kind != "other_violence"] or kinds
