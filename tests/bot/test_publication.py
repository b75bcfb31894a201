"""Publishing that is cut off anywhere, jobs that outlive the program, corrections, the gate's judgement, the questions that are shipped."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from house_fakes import Clock
from publication_house import PLAN, Office, services_on

from actions.model import Answer, Citation
from bot.publication.corrections import correct, read_warnings
from bot.publication.forms import Unfit, metadata_edits, safe_name
from bot.publication.gate import change_between
from bot.publication.gold import shipped_questions
from bot.publication.publisher import CRASHED
from bot.services import Services
from bot.staff.guard import Form
from index import snapshot
from knowledge.collection import Collection
from knowledge.errors import StoreError
from knowledge.loading import assemble
from knowledge.model import Document
from knowledge.places import Gazetteer
from knowledge.reading.model import Extracted
from knowledge.store import Actor, Edit, GoldQuestion, Overtaken, PublicationRefused
from knowledge.store.jobs import MOST_TRIES

LAN, MINH = Actor("lan"), Actor("minh")


class PowerCut(BaseException):
    """Nothing of the program is left."""


@pytest.fixture
def services(opened: Services, home: Path, clock: Clock) -> Iterator[Services]:
    with services_on(opened, home, clock) as services:
        yield services


@pytest.fixture
def office(services: Services) -> Office:
    return Office.of(services)


@pytest.fixture
def plan(gazetteer: Gazetteer) -> Document:
    return assemble("plan.txt", Extracted(PLAN, None, False, ("Đã bỏ số trang.",)), gazetteer)


def reviewed(office: Office, plan: Document) -> tuple[str, int]:
    """The plan, checked by Lan; a publish job of Minh's waits."""
    base, store = office.services.knowledge_base, office.services.store
    document, version, _ = base.take_in(plan, PLAN.encode())
    work = base.work(document.document_id, version)
    corpus = office.worker.corpus_with(document.document_id, version)
    store.drafts.record_gate(work, [], corpus, LAN)
    store.drafts.check(work, corpus, LAN)
    store.jobs.add("publish", {"document_id": document.document_id, "version": version, "revision": work.revision}, MINH)
    return document.document_id, version


def agree(office: Office) -> bool:
    """Whether the snapshot in use is whole and made of what is published."""
    base = office.services.knowledge_base
    held = {document.document_id for document in snapshot.open_current(base.home).collection.documents}
    return base.is_fresh() and not snapshot.verify(base.home) and held == {row.document_id for row in base.store.documents.published()}


def swapped(office: Office) -> None:
    """What waits is published while the program answers. Nothing that holds the older snapshot is left, without a collector looking for
    it: what is frozen (Services.warm) it never looks at. What both hold was not read again."""
    office.services.warm()
    answerer = office.services.answerer()
    out_of_use, before = [weakref.ref(each) for each in (answerer, answerer.retriever)], answerer.retriever.snapshot.collection
    answerer.look_up(office.services.understanding.read("Có mấy nhà tạm lánh?", date(2026, 5, 4)))
    del answerer
    gc.disable()
    try:
        office.work_off()
        assert [ref() for ref in out_of_use] == [None, None]
    finally:
        gc.enable()
    after = office.services.answerer().retriever.snapshot.collection
    assert len(after.documents) == len(before.documents) + 1
    assert {id(document) for document in before.documents} < {id(document) for document in after.documents}


CUTS: list[tuple[str, str]] = [
    ("index.snapshot._write", "old"),
    ("index.snapshot._swap_in", "old"),  # of the candidate
    ("knowledge.store.publication.published_corpus", "old"),
    ("knowledge.store.publication.add_entry", "old"),
    ("bot.knowledge_base.KnowledgeBase.settle", "new"),
    ("index.snapshot.adopt", "new"),
    ("knowledge.store.jobs.Jobs.end", "new"),
]


@pytest.mark.parametrize(("where", "stands"), CUTS)
def test_a_power_cut_at_any_step_leaves_a_whole_state(office: Office, plan: Document, where: str, stands: str) -> None:
    document_id, version = reviewed(office, plan)
    before = snapshot.read_manifest(office.services.settings.home).name

    def cut(*_: Any, **__: Any) -> None:
        raise PowerCut

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(where, cut)
        with pytest.raises(PowerCut):
            office.worker.step()
    state = office.services.store.documents.get(document_id, version).state
    assert state == ("review" if stands == "old" else "published")
    if stands == "old":
        assert snapshot.read_manifest(office.services.settings.home).name == before
        assert agree(office)
    office.worker.start()  # the program comes back
    assert agree(office)
    assert [job.state for job in office.services.store.jobs.unfinished()] == ["waiting"]
    office.work_off()  # and the job that was cut off is done after all
    assert agree(office)
    assert office.services.store.documents.get(document_id, version).state == "published"
    assert len(office.services.store.publications.history()) == 1


