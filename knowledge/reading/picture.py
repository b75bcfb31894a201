"""One page of a file as it looks, for whoever compares what was read with the original."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

import pypdfium2 as pdfium
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from knowledge.reading.model import Limits
from knowledge.reading.wording import refusal

WIDTH = 1000
"""Pixels: letters of 12 points can be read, and a page has about 100 kB."""


def page_picture(content: bytes, number: int, limits: Limits) -> bytes:
    """Page `number`, from 1, of a PDF or a picture, as WebP. LoadError when it is broken, not there, or beyond the limits."""
    Image.MAX_IMAGE_PIXELS = limits.pixels
    try:
        with _opened(content, number) as page:
            page.thumbnail((WIDTH, 4 * WIDTH))
            made = io.BytesIO()
            page.save(made, "WEBP", quality=60)
            return made.getvalue()
    except (pdfium.PdfiumError, Image.DecompressionBombError, UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError) as error:
        raise refusal("broken") from error


@contextmanager
def _opened(content: bytes, number: int) -> Iterator[Image.Image]:
    if content[:1024].lstrip().startswith(b"%PDF"):
        with pdfium.PdfDocument(content) as file:
            if not 1 <= number <= len(file):
                raise refusal("broken")
            page = file[number - 1]
            yield page.render(scale=min(WIDTH / max(1.0, page.get_width()), 4.0), grayscale=False).to_pil().convert("RGB")
    else:
        with Image.open(io.BytesIO(content)) as file:
            frames = ImageSequence.Iterator(file)
            yield ImageOps.exif_transpose(frames[number - 1]).convert("RGB")
