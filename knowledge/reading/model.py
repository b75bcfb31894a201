"""The values of reading: what comes out of a file, and within which limits it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

PAGE_BREAK = "\f"
"""Stands in a text before each page but the first; blank to every pattern that reads the text."""

Progress = Callable[[int, int], None]
"""Told how many pages are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """What a file says: plain text.

    For paged formats also how many pages there are, and whether letters were recognised from a picture. `warnings`: Vietnamese, for staff.
    """

    text: str
    pages: int | None = None
    ocr: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one file may cost. Reading runs in a process of its own that the system holds to them."""

    file_bytes: int = 64 * 1024 * 1024
    """A scan of 200 pages at 200 dpi has 40 MB."""
    pages: int = 1000
    scanned_pages: int = 200
    memory_bytes: int = 2 * 1024**3
    """Address space. A page at 200 dpi and Tesseract's model stay far below."""
    written_bytes: int = 64 * 1024 * 1024
    cpu_seconds: int = 300
    silent_seconds: float = 60.0
    """Without a page done for so long, the process is ended."""
    members: int = 500
    """Files in one zip."""
    unpacked_bytes: int = 256 * 1024 * 1024
    """All files of a zip (a .docx is one) together."""
    ratio: int = 200
    """Unpacked over packed. Text in XML packs 10 to 30 times; bombs 1,000 times."""
    pixels: int = 120_000_000
    """An A3 page at 600 dpi has 70 million."""


LIMITS = Limits()