def test_rolling_back_takes_the_snapshot_that_is_held(office: Office, plan: Document) -> None:
    before = snapshot.read_manifest(office.services.settings.home).name
    document_id, version = reviewed(office, plan)
    swapped(office)
    last = office.services.store.publications.last()
    assert last is not None
    assert (last.before, last.after) == ({document_id: None}, {document_id: version})
    office.worker.roll_back(last.publication_id, MINH)
    assert snapshot.read_manifest(office.services.settings.home).name == before
    assert office.services.answerer().retriever.snapshot.manifest.name == before
    assert agree(office)
    with pytest.raises(PublicationRefused, match="last publication"):
        office.worker.roll_back(last.publication_id, MINH)


def test_rolling_back_past_another_publication_is_refused(office: Office, plan: Document) -> None:
    reviewed(office, plan)
    office.work_off()
    last = office.services.store.publications.last()
    assert last is not None
    office.services.store.documents.retire(office.services.store.documents.list()[0].document_id)  # by the command line
    with pytest.raises(PublicationRefused) as refused:
        office.worker.roll_back(last.publication_id, MINH)
    assert refused.value.reason == "corpus_moved"


def test_who_approves_did_not_check_and_the_gate_is_of_today(office: Office, plan: Document) -> None:
    document_id, version = reviewed(office, plan)
    store, corpus = office.services.store, office.worker.corpus_with(document_id, version)
    for by, revision, asked, reason in ((LAN, 0, corpus, "same_person"), (MINH, 1, corpus, "state"), (MINH, 0, "other", "gate_stale")):
        with pytest.raises(PublicationRefused) as refused:
            store.publications.publish(document_id, version, revision, asked, by)
        assert refused.value.reason == reason
    other = next(row.document_id for row in store.documents.published())
    store.documents.retire(other)
    office.work_off()
    assert store.jobs.recent()[0].said == "gate_stale"
    assert store.documents.get(document_id, version).state == "review"


def test_a_correction_takes_the_check_back(office: Office, plan: Document) -> None:
    document_id, version = reviewed(office, plan)
    store, base = office.services.store, office.services.knowledge_base
    work = base.work(document_id, version)
    row = store.documents.get(document_id, version)
    from knowledge.store import Corrections

    made = Corrections(row.text + "\nThêm một dòng.", row.metadata_json, row.warnings)
    assert store.drafts.correct(work, [Edit("text", "II. TỔ CHỨC", "II. TỔ CHỨC THỰC HIỆN")], [], made, {}, LAN) == 1
    assert store.documents.get(document_id, version).state == "draft"
    assert base.work(document_id, version).gate is None
    with pytest.raises(Overtaken) as overtaken:
        store.drafts.correct(work, [], [], made, {}, MINH)
    assert overtaken.value.changed_by == "lan"
    assert [edit.value for edit in overtaken.value.edits] == ["II. TỔ CHỨC THỰC HIỆN"]
    office.work_off()
    assert store.jobs.recent()[0].said == "state"


def test_a_job_that_takes_the_program_down_is_given_up(office: Office) -> None:
    jobs = office.services.store.jobs
    job_id = jobs.add("gate", {"document_id": "x", "version": 1}, LAN)
    for _ in range(MOST_TRIES):
        taken = jobs.take()
        assert taken is not None
        jobs.start_again(CRASHED)
    assert jobs.take() is None
    found = jobs.get(job_id)
    assert found is not None
    assert (found.state, found.said) == ("failed", CRASHED)


