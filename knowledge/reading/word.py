"""Word files (python-docx): paragraphs with Word's own numbers, tables, old fonts. Macros are never run, entities never expanded."""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from docx.document import Document as WordDocument
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.opc.exceptions import OpcError
from docx.opc.part import PartFactory
from docx.oxml.ns import qn
from docx.package import Package
from docx.parts.document import DocumentPart
from docx.table import Table
from docx.text.paragraph import Paragraph
from lxml import etree

from knowledge.blocks import is_marked
from knowledge.reading.archive import check_package
from knowledge.reading.encodings import by_font, legacy_warnings
from knowledge.reading.model import PAGE_BREAK, Extracted, Limits, Progress
from knowledge.reading.tables import as_lines
from knowledge.reading.wording import refusal, warning

_MACRO_ENABLED = "application/vnd.ms-word.document.macroEnabled.main+xml"
_DECLARATION = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_ROMAN = ((50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))


def read_word(content: bytes, limits: Limits, progress: Progress) -> Extracted:
    """The text of a .docx or .docm file. LoadError when it is broken, a bomb, or declares entities."""
    macros = _checked(content, limits)
    PartFactory.part_type_for[_MACRO_ENABLED] = DocumentPart
    try:
        package = Package.open(io.BytesIO(content))
        part = package.main_document_part
        if not isinstance(part, DocumentPart):
            raise refusal("broken")
        reader = _Reader(part.document)
        text = "\n\n".join(reader.blocks())
    except (
        OpcError,
        KeyError,
        ValueError,
        AttributeError,
        etree.XMLSyntaxError,
        zipfile.BadZipFile,
        NotImplementedError,
        OSError,
    ) as error:
        raise refusal("broken") from error
    progress(1, 1)
    warnings = [*([warning("macros")] if macros else []), *legacy_warnings(reader.legacy)]
    pages = text.count(PAGE_BREAK) + 1 if PAGE_BREAK in text else None
    return Extracted(text, pages, False, tuple(warnings))


def _checked(content: bytes, limits: Limits) -> bool:
    """Looks the package over before anything parses it; whether it holds macros."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            check_package(package, limits)
            names = package.namelist()
            for name in names:
                if name.endswith((".xml", ".rels")):
                    part = package.read(name)
                    if part[:2] in (b"\xff\xfe", b"\xfe\xff"):
                        part = part.decode("utf-16", errors="replace").encode()
                    if _DECLARATION.search(part):
                        raise refusal("entities")
            return any(name.lower().endswith("vbaproject.bin") for name in names)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, OSError, EOFError) as error:
        raise refusal("broken") from error


@dataclass
class _Reader:
    """One pass over a document."""

    document: WordDocument
    legacy: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.numbering = _Numbering.of(self.document)

    def blocks(self) -> Iterator[str]:
        """Paragraphs and tables in order; centred paragraphs that follow each other make one block of several lines."""
        centred: list[str] = []
        for item in self.document.iter_inner_content():
            if isinstance(item, Table):
                made = as_lines([[self.cell(cell) for cell in row.findall(qn("w:tc"))] for row in item._tbl.findall(qn("w:tr"))])
                centre = False
            else:
                made = self.paragraph(item)
                centre = item.alignment == WD_ALIGN_PARAGRAPH.CENTER and not is_marked(made)
            if centre and made:
                centred.append(made)
                continue
            if centred:
                yield "\n".join(centred)
                centred = []
            if made:
                yield made
        if centred:
            yield "\n".join(centred)

    def cell(self, cell: Any) -> list[str]:
        """The paragraphs of a table's cell, those of tables within it among them."""
        return [made for found in cell.iter(qn("w:p")) if (made := self.paragraph(Paragraph(found, self.document._body)))]

    def paragraph(self, paragraph: Paragraph) -> str:
        """Its words, after the number that Word would show. A page that begins with it stands on a line of its own."""
        pieces, found = [], None
        for run in paragraph._p.iter(qn("w:r")):
            if any(parent.tag in (qn("w:del"), qn("w:txbxContent")) for parent in run.iterancestors()):
                continue
            shown, encoding = by_font(_letters(run), self._font(run, paragraph))
            pieces.append(shown)
            found = encoding if encoding and shown.strip() else found
        if found:
            self.legacy[found] += 1
        text = re.sub(r"[ \t\xa0]+", " ", "".join(pieces)).strip(" \n")
        breaks, text = (PAGE_BREAK + "\n", text.lstrip(" \n" + PAGE_BREAK)) if text.startswith(PAGE_BREAK) else ("", text)
        number = self.numbering.label(paragraph) if text.strip() else ""
        return f"{breaks}{number} {text}" if number else breaks + text

    def _font(self, run: Any, paragraph: Paragraph) -> str:
        places = [run.rPr, *(style.element.rPr for style in _styles(paragraph)), self._defaults()]
        for place in places:
            fonts = place.find(qn("w:rFonts")) if place is not None else None
            name = fonts.get(qn("w:ascii")) or fonts.get(qn("w:hAnsi")) if fonts is not None else None
            if name:
                return str(name)
        return ""

    def _defaults(self) -> Any:
        return self.document.styles.element.find(f"{qn('w:docDefaults')}/{qn('w:rPrDefault')}/{qn('w:rPr')}")


