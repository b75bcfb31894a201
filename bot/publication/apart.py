"""The heavy part of publishing, in a process of its own: building a candidate snapshot and asking the gate's questions.

`python -m bot.publication.apart TASK DOCUMENT_ID VERSION AS_OF`: TASK is build or gate, VERSION "-" for none of the document. Writes lines
of JSON: {"done": n, "of": m} as it goes on, then {"outcomes": […]} or {"failed": advice}. So the service keeps its memory, and what
crashes here ends here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from typing import Any, cast

from bot.knowledge_base import ROOT, KnowledgeBase
from bot.publication.gate import asker, compare
from bot.publication.publisher import Apart, Progress, Task
from bot.services import Services
from bot.settings import Settings
from index import snapshot
from index.snapshot import Snapshot
from knowledge.errors import IndexFault, SnapshotMissing, TrogiupError


def process_of(base: KnowledgeBase) -> Apart:
    """In a process of its own."""

    def run(task: Task, document_id: str, version: int | None, as_of: date, progress: Progress) -> list[dict[str, Any]]:
        argv = [sys.executable, "-m", "bot.publication.apart", task, document_id, str(version or "-"), as_of.isoformat()]
        last: dict[str, Any] = {}
        with subprocess.Popen(  # noqa: S603
            argv, cwd=ROOT, env=base.environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
        ) as process:
            for line in process.stdout or ():
                last = json.loads(line)
                if "done" in last:
                    progress(last["done"], last["of"])
        if "outcomes" not in last:
            raise IndexFault(last.get("failed") or "The index could not be built: try again.", status=process.returncode)
        return cast(list[dict[str, Any]], last["outcomes"])

    return run


def do(services: Services, task: Task, document_id: str, version: int | None, as_of: date, progress: Progress) -> list[dict[str, Any]]:
    """The task, here. TrogiupError when it cannot be done."""
    base = services.knowledge_base
    home = base.build_candidate(document_id, version)
    if task == "build":
        return []
    before = _in_use(base)
    after = snapshot.open_current(home, base.encoder, before)
    now = services.clock()
    questions = services.store.gold.of(document_id)
    asked = compare(questions, asker(services, before, now, as_of), asker(services, after, now, as_of), progress)
    return [outcome.as_json() for outcome in asked]


def _in_use(base: KnowledgeBase) -> Snapshot | None:
    try:
        return snapshot.open_current(base.home, base.encoder)
    except SnapshotMissing:
        return None


def _say(**line: object) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main(argv: list[str]) -> int:
    """Exit status 0 once it is done."""
    task, document_id, version, as_of = argv
    try:
        services = Services.open(Settings.load(os.environ, ROOT))
        try:
            wanted = None if version == "-" else int(version)
            day = date.fromisoformat(as_of)
            outcomes = do(services, cast(Task, task), document_id, wanted, day, lambda done, of: _say(done=done, of=of))
        finally:
            services.close()
    except TrogiupError as error:
        _say(failed=error.advice)
        return 1
    _say(outcomes=outcomes)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
