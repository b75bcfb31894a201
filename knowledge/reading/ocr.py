"""Letters out of pictures: Tesseract by its command line, Vietnamese; a page that stands on its head is turned first."""

from __future__ import annotations

import csv
import io
import os
import re
import statistics
import subprocess
import unicodedata
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from shutil import which

from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from knowledge.reading.counting import finished
from knowledge.reading.model import Extracted, Limits, Progress
from knowledge.reading.pages import text_of
from knowledge.reading.placed import Box, Page, Word
from knowledge.reading.wording import refusal, warning

_LONGEST = 3600
"""Pixels of the longer side: A4 at 300 dpi. More makes it slower and no better."""
_WORKERS = 2
_POOR = 0.6
"""Mean certainty below which the page may stand the wrong way round."""
_DOUBTFUL = 0.5
_MOST_DOUBTS = 5
"""Doubtful words that a warning quotes."""
_BELOW_LINE = re.compile("[gjpqyQ,;()/|\\[\\]\u0323]")
"""Letters, marks and the dot below that reach under the line."""
_FAR = 60.0
"""Points."""
_SECONDS = 50.0
"""For one page; below `Limits.silent_seconds`."""


@dataclass(frozen=True, slots=True)
class PageRead:
    """A page as it was recognised."""

    page: Page
    turned: int = 0
    """Degrees that it had to be turned, clockwise."""

    def warnings(self, number: int) -> list[str]:
        """What staff should look at."""
        doubtful = [word.text for word in self.page.words if word.sure < _DOUBTFUL and any(c.isalnum() for c in word.text)]
        said = [warning("turned", page=number, degrees=self.turned)] if self.turned else []
        if not self.page.words:
            said.append(warning("blank", page=number))
        if doubtful:
            said.append(warning("doubtful", page=number, count=len(doubtful), words=", ".join(doubtful[:_MOST_DOUBTS])))
        return said


class Recogniser:
    """Reads pictures, two at a time. LoadError when Tesseract or its Vietnamese data is not installed."""

    def __init__(self) -> None:
        if "vie" not in _languages():
            raise refusal("no_ocr")

    def read(self, pictures: Iterable[tuple[int, Image.Image, float]]) -> Iterator[tuple[int, PageRead]]:
        """Takes (key, picture, points per pixel); yields (key, what was read) in order. Holds a few pictures at a time."""
        waiting: deque[tuple[int, Future[PageRead]]] = deque()
        with ThreadPoolExecutor(_WORKERS) as pool:
            for key, picture, unit in pictures:
                waiting.append((key, pool.submit(_recognise, picture, unit)))
                if len(waiting) > _WORKERS:
                    first, done = waiting.popleft()
                    yield first, done.result()
            for first, done in waiting:
                yield first, done.result()


@cache
def _languages() -> frozenset[str]:
    if which("tesseract") is None:
        return frozenset()
    listed = subprocess.run(["tesseract", "--list-langs"], capture_output=True, text=True, check=False, timeout=20)  # noqa: S607
    return frozenset(listed.stdout.split())


def has_tesseract() -> bool:
    """Whether scans can be read on this machine."""
    return "vie" in _languages()


def read_picture(content: bytes, limits: Limits, progress: Progress) -> Extracted:
    """The text of a PNG, JPEG or TIFF (each frame a page). LoadError when it is broken or beyond the limits."""
    Image.MAX_IMAGE_PIXELS = limits.pixels
    try:
        with Image.open(io.BytesIO(content)) as file:
            count = getattr(file, "n_frames", 1)
            if count > limits.scanned_pages:
                raise refusal("too_many_scanned", pages=count, most=limits.scanned_pages)
            if file.width * file.height > limits.pixels:
                raise refusal("too_many_pixels")
            pages, warnings = [], [warning("ocr", count=count, total=count)]
            for at, read in Recogniser().read(_frames(file)):
                pages.append(read.page)
                warnings += read.warnings(at + 1)
                progress(at + 1, count)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise refusal("too_many_pixels") from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError) as error:
        raise refusal("broken") from error
    text, said = text_of(pages)
    text, counted = finished(text)
    return Extracted(text, count, True, (*warnings, *said, *counted))