async def test_the_worker_outlives_a_database_that_does_not_answer(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: Iterator[Callable[[], bool]] = iter([_fails, _fails, lambda: True])
    done: list[bool] = []

    def step(self: object) -> bool:
        done.append(next(calls, _ends)())
        return True

    monkeypatch.setattr("bot.publication.publisher._LOOK_EVERY_S", 0)
    monkeypatch.setattr("bot.publication.publisher.Publisher.step", step)
    with pytest.raises(PowerCut):
        await office.worker.run()
    assert done == [True]


def _fails() -> bool:
    raise StoreError("The database does not answer.")


def _ends() -> bool:
    raise PowerCut


# --- corrections


def test_corrections_find_their_line_and_their_value(plan: Document, gazetteer: Gazetteer) -> None:
    extra = read_warnings(plan, gazetteer)
    assert extra == ("Đã bỏ số trang.",)
    edits = [
        Edit("text", "TỈNH LÀO CAI", "TỈNH LAI CHÂU"),
        Edit("heading", "1. Hội Liên hiệp Phụ nữ tỉnh quản lý các nhà tạm lánh.", 2),
        Edit("text", "Chữ không có ở đâu", "Gì đó"),
        Edit("issued_on", "2026-03-12", "2026-03-13"),
        Edit("signer", "Người khác", "Ai đó"),
        Edit("number", "90/KH-UBND", "91/KH-UBND"),
    ]
    corrected = correct(plan, extra, edits, gazetteer)
    metadata = corrected.document.metadata
    assert metadata.province == "Lai Châu"
    assert metadata.issued_on == date(2026, 3, 13)
    assert metadata.fact("issued_on") is None  # the document does not say it
    assert any(section.title.startswith("1. Hội Liên hiệp") for section in corrected.document.sections)
    assert "Đã bỏ số trang." in metadata.warnings
    assert [edit.anchor for edit in corrected.unfit] == ["Chữ không có ở đâu", "Người khác"]
    for passage in corrected.document.passages:
        assert passage.span.of(corrected.document.text) == passage.text


def test_a_field_put_there_by_hand_is_no_longer_missing(gazetteer: Gazetteer) -> None:
    read = assemble("a.txt", Extracted(PLAN.replace("Số: 91/KH-UBND\n", "")), gazetteer)
    assert read.metadata.number is None
    corrected = correct(read, (), [Edit("number", "", "91/KH-UBND"), Edit("signer", "Nguyễn Thị Mai", None)], gazetteer)
    assert corrected.document.metadata.number == "91/KH-UBND"
    assert corrected.document.metadata.signer is None
    assert "Không đọc được số hiệu trong văn bản." not in corrected.document.metadata.warnings


def test_the_second_of_two_lines_with_the_same_words(gazetteer: Gazetteer) -> None:
    read = assemble("a.txt", Extracted("Mở đầu\nNhư trên\nNhư trên\nHết"), gazetteer)
    corrected = correct(read, (), [Edit("text", "Như trên", "Khác", nth=1)], gazetteer)
    assert corrected.document.text == "Mở đầu\nNhư trên\nKhác\nHết"


def test_a_period_that_ends_before_it_begins_is_refused(plan: Document, gazetteer: Gazetteer) -> None:
    with pytest.raises(Unfit):
        metadata_edits(Form([("valid_from", "2027-01-01"), ("valid_to", "2026-01-01")]), plan.metadata, plan.metadata, gazetteer)


@pytest.mark.parametrize(
    ("name", "kept"),
    [("../../etc/passwd", "passwd"), ("C:\\kế hoạch.docx", "kế hoạch.docx"), ("...", "tep"), ("a\0b<script>.pdf", "a_b_script_.pdf")],
)
def test_names_of_files_are_made_safe(name: str, kept: str) -> None:
    assert safe_name(name) == kept
    assert len(safe_name("ế" * 500 + ".docx").encode()) <= 240


# --- the gate


def test_what_counts_as_gained_lost_and_different(clock: Callable[[], Any]) -> None:
    question = GoldQuestion("q", None, "Mấy nhà?", "answer", ("07 nhà",), None, clock())
    citation = Citation("d", "d.txt", None, None, None, None, None, None, "in_force", (), "có 07  nhà tạm lánh", 0, 20)
    good, bad = Answer("answer", "Có 07 nhà.", (citation,)), Answer("abstain", "Không rõ.")
    assert change_between(question, bad, good) == "gained"
    assert change_between(question, None, good) == "gained"
    assert change_between(question, good, bad) == "lost"
    assert change_between(question, good, replace(good, text="Bảy nhà.")) == "different"
    assert change_between(question, good, good) == "same"
    assert change_between(question, bad, bad) == "missing"
    assert change_between(replace(question, kind="abstain", evidence=()), good, bad) == "gained"


def test_the_shipped_questions_are_many_and_their_evidence_stands_in_the_documents(collection: Collection) -> None:
    texts = [" ".join(document.text.split()) for document in collection.documents]
    rows = shipped_questions()
    assert len(rows) >= 60
    for name, _, kind, evidence in rows:
        assert bool(evidence) == (kind == "answer"), name
        for words in evidence:
            assert any(words in text for text in texts), (name, words)
