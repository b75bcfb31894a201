"""What each command does. Prints to standard output; returns the exit status; raises TrogiupError with a line of advice."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.services import ROOT, Services, utc_now
from bot.settings import Settings
from index import snapshot
from index.evaluation import read_gold
from knowledge.directory import VIETNAM
from knowledge.errors import KnowledgeError, LoadError, RequestRefused, SettingsError, TrogiupError
from knowledge.loading import documents_in
from knowledge.store import Store

if TYPE_CHECKING:
    from bot.client import Ask

LEAST_FREE = 500 * 1024 * 1024
"""Bytes that a new snapshot, the database and the logs want free."""


_FEW_PAGES = 10
"""Files of no more pages are read without a word."""


@contextmanager
def _open(settings: Settings) -> Iterator[Services]:
    services = Services.open(settings)
    try:
        yield services
    finally:
        services.close()


def _note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _print(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False))


# The service


def serve(settings: Settings, arguments: argparse.Namespace) -> int:
    """Until it is stopped."""
    import uvloop

    from bot.serve import open_index
    from bot.serve import serve as run_service
    from bot.supervisor import check_port
    from bot.workshop import workshop

    check_port(settings.host, settings.port)
    with _open(settings) as services:
        services.knowledge_base.ensure(_note)
        open_index(services, _note)
        with workshop(services) as forked:
            uvloop.run(run_service(services, _announce, with_rasa=not arguments.without_rasa, workshop=forked))
    return 0


def _announce(line: str) -> None:
    if line.startswith("ready "):
        address = line.removeprefix("ready ")
        pages = {"/": "chat", "/tai-lieu": "documents", "/readyz": "state"}
        print("\n".join(["Trợ Giúp", *(f"  {address}{path:12}{what}" for path, what in pages.items())]), flush=True)
    else:
        _note(line)


# Asking


def ask(settings: Settings, arguments: argparse.Namespace) -> int:
    """One question, or a batch."""
    if (arguments.question is None) == (arguments.batch is None):
        raise SettingsError("Give a question, or --batch FILE.jsonl.")
    if arguments.batch:
        return asyncio.run(_batch(settings, read_gold(arguments.batch), arguments))
    return asyncio.run(_one(settings, arguments))


async def _one(settings: Settings, arguments: argparse.Namespace) -> int:
    from bot.client import asking

    text = arguments.question if not arguments.province else f"{arguments.question} ({arguments.province})"
    async with asking(settings, with_rasa=False) as put:
        answer = await put(f"cli-{uuid.uuid4().hex}", text, arguments.as_of)
    _print(answer) if arguments.json else print(shown(answer))
    return 0


async def _batch(settings: Settings, lines: list[dict[str, Any]], arguments: argparse.Namespace) -> int:
    from bot.client import answer_line, asking

    async with asking(settings, with_rasa=True) as put:
        for line in lines:
            _print(await answer_line(put, line, arguments.as_of))
    return 0


def chat(settings: Settings, arguments: argparse.Namespace) -> int:
    """Line by line until the end of input."""
    from bot.client import asking

    conversation_id = f"chat-{uuid.uuid4().hex}"
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            put = runner.run(stack.enter_async_context(asking(settings, with_rasa=True)))
            while True:
                text = input("› ")  # here and not on a thread: one that waits for the keyboard cannot be stopped
                print(f"{runner.run(_said(put, conversation_id, text))}\n")
        except EOFError:
            return 0
        finally:
            runner.run(stack.aclose())


async def _said(put: Ask, conversation_id: str, text: str) -> str:
    try:
        return shown(await put(conversation_id, text, None))
    except RequestRefused as error:
        return error.advice


def shown(answer: dict[str, Any]) -> str:
    """An answer as a terminal shows it."""
    lines = [answer["text"]]
    lines += [f"  [{at}] {c['number'] or c['title'] or c['source_file']}: {c['quote']!r}" for at, c in enumerate(answer["citations"], 1)]
    lines += [f"  ☎ {h['phone']}  {h['name']} ({h['hours']})" for h in answer["hotlines"]]
    lines += [f"  → {suggestion}" for suggestion in answer["suggestions"]]
    return "\n".join(lines)


# The knowledge base


def ingest(settings: Settings, arguments: argparse.Namespace) -> int:
    """Each file is tried; a file that cannot be read is said and does not stop the others."""
    failed = 0
    with _open(settings) as services:
        base = services.knowledge_base
        for file in _files(arguments.paths):
            try:
                if isinstance(file, LoadError):
                    raise file
                for report in base.ingest_all(file, arguments.publish, _Pages(file.name)):
                    if isinstance(report, LoadError):
                        _note(report.advice)
                        failed = 1
                    else:
                        _print(report) if arguments.json else print(_report_line(report), flush=True)
            except LoadError as error:
                _note(error.advice)
                failed = 1
        if arguments.publish and not base.is_fresh() and base.store.documents.published():
            base.build()
    return failed


class _Pages:
    """Says on standard error how far a long file is, every ten pages."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, done: int, of: int) -> None:
        if of > _FEW_PAGES and (done % _FEW_PAGES == 0 or done == of):
            _note(f"{self._name}: {done}/{of}")


