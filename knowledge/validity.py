"""Whether a document holds on a day. Computed from its own period and the day asked for, never hard-coded."""

from __future__ import annotations

from datetime import date

from knowledge.model import Metadata, Status


def status_on(metadata: Metadata, day: date, replaced: bool = False) -> Status:
    """`replaced` is the legal status that staff set; else the document's own period decides, ends included."""
    if replaced:
        return "replaced"
    if metadata.valid_to is not None and day > metadata.valid_to:
        return "ended"
    if metadata.valid_from is not None and day < metadata.valid_from:
        return "future"
    if metadata.valid_from is not None and metadata.valid_to is not None:
        return "in_force"
    return "unknown"


def status_over(metadata: Metadata, first: date, last: date) -> Status:
    """What it was in the days from `first` to `last`: in force where it was so on any of them that its period tells."""
    then = status_on(metadata, last)
    return "in_force" if then == "ended" and status_on(metadata, first) != "ended" else then


def may_hold(metadata: Metadata, first: date, last: date) -> bool:
    """Whether it can have been in force in those days: its period or its outlook runs or, where it tells none, it was issued by then."""
    status = status_over(metadata, first, last)
    if status == "unknown":
        return metadata.issued_on is None or metadata.issued_on <= last
    return status == "in_force" or outlook_runs(metadata, last)


def outlook_runs(metadata: Metadata, day: date) -> bool:
    """The main period is over, the outlook ("tầm nhìn đến năm 2030") is not."""
    return status_on(metadata, day) == "ended" and metadata.outlook_to is not None and day <= metadata.outlook_to
