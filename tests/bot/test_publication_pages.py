"""The way to publication over HTTP, with the heavy part in this process."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from house_fakes import Clock
from publication_house import EVIDENCE, HERE, PLAN, QUESTION, Browser, Office, docx, said, services_on

from bot.services import Services
from knowledge.store import AuditFilter

HOSTILE = "'; DROP TABLE documents; --<script>alert(1)</script>{{7*7}}\"><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def house(opened: Services, built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """The application, put together once; `office` gives it to each test as it was."""
    home = shutil.copytree(built, tmp_path_factory.mktemp("house") / "home")
    with services_on(opened, home, Clock()) as services:
        office = Office.of(services)
        office.add("lan", "editor", "approver")
        office.add("minh", "approver", "editor")
        office.add("tra", "collaborator")
        assert office.app
        services.store.close()
        shutil.copytree(home, home.with_name("as it was"))
        yield office


@pytest.fixture
def office(house: Office) -> Iterator[Office]:
    yield house
    services, home = house.services, house.services.settings.home
    services.store.close()
    shutil.rmtree(home)
    shutil.copytree(home.with_name("as it was"), home)
    services._answerer = services._tried = None
    services.knowledge_base._known.clear()


@pytest.fixture
def lan(office: Office) -> Browser:
    return office.browser("lan")


@pytest.fixture
def minh(office: Office) -> Browser:
    return office.browser("minh")


def checked(office: Office, browser: Browser) -> str:
    """A plan that was uploaded, asked about and checked; its page."""
    path = office.upload(browser, docx())
    browser.send(path, "cau-hoi", question=QUESTION, evidence=EVIDENCE, kind="answer")
    browser.send(path, "cong")
    office.work_off()
    if losses := office.work(path).open_losses:
        assert browser.send(path, "chap-nhan", lost=list(losses), reason="Đã xem").status_code == 303
    assert browser.send(path, "kiem").headers["location"] == f"{path}?xong=checked"
    return path


def ask(office: Office) -> dict[str, object]:
    response = office.app and Browser(office.browser("lan").client).client.post(
        "/api/v1/messages", json={"conversation_id": "c", "text": QUESTION}
    )
    return dict(response.json())


def test_from_a_file_to_the_citizen_and_back(office: Office, lan: Browser, minh: Browser) -> None:
    path = checked(office, lan)
    gate = {row["question"]: row["change"] for row in office.work(path).gate or []}
    assert gate[QUESTION] == "gained"
    assert len(gate) > 1
    assert said(lan.send(path, "cong-bo")) == "Người kiểm và người duyệt phải là hai người khác nhau."
    assert ask(office)["citations"] == []
    assert minh.send(path, "cong-bo").headers["location"] == f"{HERE}?xong=publishing"
    office.work_off()
    assert office.services.store.jobs.recent()[0].state == "done"
    told = ask(office)
    assert EVIDENCE in json.dumps(told["citations"], ensure_ascii=False)
    assert "Đang công bố" in minh.get(path)
    last = office.services.store.publications.last()
    assert last is not None
    assert minh.client.post(f"{HERE}/lui", data={"csrf": minh.csrf(), "publication": str(last.publication_id)}).status_code == 303
    assert ask(office)["citations"] == []
    assert office.services.knowledge_base.is_fresh()
    assert office.services.store.publications.last() is None
    actions = [entry.action for entry in office.services.store.audit.search(AuditFilter(subject_id=path.split("/")[-2]))]
    assert actions[:4] == ["document_rolled_back", "document_published", "document_checked", *actions[3:4]]
    # What was taken back can be approved again, retired, and that taken back as well.
    assert minh.send(path, "cong-bo").status_code == 303
    office.work_off()
    assert EVIDENCE in json.dumps(ask(office)["citations"], ensure_ascii=False)
    assert minh.send(path, "ngung", reason="").status_code == 400
    minh.send(path, "ngung", reason="Tỉnh đã có kế hoạch mới")
    office.work_off()
    assert ask(office)["citations"] == []
    last = office.services.store.publications.last()
    assert last is not None
    assert last.action == "retired"
    minh.client.post(f"{HERE}/lui", data={"csrf": minh.csrf(), "publication": str(last.publication_id)})
    assert EVIDENCE in json.dumps(ask(office)["citations"], ensure_ascii=False)


def test_a_correction_is_kept_when_the_file_comes_again(office: Office, lan: Browser) -> None:
    path = office.upload(lan, docx())
    assert 'value="91/KH-UBND"' in lan.get(path)
    changed = lan.fields(path, signer="Nguyễn Thị Mai Hương", valid_to="2031-12-31")
    assert lan.send(path, "ho-so", **changed).headers["location"] == f"{path}?xong=saved"
    line = next(at for at, words in enumerate(office.work(path).read_text.split("\n")) if words.startswith("2. 100%"))
    assert lan.send(path, "van-ban", line=str(line), words="2. 100% phụ nữ được tư vấn.", level="3").status_code == 303
    text = lan.get(f"{path}/van-ban")
    assert "### 2. 100% phụ nữ được tư vấn." in text
    assert "Máy đã đọc: 2. 100% phụ nữ bị bạo lực gia đình được tư vấn pháp lý miễn phí." in text
    assert office.upload(lan, docx()) == path  # nothing new in it
    again = office.upload(lan, docx(PLAN.replace("Sở Y tế bảo đảm", "Sở Y tế và Sở Nội vụ bảo đảm")))
    assert again == path[:-1] + "2"
    page = lan.get(again)
    assert 'value="Nguyễn Thị Mai Hương"' in page
    assert 'value="2031-12-31"' in page
    assert "Chỗ sửa cũ không còn khớp" not in page
    assert "được tư vấn." in lan.get(f"{again}/van-ban")
    third = office.upload(lan, docx(PLAN.replace("Nguyễn Thị Mai", "Trần Văn Nam")))
    page = lan.get(third)
    assert "Chỗ sửa cũ không còn khớp" in page
    assert 'value="Trần Văn Nam"' in page
    assert "Văn bản này đã có bản 3 mới hơn" in lan.get(path)
    assert said(lan.send(path, "ho-so", **changed)) == "Đã có bản mới hơn. Anh/chị làm trên bản đó."


def test_the_second_of_two_people_is_told_and_overwrites_nothing(office: Office, lan: Browser, minh: Browser) -> None:
    path = office.upload(lan, docx())
    stale = {"csrf": minh.csrf(), "revision": "0", **minh.fields(path, title="Tên của Minh")}
    lan.send(path, "ho-so", **lan.fields(path, title="Tên của Lan"))
    refused = minh.client.post(f"{path}/ho-so", data=stale)
    assert refused.status_code == 409
    assert "Nguyễn Lan đã lưu lúc" in refused.text
    assert "<q>Tên của Lan</q>" in refused.text
    assert "<q>Tên của Minh</q>" in refused.text
    assert 'value="Tên của Lan"' in minh.get(path)


def test_what_was_read_stands_again_without_a_correction(office: Office, lan: Browser) -> None:
    path = office.upload(lan, docx())
    before = office.services.store.documents.get(path.split("/")[-2], 1)
    lan.send(path, "ho-so", **lan.fields(path, signer="Ai đó"))
    assert "đã sửa tay" in lan.get(path)
    lan.send(path, "ho-so", **lan.fields(path, signer="Nguyễn Thị Mai"))
    assert office.services.store.drafts.edits(path.split("/")[-2]) == ()
    after = office.services.store.documents.get(path.split("/")[-2], 1)
    assert (after.text, after.metadata_json, after.warnings) == (before.text, before.metadata_json, before.warnings)


def test_a_loss_must_be_accepted_by_name(office: Office, lan: Browser) -> None:
    path = office.upload(lan, docx())
    work = office.work(path)
    row = {"id": "q1", "question": "Câu bị mất?", "own": False, "wanted": "answer", "change": "lost", "before": None, "after": None}
    corpus = office.worker.corpus_with(work.document_id, work.version)
    office.services.store.drafts.record_gate(work, [row], corpus, lan_actor(office))
    assert "Câu bị mất?" in lan.get(path)
    assert said(lan.send(path, "kiem")) == "Còn câu trả lời bị mất chưa ai chấp nhận."
    assert lan.send(path, "chap-nhan", lost=["q1"], reason=" ").status_code == 400
    assert lan.send(path, "chap-nhan", lost=["other"], reason="Vì thế").status_code == 409
    assert lan.send(path, "chap-nhan", lost=["q1"], reason="Kế hoạch cũ đã hết").status_code == 303
    assert "Kế hoạch cũ đã hết" in lan.get(path)
    assert lan.send(path, "kiem").status_code == 303


def lan_actor(office: Office):
    from knowledge.store import Actor

    return Actor(next(account.account_id for account in office.services.store.accounts.list() if account.username == "lan"))


def test_hostile_words_are_words(office: Office, lan: Browser) -> None:
    path = office.upload(lan, docx(PLAN.replace("Hội Liên hiệp Phụ nữ tỉnh", HOSTILE)), name=f"../../{HOSTILE}.docx")
    names = ("kind", "number", "title", "issuer", "signer", "based_on", "reports_on")
    assert lan.send(path, "ho-so", **lan.fields(path, **dict.fromkeys(names, HOSTILE))).status_code == 303
    lan.send(path, "cau-hoi", question=HOSTILE, evidence="", kind="answer")
    assert lan.send(path, "van-ban", line="3", words=HOSTILE, level="1").status_code == 303
    work = office.work(path)
    row = {"id": "q1", "question": HOSTILE, "own": False, "wanted": "answer", "change": "lost", "before": None, "after": None}
    office.services.store.drafts.record_gate(work, [row], office.worker.corpus_with(work.document_id, work.version), lan_actor(office))
    assert lan.send(path, "chap-nhan", lost=["q1"], reason=HOSTILE).status_code == 303
    assert lan.send(path, "kiem").status_code == 303
    assert lan.send(path, "tra-lai", reason=HOSTILE).status_code == 303
    for page in (
        HERE,
        path,
        f"{path}/van-ban",
        f"{path}/van-ban?dong=3",
        f"{path}/van-ban?dong=999999",
        f"{path}/van-ban?dong=%3Cscript%3E",
    ):
        text = lan.get(page)
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "{{7*7}}" in text
    assert lan.client.get(f"{HERE}/x'--/1").status_code == 404
    assert lan.client.get(f"{HERE}/{path.split('/')[-2]}/99999999999999999999").status_code == 404
    for field, value in (("province", "Atlantis"), ("issued_on", "31/02/2026"), ("valid_to", "1950-01-01"), ("title", "x" * 5000)):
        assert lan.send(path, "ho-so", **lan.fields(path, **{field: value})).status_code == 400, field
    assert lan.send(path, "van-ban", line="3", words="a", level="9").status_code == 400
    assert lan.send(path, "van-ban", line="x", words="a", level="").status_code == 400


def test_files_that_do_not_fit_are_refused_and_leave_nothing(office: Office, lan: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(lan.upload(("a.txt", b""))) == "Tệp “a.txt” không có gì ở trong."
    monkeypatch.setattr("bot.publication.forms.MAX_FILE", 100)
    assert "lớn hơn 50 MB" in said(lan.upload(("a.txt", b"x" * 99), ("b.txt", b"x" * 101)))
    monkeypatch.setattr("bot.publication.pages.MAX_UPLOAD", 1000)
    assert "đưa từng ít một" in said(lan.upload(("a.txt", b"x" * 2000)))
    assert lan.client.post(HERE, data={"csrf": "no"}, files=[("tep", ("a.txt", b"x"))]).status_code == 403
    assert list(office.worker.uploads.glob("*")) == []
    assert office.services.store.jobs.recent() == ()


def test_what_cannot_be_read_is_said(office: Office, lan: Browser) -> None:
    lan.upload(("a.pdf", b"%PDF-1.7 broken"), ("b.txt", "Chữ có thật".encode()))
    office.work_off()
    states = {job.payload["name"]: job.state for job in office.services.store.jobs.recent()}
    assert states == {"a.pdf": "failed", "b.txt": "done"}
    assert "tệp bị hỏng" in lan.get(HERE)


def test_roles(office: Office, lan: Browser) -> None:
    path = office.upload(lan, docx())
    tra = office.browser("tra")
    assert "91/KH-UBND" in tra.get(HERE)
    assert 'type="file"' not in tra.get(HERE)
    assert "readonly" in tra.get(path)
    token = {"csrf": lan.csrf(), "revision": "0"}
    for action in ("ho-so", "van-ban", "cau-hoi", "cong", "kiem", "cong-bo", "ngung", "chap-nhan", "tra-lai"):
        assert tra.client.post(f"{path}/{action}", data=token).status_code == 403, action
    assert tra.client.post(f"{HERE}/lui", data=token).status_code == 403
    assert tra.client.post(HERE, files=[("tep", ("a.txt", b"x"))]).status_code == 403


def test_relations_are_kept_and_what_is_published_is_corrected_in_a_new_version(office: Office, lan: Browser) -> None:
    path = office.upload(lan, docx(PLAN.replace("II. TỔ CHỨC", "2. Kế hoạch này thay thế Kế hoạch số 15/KH-UBND.\nII. TỔ CHỨC")))
    assert 'value="15/KH-UBND"' in lan.get(path)
    rows = {"rel-0-kind": "replaces", "rel-0-number": "15/KH-UBND", "rel-0-source": "Kế hoạch này | nói vậy"}
    rows |= {"rel-3-kind": "amends", "rel-3-number": HOSTILE, "rel-3-since": "2026-04-01", "rel-4-kind": "amends"}
    assert lan.send(path, "ho-so", **lan.fields(path), **rows).status_code == 303
    document_id = path.split("/")[-2]
    store, base = office.services.store, office.services.knowledge_base
    kept = base.document(document_id).metadata.relations
    assert [(row.kind, row.number, row.since) for row in kept] == [
        ("replaces", "15/KH-UBND", None),
        ("amends", HOSTILE, date(2026, 4, 1)),
    ]
    assert "<script>alert" not in lan.get(path)
    for wrong in ({"rel-0-kind": "eats"}, {"rel-0-since": "hôm qua"}):
        assert lan.send(path, "ho-so", **lan.fields(path), **(rows | wrong)).status_code == 400
    assert lan.send(path, "ban-moi").status_code == 409
    store.documents.publish(document_id)
    assert lan.send(path, "ho-so", **lan.fields(path), **rows).status_code == 409
    again = lan.send(path, "ban-moi").headers["location"]
    assert again == f"{HERE}/{document_id}/2"
    assert lan.send(path, "ban-moi").headers["location"] == again
    assert store.documents.get(document_id, 2).text == store.documents.get(document_id, 1).text
    assert lan.send(again, "ho-so", **lan.fields(again)).status_code == 303  # a table without rows: no relations
    assert base.document(document_id, 2).metadata.relations == ()
    assert base.document(document_id, 1).metadata.relations == kept
    assert store.documents.original(document_id, 2) == store.documents.original(document_id, 1)
