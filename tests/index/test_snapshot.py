"""Snapshots: whatever happens while one is built or after, a reader gets a whole one or is told."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from index_fakes import NOON, ROOT, FakeEncoder, at

from index import snapshot
from index.search import Retriever
from index.snapshot import EMBEDDED, FORMAT, KEPT, Snapshot, build, open_current, read_manifest, verify
from index.understanding import Understanding
from knowledge.collection import Collection
from knowledge.errors import EncoderMismatch, IndexFault, SnapshotDamaged, SnapshotMissing
from knowledge.places import Gazetteer

Fakes = dict[str, FakeEncoder]


def in_use(home: Path) -> Path:
    return home / "index" / read_manifest(home).name


def folders(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "index").iterdir() if path.is_dir())


def flip(path: Path, position: int = 0) -> None:
    """One bit of one byte; a negative position counts from the end."""
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


@pytest.fixture
def home(built_home: Path, tmp_path: Path) -> Path:
    """A copy of the five documents' snapshot, to be damaged."""
    return Path(shutil.copytree(built_home, tmp_path / "home"))


# What is in one


def test_it_holds_everything(opened: Snapshot, collection: Collection) -> None:
    assert opened.collection == collection
    assert opened.passages == collection.passages
    assert len(opened.passages) == opened.dense.size == opened.lexical.size == opened.manifest.passages
    assert opened.manifest.documents == len(collection.documents) == 5
    assert opened.manifest.encoder == EMBEDDED
    assert opened.manifest.corpus_version == "v1"
    assert opened.manifest.created_at == NOON.isoformat()
    assert opened.warnings == ()


def test_a_passage_is_nearest_to_itself(opened: Snapshot) -> None:
    documents = {d.document_id: d for d in opened.collection.documents}
    for position in (0, 100, len(opened.passages) - 1):
        passage = opened.passages[position]
        document = documents[passage.document_id]
        text = snapshot.indexed_text(document.metadata.kind, passage, opened.collection.province(document))
        _, similarities = opened.dense.search(opened.encoder.encode([text])[0], 1)
        assert similarities[0] == pytest.approx(1.0, abs=1e-4)


def test_the_same_documents_give_the_same_files(built_home: Path, collection: Collection, tmp_path: Path) -> None:
    first, second = read_manifest(built_home), build(tmp_path, collection, "v1", EMBEDDED, at(5))
    assert second.files == first.files
    assert second.encoder_fingerprint == first.encoder_fingerprint
    assert replace(second, name=first.name, created_at=first.created_at) == first
    assert second.name != first.name


def test_it_is_for_its_owner_only(built_home: Path) -> None:
    assert in_use(built_home).stat().st_mode & 0o077 == 0


# Opening and verifying


def test_a_whole_one_has_no_fault(built_home: Path) -> None:
    assert verify(built_home) == []


@pytest.mark.parametrize("ask", [open_current, read_manifest, verify], ids=lambda ask: ask.__name__)
def test_before_the_first_build_it_says_what_to_do(ask: Callable[[Path], object], tmp_path: Path) -> None:
    with pytest.raises(SnapshotMissing, match="trogiup index build"):
        ask(tmp_path)


def test_a_flipped_bit_in_any_file_is_found(home: Path) -> None:
    folder = in_use(home)
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    assert len(names) >= 10
    for name in names:
        for position in (0, (folder / name).stat().st_size // 2, -1):
            flip(folder / name, position)
            faults = verify(home)
            assert len(faults) == 1, (name, position)
            assert Path(name).name in faults[0]
            with pytest.raises(SnapshotDamaged):
                open_current(home)
            flip(folder / name, position)
    assert verify(home) == []


def test_a_flipped_bit_anywhere_in_the_manifest_is_found(home: Path) -> None:
    manifest = in_use(home) / "manifest.json"
    for position in range(0, manifest.stat().st_size, 7):
        flip(manifest, position)
        try:
            faults = verify(home)
            assert len(faults) == 1
            assert "manifest.json" in faults[0] or "format" in faults[0]
        finally:
            flip(manifest, position)
    assert verify(home) == []


def test_each_missing_file_is_named(home: Path) -> None:
    folder = in_use(home)
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        content = path.read_bytes()
        path.unlink()
        faults = verify(home)
        assert len(faults) == 1
        assert path.name in faults[0]
        path.write_bytes(content)
    assert verify(home) == []


@pytest.mark.parametrize("name", ["more.txt", ".hidden", "lexical/more", "deeper/more"])
def test_an_added_file_is_named(name: str, home: Path) -> None:
    path = in_use(home) / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("more")
    assert verify(home) == [f"{name} does not belong here."]


def test_several_faults_are_all_named(home: Path) -> None:
    folder = in_use(home)
    flip(folder / "documents.jsonl")
    (folder / "vectors.faiss").unlink()
    (folder / "more").touch()
    assert verify(home) == ["documents.jsonl was changed or is damaged.", "vectors.faiss is missing.", "more does not belong here."]


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "{}", '"text"', f'{{"format": {FORMAT}}}'])
def test_a_manifest_that_is_none_is_damage(content: str, home: Path) -> None:
    (in_use(home) / "manifest.json").write_text(content)
    assert verify(home) == ["manifest.json cannot be read. Run: trogiup index build."]
    with pytest.raises(SnapshotDamaged):
        open_current(home)


