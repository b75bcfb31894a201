"""Work in the background: reading files in, the gate, publishing. A row outlives the program; what was running starts again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal, cast

from sqlalchemy import select, update

from knowledge.store.audit import Actor
from knowledge.store.database import Database, insert
from knowledge.store.schema_publication import JobTable

JobKind = Literal["read", "gate", "publish", "retire", "index"]
JobState = Literal["waiting", "running", "done", "failed"]
MOST_TRIES = 3
"""A job that has taken the program down so often is not started again."""
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work. `done` of `of` steps (0 of 0: not known yet)."""

    job_id: int
    kind: JobKind
    state: JobState
    payload_json: str = field(repr=False)
    result_json: str | None = field(repr=False)
    said: str | None
    done: int
    of: int
    tries: int
    made_by: str | None
    address: str | None
    made_at: datetime
    ended_at: datetime | None

    @property
    def payload(self) -> dict[str, Any]:
        """What it works on."""
        return cast(dict[str, Any], json.loads(self.payload_json))

    @property
    def result(self) -> dict[str, Any]:
        """What came of it; empty before."""
        return cast(dict[str, Any], json.loads(self.result_json or "{}"))

    @property
    def actor(self) -> Actor:
        """Who asked for it, for the audit log."""
        return Actor(self.made_by, self.address)


_JOB = [getattr(JobTable, f.name) for f in fields(Job)]


class Jobs:
    """The jobs of a store. One program takes them. Every method raises StoreError."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def add(self, kind: JobKind, payload: Mapping[str, Any], by: Actor) -> int:
        """Put a job at the end of the line; its id."""
        row = {
            "kind": kind,
            "state": "waiting",
            "payload_json": json.dumps(payload, ensure_ascii=False),
            "done": 0,
            "of": 0,
            "tries": 0,
            "made_by": by.account_id,
            "address": by.address,
            "made_at": self._clock(),
        }
        with self._database.write() as connection:
            return int(connection.execute(insert(connection, JobTable).values(row).returning(JobTable.job_id)).scalar_one())

    def take(self) -> Job | None:
        """The job that has waited longest, running from now on."""
        with self._database.write() as connection:
            row = connection.execute(select(*_JOB).where(JobTable.state == "waiting").order_by(JobTable.job_id).limit(1)).first()
            if row is None:
                return None
            job = Job(*row)
            this = update(JobTable).where(JobTable.job_id == job.job_id)
            connection.execute(this.values(state="running", tries=JobTable.tries + 1, done=0, of=0))
        return job

    def progress(self, job_id: int, done: int, of: int) -> None:
        """How far it is."""
        with self._database.write() as connection:
            connection.execute(update(JobTable).where(JobTable.job_id == job_id).values(done=done, of=of))

    def end(self, job_id: int, state: Literal["done", "failed"], said: str | None, result: Mapping[str, Any] | None = None) -> None:
        """It is over."""
        kept = None if result is None else json.dumps(result, ensure_ascii=False)
        values = {"state": state, "said": said, "result_json": kept, "ended_at": self._clock()}
        with self._database.write() as connection:
            connection.execute(update(JobTable).where(JobTable.job_id == job_id).values(values))

    def start_again(self, gave_up: str) -> None:
        """After a restart: what was running waits again; what was tried MOST_TRIES times has failed, and `gave_up` says so."""
        running = update(JobTable).where(JobTable.state == "running")
        with self._database.write() as connection:
            connection.execute(running.where(JobTable.tries >= MOST_TRIES).values(state="failed", said=gave_up, ended_at=self._clock()))
            connection.execute(running.values(state="waiting"))

    def get(self, job_id: int) -> Job | None:
        """One job."""
        with self._database.read() as connection:
            row = connection.execute(select(*_JOB).where(JobTable.job_id == job_id)).first()
        return None if row is None else Job(*row)

    def recent(self) -> tuple[Job, ...]:
        """The newest jobs, newest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(*_JOB).order_by(JobTable.job_id.desc()).limit(_SHOWN)).all()
        return tuple(Job(*row) for row in rows)

    def unfinished(self) -> tuple[Job, ...]:
        """What waits or runs, oldest first."""
        live = select(*_JOB).where(JobTable.state.in_(("waiting", "running"))).order_by(JobTable.job_id)
        with self._database.read() as connection:
            return tuple(Job(*row) for row in connection.execute(live))