def _files(paths: list[Path]) -> Iterator[Path | LoadError]:
    """The files of each path, or why it has none."""
    for path in paths:
        try:
            yield from documents_in(path)
        except LoadError as error:
            yield error


def _report_line(report: dict[str, Any]) -> str:
    warnings = "".join(f"\n    ! {warning}" for warning in report["warnings"])
    twin = f"\n    = {report['duplicate_of']}" if report["duplicate_of"] else ""
    size = f"{report['passages']:4} passages"
    return f"{report['document_id']}  {report['state']:9}  {size}  {report['source_file']}  {report['number'] or '–'}{twin}{warnings}"


def docs_list(settings: Settings, arguments: argparse.Namespace) -> int:
    """All documents."""
    with _open(settings) as services:
        for row in services.store.documents.list():
            report = services.knowledge_base.report(services.knowledge_base.document(row.document_id), row.state)
            _print(report) if arguments.json else print(_report_line({**report, "warnings": ()}))
    return 0


def docs_show(settings: Settings, arguments: argparse.Namespace) -> int:
    """One document: what it says of itself and its outline, or its text."""
    with _open(settings) as services:
        document = services.knowledge_base.document(arguments.id)
        if arguments.text:
            sys.stdout.write(document.text)
            return 0
        state = next(row.state for row in services.store.documents.list() if row.document_id == arguments.id)
        report = services.knowledge_base.report(document, state)
        if arguments.json:
            _print(report)
            return 0
        for name, value in report.items():
            print(f"{name:13} {value}")
        for section in document.sections:
            print(f"{'  ' * section.level}{section.title}")
    return 0


def docs_publish(settings: Settings, arguments: argparse.Namespace) -> int:
    """The latest version, and a new snapshot."""
    with _open(settings) as services:
        services.store.documents.publish(arguments.id)
        services.knowledge_base.build()
    return 0


def docs_retire(settings: Settings, arguments: argparse.Namespace) -> int:
    """Out of the answers, and a new snapshot of what is left. The last one stays: no snapshot can be made of nothing."""
    with _open(settings) as services:
        if [row.document_id for row in services.store.documents.published()] == [arguments.id]:
            raise KnowledgeError("This is the only published document: publish another one first, then retire this one.")
        services.store.documents.retire(arguments.id)
        services.knowledge_base.build()
    return 0


def docs_history(settings: Settings, arguments: argparse.Namespace) -> int:
    """What was done, and when."""
    with _open(settings) as services:
        services.store.documents.get(arguments.id)
        for event in services.store.documents.history(arguments.id):
            print(f"{event.at.astimezone(VIETNAM):%Y-%m-%d %H:%M:%S}  {event.action:10}  {event.version or ''}")
    return 0


def docs_rollback(settings: Settings, arguments: argparse.Namespace) -> int:
    """An older version is published again, and a new snapshot."""
    with _open(settings) as services:
        services.store.documents.rollback(arguments.id, arguments.version)
        services.knowledge_base.build()
    return 0


# The index


def index_build(settings: Settings, arguments: argparse.Namespace) -> int:
    """A new snapshot of what is published; on a new machine the documents that come with the product first."""
    with _open(settings) as services:
        base = services.knowledge_base
        base.seed(_note)
        base.build()
    return index_info(settings, arguments)


def index_info(settings: Settings, arguments: argparse.Namespace) -> int:
    """The manifest, without its list of files."""
    manifest = snapshot.read_manifest(settings.home)
    for name in ("name", "created_at", "corpus_version", "encoder", "encoder_fingerprint", "documents", "passages"):
        print(f"{name:20} {getattr(manifest, name)}")
    return 0


