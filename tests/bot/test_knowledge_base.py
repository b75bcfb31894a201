from __future__ import annotations

import json
import unicodedata
import zipfile
from datetime import date
from pathlib import Path

import pytest
from house_fakes import ROOT, Clock

from bot.knowledge_base import SOURCES, KnowledgeBase
from index import snapshot
from knowledge.errors import IndexFault, LoadError, UnknownDocument
from knowledge.places import load_gazetteer
from knowledge.store import Store

REPORT = {
    "document_id": str,
    "source_file": str,
    "number": (str, type(None)),
    "kind": (str, type(None)),
    "title": (str, type(None)),
    "issuer": (str, type(None)),
    "province": (str, type(None)),
    "province_now": (str, type(None)),
    "issued_on": (str, type(None)),
    "signer": (str, type(None)),
    "valid_from": (str, type(None)),
    "valid_to": (str, type(None)),
    "based_on": list,
    "reports_on": (str, type(None)),  # beyond the contract: what an article tells about
    "sections": int,
    "passages": int,
    "pages": (int, type(None)),
    "ocr": bool,
    "warnings": list,
    "state": str,
    "duplicate_of": (str, type(None)),
}
PLAN = """KẾ HOẠCH
Trợ giúp người già neo đơn giai đoạn 2026 - 2030

I. MỤC TIÊU

1. Mỗi xã có {count} nhóm thăm hỏi người già neo đơn.

II. TỔ CHỨC THỰC HIỆN

1. Hội Người cao tuổi lập danh sách người già neo đơn.
"""


@pytest.fixture
def base(store: Store, tmp_path: Path, clock: Clock) -> KnowledgeBase:
    """Nothing in it yet."""
    return KnowledgeBase(store, load_gazetteer(), tmp_path / "home", snapshot.EMBEDDED, "sqlite:///unused", clock)


def plan(folder: Path, count: str = "hai", name: str = "plan.txt") -> Path:
    path = folder / name
    path.write_text(PLAN.format(count=count), encoding="utf-8")
    return path


def add_version(base: KnowledgeBase, document_id: str, count: str) -> None:
    before = base.store.documents.get(document_id)
    base.store.documents.add_version(
        document_id, source_file="plan.txt", content=b"x", text=PLAN.format(count=count), metadata_json=before.metadata_json
    )


def said_by_none(line: str) -> None:
    raise AssertionError(line)


def test_a_report_is_the_contracts(base: KnowledgeBase) -> None:
    for file in sorted(SOURCES.glob("*.txt")):
        report = base.ingest(file, publish=False)
        assert list(report) == list(REPORT)
        for name, types in REPORT.items():
            assert isinstance(report[name], types), name
        assert json.loads(json.dumps(report)) == report
        assert report["source_file"] == file.name
        assert report["state"] == "draft"
        assert report["passages"] > 0
        for name in ("issued_on", "valid_from", "valid_to"):
            assert report[name] is None or date.fromisoformat(report[name])


def test_what_a_plan_says_of_itself(base: KnowledgeBase) -> None:
    report = base.ingest(SOURCES / "004_4c4afa931b7ad079.txt", publish=True)
    assert (report["number"], report["province"], report["province_now"]) == ("2735/KH-UBND", "Đồng Nai", "Đồng Nai")
    assert (report["issued_on"], report["valid_from"], report["valid_to"]) == ("2018-03-22", "2018-01-01", "2020-12-31")
    assert report["based_on"] == ["565/QĐ-TTg"]
    assert report["signer"] is None
    assert any("signer" in warning or "người ký" in warning.lower() for warning in report["warnings"])
    assert report["state"] == "published"


def test_the_same_file_again_is_its_own_duplicate_and_no_new_version(base: KnowledgeBase, tmp_path: Path) -> None:
    first = base.ingest(plan(tmp_path), publish=True)
    assert first["duplicate_of"] is None
    again = base.ingest(plan(tmp_path), publish=False)
    assert again == {**first, "duplicate_of": first["document_id"]}
    assert [row.latest_version for row in base.store.documents.list()] == [1]


def test_the_same_text_under_another_name_is_said_to_be_a_duplicate(base: KnowledgeBase, tmp_path: Path) -> None:
    first = base.ingest(plan(tmp_path), publish=True)
    twin = base.ingest(plan(tmp_path, name="twin.txt"), publish=True)
    assert twin["duplicate_of"] == first["document_id"]
    assert [(row.latest_version, row.source_file) for row in base.store.documents.list()] == [(1, "plan.txt")]


def test_a_text_that_was_replaced_and_comes_back_is_a_new_version(base: KnowledgeBase, tmp_path: Path) -> None:
    document_id = base.ingest(plan(tmp_path), publish=True)["document_id"]
    add_version(base, document_id, "ba")
    assert base.ingest(plan(tmp_path), publish=True)["duplicate_of"] is None
    assert [row.latest_version for row in base.store.documents.list()] == [3]
    assert "có hai nhóm" in base.collection().document(document_id).text


