"""What is done in the background on the way to publication, a job at a time; and taking a publication back, which is done at once."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from bot.knowledge_base import KnowledgeBase
from bot.publication.gold import shipped_questions
from knowledge.directory import VIETNAM
from knowledge.errors import IndexFault, LoadError, StoreError, TrogiupError
from knowledge.loading import Loaded, load_all
from knowledge.store import Actor, Job, JobKind, PublicationRefused, Published, Store, Subject, corpus_hash

logger = logging.getLogger("trogiup.publication")
_LOOK_EVERY_S = 1.0
CRASHED, GONE, INDEX = "crashed", "gone", "index"
"""Keys of jobs.said in texts.yml."""


Task = Literal["build", "gate"]
Progress = Callable[[int, int], None]


class Apart(Protocol):
    """Does what is heavy somewhere else. IndexFault when it cannot be done."""

    def __call__(self, task: Task, document_id: str, version: int | None, as_of: date, progress: Progress) -> list[dict[str, Any]]:
        """The gate's outcomes as JSON objects; none for build."""
        ...


@dataclass(frozen=True)
class Publisher:
    """Works on one knowledge base. `apart` does what is heavy; `swapped` is told when another snapshot is in use."""

    base: KnowledgeBase
    clock: Callable[[], datetime]
    apart: Apart
    swapped: Callable[[], object]

    @property
    def store(self) -> Store:
        """Where documents, drafts and jobs lie."""
        return self.base.store

    @property
    def uploads(self) -> Path:
        """Files that have come and are not read yet; a folder each."""
        return self.base.home / "uploads"

    def corpus_with(self, document_id: str, version: int | None) -> str:
        """What would be published once this version is: the gate is run for it."""
        return corpus_hash(self.base.with_version(document_id, version))

    # --- the line of jobs

    def start(self) -> None:
        """After a start of the program: gold questions are there, what was cut off begins again, snapshot and database agree."""
        self.store.gold.seed(shipped_questions())
        self.store.jobs.start_again(CRASHED)
        if self.store.documents.published():
            self._agree()

    def step(self) -> bool:
        """Does the next job; False when there is none. What goes wrong is written into the job."""
        job = self.store.jobs.take()
        if job is None:
            return False
        does: dict[JobKind, Callable[[Job], dict[str, Any]]] = {
            "read": self._read,
            "gate": self._gate,
            "publish": self._publish,
            "retire": self._retire,
            "index": self._index,
        }
        try:
            result = does[job.kind](job)
        except PublicationRefused as refused:
            self.store.jobs.end(job.job_id, "failed", refused.reason)
        except StoreError:
            raise  # the job is still running for the store: it begins again
        except IndexFault as fault:
            logger.error("event=job_failed job=%d detail=%s", job.job_id, fault.advice)
            self.store.jobs.end(job.job_id, "failed", INDEX)
        except TrogiupError as error:
            self.store.jobs.end(job.job_id, "failed", error.advice)
        except Exception as error:
            logger.error("event=job_failed job=%d why=%s", job.job_id, type(error).__name__)
            self.store.jobs.end(job.job_id, "failed", CRASHED)
        else:
            self.store.jobs.end(job.job_id, "done", None, result)
        return True

    async def run(self) -> None:
        """For ever; one job at a time, so that two never build at once."""
        begun = False
        while True:
            worked = False
            try:
                if not begun:
                    await asyncio.to_thread(self.start)
                    begun = True
                worked = await asyncio.to_thread(self.step)
            except StoreError:
                begun = False  # what was running begins again once the database answers
            except Exception as error:
                logger.error("event=publication_fault why=%s", type(error).__name__)
            if not worked:
                await asyncio.sleep(_LOOK_EVERY_S)

    def _progress(self, job: Job) -> Callable[[int, int], None]:
        return lambda done, of: self.store.jobs.progress(job.job_id, done, of)

    # --- the jobs

    def _read(self, job: Job) -> dict[str, Any]:
        """Reads an uploaded file; each document in it becomes a draft."""
        folder = self.uploads / Path(str(job.payload["folder"])).name
        files = [path for path in folder.glob("*") if path.is_file()] if folder.is_dir() else []
        if not files:
            raise LoadError(GONE)
        taken = [self._taken(loaded, job.actor) for loaded in load_all(files[0], self.base.gazetteer, self._progress(job))]
        shutil.rmtree(folder, ignore_errors=True)
        if len(taken) == 1 and taken[0].get("error"):
            raise LoadError(taken[0]["error"])
        return {"taken": taken}

    def _taken(self, loaded: Loaded, by: Actor) -> dict[str, Any]:
        if loaded.document is None:
            return {"name": loaded.name, "error": loaded.error.advice if loaded.error else CRASHED}
        document, version, twin = self.base.take_in(loaded.document, loaded.content)
        if twin is None:
            after = {"version": version, "source_file": document.source_file}
            self.store.audit.record(by, "document_added", Subject("document", document.document_id), None, after)
        return {"name": loaded.name, "document_id": twin or document.document_id, "version": version, "twin": twin}

    def _gate(self, job: Job) -> dict[str, Any]:
        document_id, version = job.payload["document_id"], job.payload["version"]
        work = self.base.work(document_id, version)
        corpus = self.corpus_with(document_id, version)
        today = self.clock().astimezone(VIETNAM).date()
        outcomes = self.apart("gate", document_id, version, today, self._progress(job))
        self.store.drafts.record_gate(work, outcomes, corpus, job.actor)
        return {"document_id": document_id, "version": version}

    def _publish(self, job: Job) -> dict[str, Any]:
        """The snapshot first, aside; then the states in one transaction; then the snapshot is swapped in.

        Cut off before the transaction, all is as it was; cut off after it, `start` swaps in what lies ready.
        """
        document_id, version, revision = job.payload["document_id"], job.payload["version"], job.payload["revision"]
        if self.store.documents.get(document_id, version).state == "published":
            return self._done(document_id, version)  # cut off after the transaction, and begun again
        corpus = self.corpus_with(document_id, version)
        self._built(document_id, version)
        self.store.publications.publish(document_id, version, revision, corpus, job.actor)
        return self._done(document_id, version)

    def _retire(self, job: Job) -> dict[str, Any]:
        document_id = job.payload["document_id"]
        if any(row.document_id == document_id for row in self.store.documents.published()):
            self._built(document_id, None)
            self.store.publications.retire(document_id, job.payload["reason"], job.actor)
        return self._done(document_id, None)

    def _index(self, job: Job) -> dict[str, Any]:
        self._agree()
        return {}

    def _built(self, document_id: str, version: int | None) -> None:
        self.apart("build", document_id, version, self.clock().astimezone(VIETNAM).date(), lambda done, of: None)

    def _done(self, document_id: str, version: int | None) -> dict[str, Any]:
        self._agree()
        return {"document_id": document_id, "version": version}

    def _agree(self) -> None:
        """The snapshot in use is the one of what is published: one that lies ready, or one built now."""
        if not self.base.settle():
            self.base.build_apart()
        self.swapped()

    # --- at once

    def roll_back(self, publication_id: int, by: Actor) -> Published:
        """Takes the last publication back: the states in one transaction, then the older snapshot, which is still held.

        Where it is not held any more it is built in the background. Raises PublicationRefused.
        """
        taken_back = self.store.publications.roll_back(publication_id, by)
        try:
            settled = self.base.settle()
        except IndexFault:
            settled = False
        if settled:
            self.swapped()
        else:
            self.store.jobs.add("index", {}, by)
        return taken_back

    def waits_for(self, document_id: str, version: int) -> Job | None:
        """What is being done with a version right now."""
        for job in self.store.jobs.unfinished():
            if (job.payload.get("document_id"), job.payload.get("version")) == (document_id, version):
                return job
        return None
