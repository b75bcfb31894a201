"""Lays out an intake report in a process of its own, which is ended when it takes too long: words may be hostile, and layout is slow."""

from __future__ import annotations

import threading
from datetime import datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Literal

from bot.duty.intake_report import IntakeReport, compose
from knowledge.errors import TrogiupError

LIMIT_S = 20.0
_AT_ONCE = threading.BoundedSemaphore(2)
"""Each takes a processor to itself."""

ReportFile = Literal["docx", "pdf"]


class ReportFailed(TrogiupError):
    """The report could not be laid out in time."""

    def __init__(self) -> None:
        super().__init__("The report could not be made in time: try again, or write it by hand.")


def laid_out(report: IntakeReport, made_at: datetime, file: ReportFile, limit_s: float = LIMIT_S) -> bytes:
    """The bytes of the file. Blocks for up to `limit_s` seconds for its turn, and as long again for the work; raises ReportFailed then, and
    when the process dies.
    """
    context = get_context("spawn")  # nothing of this process's threads and connections goes along
    if not _AT_ONCE.acquire(timeout=limit_s):
        raise ReportFailed
    try:
        receive, send = context.Pipe(duplex=False)
        worker = context.Process(target=_work, args=(send, report, made_at, file), daemon=True)
        worker.start()
        send.close()
        try:
            if not receive.poll(limit_s):
                raise ReportFailed
            return receive.recv_bytes()
        except (EOFError, OSError) as error:
            raise ReportFailed from error
        finally:
            receive.close()
            worker.kill()
            worker.join()
    finally:
        _AT_ONCE.release()


def _work(send: Connection, report: IntakeReport, made_at: datetime, file: ReportFile) -> None:
    form = compose(report, made_at)
    if file == "docx":
        from bot.duty.intake_docx import as_docx

        send.send_bytes(as_docx(form))
    else:
        from bot.duty.intake_pdf import as_pdf

        send.send_bytes(as_pdf(form))
