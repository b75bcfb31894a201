"""The snapshot: an immutable, checksummed folder that holds everything a reader needs, built aside and swapped in by one rename.

    HOME/index/
      current                 a text file: the name of the snapshot in use (replaced atomically)
      20261122T081500-ab12…/  manifest.json, documents.jsonl, lexical/, vectors.faiss, encoder/

The last good ones are kept: a damaged one is passed over, and the reader says so.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from index.analysis import terms
from index.dense import DenseIndex
from index.encoder import Encoder, build_static, load_encoder, load_static
from index.lexical import LexicalIndex
from knowledge.collection import Collection, dump, parse_all
from knowledge.errors import EncoderMismatch, IndexFault, KnowledgeError, SnapshotDamaged, SnapshotMissing
from knowledge.model import Document, Passage

FORMAT = 1
"""Raised whenever files written by an older version cannot be read."""
KEPT = 3
EMBEDDED = "embedded"


@dataclass(frozen=True)
class Manifest:
    """What a snapshot says of itself."""

    name: str
    format: int
    created_at: str
    corpus_version: str
    encoder: str
    encoder_fingerprint: str
    documents: int
    passages: int
    files: dict[str, str]
    """Relative path → sha256."""


@dataclass(frozen=True)
class Snapshot:
    """An open snapshot. `warnings`: what was wrong with newer ones."""

    manifest: Manifest
    collection: Collection
    lexical: LexicalIndex
    dense: DenseIndex
    encoder: Encoder
    warnings: tuple[str, ...] = ()

    @cached_property
    def passages(self) -> tuple[Passage, ...]:
        """In the order of the index."""
        return self.collection.passages


def indexed_text(document: Document, passage: Passage, province: str | None) -> str:
    """What is indexed of a passage: its document, its headings, its words. Prefixing them is worth 15 points at rank 1."""
    return " ".join(filter(None, (document.metadata.kind, province, *passage.path, passage.text)))


def build(home: Path, collection: Collection, corpus_version: str, encoder_name: str, now: datetime) -> Manifest:
    """Builds beside the one in use and swaps. Whatever goes wrong before the swap leaves the old one in place (IndexFault says what)."""
    folder = home / "index"
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        work = Path(tempfile.mkdtemp(prefix=".building-", dir=folder))
        try:
            manifest = _write(work, collection, corpus_version, encoder_name, now)
            os.rename(work, folder / manifest.name)
        except OSError as error:
            raise IndexFault(
                "Không ghi được chỉ mục mới (có thể đầy đĩa); chỉ mục cũ vẫn dùng được. Hãy dọn đĩa rồi chạy: trogiup index build.", errno=error.errno
            ) from error
        finally:
            shutil.rmtree(work, ignore_errors=True)
        _point(folder, manifest.name)
        _prune(folder, keep=manifest.name)
    return manifest


def open_current(home: Path, encoder_name: str = EMBEDDED) -> Snapshot:
    """The snapshot in use; if it is damaged, the newest good one, with a warning. SnapshotMissing when there is none at all."""
    folder = home / "index"
    warnings: list[str] = []
    for name in _candidates(folder):
        try:
            snapshot = _open(folder / name, encoder_name)
        except SnapshotDamaged as error:
            warnings.append(f"{name}: {error.advice}")
            continue
        return Snapshot(snapshot.manifest, snapshot.collection, snapshot.lexical, snapshot.dense, snapshot.encoder, tuple(warnings))
    if warnings:
        raise SnapshotDamaged("Mọi chỉ mục đều hỏng. Hãy chạy: trogiup index build.", found=len(warnings))
    raise SnapshotMissing("Chưa có chỉ mục. Hãy chạy: trogiup index build.")


def read_manifest(home: Path) -> Manifest:
    """The manifest of the snapshot in use. SnapshotMissing or SnapshotDamaged."""
    folder = home / "index"
    for name in _candidates(folder)[:1]:
        return _manifest(folder / name)
    raise SnapshotMissing("Chưa có chỉ mục. Hãy chạy: trogiup index build.")


def verify(home: Path) -> list[str]:
    """Everything wrong with the snapshot in use, one line a fault; an empty list when it is whole."""
    folder = home / "index"
    for name in _candidates(folder)[:1]:
        try:
            manifest = _manifest(folder / name)
        except SnapshotDamaged as error:
            return [error.advice]
        return list(_faults(folder / name, manifest))
    raise SnapshotMissing("Chưa có chỉ mục. Hãy chạy: trogiup index build.")


def _write(work: Path, collection: Collection, corpus_version: str, encoder_name: str, now: datetime) -> Manifest:
    texts = [indexed_text(d, p, collection.province(d)) for d in collection.documents for p in d.passages]
    if not texts:
        raise IndexFault("Kho chưa có tài liệu nào được công bố. Hãy chạy: trogiup ingest knowledge/sources --publish.")
    (work / "documents.jsonl").write_text("".join(f"{dump(d)}\n" for d in collection.documents), encoding="utf-8")
    LexicalIndex.build([terms(text) for text in texts]).save(work / "lexical")
    encoder = build_static(texts, work / "encoder") if encoder_name == EMBEDDED else load_encoder(encoder_name)
    DenseIndex.build(encoder.encode(texts)).save(work / "vectors.faiss")
    files = {str(p.relative_to(work)): _sha256(p) for p in sorted(work.rglob("*")) if p.is_file()}
    name = f"{now:%Y%m%dT%H%M%S}-{hashlib.sha256(json.dumps(files).encode()).hexdigest()[:8]}"
    manifest = Manifest(
        name, FORMAT, now.isoformat(), corpus_version, encoder_name, encoder.fingerprint, len(collection.documents), len(texts), files
    )
    (work / "manifest.json").write_text(json.dumps(manifest.__dict__, ensure_ascii=False, indent=1), encoding="utf-8")
    _sync(work)
    return manifest


def _open(folder: Path, encoder_name: str) -> Snapshot:
    manifest = _manifest(folder)
    for fault in _faults(folder, manifest):
        raise SnapshotDamaged(fault)
    if manifest.encoder != encoder_name:
        raise EncoderMismatch(
            f"Chỉ mục được dựng bằng bộ mã hóa {manifest.encoder}, cấu hình lại là {encoder_name}. Hãy chạy: trogiup index build.",
            built_with=manifest.encoder,
        )
    try:
        with (folder / "documents.jsonl").open(encoding="utf-8") as lines:
            collection = Collection(tuple(parse_all(lines)))
    except (OSError, KnowledgeError) as error:
        raise SnapshotDamaged("documents.jsonl không đọc được.") from error
    encoder = load_static(folder / "encoder") if encoder_name == EMBEDDED else load_encoder(encoder_name)
    if encoder.fingerprint != manifest.encoder_fingerprint:
        raise EncoderMismatch("Bộ mã hóa đã khác lúc dựng chỉ mục. Hãy chạy: trogiup index build.", built_with=manifest.encoder_fingerprint)
    dense = DenseIndex.load(folder / "vectors.faiss")
    if dense.size != manifest.passages or len(collection.passages) != manifest.passages:
        raise SnapshotDamaged("Số đoạn trong chỉ mục không khớp.")
    return Snapshot(manifest, collection, LexicalIndex.load(folder / "lexical", manifest.passages), dense, encoder)


def _manifest(folder: Path) -> Manifest:
    try:
        raw: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        manifest = Manifest(**raw)
    except (OSError, ValueError, TypeError) as error:
        raise SnapshotDamaged("manifest.json không đọc được. Hãy chạy: trogiup index build.") from error
    if manifest.format != FORMAT:
        raise SnapshotDamaged(f"Chỉ mục thuộc phiên bản {manifest.format}, chương trình cần {FORMAT}. Hãy chạy: trogiup index build.")
    return manifest


def _faults(folder: Path, manifest: Manifest) -> Iterator[str]:
    for name, digest in manifest.files.items():
        path = folder / name
        if not path.is_file():
            yield f"Thiếu tệp {name}."
        elif _sha256(path) != digest:
            yield f"Tệp {name} đã bị thay đổi hoặc hỏng."
    extra = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()} - set(manifest.files) - {"manifest.json"}
    yield from (f"Tệp lạ: {name}." for name in sorted(extra))


def _candidates(folder: Path) -> list[str]:
    """The one in use first, then the others, newest first."""
    names = sorted((p.name for p in folder.glob("[0-9]*T[0-9]*-*") if p.is_dir()), reverse=True)
    try:
        current = (folder / "current").read_text(encoding="utf-8").strip()
    except OSError:
        current = ""
    return sorted(names, key=lambda name: name != current)


def _point(folder: Path, name: str) -> None:
    aside = folder / ".current"
    with aside.open("w", encoding="utf-8") as handle:
        handle.write(name)
        handle.flush()
        os.fsync(handle.fileno())
    os.replace(aside, folder / "current")


def _prune(folder: Path, keep: str) -> None:
    for name in [n for n in _candidates(folder) if n != keep][KEPT - 1 :]:
        shutil.rmtree(folder / name, ignore_errors=True)
    for left in folder.glob(".building-*"):
        shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One builder at a time, over processes; the lock goes with the process."""
    with (folder / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as handle:
                os.fsync(handle.fileno())


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def nothing_like(vector: np.ndarray[Any, np.dtype[np.float32]]) -> bool:
    """The zero vector: no word of the text is known to the encoder."""
    return not bool(np.any(vector))