def _styles(paragraph: Paragraph) -> Iterator[Any]:
    style: Any = paragraph.style
    while style is not None:
        yield style
        style = style.base_style


def _letters(run: Any) -> str:
    letters = []
    for child in run:
        if child.tag == qn("w:t"):
            letters.append(child.text or "")
        elif child.tag == qn("w:noBreakHyphen"):
            letters.append("-")
        elif child.tag == qn("w:lastRenderedPageBreak"):
            letters.append(PAGE_BREAK)
        elif child.tag == qn("w:tab"):
            letters.append(" ")
        elif child.tag in (qn("w:br"), qn("w:cr")) and child.get(qn("w:type")) is None:
            letters.append("\n")
    return "".join(letters)


@dataclass
class _Level:
    start: int
    kind: str
    shape: str


@dataclass
class _Numbering:
    """The numbers that Word counts by itself (word/numbering.xml)."""

    levels: Mapping[str, Mapping[int, _Level]]
    """By numId."""
    counted_as: Mapping[str, str]
    """numId → abstractNumId: lists that share one count on together."""
    counts: dict[str, dict[int, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, document: WordDocument) -> _Numbering:
        """Empty when the file numbers nothing."""
        related = [rel.target_part for rel in document.part.rels.values() if not rel.is_external and rel.reltype.endswith("/numbering")]
        if not related:
            return cls({}, {})
        root = related[0].element
        abstract = {str(item.get(qn("w:abstractNumId"))): _levels(item) for item in root.findall(qn("w:abstractNum"))}
        levels, counted = {}, {}
        for num in root.findall(qn("w:num")):
            link = num.find(qn("w:abstractNumId"))
            if link is not None:
                key = str(num.get(qn("w:numId")))
                counted[key] = str(link.get(qn("w:val")))
                levels[key] = abstract.get(counted[key], {})
        return cls(levels, counted)

    def label(self, paragraph: Paragraph) -> str:
        """The number or bullet in front of a paragraph; counts it."""
        place = next((p.numPr for p in _properties(paragraph) if p is not None and p.numPr is not None and p.numPr.numId is not None), None)
        if place is None:
            return ""
        key, depth = str(place.numId.val), int(place.ilvl.val) if place.ilvl is not None else 0
        levels = self.levels.get(key, {})
        level = levels.get(depth)
        if level is None or level.kind == "none":
            return ""
        if level.kind == "bullet":
            return "-"
        counts = self.counts.setdefault(self.counted_as[key], {})
        counts[depth] = counts.get(depth, level.start - 1) + 1
        for deeper in [at for at in counts if at > depth]:
            del counts[deeper]

        def shown(match: re.Match[str]) -> str:
            at = int(match[1]) - 1
            other = levels.get(at, level)
            return _counted(counts.get(at, other.start), other.kind)

        return re.sub(r"%(\d)", shown, level.shape)


def _properties(paragraph: Paragraph) -> Iterator[Any]:
    yield paragraph._p.pPr
    yield from (style.element.pPr for style in _styles(paragraph))


def _levels(abstract: Any) -> dict[int, _Level]:
    def value(level: Any, name: str, default: str) -> str:
        found = level.find(qn(name))
        return default if found is None else str(found.get(qn("w:val"), default))

    return {
        int(level.get(qn("w:ilvl"))): _Level(
            int(value(level, "w:start", "1")), value(level, "w:numFmt", "decimal"), value(level, "w:lvlText", "")
        )
        for level in abstract.findall(qn("w:lvl"))
    }


def _counted(number: int, kind: str) -> str:
    if kind.endswith("Roman"):
        numeral, rest = "", number
        for worth, letters in _ROMAN:
            numeral += letters * (rest // worth)
            rest %= worth
        return numeral.upper() if kind == "upperRoman" else numeral
    if kind.endswith("Letter"):
        letter = chr(ord("a") + (number - 1) % 26)
        return letter.upper() if kind == "upperLetter" else letter
    return f"{number:02}" if kind == "decimalZero" else str(number)
