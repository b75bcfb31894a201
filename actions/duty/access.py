"""Who may read what somebody wrote in a case. Pure."""

from __future__ import annotations

from collections.abc import Collection

from knowledge.store import EVERYBODY, Case


def may_read(case: Case, account_id: str, on_duty: Collection[str]) -> bool:
    """Whoever holds or is offered the case, who held it when it was closed, and the officers `on_duty` for its province; nobody else."""
    if account_id in on_duty:
        return True
    near = {"taken": (case.holder,), "open": (case.offered_to,), "closed": (case.last_holder,)}[case.state]
    return account_id in near or (case.state == "open" and case.offered_to == EVERYBODY)