def test_a_decomposed_copy_is_a_duplicate_too(base: KnowledgeBase, tmp_path: Path) -> None:
    first = base.ingest(plan(tmp_path), publish=True)
    path = tmp_path / "nfd.txt"
    path.write_text(unicodedata.normalize("NFD", PLAN.format(count="hai")), encoding="utf-8")
    assert base.ingest(path, publish=False)["duplicate_of"] == first["document_id"]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"\x00" * 10, b"123 456"], ids=repr)
def test_a_file_that_is_no_document_is_one_line_and_leaves_nothing(base: KnowledgeBase, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(content)
    with pytest.raises(LoadError) as caught:
        base.ingest(path, publish=True)
    assert "bad.txt" in caught.value.advice
    assert "\n" not in caught.value.advice
    assert base.store.documents.list() == ()


def test_only_what_is_published_is_in_the_collection(base: KnowledgeBase, tmp_path: Path) -> None:
    document_id = base.ingest(plan(tmp_path), publish=False)["document_id"]
    assert base.collection().documents == ()
    base.store.documents.publish(document_id)
    assert [d.document_id for d in base.collection().documents] == [document_id]
    base.store.documents.retire(document_id)
    assert base.collection().documents == ()


def test_an_older_version_can_be_read_and_comes_back(base: KnowledgeBase, tmp_path: Path) -> None:
    document_id = base.ingest(plan(tmp_path, "hai"), publish=True)["document_id"]
    add_version(base, document_id, "ba")
    base.store.documents.publish(document_id)
    assert "có ba nhóm" in base.document(document_id).text
    assert "có hai nhóm" in base.document(document_id, 1).text
    assert "có ba nhóm" in base.collection().document(document_id).text
    base.store.documents.rollback(document_id, 1)
    assert "có hai nhóm" in base.collection().document(document_id).text


def test_spans_slice_the_text(base: KnowledgeBase, tmp_path: Path) -> None:
    document = base.document(base.ingest(plan(tmp_path), publish=True)["document_id"])
    assert document.passages
    for passage in document.passages:
        assert passage.span.of(document.text) == passage.text


def test_an_unknown_document_is_said(base: KnowledgeBase) -> None:
    with pytest.raises(UnknownDocument, match="docs list"):
        base.document("none")


# The snapshot


def test_the_version_changes_with_what_is_published_and_with_the_encoder(base: KnowledgeBase, tmp_path: Path) -> None:
    empty = base.version()
    document_id = base.ingest(plan(tmp_path), publish=False)["document_id"]
    assert base.version() == empty
    base.store.documents.publish(document_id)
    published = base.version()
    assert published != empty
    assert KnowledgeBase(**{**vars(base), "encoder": "other"}).version() != published
    base.store.documents.retire(document_id)
    assert base.version() == empty


def test_a_built_snapshot_is_fresh_until_something_is_published(base: KnowledgeBase, tmp_path: Path) -> None:
    assert not base.is_fresh()
    document_id = base.ingest(plan(tmp_path), publish=True)["document_id"]
    assert base.build().documents == 1
    assert base.is_fresh()
    base.ensure(said_by_none)  # nothing to do
    base.ingest(SOURCES / "003_77cddf700a0488dc.txt", publish=True)
    assert not base.is_fresh()
    base.store.documents.retire(document_id)
    assert not base.is_fresh()


def test_nothing_published_is_nothing_to_build(base: KnowledgeBase) -> None:
    with pytest.raises(IndexFault, match="ingest"):
        base.build()


def test_an_empty_knowledge_base_gets_the_five_documents_and_another_none(base: KnowledgeBase, tmp_path: Path) -> None:
    said: list[str] = []
    base.seed(said.append)
    assert len(said) == 5
    assert len(base.collection().documents) == 5
    base.seed(said_by_none)
    for row in base.store.documents.list():
        base.store.documents.retire(row.document_id)
    base.seed(said_by_none)  # what was retired stays retired


def test_the_sources_come_in_byte_for_byte(base: KnowledgeBase) -> None:
    for file in sorted(SOURCES.glob("*.txt")):
        report = base.ingest(file, publish=True)
        assert base.store.documents.original(report["document_id"], 1) == file.read_bytes()


def test_a_build_that_fails_is_said_and_the_older_snapshot_stays(
    base: KnowledgeBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base.ingest(plan(tmp_path), publish=True)
    old = base.build().name
    base.ingest(SOURCES / "003_77cddf700a0488dc.txt", publish=True)
    fails = tmp_path / "python"
    fails.write_text("#!/bin/sh\necho 'loading' >&2\necho 'The new index could not be written; the old one stays.' >&2\nexit 1\n")
    fails.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(fails))
    said: list[str] = []
    base.ensure(said.append)
    assert said == ["Building the index", "The new index could not be written; the old one stays."]
    assert snapshot.read_manifest(base.home).name == old


def test_the_documents_of_the_product_lie_where_they_are_looked_for() -> None:
    assert SOURCES == ROOT / "knowledge" / "sources"
    assert len(list(SOURCES.glob("*.txt"))) == 5


# Copies and new versions

LONG = "\n\n".join(
    f"{at}. Xã số {at} có {{count}} nhóm thăm hỏi, {word} người già neo đơn và trẻ mồ côi được giúp trong năm {2000 + at}."
    for at, word in enumerate(("một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín", "mười", "mười một", "mười hai"), 1)
)
HEAD = """ỦY BAN NHÂN DÂN
TỈNH HÀ NAM

{number}Hà Nam, ngày 05 tháng 6 năm {year}

KẾ HOẠCH

Trợ giúp người già neo đơn

I. MỤC TIÊU

"""


def long_plan(folder: Path, name: str, *, number: str = "12/KH-UBND", year: int = 2024, body: str = LONG, count: str = "hai") -> Path:
    path = folder / name
    numbered = f"Số: {number}\n\n" if number else ""
    path.write_text(HEAD.format(number=numbered, year=year) + body.format(count=count), encoding="utf-8")
    return path


def as_page(path: Path) -> Path:
    """The same words as a web page."""
    paragraphs = "".join(f"<p>{line.replace(chr(10), '<br>')}</p>" for line in path.read_text(encoding="utf-8").split("\n\n"))
    made = path.with_suffix(".html")
    made.write_text(f"<!doctype html><html><meta charset='utf-8'><body>{paragraphs}</body></html>", encoding="utf-8")
    return made


def test_the_same_text_in_another_format_is_a_copy(base: KnowledgeBase, tmp_path: Path) -> None:
    path = long_plan(tmp_path, "a.txt")
    first = base.ingest(path, publish=False)
    twin = base.ingest(as_page(path), publish=False)
    assert twin["duplicate_of"] == first["document_id"]
    assert base.store.documents.list()[0].latest_version == 1


def test_a_near_copy_without_a_number_is_a_copy(base: KnowledgeBase, tmp_path: Path) -> None:
    first = base.ingest(long_plan(tmp_path, "a.txt"), publish=False)
    twin = base.ingest(long_plan(tmp_path, "b.txt", number=""), publish=False)
    assert twin["duplicate_of"] == first["document_id"]
    assert any("Gần như trùng" in said for said in twin["warnings"])
    assert len(base.store.documents.list()) == 1


def test_another_number_is_another_document_however_alike(base: KnowledgeBase, tmp_path: Path) -> None:
    base.ingest(long_plan(tmp_path, "a.txt"), publish=False)
    other = base.ingest(long_plan(tmp_path, "b.txt", number="99/KH-UBND"), publish=False)
    assert other["duplicate_of"] is None
    assert len(base.store.documents.list()) == 2


def test_a_corrected_copy_is_a_new_version_and_said(base: KnowledgeBase, tmp_path: Path) -> None:
    first = base.ingest(long_plan(tmp_path, "a.txt"), publish=False)
    second = base.ingest(long_plan(tmp_path, "a.txt", count="ba"), publish=False)
    assert (second["document_id"], second["duplicate_of"]) == (first["document_id"], None)
    assert any("Có thể là bản mới" in said and first["document_id"] in said for said in second["warnings"])
    assert base.store.documents.list()[0].latest_version == 2
    again = base.ingest(long_plan(tmp_path, "a.txt", count="ba"), publish=False)
    assert again["duplicate_of"] == first["document_id"]
    assert base.store.documents.list()[0].latest_version == 2


def test_the_same_number_in_another_year_is_another_document(base: KnowledgeBase, tmp_path: Path) -> None:
    first = base.ingest(long_plan(tmp_path, "a.txt"), publish=False)
    other = base.ingest(long_plan(tmp_path, "b.txt", year=2025, count="ba"), publish=False)
    assert other["document_id"] != first["document_id"]
    assert other["duplicate_of"] is None
    again = base.ingest(long_plan(tmp_path, "b.txt", year=2025, count="ba"), publish=False)
    assert again["document_id"] == other["document_id"] == again["duplicate_of"]


def test_a_zip_is_taken_in_file_by_file(base: KnowledgeBase, tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as package:
        package.write(long_plan(tmp_path, "a.txt"), "a.txt")
        package.writestr("b.pdf", b"%PDF-")
        package.writestr("c.txt", PLAN.format(count="hai"))
    reports = list(base.ingest_all(path, publish=False))
    assert [isinstance(report, LoadError) for report in reports] == [False, True, False]
    assert [row.source_file for row in base.store.documents.list()].count("many.zip/c.txt") == 1
