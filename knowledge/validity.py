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


def outlook_runs(metadata: Metadata, day: date) -> bool:
    """The main period is over, the outlook ("tầm nhìn đến năm 2030") is not."""
    return status_on(metadata, day) == "ended" and metadata.outlook_to is not None and day <= metadata.outlook_to