def index_verify(settings: Settings, arguments: argparse.Namespace) -> int:
    """1 with a line a fault, 0 when it is whole."""
    faults = snapshot.verify(settings.home)
    for fault in faults:
        print(fault)
    if not faults:
        print("ok")
    return 1 if faults else 0


def search(settings: Settings, arguments: argparse.Namespace) -> int:
    """Passages, best first."""
    from bot.search_view import search_view

    if not 1 <= arguments.k <= 50:
        raise SettingsError("-k takes 1 to 50.")
    with _open(settings) as services:
        services.knowledge_base.ensure(_note)
        on = arguments.as_of or services.clock().astimezone(VIETNAM).date()
        hits = search_view(services, arguments.words, arguments.province, on, arguments.k)
    if arguments.json:
        _print({"hits": hits})
        return 0
    for hit in hits:
        name = hit["number"] or hit["title"] or hit["source_file"]
        print(f"{hit['score']:.3f}  {name}  {' › '.join(hit['heading_path'])}\n       {hit['quote']}")
    return 0


def evaluate(settings: Settings, arguments: argparse.Namespace) -> int:
    """The figures of gold sets, or two runs side by side."""
    from bot.evaluate import evaluate as run_evaluation

    return run_evaluation(settings, arguments)


# The doctor


def doctor(settings: Settings, arguments: argparse.Namespace) -> int:
    """Every check with what to do; 1 when something has to be done."""
    from bot.channels.checks import channel_checks
    from bot.commands_cases import check as check_cases
    from bot.duty.chatwoot_desk import check as check_chatwoot

    for line in settings.describe():
        if not line.inner:
            print(f"{'set' if line.is_set else '-':4} {line.name:34} {line.shown:24} {line.meaning}")
    print()
    checks: dict[str, Callable[[], str]] = {
        "database": lambda: _check_database(settings),
        "cases": lambda: check_cases(settings),
        "index": lambda: _check_index(settings),
        "rasa": _check_rasa,
        "directory": lambda: _check_directory(settings),
        "disk": lambda: _check_disk(settings),
    }
    if settings.chatwoot_url:
        checks["chatwoot"] = lambda: check_chatwoot(settings)
    checks |= channel_checks(settings, lambda: Store.open(settings.database_url, utc_now))
    bad = 0
    for name, check in checks.items():
        try:
            print(f"ok   {name:10} {check()}")
        except (TrogiupError, OSError) as error:
            bad = 1
            print(f"BAD  {name:10} {error.advice if isinstance(error, TrogiupError) else error.strerror}")
    return bad


def _check_database(settings: Settings) -> str:
    with _open(settings) as services:
        services.store.health()
        return f"{len(services.store.documents.list())} documents, {len(services.store.cases.list())} open cases"


def _check_directory(settings: Settings) -> str:
    """A reminder, and no fault: nothing stops working when nobody has called a number for 90 days."""
    with _open(settings) as services:
        keeper, today = services.directory_keeper, services.clock().astimezone(VIETNAM).date()
        keeper.refresh()
        shown, due = sum(not entry.hidden for entry in keeper.merged.entries), len(keeper.overdue(today))
        if keeper.merged.faults:
            raise TrogiupError(f"Rows of the directory that have no place: {len(keeper.merged.faults)}. Look at /can-bo/danh-ba.")
    return f"{shown} rows, {due} not checked for 90 days" + (": look at /can-bo/danh-ba" if due else "")


def _check_index(settings: Settings) -> str:
    faults = snapshot.verify(settings.home)
    if faults:
        raise TrogiupError(f"{faults[0]} Run trogiup index build.")
    with _open(settings) as services:
        if not services.knowledge_base.is_fresh():
            raise TrogiupError("The index is older than what is published: run trogiup index build.")
    return snapshot.read_manifest(settings.home).name


def _check_rasa() -> str:
    if not (ROOT / ".venv-rasa" / "bin" / "python").exists():
        raise TrogiupError("Rasa's environment is missing: run make run. Until then the actions answer directly.")
    return "environment there"


def _check_disk(settings: Settings) -> str:
    free = shutil.disk_usage(settings.home if settings.home.exists() else ROOT).free
    if free < LEAST_FREE:
        raise TrogiupError(f"Only {free // 1024**2} MB are free: make room, a new index and the log need {LEAST_FREE // 1024**2} MB.")
    return f"{free // 1024**3} GB free"
