"""From a file to a Document. One loader a format; the table of loaders is the seam where PDF, DOCX and scans come in later."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from knowledge.errors import LoadError
from knowledge.metadata import read_metadata
from knowledge.model import Document, Metadata
from knowledge.outline import outline
from knowledge.places import Gazetteer
from knowledge.text import fold, nfc

MAX_BYTES = 20 * 1024 * 1024
"""A text file beyond this is no plan; read in parts by hand."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """What a loader gets out of a file: plain text.

    For paged formats also how many pages there are, and whether the letters were recognised from a picture.
    """

    text: str
    pages: int | None = None
    ocr: bool = False


Loader = Callable[[bytes], Extracted]


def load_text(content: bytes) -> Extracted:
    """UTF-8 text or Markdown, a byte-order mark allowed, UTF-16 when marked as such. LoadError for anything else."""
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise LoadError("not UTF-8 text; save it as UTF-8 and try again", offset=error.start) from error
    if "\0" in text:
        raise LoadError("a binary file, not text; give a .txt or .md file")
    return Extracted(text)


LOADERS: Mapping[str, Loader] = {".txt": load_text, ".md": load_text}
"""By file ending, lower case."""
_ENDINGS = ", ".join(LOADERS)


def documents_in(path: Path) -> Iterator[Path]:
    """The files of `path` (a file, or a folder read in order of names) that a loader exists for. LoadError when there is none."""
    try:
        if path.is_file():
            found = [path]
        elif path.exists():
            found = [p for p in sorted(path.rglob("*")) if p.is_file() and p.suffix.lower() in LOADERS]
        else:
            raise LoadError(f"{path}: no such file or folder; check the path")
    except OSError as error:
        raise LoadError(f"{path}: cannot be opened; check the path and who may read it") from error
    if not found:
        raise LoadError(f"{path}: no file in this folder can be read; give files that end in {_ENDINGS}")
    yield from found


def load(path: Path, gazetteer: Gazetteer) -> Document:
    """The document in a file. LoadError says in one line what is wrong and what to do."""
    loader = LOADERS.get(path.suffix.lower())
    if loader is None:
        raise LoadError(f"{path.name}: this kind of file cannot be read yet; give one that ends in {_ENDINGS}")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise LoadError(f"{path.name}: larger than {MAX_BYTES // 1024 // 1024} MiB; split it and try again")
        content = path.read_bytes()
    except OSError as error:
        raise LoadError(f"{path.name}: cannot be opened; check that it exists and who may read it") from error
    try:
        extracted = loader(content)
    except LoadError as error:
        raise LoadError(f"{path.name}: {error.advice}", **error.context) from error
    return assemble(path.name, extracted, gazetteer)


def assemble(source_file: str, extracted: Extracted, gazetteer: Gazetteer, document_id: str | None = None) -> Document:
    """Metadata, outline and passages over an extracted text. LoadError when there are no words in it."""
    text = nfc(extracted.text)
    if not any(char.isalpha() for char in text):
        raise LoadError(f"{source_file}: there are no words in it; check the file")
    metadata = read_metadata(text, gazetteer)
    identity = document_id or identify(metadata, text)
    outlined = outline(text, identity)
    return Document(identity, source_file, text, metadata, outlined.sections, outlined.passages, extracted.pages, extracted.ocr)


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
