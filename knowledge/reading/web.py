"""Web pages (lxml): what is read on the page, without menus, scripts and what is hidden."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import lxml.html
from lxml import etree

from knowledge.blocks import is_marked
from knowledge.reading.encodings import by_font, decoded, legacy_warnings
from knowledge.reading.model import Extracted, Limits, Progress
from knowledge.reading.tables import as_lines
from knowledge.reading.wording import refusal

_SKIPPED = frozenset((
    "script", "style", "nav", "aside", "form", "button", "select", "noscript", "template", "iframe", "object", "svg", "head", "header",
    "footer", "input", "textarea", "video", "audio",
))  # fmt: skip
_BLOCKS = frozenset((
    "p", "div", "section", "article", "main", "body", "html", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre",
    "center", "address", "dl", "dt", "dd", "tr",
))  # fmt: skip
_CHARSET = re.compile(rb"""<meta[^>]+charset\s*=\s*["']?\s*([\w-]+)""", re.IGNORECASE)
_FONT = re.compile(r"font-family\s*:\s*['\"]?([^;,'\"]+)", re.IGNORECASE)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_DEEPEST = 200
"""Elements within elements; lxml itself stops at 256."""


def read_web(content: bytes, limits: Limits, progress: Progress) -> Extracted:
    """The text of an HTML file. LoadError when there is nothing to read in it."""
    text, warnings = _decoded(content)
    parser = lxml.html.HTMLParser(no_network=True, huge_tree=False)
    try:
        root = lxml.html.document_fromstring(re.sub(r"^\s*<\?xml[^>]*>", "", text), parser=parser)
    except (etree.LxmlError, ValueError, AssertionError) as error:
        raise refusal("empty") from error
    reader = _Reader()
    for whole in (_main(root), root):
        reader = _Reader()
        blocks = [block for block in reader.blocks(whole) if block.strip()]
        if blocks:
            break
    progress(1, 1)
    return Extracted("\n\n".join(blocks), warnings=(*warnings, *legacy_warnings(reader.legacy)))


def _decoded(content: bytes) -> tuple[str, tuple[str, ...]]:
    named = _CHARSET.search(content[:4096])
    if named and named[1].lower() not in (b"utf-8", b"utf8", b"iso-8859-1", b"windows-1252"):
        try:
            return content.decode(named[1].decode("ascii")), ()
        except (LookupError, UnicodeDecodeError):
            pass
    try:
        return content.decode("utf-8-sig"), ()  # old encodings in it are told by their fonts, or line by line afterwards
    except UnicodeDecodeError:
        if named and b"font" in content.lower() and content[:2] not in (b"\xff\xfe", b"\xfe\xff"):
            return content.decode("cp1252", errors="replace"), ()
        return decoded(content)


def _main(root: lxml.html.HtmlElement) -> lxml.html.HtmlElement:
    """The smallest element that a page calls its main part and that holds half of its words."""
    words = len(root.text_content().split())
    found = [e for e in root.iter("main", "article") if len(e.text_content().split()) * 2 > words]
    return min(found, key=lambda e: len(e.text_content()), default=root)


@dataclass
class _Reader:
    legacy: Counter[str] = field(default_factory=Counter)

    def blocks(self, element: lxml.html.HtmlElement, depth: int = 0, font: str = "") -> Iterator[str]:
        """Paragraphs in order."""
        inline: list[str] = []
        yield from self._blocks(element, depth, font, inline)
        yield _tidy("".join(inline))

    def _blocks(self, element: lxml.html.HtmlElement, depth: int, font: str, inline: list[str]) -> Iterator[str]:
        font = self._font(element, font)
        inline.append(self._shown(element.text, font))
        number = 0
        for child in element:
            tag = child.tag if isinstance(child.tag, str) else ""
            if tag == "br":
                inline.append("\n")
            elif tag == "table" and depth < _DEEPEST:
                yield _tidy("".join(inline))
                inline.clear()
                yield as_lines([[list(self._cell(cell, font)) for cell in row.iterchildren("td", "th")] for row in _own_rows(child)])
            elif tag in _BLOCKS and depth < _DEEPEST and not _hidden(child):
                yield _tidy("".join(inline))
                inline.clear()
                inside = [block for block in self.blocks(child, depth + 1, font) if block.strip()]
                if tag == "li" and inside and not is_marked(inside[0]):
                    number += 1
                    inside[0] = f"{f'{number}.' if element.tag == 'ol' else '-'} {inside[0]}"
                elif tag in ("h1", "h2", "h3", "h4", "h5", "h6") and inside and not (is_marked(inside[0]) or inside[0].isupper()):
                    inside[0] = f"{'#' * int(tag[1])} {inside[0]}"
                yield from inside
            elif tag and tag not in _SKIPPED and depth < _DEEPEST and not _hidden(child):
                yield from self._blocks(child, depth + 1, font, inline)
            inline.append(self._shown(child.tail, font))

    def _cell(self, cell: lxml.html.HtmlElement, font: str) -> Iterator[str]:
        for block in self.blocks(cell, 0, font):
            yield from filter(None, block.split("\n"))

    def _font(self, element: lxml.html.HtmlElement, font: str) -> str:
        styled = _FONT.search(element.get("style") or "")
        return str(element.get("face") or (styled[1] if styled else font))

    def _shown(self, text: str | None, font: str) -> str:
        shown, encoding = by_font(re.sub(r"\s+", " ", text or ""), font)
        if encoding and shown.strip():
            self.legacy[encoding] += 1
        return shown


def _own_rows(table: lxml.html.HtmlElement) -> Iterator[lxml.html.HtmlElement]:
    for child in table:
        if child.tag == "tr":
            yield child
        elif child.tag in ("thead", "tbody", "tfoot"):
            yield from child.iterchildren("tr")


def _hidden(element: lxml.html.HtmlElement) -> bool:
    return element.get("hidden") is not None or bool(_HIDDEN.search(element.get("style") or ""))


def _tidy(words: str) -> str:
    lines = (" ".join(line.split()) for line in words.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
