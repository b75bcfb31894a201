"""Triage: whether somebody is in danger, decided on the words alone, before anything else. No index, database, dialogue or network.

A message becomes words (spelling.py: teencode, telex remains, slips and emoji undone), words become concepts (lexicon.py), and rules
(rules.py) ask for concepts in order and near each other: "partner ~4 strike ~1 self". Marks are never contradicted: a syllable written
with marks must carry the right ones, and where a message is written with marks a bare syllable stands for itself ("danh" is no "đánh").
Open rules are silent in a message that asks about policy, tells news or a film; firm ones, where the words name a person, are not.
The tables are data/triage/*.yml. A small classifier (classifier.py) reads beside the rules what is told without their words; either
raises the alarm.
"""

from actions.triage.model import DATA, KINDS, Assessment, Risk
from actions.triage.reader import CLASSIFIER, Triage

__all__ = ["CLASSIFIER", "DATA", "KINDS", "Assessment", "Risk", "Triage"]
