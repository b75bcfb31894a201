"""The five source documents as they are loaded, and short documents made for a test."""

from functools import cache
from pathlib import Path

from knowledge.furniture import extent
from knowledge.loading import assemble, load
from knowledge.model import Document
from knowledge.places import Gazetteer, load_gazetteer
from knowledge.reading.model import Extracted

SOURCES = Path(__file__).parents[2] / "knowledge" / "sources"
ARTICLE = "000_92e991b9c48b5ec0.txt"
HA_NAM = "001_c3bbbefdce4f4ff3.txt"
CA_MAU = "002_8d2ad3b78df78075.txt"
HUNG_YEN = "003_77cddf700a0488dc.txt"
DONG_NAI = "004_4c4afa931b7ad079.txt"
ALL = (ARTICLE, HA_NAM, CA_MAU, HUNG_YEN, DONG_NAI)


@cache
def gazetteer() -> Gazetteer:
    return load_gazetteer()


@cache
def source(name: str) -> Document:
    return load(SOURCES / name, gazetteer())


def made(text: str) -> Document:
    """A document of these words."""
    return assemble("made.txt", Extracted(text), gazetteer())


def plan(body: str) -> Document:
    """A plan with this body, under a letterhead and a title."""
    return made(f"ỦY BAN NHÂN DÂN\nTỈNH HÀ NAM\n\nSố: 1/KH-UBND\n\nKẾ HOẠCH\n\nThực hiện việc trợ giúp\n\nCăn cứ Luật Trẻ em;\n\n{body}")


def lost_words(document: Document) -> list[str]:
    """Words between front and end of a document that stand in no passage and in no heading."""
    frame = extent(document.text)
    kept = bytearray(len(document.text))
    for span in [p.span for p in document.passages] + [s.heading for s in document.sections]:
        kept[span.start : span.end] = b"\1" * (span.end - span.start)
    lost = "".join(c if c.isalnum() and not kept[at] else " " for at, c in enumerate(document.text[: frame.end]) if at >= frame.front)
    return lost.split()
