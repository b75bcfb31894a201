"""PDF (pypdfium2): pages with letters as they stand, pages without as pictures for recognition."""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Iterator, Sequence

import pypdfium2 as pdfium
import pypdfium2.raw as raw
from PIL import Image

from knowledge.reading.counting import finished
from knowledge.reading.encodings import is_vietnamese
from knowledge.reading.model import Extracted, Limits, Progress
from knowledge.reading.ocr import Recogniser
from knowledge.reading.pages import text_of
from knowledge.reading.placed import Box, Page, Word
from knowledge.reading.wording import refusal, warning

DPI = 200
_LEAST_LETTERS = 20
"""A page with fewer is looked at as a picture when it shows one."""
_LEAST_SHARE = 0.5
"""Of the words, that must look like words: below, the letters a PDF holds are not those it shows."""
_THIN = 2.5
"""Points: a ruled line is no thicker."""


def read_pdf(content: bytes, limits: Limits, progress: Progress) -> Extracted:
    """The text of a PDF file. LoadError when it is encrypted, broken or beyond the limits."""
    try:
        file = pdfium.PdfDocument(content)
    except pdfium.PdfiumError as error:
        raise refusal("encrypted" if error.err_code == raw.FPDF_ERR_PASSWORD else "broken") from error
    try:
        return _read(file, limits, progress)
    except pdfium.PdfiumError as error:
        raise refusal("broken") from error
    finally:
        file.close()


def _read(file: pdfium.PdfDocument, limits: Limits, progress: Progress) -> Extracted:
    count = len(file)
    if not count:
        raise refusal("broken")
    if count > limits.pages:
        raise refusal("too_many_pages", pages=count, most=limits.pages)
    pages: list[Page] = []
    pictures: list[int] = []
    for at in range(count):
        page = file[at]
        found = _page(page)
        if _unreadable(found) and _shows_picture(page):
            pictures.append(at)
        pages.append(found)
        page.close()
        if not pictures:
            progress(at + 1, count)
    if len(pictures) > limits.scanned_pages:
        raise refusal("too_many_scanned", pages=len(pictures), most=limits.scanned_pages)
    warnings: list[str] = []
    if pictures:
        done = count - len(pictures)
        recogniser = Recogniser()
        for at, page_read in recogniser.read(_rendered(file, pictures, limits)):
            pages[at] = page_read.page
            warnings += page_read.warnings(at + 1)
            done += 1
            progress(done, count)
        warnings.insert(0, warning("ocr", count=len(pictures), total=count))
    text, said = text_of(pages)
    text, counted = finished(text) if pictures else (text, ())
    return Extracted(text, count, bool(pictures), (*warnings, *said, *counted))


def _rendered(file: pdfium.PdfDocument, which: Sequence[int], limits: Limits) -> Iterator[tuple[int, Image.Image, float]]:
    """Page by page in grey, with points per pixel."""
    for at in which:
        page = file[at]
        scale = min(DPI / 72, (limits.pixels / max(1.0, page.get_width() * page.get_height())) ** 0.5)
        yield at, page.render(scale=scale, grayscale=True).to_pil(), 1 / scale
        page.close()


def _unreadable(page: Page) -> bool:
    words = [word.text for word in page.words if any(c.isalpha() for c in word.text)]
    if sum(map(len, words)) < _LEAST_LETTERS:
        return True
    spelled = [word.strip(".,;:()[]“”\"'-–/") for word in words]
    return sum(map(is_vietnamese, spelled)) < _LEAST_SHARE * len(words) and all(c < "\x20" or c > "\uf000" for c in "".join(spelled)[:40])


def _shows_picture(page: pdfium.PdfPage) -> bool:
    """Whether anything is drawn: a picture, or outlines of letters."""
    return next(iter(page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_PATH, raw.FPDF_PAGEOBJ_SHADING])), None) is not None


