"""`trogiup cases …`: the cases from the shell, for an office without a desk, and for what a person asks about their own data."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import closing

from bot.duty.retention import months_before
from bot.services import Services
from bot.settings import Settings
from knowledge.directory import VIETNAM
from knowledge.errors import KnowledgeError, SettingsError, TrogiupError
from knowledge.store import Case

_SHELL = "shell"


def list_(settings: Settings, arguments: argparse.Namespace) -> int:
    """By risk, then by who waits longest."""
    with closing(Services.open(settings)) as services:
        services.journal.replay(services.store)
        for case in services.store.cases.list(open_only=not arguments.all):
            print(_line(case))
    return 0


def show(settings: Settings, arguments: argparse.Namespace) -> int:
    """One case with what was written."""
    with closing(Services.open(settings)) as services:
        services.journal.replay(services.store)
        case = services.store.cases.get(arguments.id)
        print(_line(case))
        for line in case.transcript:
            print(f"{line.received_at.astimezone(VIETNAM):%Y-%m-%d %H:%M:%S}  {line.text or '–'}")
    return 0


def close(settings: Settings, arguments: argparse.Namespace) -> int:
    """Closed with its outcome."""
    with closing(Services.open(settings)) as services:
        services.store.cases.close(arguments.id, arguments.outcome)
    return 0


def export(settings: Settings, arguments: argparse.Namespace) -> int:
    """All that is known of a case, as one JSON object; that it was exported is one of its events."""
    with closing(Services.open(settings)) as services:
        services.journal.replay(services.store)
        print(json.dumps(services.store.retention.exported(arguments.id, None, _SHELL), ensure_ascii=False))
    return 0


def erase(settings: Settings, arguments: argparse.Namespace) -> int:
    """Everything about the person is gone; the skeleton and the events stay, with who asked for it: the shell."""
    with closing(Services.open(settings)) as services:
        services.journal.replay(services.store)
        case = services.store.cases.get(arguments.id)
        if not arguments.yes:
            _confirm(case)
        services.store.retention.erase(case.case_id, via=_SHELL)
    return 0


def check(settings: Settings) -> str:
    """For the doctor. Raises TrogiupError with what to do about cases that nobody ever closed, and about what the journal set aside."""
    with closing(Services.open(settings)) as services:
        border = months_before(services.clock(), settings.keep_cases_months)
        live = services.store.cases.list()
        if old := sorted(case.case_id for case in live if case.opened_at < border):
            raise TrogiupError(f"Open for longer than cases are kept: {', '.join(old)}. Look at each, and close it when nobody needs it.")
        if lines := services.journal.set_aside():
            raise TrogiupError(f"Lines that the database does not take: {lines}. Read cases.journal.torn, act on it, delete it.")
    return f"{len(live)} open"


def _confirm(case: Case) -> None:
    """Erasing cannot be taken back, so the id is typed once more."""
    if not sys.stdin.isatty():
        raise SettingsError("Erasing cannot be taken back: give --yes.")
    print(_line(case), file=sys.stderr)
    if input("Type the id again to erase the case: ").strip() != case.case_id:
        raise KnowledgeError("That is another id: nothing was erased.")


def _line(case: Case) -> str:
    since = f"{case.waiting_since.astimezone(VIETNAM):%Y-%m-%d %H:%M:%S}"
    return f"{case.case_id}  risk {case.risk}  {case.reason:8}  {','.join(case.kinds)}  since {since}  {case.state}  {case.channel}"
