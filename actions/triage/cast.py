"""Who is hurt, by whom, and who writes: read off the persons that stand around the acts that fired the rules."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, takewhile
from operator import attrgetter
from typing import NamedTuple

from actions.triage.lexicon import Found
from actions.triage.rules import Scene

PERSONS = (
    *("minor_self", "grown_kin", "mychild", "in_law", "partner", "child", "minor", "parent"),
    *("relative", "school", "outsider", "self", "young", "son_daughter", "third"),
)
"""Concepts that name a person; where one name is several ("con trai": a child, a relative), the earlier decides."""
_ME = frozenset({"self", "young", "son_daughter", "minor_self"})
_CHILD = frozenset({"mychild", "child", "minor"})
_OWNED = frozenset({"partner", "in_law", "parent", "relative", "school", "outsider", "child", "grown_kin", "third"})
_OWNERS = _ME | {"third", "partner"}
_HOME = frozenset({"partner", "in_law", "parent", "relative", "mychild", "grown_kin", "child"})
_ELDERS = frozenset({"parent", "relative", "school"})
"""Of whom a person who calls himself em, cháu or con is the child or the pupil."""
BLOWS = (
    *("hit", "brutal", "hit_weak", "rape", "touch", "confine", "starve", "neglect", "threat", "threat_kill", "armed", "force", "seize"),
    *("violence", "bruise", "sold", "kidnap", "control", "spread", "sex_act", "exploit", "break_in", "follow"),
)
STATES = (
    *("self_harm", "die_wish", "suicide_word", "drug_crisis", "body_crisis", "drug", "ate", "hopeless", "die_how"),
    *("peril", "injury", "accident", "drink", "jump", "swallow", "lost", "alone", "hungry", "pregnant", "cry", "farewell", "high_place"),
)
"""What befalls the one who is spoken of: the subject is the one in danger."""
_REACH = 10
"""Places between an act and the one who does it."""
_BESIDE = 4
"""Places between the words that fired a rule and an act that belongs to them."""
_BEHIND = 3
"""Places between an act and the one it is done to."""


_start = attrgetter("start")
_end = attrgetter("end")


class Person(NamedTuple):
    """Somebody named in a message; `owner`: whose ("chồng tôi": self); `minor`: an age or class of a minor is given."""

    start: int
    end: int
    role: str
    owner: str | None = None
    minor: bool = False


@dataclass(frozen=True, slots=True)
class Cast:
    """`victims`: of child, self (the writer, grown up), young (the writer, who says em or cháu), other; `agents`: concepts of persons.

    `me`: child, self, young or None: how the writer is hurt; `own_child`: a child of the writer is hurt.
    """

    victims: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()
    me: str | None = None
    own_child: bool = False

    @property
    def by_partner(self) -> bool:
        """Whether a partner or a partner's family does it."""
        return not self.agents.isdisjoint(("partner", "in_law"))

    @property
    def at_home(self) -> bool:
        """Whether somebody of the family does it."""
        return not self.agents.isdisjoint(_HOME)


def cast(scene: Scene, everybody: list[Person], spans: Iterable[tuple[int, int]], acts: tuple[str, ...] = BLOWS + STATES) -> Cast:
    """The cast of those of `acts` that lie in `spans` or beside them; `everybody`: as `persons` has them."""
    victims: set[str] = set()
    agents: set[Person] = set()
    mine: set[str] = set()
    own_child = False
    for act in sorted(_acts(scene, spans, acts), key=lambda act: act.concept in STATES):
        # Who does it is not the one whom it befalls: "bị con trai đánh, chảy máu".
        if act.concept in STATES:
            agent, hurt = None, _subject([p for p in everybody if p not in agents], act)
        else:
            agent, hurt = _blow(scene, everybody, act)
        if agent:
            agents.add(agent)
        if who := _class(scene, everybody, agent, hurt):
            victims.add("child" if who in ("own_child", "child_me") else who)
            own_child = own_child or who == "own_child"
            if who in ("child_me", "self", "young"):
                mine.add(who.removesuffix("_me"))
    if victims == {"other"} and any(p.minor for p in everybody if p not in agents):
        victims = {"child"}
    me = next((who for who in ("child", "self", "young") if who in mine), None)
    return Cast(frozenset(victims), frozenset(agent.role for agent in agents), me, own_child)


def speaker(scene: Scene, cast: Cast, *, fired: bool) -> str:
    """Who writes, as far as the words show it: one of the speakers of an Assessment."""
    mine = scene.places(("mychild",))
    if any(not any(c.start < m.start < c.end for c in mine) for m in scene.places(("minor_self",))):  # not "con [tôi học lớp 8]"
        return "child"
    if not fired:
        return "official" if scene.has(("official",)) else _by_words(scene)
    if cast.me == "young":
        return "self" if cast.by_partner or scene.has(("partner",)) else _by_words(scene)
    if cast.me:
        return cast.me
    if cast.own_child:
        return "doer" if "self" in cast.agents else "carer"
    if cast.victims:
        if "self" in cast.agents:
            return "doer"
        if _young_voice(scene, cast):
            return "child" if scene.has(("parent",)) else "unknown"
        return "witness"
    return _by_words(scene)


def _acts(scene: Scene, spans: Iterable[tuple[int, int]], acts: tuple[str, ...]) -> Iterator[Found]:
    """The acts in or beside the spans, without those that are part of a longer one ("giật" of "co giật")."""
    end = -1
    near = sorted((start - _BESIDE, stop + _BESIDE) for start, stop in spans)
    at, reach = 0, -1
    for act in sorted(scene.places(acts), key=lambda f: (f.start, -f.end)):
        while at < len(near) and near[at][0] <= act.start:
            reach = max(reach, near[at][1])
            at += 1
        if end < act.end <= reach:
            yield act
            end = act.end