def _page(page: pdfium.PdfPage) -> Page:
    width, height = page.get_size()
    text = page.get_textpage()
    words = tuple(_words(text, height))
    text.close()
    return Page(width, height, words, tuple(_tables(page, height)))


def _words(text: pdfium.PdfTextPage, height: float) -> Iterator[Word]:
    """Letters put together until a blank, a gap or a change of line."""
    letters: list[str] = []
    box: Box | None = None
    rect = raw.FS_RECTF()
    for at in range(text.count_chars()):
        code = raw.FPDFText_GetUnicode(text, at)
        char = chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"
        blank = char.isspace() or code in (0, 2, 0xFFFE)
        if not blank and raw.FPDFText_GetLooseCharBox(text, at, ctypes.byref(rect)):
            place = Box(rect.left, height - rect.top, rect.right, height - rect.bottom)
            if box and _follows(box, place):
                letters.append(char)
                box = Box(min(box.x0, place.x0), min(box.y0, place.y0), max(box.x1, place.x1), max(box.y1, place.y1))
                continue
            if letters and box:
                yield Word("".join(letters), box)
            letters, box = [char], place
        elif letters and box and blank:
            if code in (2, 0xFFFE):  # how PDFium marks a hyphen at a line's end
                letters.append("-")
            yield Word("".join(letters), box)
            letters, box = [], None
    if letters and box:
        yield Word("".join(letters), box)


def _follows(before: Box, place: Box) -> bool:
    high = max(before.y1 - before.y0, 1.0)
    return abs(place.middle[1] - before.middle[1]) < 0.5 * high and -0.6 * high < place.x0 - before.x1 < 0.3 * high


def _tables(page: pdfium.PdfPage, height: float) -> Iterator[tuple[tuple[Box, ...], ...]]:
    """The grids that ruled lines make."""
    across: list[Box] = []
    down: list[Box] = []
    for item in page.get_objects(filter=[raw.FPDF_PAGEOBJ_PATH], max_depth=3):
        left, bottom, right, top = item.get_bounds()
        box = Box(left, height - top, right, height - bottom)
        wide, high = box.x1 - box.x0, box.y1 - box.y0
        if high <= _THIN and wide > 20:
            across.append(box)
        elif wide <= _THIN and high > 6:
            down.append(box)
        elif wide > 20 and high > 6 and not (wide > 0.9 * page.get_width() and high > 0.9 * height):
            across += [Box(box.x0, box.y0, box.x1, box.y0 + 1), Box(box.x0, box.y1 - 1, box.x1, box.y1)]
            down += [Box(box.x0, box.y0, box.x0 + 1, box.y1), Box(box.x1 - 1, box.y0, box.x1, box.y1)]
    for group in _touching(down):
        top, bottom = min(b.y0 for b in group), max(b.y1 for b in group)
        left, right = min(b.x0 for b in group), max(b.x1 for b in group)
        xs = _clustered([b.middle[0] for b in group])
        ys = _clustered([b.middle[1] for b in across if b.x0 < right - 3 and b.x1 > left + 3 and top - 4 <= b.middle[1] <= bottom + 4])
        if len(xs) >= 3 and len(ys) >= 2:
            yield tuple(tuple(Box(x0, y0, x1, y1) for x0, x1 in itertools.pairwise(xs)) for y0, y1 in itertools.pairwise(ys))


def _touching(down: list[Box]) -> Iterator[list[Box]]:
    """Upright lines in groups that share heights, from top to bottom."""
    group: list[Box] = []
    reach = 0.0
    for box in sorted(down, key=lambda box: box.y0):
        if group and box.y0 > reach + 4:
            yield group
            group = []
        reach = max(reach, box.y1) if group else box.y1
        group.append(box)
    if group:
        yield group


def _clustered(values: list[float]) -> list[float]:
    """Sorted, those within 4 points taken as one."""
    found: list[float] = []
    for value in sorted(values):
        if not found or value - found[-1] > 4:
            found.append(value)
    return found
