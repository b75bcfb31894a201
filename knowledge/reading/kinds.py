"""What a file is, by its first bytes and never by its name."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import PurePath
from typing import Literal

from knowledge.reading.wording import refusal, table, warning

Kind = Literal["text", "html", "docx", "pdf", "picture", "zip"]

ENDINGS: dict[str, Kind] = {
    ".txt": "text", ".md": "text", ".html": "html", ".htm": "html", ".docx": "docx", ".docm": "docx", ".pdf": "pdf",
    ".png": "picture", ".jpg": "picture", ".jpeg": "picture", ".tif": "picture", ".tiff": "picture", ".zip": "zip",
}  # fmt: skip
"""The kind that a file's ending promises."""
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HTML = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)


def kind_of(content: bytes) -> Kind:
    """The kind of file. LoadError for one that is known and cannot be read (old Word, RTF, spreadsheets)."""
    if b"%PDF-" in content[:1024]:
        return "pdf"
    if content.startswith(_PICTURES):
        return "picture"
    if content.startswith(_OLE):
        raise refusal("old_office")
    if content.startswith(b"{\\rtf"):
        raise refusal("rich_text")
    if content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _package(content)
    return "html" if _HTML.match(content.removeprefix(b"\xef\xbb\xbf")[:4096]) else "text"


def _package(content: bytes) -> Kind:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            names = set(package.namelist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise refusal("broken") from error
    if "word/document.xml" in names:
        return "docx"
    if "[Content_Types].xml" in names or "mimetype" in names:
        raise refusal("other_office")
    return "zip"


def mismatch(name: str, kind: Kind) -> tuple[str, ...]:
    """A warning when a file's name promises another kind."""
    ending = PurePath(name).suffix.lower()
    if ENDINGS.get(ending, kind) == kind:
        return ()
    return (warning("mismatch", ending=ending, kind=table()["kinds"][kind]),)