def _frames(file: Image.Image) -> Iterator[tuple[int, Image.Image, float]]:
    for at, frame in enumerate(ImageSequence.Iterator(file)):
        upright = ImageOps.exif_transpose(frame)
        yield at, upright.convert("L"), 842 / max(upright.size)  # as if it were A4


def _recognise(picture: Image.Image, unit: float) -> PageRead:
    if max(picture.size) > _LONGEST:
        shrink = _LONGEST / max(picture.size)
        picture, unit = picture.resize((round(picture.width * shrink), round(picture.height * shrink))), unit / shrink
    words = _words(picture, unit)
    turned = 0
    if _certainty(words) < _POOR and (degrees := _orientation(picture)):
        again = picture.rotate(-degrees, expand=True, fillcolor=255)
        better = _words(again, unit)
        if _certainty(better) > _certainty(words):
            words, picture, turned = better, again, degrees
    return PageRead(Page(picture.width * unit, picture.height * unit, tuple(words)), turned)


def _certainty(words: list[Word]) -> float:
    """Mean over the words, by their length; 0 where next to nothing was read."""
    letters = sum(len(word.text) for word in words)
    return sum(word.sure * len(word.text) for word in words) / letters if letters >= 20 else 0.0


def _orientation(picture: Image.Image) -> int:
    """Degrees clockwise that the page must be turned; 0 when upright or unknown."""
    said = _tesseract(picture, "--psm", "0", "-l", "osd", config="")
    found = re.search(r"^Rotate:\s*(\d+)", said, re.MULTILINE)
    return int(found[1]) % 360 if found else 0


def _tesseract(picture: Image.Image, *options: str, config: str) -> str:
    plain = io.BytesIO()
    picture.save(plain, "PPM")
    argv = ["tesseract", "stdin", "stdout", *options, *([config] if config else [])]
    try:
        done = subprocess.run(  # noqa: S603
            argv, input=plain.getvalue(), capture_output=True, check=False, timeout=_SECONDS, env={**os.environ, "OMP_THREAD_LIMIT": "1"}
        )
    except subprocess.TimeoutExpired as error:
        raise refusal("too_slow") from error
    return done.stdout.decode("utf-8", errors="replace")


def _words(picture: Image.Image, unit: float) -> list[Word]:
    """Words of a page set upright: a slant of the lines, as scans have it, is taken out of their places."""
    found: list[Word] = []
    lines: dict[tuple[str, ...], list[Word]] = {}
    table = _tesseract(picture, "-l", "vie", "--psm", "3", "--dpi", str(round(72 / unit)), config="tsv")
    for row in csv.DictReader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE):
        if row.get("level") != "5" or not (row.get("text") or "").strip(" |"):
            continue
        left, top, width, height = (int(row[name]) * unit for name in ("left", "top", "width", "height"))
        word = Word(
            row["text"].strip(" |").replace("—", "–"), Box(left, top, left + width, top + height), max(0.0, float(row["conf"])) / 100
        )
        lines.setdefault((row["block_num"], row["par_num"], row["line_num"]), []).append(word)
    slants = [slant for line in lines.values() for slant in _slants(line)]
    slant = statistics.median(slants) if slants else 0.0
    high = statistics.median([w.box.y1 - w.box.y0 for line in lines.values() for w in line]) if lines else 0.0
    for line in lines.values():
        # One height for the words of a line, from where they stand: "a" and "Ụ" must not seem to be in different rows.
        foot = statistics.median(word.box.y1 - slant * word.box.middle[0] for word in line)
        found += [replace(w, box=Box(w.box.x0, foot - high, w.box.x1, foot)) for w in line if not _speck(w)]
    return found


def _slants(line: list[Word]) -> Iterator[float]:
    """Rise over run between words far apart that stand on the line with all their letters (Theil 1950, Sen 1968: take the median)."""
    standing = [word.box for word in line if not _BELOW_LINE.search(unicodedata.normalize("NFD", word.text))]
    for at, one in enumerate(standing):
        for other in standing[at + 1 :]:
            if other.middle[0] - one.middle[0] > _FAR:
                yield (other.y1 - one.y1) / (other.middle[0] - one.middle[0])


def _speck(word: Word) -> bool:
    """Ruled lines and dirt that came out as marks."""
    return not any(char.isalnum() for char in word.text) and (word.sure < 0.3 or set(word.text) <= set("|_~¬=.'‘’`"))