def _young_voice(scene: Scene, cast: Cast) -> bool:
    """Whether the writer says em, cháu or con, and nothing that a grown-up would say."""
    words = ("young",) if "son_daughter" in cast.agents else ("young", "son_daughter")  # "bị con bỏ đói": somebody's son
    return scene.has(words) and not scene.has(("partner", "child", "self", "mychild", "grown_kin", "witness"))


def _by_words(scene: Scene) -> str:
    if scene.has(("witness", "mychild")):
        return "witness"
    if scene.has(("young", "son_daughter")) and not scene.has(("partner", "child", "self")):
        # "em" and "cháu" are also how grown-ups speak of themselves when they ask for something.
        return "child" if scene.has(("parent", "relative", "school")) else "unknown"
    if scene.has(("self", "young")):
        return "self"
    return "witness" if scene.has(("child", "third", "parent")) else "unknown"


def persons(scene: Scene) -> Iterator[Person]:
    """Everybody named, in order; a possessive belongs to its noun, an age to the one it is said of."""
    held: Person | None = None
    linked = {link.start for link in scene.places(("of",))}
    married = {(act.start, act.end) for act in scene.places(("exploit",))}
    for item in sorted(scene.places(PERSONS), key=lambda f: (f.start, -f.end, PERSONS.index(f.concept))):
        if item.concept == "partner" and (item.start - 1, item.end) in married:
            continue  # "lấy chồng" names nobody
        if held is None:
            held = Person(item.start, item.end, item.concept)
        elif item.start < held.end:
            continue
        elif item.concept == "minor" and item.start - held.end <= 2:
            held = held._replace(end=item.end, minor=True)
        elif item.start - held.end == (held.end in linked) and held.role in _OWNED and item.concept in _OWNERS and held.owner is None:
            held = held._replace(end=item.end, owner=item.concept)
        else:
            yield held
            held = Person(item.start, item.end, item.concept)
    if held:
        yield held


def _before(everybody: list[Person], place: int) -> list[Person]:
    """Those who stand before `place`, the nearest first."""
    found = []
    for at in range(bisect_right(everybody, place, key=_end) - 1, -1, -1):
        if place - everybody[at].end > _REACH:
            break
        found.append(everybody[at])
    return found


def _blow(scene: Scene, everybody: list[Person], act: Found) -> tuple[Person | None, Person | None]:
    """Who does it and to whom: "bố đánh em", "em bị bố đánh", "bố lôi em ra đánh"."""
    ahead = _before(everybody, act.start)
    suffers = scene.places(("suffer",))
    last = bisect_right(suffers, act.start, key=_start) - 1
    if last >= 0 and act.start - suffers[last].end <= _REACH:
        passive = suffers[last]
        between = [p for p in ahead if p.start >= passive.end]
        return (between[-1] if between else None), next((p for p in ahead if p.end <= passive.start), None)
    behind = takewhile(lambda p: p.start - act.end <= _BEHIND, islice(everybody, bisect_left(everybody, act.start, key=_start), None))
    victim = next((p for p in behind if p.role != "third" or p.start >= act.end), None)  # "up ảnh" shows nobody
    if act.concept == "armed" and victim and ahead and victim[2:] == ahead[0][2:]:
        victim = None  # "ba em cầm gậy, ba em say"
    if victim is None and len(ahead) > 1:
        held = any(ahead[1].end <= s.start < ahead[0].start for s in scene.places(("seize", "force", "confine")))
        if held:
            return ahead[1], ahead[0]
    return (ahead[0] if ahead else None), victim


def _subject(everybody: list[Person], act: Found) -> Person | None:
    """Whom it befalls: the writer named inside the words ("đừng tìm em nữa"), else the nearest before them."""
    inside = takewhile(lambda p: p.start < act.end, islice(everybody, bisect_left(everybody, act.start, key=_start), None))
    victim = next((p for p in inside if p.role in _ME), None) or next(iter(_before(everybody, act.start)), None)
    if victim and victim.role not in _ME and act.start - victim.end > _BEHIND * 2:
        return None
    if victim and victim.role == "mychild" and not victim.minor:
        return victim._replace(role="grown_kin")  # a son who takes drugs is as likely grown up
    return victim


def _class(scene: Scene, everybody: list[Person], agent: Person | None, hurt: Person | None) -> str | None:
    """What the victim is: child_me, own_child, child, self, young, other; None where nobody is named."""
    if hurt is None:
        if agent is None or agent.owner not in _ME:
            return None
        hurt = Person(agent.start, agent.end, agent.owner)  # "chồng tôi đánh": me
    role = hurt.role
    if role == "minor_self":
        return "child_me"
    if role == "mychild" and not hurt.minor and agent and agent.role == "partner" and agent.owner == "third":
        return "other"  # may be grown up: "con gái tôi bị chồng nó đánh"
    if role == "mychild":
        return "own_child"
    if hurt.minor or role in _CHILD:
        return "child"
    if role == "grown_kin":
        return "child" if agent and agent.role in ("parent", "school") else "other"
    if role == "self":
        return "self"
    if role in ("young", "son_daughter"):
        if scene.has(("witness",)):
            return "child"
        if role == "son_daughter" and (scene.has(("self",)) or (agent is not None and agent.role == "partner")):
            return "own_child"
        if role == "son_daughter" and agent is not None and agent.role == "outsider":
            return "child"
        elder = agent is not None and agent.role in _ELDERS
        return "child_me" if elder or scene.has(("minor_self",)) else "young"
    if role == "third" and any(p.role in _CHILD and p.start < hurt.start for p in everybody):
        return "child"
    return "child" if agent and agent.role == "school" else "other"
