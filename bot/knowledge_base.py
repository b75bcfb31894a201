"""The knowledge base: files in, versions kept, the published ones out, and the snapshot built from them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.publication.corrections import correct, read_warnings
from index import snapshot
from knowledge.collection import Collection, dump_metadata, parse_metadata
from knowledge.compare import KIN, TWIN, figures, nearest, shingles
from knowledge.errors import IndexFault, LoadError
from knowledge.loading import assemble, documents_in, load_all, with_id
from knowledge.model import Document
from knowledge.places import Gazetteer
from knowledge.reading.model import Extracted, Progress
from knowledge.reading.wording import warning
from knowledge.store import Actor, DocumentRow, Store, Subject, VersionRow, Work, corpus_hash, text_sha256
from knowledge.text import words

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "knowledge" / "sources"
_SHAPING = (
    "knowledge/*.py",
    "knowledge/reading/*.py",
    "knowledge/data/*",
    *(f"index/{name}.py" for name in ("analysis", "encoder", "lexical", "dense", "snapshot")),
)
"""What decides how a document becomes passages and vectors: when it changes, the snapshot is stale."""


def _silent(done: int, of: int) -> None:
    """Nobody watches the pages."""


@dataclass(frozen=True)
class KnowledgeBase:
    """Documents of one store and the snapshots of one home."""

    store: Store
    gazetteer: Gazetteer
    home: Path
    encoder: str
    database_url: str
    clock: Callable[[], datetime]
    _known: dict[tuple[str, int], frozenset[int]] = field(default_factory=dict, repr=False, compare=False)

    def ingest(self, file: Path, publish: bool) -> dict[str, Any]:
        """Takes a file in and reports on it in the contract's form. LoadError when it cannot be read."""
        (report,) = self.ingest_all(file, publish)
        if isinstance(report, LoadError):
            raise report
        return report

    def ingest_all(self, file: Path, publish: bool, progress: Progress = _silent) -> Iterator[dict[str, Any] | LoadError]:
        """Takes a file in, or each file of a zip; for each a report, or why it cannot be read. `progress` hears of pages done."""
        for loaded in load_all(file, self.gazetteer, progress):
            yield self._ingested(loaded.document, loaded.content, publish) if loaded.document else loaded.error or LoadError(loaded.name)

    def _ingested(self, read: Document, content: bytes, publish: bool) -> dict[str, Any]:
        document, _, twin = self.take_in(read, content)
        if twin and twin != document.document_id:
            return self.report(document, self._state(twin), duplicate_of=twin)
        if publish:
            self.store.documents.publish(document.document_id)
        return self.report(document, self._state(document.document_id), duplicate_of=twin)

    def take_in(self, read: Document, content: bytes) -> tuple[Document, int, str | None]:
        """A document as it was read becomes a new version, with the corrections that were made to it before.

        Returns it with them, its version, and the document that has this text already (in which case nothing is added).
        """
        documents, drafts = self.store.documents, self.store.drafts
        read = self._told_apart(read)
        edits = drafts.edits(read.document_id)
        extra = read_warnings(read, self.gazetteer) if edits else ()
        document = correct(read, extra, edits, self.gazetteer).document if edits else read
        twin = self._twin(document)
        if not twin:
            plain = document
            document, twin = self._compared(plain)
            extra += tuple(said for said in document.metadata.warnings if said not in plain.metadata.warnings)
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

    def draft_of(self, row: VersionRow, by: Actor) -> int:
        """A new version of what is published, from the same file, to be corrected; its number."""
        documents, drafts, work = self.store.documents, self.store.drafts, self.work(row.document_id, row.version)
        read = Document(row.document_id, row.source_file, work.read_text, parse_metadata(row.metadata_json), pages=row.pages, ocr=row.ocr)
        document = correct(read, work.read_warnings, drafts.edits(row.document_id), self.gazetteer).document
        version = documents.add_version(
            row.document_id,
            source_file=row.source_file,
            content=documents.original(row.document_id, row.version),
            text=document.text,
            metadata_json=dump_metadata(document.metadata),
            ocr=row.ocr,
            pages=row.pages,
            warnings=document.metadata.warnings,
            even_alike=True,
        )
        drafts.begin(row.document_id, version, work.read_text, work.read_warnings)
        self.store.audit.record(by, "document_added", Subject("document", row.document_id), None, {"version": version, "of": row.version})
        return version

    def _twin(self, document: Document) -> str | None:
        """The document that has this text already: another one in any version, or this one when its latest version says the same."""
        documents = self.store.documents
        twin = documents.by_text_hash(text_sha256(document.text))
        if twin != document.document_id:
            return twin
        version = next(row.latest_version for row in documents.list() if row.document_id == twin)
        latest = documents.get(twin, version)
        # Warnings may differ: they tell of what else was held when a file came in.
        read, held = (replace(each, warnings=()) for each in (document.metadata, parse_metadata(latest.metadata_json)))
        return twin if text_sha256(document.text) == latest.text_sha256 and read == held else None

    def _told_apart(self, document: Document) -> Document:
        """Numbers begin anew each year: a document of the same number and issuer but of another year than the one held is another one."""
        held = next((row for row in self.store.documents.list() if row.document_id == document.document_id), None)
        was, now = (parse_metadata(held.metadata_json).issued_on if held else None), document.metadata.issued_on
        if not was or not now or was.year == now.year or not document.metadata.number:
            return document
        return with_id(document, f"{document.document_id}{now.year}")

    def _compared(self, document: Document) -> tuple[Document, str | None]:
        """The document with what is to be said of held ones that are alike, and the one that it is a copy of.

        A document of the same id is its next version, unless only the file's format differs: then it is a copy.
        """
        own = shingles(document.text)
        found = nearest(own, ((row.document_id, self._shingles(row)) for row in self.store.documents.list()))
        if found is None or found[1] < KIN:
            return document, None
        row = self.store.documents.get(found[0])
        alike = {"document_id": found[0], "name": row.source_file, "percent": round(100 * found[1])}
        if found[1] >= TWIN and self._is_copy(document, row):
            return _warned(document, warning("near_twin", **alike)), found[0]
        before = parse_metadata(row.metadata_json)
        if found[0] == document.document_id or (before.title and _same_title(before.title, document.metadata.title)):
            return _warned(document, warning("new_version", **alike)), None
        return document, None

    def _is_copy(self, document: Document, row: VersionRow) -> bool:
        """Of two files of one document: the same figures in another format. Of two documents: not where both have numbers that differ."""
        if row.document_id == document.document_id:
            read, held = (_ending(document.source_file), document.ocr), (_ending(row.source_file), row.ocr)
            return read != held and figures(document.text) == figures(row.text)
        before = parse_metadata(row.metadata_json).number
        return not (before and document.metadata.number and before != document.metadata.number)

    def _shingles(self, row: DocumentRow) -> frozenset[int]:
        """Of a document's latest version, remembered: a batch compares each file with all that is held."""
        key = (row.document_id, row.latest_version)
        if key not in self._known:
            self._known[key] = shingles(self.store.documents.get(*key).text)
        return self._known[key]

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

    def collection(self, rows: Iterable[VersionRow] | None = None, like: Collection | None = None) -> Collection:
        """The published documents, or those of `rows`; those of `like` that are the same are taken from it."""
        chosen = self.store.documents.published() if rows is None else rows
        held = {document.document_id: document for document in like.documents} if like else {}
        found = ((row, held.get(row.document_id)) for row in sorted(chosen, key=lambda row: row.source_file))
        return Collection(tuple(read if read and _is_same(read, row) else self._read(row) for row, read in found))

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
        like = self._in_use()
        snapshot.build(home, self.collection(rows, like.collection if like else None), wanted, self.encoder, self.clock(), like)
        return home

    def _in_use(self) -> snapshot.Snapshot | None:
        """The snapshot in use, if it was made by this same code."""
        try:
            return snapshot.open_current(self.home, self.encoder) if self.is_fresh() else None
        except IndexFault:
            return None

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


def _warned(document: Document, said: str) -> Document:
    return replace(document, metadata=replace(document.metadata, warnings=(*document.metadata.warnings, said)))


def _is_same(document: Document, row: VersionRow) -> bool:
    plain = (document.source_file, document.text, document.pages, document.ocr)
    return plain == (row.source_file, row.text, row.pages, row.ocr) and document.metadata == parse_metadata(row.metadata_json)


def _same_title(one: str, other: str | None) -> bool:
    return other is not None and words(one) == words(other)


def _ending(name: str) -> str:
    return Path(name).suffix.lower()
