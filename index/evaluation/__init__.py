"""Scoring answers against gold questions: figures, where they fall short and why, two runs side by side, and what answers stand on.

A gold line: id, question, kind (answer, abstain, urgent, smalltalk, handover, urgent-or-answer), docs, evidence, answer, history, tags.
An answer line: the contract's answer object with the question's id. Nothing here knows how an answer was made.
"""

from index.evaluation.comparison import compare
from index.evaluation.figures import Figure, breakdown, score, table
from index.evaluation.gold import LIMIT, READ, SOURCES, read_answers, read_gold
from index.evaluation.misses import Miss, Trace, misses, reasons_table
from index.evaluation.reliability import reliability
from index.evaluation.support import Support

__all__ = [
    "LIMIT",
    "READ",
    "SOURCES",
    "Figure",
    "Miss",
    "Support",
    "Trace",
    "breakdown",
    "compare",
    "misses",
    "read_answers",
    "read_gold",
    "reasons_table",
    "reliability",
    "score",
    "table",
]
