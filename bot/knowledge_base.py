"""The knowledge base: files in, versions kept, the published ones out, and the snapshot built from them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.publication.corrections import correct, read_warnings
from index import snapshot
from knowledge.collection import Collection, dump_metadata, parse_metadata
from knowledge.errors import IndexFault
from knowledge.loading import assemble, documents_in, load
from knowledge.model import Document
from knowledge.places import Gazetteer
from knowledge.reading.model import Extracted
from knowledge.store import Store, VersionRow, Work, corpus_hash, text_sha256

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "knowledge" / "sources"
_SHAPING = ("knowledge/*.py", "knowledge/data/*", *(f"index/{name}.py" for name in ("analysis", "encoder", "lexical", "dense", "snapshot")))
"""What decides how a document becomes passages and vectors: when it changes, the snapshot is stale."""


@dataclass(frozen=True)
class KnowledgeBase:
    """Documents of one store and the snapshots of one home."""

    store: Store
    gazetteer: Gazetteer
    home: Path
    encoder: str
    database_url: str
    clock: Callable[[], datetime]

    def ingest(self, file: Path, publish: bool) -> dict[str, Any]:
        """Takes a file in and reports on it in the contract's form. LoadError when it cannot be read."""
        document, _, twin = self.take_in(load(file, self.gazetteer), file.read_bytes())
        if publish and twin in (None, document.document_id):
            self.store.documents.publish(document.document_id)
        return self.report(document, self._state(twin or document.document_id), duplicate_of=twin)

    def take_in(self, read: Document, content: bytes) -> tuple[Document, int, str | None]:
        """A document as it was read becomes a new version, with the corrections that were made to it before.

        Returns it with them, its version, and the document that has this text already (in which case nothing is added).
        """
        documents, drafts = self.store.documents, self.store.drafts
        extra = read_warnings(read, self.gazetteer)
        edits = drafts.edits(read.document_id)
        document = correct(read, extra, edits, self.gazetteer).document if edits else read
        twin = self._twin(document)
        if twin:
            return document, next(row.latest_version for row in documents.list() if row.document_id == twin), twin
        version = documents.add_version(
            document.document_id,
            source_file=document.source_file,
            content=content,
            text=document.text,
            metadata_json=dump_metadata(document.metadata),
            ocr=document.ocr,
            pages=document.pages,
            warnings=document.metadata.warnings,
        )
        if edits:
            drafts.begin(document.document_id, version, read.text, extra)
        return document, version, None

    def work(self, document_id: str, version: int) -> Work:
        """The work on a version, begun now where nobody has. UnknownDocument when there is no such version."""
        held = self.store.drafts.get(document_id, version)
        if held is not None:
            return held
        row = self.store.documents.get(document_id, version)
        return self.store.drafts.begin(document_id, version, row.text, read_warnings(self._read(row), self.gazetteer))

    def _twin(self, document: Document) -> str | None:
        """The document that has this text already: another one in any version, or this one when its latest version says the same."""
        documents = self.store.documents
        twin = documents.by_text_hash(text_sha256(document.text))
        if twin != document.document_id:
            return twin
        version = next(row.latest_version for row in documents.list() if row.document_id == twin)
        latest = documents.get(twin, version)
        same = (text_sha256(document.text), dump_metadata(document.metadata)) == (latest.text_sha256, latest.metadata_json)
        return twin if same else None

    def _state(self, document_id: str) -> str:
        return next(row.state for row in self.store.documents.list() if row.document_id == document_id)

    def report(self, document: Document, state: str, duplicate_of: str | None = None) -> dict[str, Any]:
        """A document as `trogiup ingest --json` prints it."""
        m = document.metadata
        return {
            "document_id": document.document_id,
            "source_file": document.source_file,
            "number": m.number,
            "kind": m.kind,
            "title": m.title,
            "issuer": m.issuer,
            "province": m.province,
            "province_now": self.gazetteer.now(m.province) if m.province else None,
            "issued_on": m.issued_on.isoformat() if m.issued_on else None,
            "signer": m.signer,
            "valid_from": m.valid_from.isoformat() if m.valid_from else None,
            "valid_to": m.valid_to.isoformat() if m.valid_to else None,
            "based_on": list(m.based_on),
            "reports_on": m.reports_on,
            "sections": len(document.sections),
            "passages": len(document.passages),
            "pages": document.pages,
            "ocr": document.ocr,
            "warnings": list(m.warnings),
            "state": state,
            "duplicate_of": duplicate_of,
        }

    def document(self, document_id: str, version: int | None = None) -> Document:
        """A held document, as it reads today. UnknownDocument when there is none."""
        return self._read(self.store.documents.get(document_id, version))

    def collection(self, rows: Iterable[VersionRow] | None = None) -> Collection:
        """The published documents, or those of `rows`."""
        chosen = self.store.documents.published() if rows is None else rows
        return Collection(tuple(self._read(row) for row in sorted(chosen, key=lambda row: row.source_file)))

    def with_version(self, document_id: str, version: int | None) -> tuple[VersionRow, ...]:
        """What would be published once this version of a document is, or (None) none of it. UnknownDocument when there is none."""
        others = tuple(row for row in self.store.documents.published() if row.document_id != document_id)
        return others if version is None else (*others, self.store.documents.get(document_id, version))

    def _read(self, row: VersionRow) -> Document:
        document = assemble(row.source_file, Extracted(row.text, row.pages, row.ocr), self.gazetteer, row.document_id)
        return replace(document, metadata=parse_metadata(row.metadata_json))

    def version(self, corpus: str | None = None) -> str:
        """What a snapshot is made of: the published documents (or those of `corpus`), the code and tables that read them, the encoder."""
        digest = hashlib.sha256((corpus or self.store.documents.corpus_version()).encode())
        digest.update(self.encoder.encode())
        for pattern in _SHAPING:
            for path in sorted(ROOT.glob(pattern)):
                if path.is_file():
                    digest.update(f"{path.relative_to(ROOT)}".encode() + path.read_bytes())
        return digest.hexdigest()[:16]

    def build(self) -> snapshot.Manifest:
        """Builds a snapshot of the published documents and swaps it in. IndexFault leaves the old one in place."""
        return snapshot.build(self.home, self.collection(), self.version(), self.encoder, self.clock())

    def is_fresh(self) -> bool:
        """Whether the snapshot in use was made from what is published now."""
        try:
            return snapshot.read_manifest(self.home).corpus_version == self.version()
        except IndexFault:
            return False

    def build_candidate(self, document_id: str, version: int | None) -> Path:
        """A home of its own with a snapshot of what `with_version` gives, built now unless it lies there. IndexFault as `build`."""
        rows, home = self.with_version(document_id, version), self.candidate_home
        wanted = self.version(corpus_hash(rows))
        try:
            if snapshot.read_manifest(home).corpus_version == wanted and not snapshot.verify(home):
                return home
        except IndexFault:
            pass  # none yet, or a damaged one
        snapshot.build(home, self.collection(rows), wanted, self.encoder, self.clock())
        return home

    @property
    def candidate_home(self) -> Path:
        """Where snapshots lie that nobody is answered from yet; on the same disk, so that one is swapped in by a rename."""
        return self.home / "candidate"

    def settle(self) -> bool:
        """Makes the snapshot in use agree with what is published, where one lies ready: after a publication, a rollback, a power cut.

        False where it has to be built (`ensure`). IndexFault leaves the old one in place.
        """
        wanted = self.version()
        try:
            if snapshot.read_manifest(self.home).corpus_version == wanted:
                return True
        except IndexFault:
            pass  # another may be whole
        try:
            if snapshot.read_manifest(self.candidate_home).corpus_version == wanted:
                snapshot.adopt(self.home, self.candidate_home)
                return True
        except IndexFault:
            pass
        return snapshot.go_back(self.home, wanted) is not None

    def build_apart(self) -> None:
        """As `build`, in a process of its own: what building needs in memory does not stay with the service. IndexFault as `build`."""
        argv = [sys.executable, "-m", "bot.cli", "index", "build"]
        made = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, env=self.environment(), check=False)  # noqa: S603
        if made.returncode != 0:
            raise IndexFault((made.stderr.strip().splitlines() or ["The index could not be built: run trogiup index build."])[-1])

    def ensure(self, say: Callable[[str], None]) -> None:
        """First start: the documents that come with the product are published. A stale or missing snapshot is built; that it cannot be is
        said, and an older one goes on answering. Fresh: nothing is done."""
        self.seed(say)
        if not self.settle():
            say("Building the index")
            try:
                self.build_apart()
            except IndexFault as error:
                say(error.advice)

    def seed(self, say: Callable[[str], None]) -> None:
        """An empty knowledge base gets the documents that come with the product, published."""
        if not self.store.documents.list():
            for file in documents_in(SOURCES):
                report = self.ingest(file, publish=True)
                say(f"Read {report['source_file']}: {report['passages']} passages")

    def environment(self) -> dict[str, str]:
        """For a program that works on the same home and database."""
        encoder = {} if self.encoder == snapshot.EMBEDDED else {"TROGIUP_ENCODER": self.encoder}
        return {**os.environ, **encoder, "TROGIUP_HOME": str(self.home), "TROGIUP_DATABASE_URL": self.database_url}
