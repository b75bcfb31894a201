"""Who is hurt, and by whom: read off the persons that stand around the acts that fired the rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from actions.triage.lexicon import Found
from actions.triage.rules import Scene

# Concepts that name a person; where one name is several ("con trai": a child, a relative), the earlier decides.
_PERSONS = (
    *("minor_self", "grown_kin", "mychild", "in_law", "partner", "child", "minor", "parent"),
    *("relative", "school", "outsider", "self", "young", "son_daughter", "third"),
)
_ME = frozenset({"self", "young", "son_daughter", "minor_self"})
_CHILD = frozenset({"mychild", "child", "minor"})
_OWNED = frozenset({"partner", "in_law", "parent", "relative", "school", "outsider", "child", "grown_kin"})
_OWNERS = _ME | {"third", "partner"}
_ELDERS = frozenset({"parent", "relative", "school"})
"""Of whom a person who calls himself em, cháu or con is the child or the pupil."""
_BLOWS = (
    *("hit", "brutal", "hit_weak", "rape", "touch", "confine", "starve", "neglect", "threat", "threat_kill", "armed", "force", "seize"),
    *("violence", "bruise", "sold", "kidnap", "control", "spread", "sex_act", "exploit", "break_in", "follow"),
)
_STATES = ("self_harm", "die_wish", "suicide_word", "drug_crisis", "body_crisis", "drug", "ate", "hopeless", "die_how", "peril", "accident")
"""What befalls the one who is spoken of: the subject is the one in danger."""
_REACH = 10
"""Places between an act and the one who does it."""
_BEHIND = 3
"""Places between an act and the one it is done to."""


class Person(NamedTuple):
    """Somebody named in a message; `owner`: whose ("chồng tôi": self), `age`: an age or class of a minor is given."""

    start: int
    end: int
    role: str
    owner: str | None = None
    age: bool = False


@dataclass(frozen=True, slots=True)
class Cast:
    """`victims` of child, self, other; `agents`: the concepts of those who act; `me`: whether the writer is a victim."""

    victims: frozenset[str]
    agents: frozenset[str]
    me: bool

    @property
    def at_home(self) -> bool:
        """Whether one of the family or a partner does it."""
        return not self.agents.isdisjoint(("partner", "in_law", "parent", "relative", "mychild", "grown_kin", "child"))


def cast(scene: Scene, spans: Iterable[tuple[int, int]]) -> Cast:
    """The cast of the acts that lie in `spans`."""
    everybody = list(_persons(scene))
    victims: set[str] = set()
    agents: set[str] = set()
    me = False
    spans = list(spans)
    for concepts, roles in ((_BLOWS, _blow), (_STATES, _state)):
        for act in scene.places(concepts):
            if any(start <= act.start and act.end <= end for start, end in spans):
                agent, victim = roles(scene, everybody, act)
                if agent:
                    agents.add(agent.role)
                who, mine = _victim(scene, everybody, agent, victim)
                me = me or mine
                if who:
                    victims.add(who)
    return Cast(frozenset(victims), frozenset(agents), me)


def _persons(scene: Scene) -> Iterator[Person]:
    """Everybody named, in order; a possessive belongs to its noun, an age to the one it is said of."""
    held: Person | None = None
    for item in sorted(scene.places(_PERSONS), key=lambda f: (f.start, -f.end, _PERSONS.index(f.concept))):
        if held is None:
            held = Person(item.start, item.end, item.concept)
        elif item.start < held.end:
            continue
        elif item.concept == "minor" and item.start - held.end <= 2:
            held = held._replace(end=item.end, age=True)
        elif item.start == held.end and held.role in _OWNED and item.concept in _OWNERS and held.owner is None:
            held = held._replace(end=item.end, owner=item.concept)
        else:
            yield held
            held = Person(item.start, item.end, item.concept)
    if held:
        yield held


def _before(everybody: list[Person], place: int, reach: int) -> list[Person]:
    """Those who stand before `place`, the nearest first."""
    return [p for p in reversed(everybody) if p.end <= place and place - p.end <= reach]


def _blow(scene: Scene, everybody: list[Person], act: Found) -> tuple[Person | None, Person | None]:
    """Who does it and to whom: "bố đánh em", "em bị bố đánh", "bố lôi em ra đánh"."""
    suffers = [s for s in scene.places(("suffer",)) if s.start < act.start and act.start - s.end <= _REACH]
    if suffers:
        passive = suffers[-1]
        between = [p for p in everybody if passive.end <= p.start and p.end <= act.start]
        sufferer = next(iter(_before(everybody, passive.start, _REACH)), None)
        return (between[0] if between else None), sufferer
    behind = [p for p in everybody if act.start <= p.start and p.start - act.end <= _BEHIND and p.end > act.start]
    ahead = _before(everybody, act.start, _REACH)
    victim = behind[0] if behind else None
    if victim is None and len(ahead) > 1 and any(ahead[1].end <= s.start < ahead[0].start for s in scene.places(("seize", "force", "confine"))):
        return ahead[1], ahead[0]
    return (ahead[0] if ahead else None), victim


def _state(scene: Scene, everybody: list[Person], act: Found) -> tuple[Person | None, Person | None]:
    """Whom it befalls: the nearest before, else the one named right behind ("bất tỉnh rồi chồng tôi")."""
    ahead = _before(everybody, act.start, _REACH)
    inside = [p for p in everybody if act.start <= p.start < act.end]
    victim = next(iter(inside or ahead), None)
    if victim and victim.role not in _ME and act.start - victim.end > 6:
        victim = None
    return None, victim


def _victim(scene: Scene, everybody: list[Person], agent: Person | None, victim: Person | None) -> tuple[str | None, bool]:
    """The class of a victim (child, self, other, None where nobody is named) and whether it is the writer."""
    if victim is None:
        if agent is None or agent.owner not in _ME:
            return None, False
        victim = Person(agent.start, agent.end, agent.owner)
    role = victim.role
    if role == "minor_self":
        return "child", True
    if victim.age or role in _CHILD:
        return "child", False
    if role == "grown_kin":
        return ("child" if agent and agent.role in ("parent", "school") else "other"), False
    if role == "self":
        return "self", True
    if role in ("young", "son_daughter"):
        elder = agent is not None and agent.role in _ELDERS
        if scene.has(("witness",)) or (role == "son_daughter" and (scene.has(("self",)) or (agent is not None and agent.role == "partner"))):
            return "child", False  # somebody's child, not the writer
        return ("child" if elder or scene.has(("minor_self",)) else "self"), True
    if role == "third" and any(p.role in _CHILD and p.start < victim.start for p in everybody):
        return "child", False
    return "other", False