def test_a_truncated_manifest_is_damage(home: Path) -> None:
    manifest = in_use(home) / "manifest.json"
    manifest.write_bytes(manifest.read_bytes()[:-30])
    assert len(verify(home)) == 1


def test_another_format_is_said(home: Path) -> None:
    manifest = in_use(home) / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": FORMAT + 1}))
    (fault,) = verify(home)
    assert f"format {FORMAT + 1}" in fault
    assert "trogiup index build" in fault


@pytest.mark.parametrize("name", ["", "20200101T000000-00000000", "../index", "/etc"])
def test_a_pointer_that_points_nowhere_is_damage(name: str, home: Path) -> None:
    (home / "index" / "current").write_text(name)
    assert len(verify(home)) == 1
    assert open_current(home).manifest.documents == 5


def test_files_that_fit_the_manifest_but_not_each_other_are_damage(
    small: Collection, tmp_path: Path, fake: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = snapshot.dump
    monkeypatch.setattr(snapshot, "dump", lambda document: whole(replace(document, passages=document.passages[1:])))
    build(tmp_path, small, "v1", "fake", NOON)
    assert verify(tmp_path) == []
    with pytest.raises(SnapshotDamaged):
        open_current(tmp_path, "fake")


# The encoder


def test_another_encoder_is_refused(built_home: Path) -> None:
    with pytest.raises(EncoderMismatch, match=r"embedded.*other/model.*trogiup index build"):
        open_current(built_home, "other/model")


def test_an_encoder_that_has_changed_is_refused(small: Collection, tmp_path: Path, fake: Fakes) -> None:
    build(tmp_path, small, "v1", "fake", NOON)
    assert open_current(tmp_path, "fake").manifest.encoder_fingerprint == "fake:1"
    fake["fake"] = FakeEncoder("fake:2")
    with pytest.raises(EncoderMismatch, match="trogiup index build"):
        open_current(tmp_path, "fake")


# Damage to the one in use


@pytest.mark.parametrize("damaged", ["manifest.json", "documents.jsonl", "vectors.faiss"])
def test_the_last_good_one_answers_and_says_so(damaged: str, small: Collection, tmp_path: Path, fake: Fakes) -> None:
    names = [build(tmp_path, small, f"v{minute}", "fake", at(minute)).name for minute in range(3)]
    flip(tmp_path / "index" / names[2] / damaged, 40)
    snapshot_ = open_current(tmp_path, "fake")
    assert snapshot_.manifest.name == names[1]
    (warning,) = snapshot_.warnings
    assert names[2] in warning
    assert damaged in warning


def test_with_two_damaged_the_third_answers(small: Collection, tmp_path: Path, fake: Fakes) -> None:
    names = [build(tmp_path, small, f"v{minute}", "fake", at(minute)).name for minute in range(3)]
    for name in names[1:]:
        flip(tmp_path / "index" / name / "vectors.faiss", 60)
    snapshot_ = open_current(tmp_path, "fake")
    assert snapshot_.manifest.name == names[0]
    assert [warning.split(":")[0] for warning in snapshot_.warnings] == [names[2], names[1]]


def test_with_all_damaged_it_says_what_to_do_and_a_build_mends_it(small: Collection, tmp_path: Path, fake: Fakes) -> None:
    for minute in range(2):
        name = build(tmp_path, small, "v1", "fake", at(minute)).name
        flip(tmp_path / "index" / name / "documents.jsonl")
    with pytest.raises(SnapshotDamaged, match="trogiup index build"):
        open_current(tmp_path, "fake")
    build(tmp_path, small, "v1", "fake", at(2))
    assert open_current(tmp_path, "fake").warnings == ()


# Building


def test_without_a_document_there_is_nothing_to_build(tmp_path: Path) -> None:
    with pytest.raises(IndexFault, match="trogiup ingest"):
        build(tmp_path, Collection(()), "v1", EMBEDDED, NOON)
    assert folders(tmp_path) == []


def test_old_ones_go_and_the_one_in_use_stays(small: Collection, tmp_path: Path, fake: Fakes) -> None:
    names = [build(tmp_path, small, "v1", "fake", at(minute)).name for minute in range(KEPT + 2)]
    assert folders(tmp_path) == names[-KEPT:]
    assert read_manifest(tmp_path).name == names[-1]


def test_it_stays_even_when_the_clock_goes_backwards(small: Collection, tmp_path: Path, fake: Fakes) -> None:
    for minute in range(KEPT + 2, 0, -1):
        name = build(tmp_path, small, "v1", "fake", at(minute)).name
        assert read_manifest(tmp_path).name == name
        assert open_current(tmp_path, "fake").manifest.name == name
        assert len(folders(tmp_path)) <= KEPT


def test_a_reader_keeps_answering_while_its_snapshot_goes(small: Collection, gazetteer: Gazetteer, tmp_path: Path, fake: Fakes) -> None:
    build(tmp_path, small, "v1", "fake", NOON)
    reader = Retriever(open_current(tmp_path, "fake"), gazetteer)
    query = Understanding.load(gazetteer).read("Có bao nhiêu cơ sở trợ giúp xã hội?", date(2018, 6, 1))
    before = reader.search(query)
    for minute in range(1, KEPT + 1):
        build(tmp_path, small, "v1", "fake", at(minute))
    assert reader.snapshot.manifest.name not in folders(tmp_path)
    assert reader.search(query) == before != []


@pytest.mark.parametrize(
    ("owner", "function"),
    [(os, "fsync"), (os, "rename"), (os, "replace"), (Path, "write_text"), (Path, "write_bytes"), (np, "save")],
    ids=["fsync", "rename", "replace", "write_text", "write_bytes", "numpy"],
)
def test_a_full_disk_leaves_the_old_one(
    owner: object, function: str, small: Collection, tmp_path: Path, fake: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = build(tmp_path, small, "v1", "fake", NOON).name

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(owner, function, full)
        with pytest.raises(IndexFault, match="disk space"):
            build(tmp_path, small, "v2", "fake", at(1))
    assert open_current(tmp_path, "fake").manifest.name == old
    assert verify(tmp_path) == []
    assert not list((tmp_path / "index").glob(".building-*"))
    assert open_current(tmp_path, "fake").warnings == ()


BUILDER = """
import resource, sys
from pathlib import Path
from index import snapshot
from index_fakes import FakeEncoder, at, documents
from knowledge.errors import IndexFault

home, limit, waits = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "waits"

def wait():
    print("in the middle", flush=True)
    sys.stdin.read()

snapshot.load_encoder = lambda name: FakeEncoder(dimensions=16_384, before=wait if waits else lambda: None)
small = documents(1)
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    snapshot.build(home, small, "v2", "fake", at(1))
except IndexFault as error:
    print(error.advice)
"""


def builder(home: Path, limit: int = 0, waits: bool = False) -> subprocess.Popen[str]:
    """A build in a process of its own."""
    command = [sys.executable, "-c", BUILDER, str(home), str(limit), "waits" if waits else ""]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent)])}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_a_killed_build_leaves_the_old_one_and_the_next_cleans_up(small: Collection, tmp_path: Path, fake: Fakes) -> None:
    old = build(tmp_path, small, "v1", "fake", NOON).name
    with builder(tmp_path, waits=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in the middle\n"
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert len(list((tmp_path / "index").glob(".building-*/documents.jsonl"))) == 1
    assert open_current(tmp_path, "fake").manifest.name == old
    assert verify(tmp_path) == []
    new = build(tmp_path, small, "v1", "fake", at(2)).name
    assert folders(tmp_path) == [old, new]


@pytest.mark.parametrize(("limit", "reached"), [(10_000, "documents.jsonl"), (100_000, "vectors.faiss")])
def test_a_disk_that_fills_up_in_a_file_leaves_the_old_one(
    limit: int, reached: str, small: Collection, tmp_path: Path, fake: Fakes
) -> None:
    fake["fake"] = FakeEncoder(dimensions=16_384)
    old = build(tmp_path, small, "v1", "fake", NOON).name
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "index" / old).rglob("*")}
    assert sizes[reached] > limit
    assert reached == "documents.jsonl" or sizes["documents.jsonl"] < limit
    with builder(tmp_path, limit) as process:
        printed, _ = process.communicate()
    assert "disk space" in printed
    assert folders(tmp_path) == [old]
    assert open_current(tmp_path, "fake").manifest.name == old


def test_two_builders_take_turns(small: Collection, tmp_path: Path, fake: Fakes) -> None:
    """The first waits in the middle of its build; the second does not begin before the first is done."""
    happened: list[str] = []
    inside, go = threading.Event(), threading.Event()

    def first() -> None:
        happened.append("first in")
        inside.set()
        assert go.wait(20)
        happened.append("first out")

    fake["first"] = FakeEncoder(before=first)
    fake["second"] = FakeEncoder(before=lambda: happened.append("second"))
    threads = [threading.Thread(target=build, args=(tmp_path, small, "v1", name, at(minute))) for minute, name in enumerate(fake)][1:]
    threads[0].start()
    assert inside.wait(20)
    threads[1].start()
    threads[1].join(0.3)
    assert happened == ["first in"]
    go.set()
    for thread in threads:
        thread.join(20)
    assert happened == ["first in", "first out", "second"]
    assert read_manifest(tmp_path).encoder == "second"
    assert verify(tmp_path) == []
