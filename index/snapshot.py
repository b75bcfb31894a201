"""The snapshot: an immutable, checksummed folder that holds everything a reader needs, built aside and swapped in by one rename.

    HOME/index/
      current                 a text file: the name of the snapshot in use (replaced atomically)
      20261122T081500-ab12…/  manifest.json, documents.jsonl, lexical/, vectors.faiss, encoder/

The manifest holds the checksums of the files; the folder's name holds that of the manifest. A damaged snapshot is passed over for the
newest good one, and the reader says so. A reader holds its snapshot in memory or has its files open, so an old folder may go while it is
still read. Who has one open already opens the next one `like` it: documents and encoder that are the same are not read again.
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
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from index.analysis import syllables
from index.counts import Integers
from index.dense import DenseIndex
from index.encoder import Encoder, build_static, load_encoder, load_static
from index.lexical import LexicalIndex
from knowledge.collection import Collection, dump, parse
from knowledge.errors import EncoderMismatch, IndexFault, KnowledgeError, SnapshotDamaged, SnapshotMissing
from knowledge.model import Passage

FORMAT = 3
"""Raised whenever files written by an older version cannot be read; what is of another format is built anew."""
KEPT = 3
"""Snapshots that stay on disk, the one in use among them."""
EMBEDDED = "embedded"
DRIFT = 0.01
"""Share of the passages that may come or go before the embedded encoder and the cells of the vectors are made anew."""

_REBUILD = "Run: trogiup index build."


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
    drifted: int
    """Passages that came or went since the encoder was made."""
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
    folder: Path | None = None
    records: tuple[bytes, ...] = ()
    """The sha256 of what is written of each document."""

    @property
    def passages(self) -> tuple[Passage, ...]:
        """In the order of the index."""
        return self.collection.passages


def indexed_text(kind: str | None, passage: Passage, province: str | None) -> str:
    """What is indexed of a passage: its document, its headings, its words. Prefixing them is worth 15 points at rank 1."""
    return " ".join(filter(None, (kind, province, *passage.path, passage.text)))


def build(
    home: Path, collection: Collection, corpus_version: str, encoder_name: str, now: datetime, like: Snapshot | None = None
) -> Manifest:
    """Builds beside the one in use and swaps. Whatever goes wrong before the swap leaves the old one in place (IndexFault says what).

    `like`: one that this same code and these tables made, out of which is taken what stays as it was.
    """
    folder = home / "index"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            for left in folder.glob(".building-*"):  # by a build that was killed: the lock says that none runs
                shutil.rmtree(left, ignore_errors=True)
            work = Path(tempfile.mkdtemp(prefix=".building-", dir=folder))
            try:
                manifest = _write(work, collection, corpus_version, encoder_name, now, like)
                target = folder / manifest.name
                if target.exists() and any(True for _ in _faults(target, manifest)):
                    shutil.rmtree(target)
                if not target.exists():  # else it was left by one that was cut off before it swapped: its name is its content
                    os.rename(work, target)
            finally:
                shutil.rmtree(work, ignore_errors=True)
            _swap_in(folder, manifest.name)
    except OSError as error:
        raise IndexFault(
            f"The new index could not be written; the old one stays. Check disk space and rights. {_REBUILD}", cause=str(error)
        ) from error
    return manifest


def adopt(home: Path, other: Path) -> Manifest:
    """Moves the snapshot in use of another home (on the same disk) here and swaps it in. IndexFault leaves the old one in place."""
    manifest = read_manifest(other)
    for fault in _faults(other / "index" / manifest.name, manifest):
        raise SnapshotDamaged(fault)
    folder = home / "index"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            if not (folder / manifest.name).exists():
                os.rename(other / "index" / manifest.name, folder / manifest.name)
            _swap_in(folder, manifest.name)
    except OSError as error:
        raise IndexFault("The new index could not be put in place; the old one stays. Check disk space and rights.") from error
    return manifest


def go_back(home: Path, corpus_version: str) -> Manifest | None:
    """Swaps a snapshot of that corpus in that is still held and whole; None when there is none. IndexFault leaves the old one in place."""
    folder = home / "index"
    for name in _names(folder):
        try:
            manifest = _manifest(folder / name)
        except SnapshotDamaged:
            continue
        if manifest.corpus_version != corpus_version or any(True for _ in _faults(folder / name, manifest)):
            continue
        try:
            with _locked(folder):
                _swap_in(folder, name)
        except OSError as error:
            raise IndexFault("The older index could not be put in place; the newer one stays. Check disk space and rights.") from error
        return manifest
    return None


def open_current(home: Path, encoder_name: str = EMBEDDED, like: Snapshot | None = None) -> Snapshot:
    """The snapshot in use; if it is damaged, the newest good one, with a warning. SnapshotMissing when there is none at all.

    `like`: one that is open; what is the same is taken from it.
    """
    folder = home / "index"
    current = _current(folder)
    warnings: list[str] = []
    for name in sorted({*_names(folder), current} - {""}, key=lambda name: (name == current, name), reverse=True):
        try:
            return replace(_open(folder / name, encoder_name, like), warnings=tuple(warnings))
        except SnapshotDamaged as error:
            warnings.append(f"{name}: {error.advice}")
    if warnings:
        raise SnapshotDamaged(f"No index is whole. {_REBUILD}", found=len(warnings))
    raise SnapshotMissing(f"There is no index yet. {_REBUILD}")


def read_manifest(home: Path) -> Manifest:
    """The manifest of the snapshot in use. SnapshotMissing or SnapshotDamaged."""
    folder = home / "index"
    current = _current(folder)
    if current:
        return _manifest(folder / current)
    if _names(folder):
        raise SnapshotDamaged(f"The file that names the index in use is missing. {_REBUILD}")
    raise SnapshotMissing(f"There is no index yet. {_REBUILD}")


def verify(home: Path) -> list[str]:
    """Everything wrong with the snapshot in use, one line a fault; an empty list when it is whole. SnapshotMissing when there is none."""
    try:
        manifest = read_manifest(home)
    except SnapshotDamaged as error:
        return [error.advice]
    return list(_faults(home / "index" / manifest.name, manifest))


def _write(work: Path, collection: Collection, corpus_version: str, encoder_name: str, now: datetime, like: Snapshot | None) -> Manifest:
    texts = _texts(collection)
    if not texts:
        raise IndexFault("No document is published yet. Run: trogiup ingest knowledge/sources --publish.")
    lines = _lines(like)
    with (work / "documents.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(f"{lines.get(id(d)) or dump(d)}\n" for d in collection.documents)
    kept, gone = _kept(like, texts)
    new = [text for text, at in zip(texts, kept, strict=True) if at < 0]
    spoken = [syllables(text) for text in new]
    (like.lexical.changed(kept, spoken) if like else LexicalIndex.build(spoken)).save(work / "lexical")
    if like and like.manifest.encoder == encoder_name:
        encoder, dense, drifted = _encoded_like(like, texts, kept, gone, work)
    else:
        encoder = build_static(texts, work / "encoder") if encoder_name == EMBEDDED else load_encoder(encoder_name)
        dense, drifted = DenseIndex.build(encoder.encode(texts)), 0
    dense.save(work / "vectors.faiss")
    manifest = Manifest(
        name="",
        format=FORMAT,
        created_at=now.isoformat(),
        corpus_version=corpus_version,
        encoder=encoder_name,
        encoder_fingerprint=encoder.fingerprint,
        documents=len(collection.documents),
        passages=len(texts),
        drifted=drifted,
        files={name: _sha256(work / name) for name in sorted(_files(work))},
    )
    manifest = replace(manifest, name=f"{now:%Y%m%dT%H%M%S}-{_seal(manifest)}")
    (work / "manifest.json").write_text(_json(manifest), encoding="utf-8")
    for path in (work, *work.rglob("*")):
        _sync(path)
    return manifest


def _kept(like: Snapshot | None, texts: list[str]) -> tuple[Integers, int]:
    """Where each text stands in a snapshot, -1 for a new one; and how many of those there do not stand here."""
    at = {text: position for position, text in enumerate(_texts(like.collection))} if like else {}
    return np.array([at.get(text, -1) for text in texts], dtype=np.int64), len(at.keys() - set(texts))


def _encoded_like(like: Snapshot, texts: list[str], kept: Integers, gone: int, work: Path) -> tuple[Encoder, DenseIndex, int]:
    """What is new is encoded, the other vectors are kept; but for too great a drift."""
    new = np.flatnonzero(kept < 0)
    drifted = like.manifest.drifted + len(new) + gone
    steady = drifted <= DRIFT * len(texts)
    embedded = like.manifest.encoder == EMBEDDED
    if embedded and not steady:
        encoder: Encoder = build_static(texts, work / "encoder")
        return encoder, DenseIndex.build(encoder.encode(texts)), 0
    encoder = like.encoder
    if embedded and like.folder:
        shutil.copytree(like.folder / "encoder", work / "encoder")  # no links: damage to one must not be damage to all
    vectors = like.dense.vectors()[kept]
    if len(new):
        vectors[new] = encoder.encode([texts[position] for position in new])
    return (encoder, like.dense.refilled(vectors), drifted) if steady else (encoder, DenseIndex.build(vectors), 0)


def _texts(collection: Collection) -> list[str]:
    return [indexed_text(d.metadata.kind, p, collection.province(d)) for d in collection.documents for p in d.passages]


def _lines(like: Snapshot | None) -> dict[int, str]:
    """The records of the documents of a snapshot, by the identity of each: those that are still there are not written out anew."""
    if like is None or like.folder is None:
        return {}
    written = (like.folder / "documents.jsonl").read_text(encoding="utf-8").split("\n")
    return {id(document): line for document, line in zip(like.collection.documents, written, strict=False)}


def _open(folder: Path, encoder_name: str, like: Snapshot | None) -> Snapshot:
    manifest = _manifest(folder)
    for fault in _faults(folder, manifest):
        raise SnapshotDamaged(fault)
    if manifest.encoder != encoder_name:
        raise EncoderMismatch(
            f"The index was built with the encoder {manifest.encoder}, TROGIUP_ENCODER says {encoder_name}. {_REBUILD}",
            built_with=manifest.encoder,
        )
    try:
        collection, records = _documents(folder / "documents.jsonl", like)
    except (OSError, KnowledgeError, UnicodeDecodeError) as error:
        raise SnapshotDamaged("documents.jsonl cannot be read.") from error
    if like and (like.manifest.encoder, like.encoder.fingerprint) == (encoder_name, manifest.encoder_fingerprint):
        encoder = like.encoder
    else:
        encoder = load_static(folder / "encoder") if encoder_name == EMBEDDED else load_encoder(encoder_name)
    if encoder.fingerprint != manifest.encoder_fingerprint:
        raise EncoderMismatch(f"The encoder has changed since the index was built. {_REBUILD}", built_with=manifest.encoder_fingerprint)
    lexical, dense = LexicalIndex.load(folder / "lexical"), DenseIndex.load(folder / "vectors.faiss")
    if not manifest.passages == len(collection.passages) == lexical.size == dense.size:
        raise SnapshotDamaged("Passages, terms and vectors are not the same number.")
    return Snapshot(manifest, collection, lexical, dense, encoder, folder=folder, records=records)


def _documents(path: Path, like: Snapshot | None) -> tuple[Collection, tuple[bytes, ...]]:
    """All that are written there, and the sha256 of each record."""
    held = dict(zip(like.records, like.collection.documents, strict=True)) if like else {}
    documents, records = [], []
    with path.open("rb") as lines:
        for line in lines:
            records.append(hashlib.sha256(line).digest())
            documents.append(held.get(records[-1]) or parse(line.decode("utf-8")))
    return Collection(tuple(documents)), tuple(records)


def _manifest(folder: Path) -> Manifest:
    try:
        text = (folder / "manifest.json").read_text(encoding="utf-8")
        raw = json.loads(text)
        if raw["format"] != FORMAT:
            raise SnapshotDamaged(f"The index is of format {raw['format']}, this version reads {FORMAT}. {_REBUILD}")
        manifest = Manifest(**raw)
        whole = _json(manifest) == text and folder.name == manifest.name and manifest.name.endswith(f"-{_seal(manifest)}")
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SnapshotDamaged(f"manifest.json cannot be read. {_REBUILD}") from error
    if not whole:
        raise SnapshotDamaged(f"manifest.json was changed. {_REBUILD}")
    return manifest


def _json(manifest: Manifest) -> str:
    return json.dumps(asdict(manifest), ensure_ascii=False, indent=1)


def _seal(manifest: Manifest) -> str:
    """8 hex digits over all that a manifest says but its name, which ends in them."""
    return hashlib.sha256(_json(replace(manifest, name="")).encode()).hexdigest()[:8]


def _faults(folder: Path, manifest: Manifest) -> Iterator[str]:
    there = _files(folder)
    for name, digest in manifest.files.items():
        if name not in there:
            yield f"{name} is missing."
        elif _sha256(folder / name) != digest:
            yield f"{name} was changed or is damaged."
    yield from (f"{name} does not belong here." for name in sorted(there - manifest.files.keys() - {"manifest.json"}))


def _files(folder: Path) -> set[str]:
    """Relative paths of the files under a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


def _names(folder: Path) -> list[str]:
    """The snapshots there are, newest first."""
    return sorted((path.name for path in folder.glob("[0-9]*T[0-9]*-*") if path.is_dir()), reverse=True)


def _current(folder: Path) -> str:
    """The name of the snapshot in use; empty when there is none."""
    try:
        return Path((folder / "current").read_text(encoding="utf-8").strip()).name
    except (OSError, ValueError):
        return ""


def _swap_in(folder: Path, name: str) -> None:
    """Points at a snapshot and lets go of those that were in use longest ago."""
    os.utime(folder / name)
    _point(folder, name)
    others = sorted((other for other in _names(folder) if other != name), key=lambda other: (folder / other).stat().st_mtime_ns)
    for old in others[: max(0, len(others) - KEPT + 1)]:
        shutil.rmtree(folder / old, ignore_errors=True)


def _point(folder: Path, name: str) -> None:
    aside = folder / ".current"
    aside.write_text(name, encoding="utf-8")
    _sync(aside)
    os.replace(aside, folder / "current")
    _sync(folder)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One builder at a time, over processes; the lock goes with the process."""
    with (folder / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _sync(path: Path) -> None:
    """A file or folder onto the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
