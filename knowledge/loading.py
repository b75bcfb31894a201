"""From a file to a Document: its kind by its content, its text (knowledge/reading), then what the text says."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from knowledge.errors import LoadError
from knowledge.furniture import stamps
from knowledge.metadata import read_metadata
from knowledge.model import Document, Metadata
from knowledge.outline import outline
from knowledge.places import Gazetteer
from knowledge.reading.encodings import decoded, unicode_lines
from knowledge.reading.kinds import ENDINGS, kind_of, mismatch
from knowledge.reading.model import LIMITS, Extracted, Progress
from knowledge.reading.sandbox import read_apart, unpack_apart
from knowledge.reading.wording import refusal, warning
from knowledge.reading.wrapped import unwrapped
from knowledge.text import fold, nfc

MAX_BYTES = LIMITS.file_bytes
"""A file beyond this is refused."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file as it was taken in: its document, or why there is none. `name`: as people know it, within its zip if it came in one."""

    name: str
    content: bytes
    document: Document | None = None
    error: LoadError | None = None


def _silent(done: int, of: int) -> None:
    """No progress is shown."""


def documents_in(path: Path) -> Iterator[Path]:
    """The files of `path` (a file, or a folder read in order of names) that may be read. LoadError when there is none."""
    try:
        if path.is_file():
            found = [path]
        elif path.exists():
            found = [p for p in sorted(path.rglob("*")) if p.is_file() and p.suffix.lower() in ENDINGS]
        else:
            raise LoadError(f"{path}: no such file or folder; check the path")
    except OSError as error:
        raise LoadError(f"{path}: cannot be opened; check the path and who may read it") from error
    if not found:
        raise LoadError(f"{path}: no file in this folder can be read; give .txt, .md, .html, .docx, .pdf, .png, .jpg, .tif or .zip")
    yield from found


def load(path: Path, gazetteer: Gazetteer, progress: Progress = _silent, name: str | None = None) -> Document:
    """The document in a file. LoadError says in one line what is wrong and what to do; a zip is refused here (see `load_all`)."""
    return _document(path, _content(path), gazetteer, progress, name or path.name)


def load_all(path: Path, gazetteer: Gazetteer, progress: Progress = _silent) -> Iterator[Loaded]:
    """The document in a file, or those of a zip one by one; one that cannot be read does not stop the others."""
    content = b""
    try:
        content = _content(path)
        if _kind(content, path.name) != "zip":
            yield Loaded(path.name, content, _document(path, content, gazetteer, progress, path.name))
            return
    except LoadError as error:
        yield Loaded(path.name, content, error=error)
        return
    yield from _members(path, content, gazetteer, progress)


def _members(path: Path, content: bytes, gazetteer: Gazetteer, progress: Progress) -> Iterator[Loaded]:
    with tempfile.TemporaryDirectory(prefix="trogiup-zip-") as folder:
        try:
            members = unpack_apart(path, Path(folder))
        except LoadError as error:
            yield Loaded(path.name, content, error=_named(path.name, error))
            return
        for member in members:
            name = f"{path.name}/{member.name}"
            if member.file is None:
                yield Loaded(name, b"", error=LoadError(f"{name}: {member.refused}"))
                continue
            file = Path(folder) / member.file
            try:
                yield Loaded(name, file.read_bytes(), load(file, gazetteer, progress, name))
            except LoadError as error:
                yield Loaded(name, b"", error=error)


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _named(path.name, refusal("too_large", mib=MAX_BYTES >> 20))
        return path.read_bytes()
    except OSError as error:
        raise LoadError(f"{path.name}: cannot be opened; check that it exists and who may read it") from error


def _kind(content: bytes, name: str) -> str:
    try:
        return kind_of(content)
    except LoadError as error:
        raise _named(name, error) from error


def _document(path: Path, content: bytes, gazetteer: Gazetteer, progress: Progress, name: str) -> Document:
    try:
        kind = kind_of(content)
        if kind == "text":
            extracted = Extracted(*_decoded(content))
        elif kind == "zip":
            raise refusal("nested")
        else:
            read = read_apart(path, kind, progress)
            text, said = unicode_lines(nfc(read.text))
            extracted = replace(read, text=text, warnings=(*read.warnings, *said))
    except LoadError as error:
        raise _named(name, error) from error
    return assemble(name, replace(extracted, warnings=(*mismatch(name, kind), *extracted.warnings)), gazetteer)


def _decoded(content: bytes) -> tuple[str, None, bool, tuple[str, ...]]:
    text, warnings = decoded(content)
    whole, said = unwrapped(nfc(text))
    return whole if said else text, None, False, (*warnings, *said)


def _named(name: str, error: LoadError) -> LoadError:
    return LoadError(f"{name}: {error.advice}", **error.context)


def assemble(source_file: str, extracted: Extracted, gazetteer: Gazetteer, document_id: str | None = None) -> Document:
    """Metadata, outline and passages over an extracted text. LoadError when there are no words in it."""
    text = nfc(extracted.text)
    if not any(char.isalpha() for char in text):
        raise _named(source_file, refusal("empty"))
    metadata = read_metadata(text, gazetteer)
    sealed = tuple(warning("stamp", words=words) for words in stamps(text))
    metadata = replace(metadata, warnings=(*extracted.warnings, *sealed, *metadata.warnings))
    identity = document_id or identify(metadata, text)
    outlined = outline(text, identity)
    return Document(identity, source_file, text, metadata, outlined.sections, outlined.passages, extracted.pages, extracted.ocr)


def with_id(document: Document, name: str) -> Document:
    """The same document under the id that `name` hashes to."""
    identity = hashlib.sha256(name.encode()).hexdigest()[:16]
    outlined = outline(document.text, identity)
    return replace(document, document_id=identity, sections=outlined.sections, passages=outlined.passages)


def identify(metadata: Metadata, text: str) -> str:
    """16 hex digits over what names the document: number and issuer, else title and issuer, else its first 200 letters.

    A corrected copy of the same plan keeps its id and becomes a new version.
    """
    if metadata.number and metadata.issuer:
        name = f"{metadata.number}\0{metadata.issuer}"
    elif metadata.title:
        name = f"{metadata.title}\0{metadata.issuer or ''}"
    else:
        name = " ".join(text.split())[:200]
    return hashlib.sha256(fold(name).encode()).hexdigest()[:16]
