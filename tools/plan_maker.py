"""Made-up plans in the form of the five sources, with their truth: as text, Word, PDF and scan. For tests and `tools.bench_documents`.

The words are data (tests/knowledge/plans/): parts written by hand, and heads of plans (who, number, date, period, signer, basis) that name
the parts. `style` says how headings are numbered (`_STYLES`). Nothing here reads documents; what is read is compared with `Plan`.
"""

from __future__ import annotations

import io
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from docx import Document as new_docx
from docx.enum.text import WD_ALIGN_PARAGRAPH as Align
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from fpdf import FPDF
from fpdf.enums import XPos, YPos

DATA = Path(__file__).resolve().parent.parent / "tests" / "knowledge" / "plans"
FONTS = Path(__file__).resolve().parent.parent / "bot" / "duty" / "data" / "fonts"
FIELDS = ("kind", "number", "title", "issuer", "province", "issued_on", "signer", "valid_from", "valid_to", "based_on")
FORMATS = ("txt", "docx", "pdf", "scan")
SCAN_DPI = 200
_MOTTO = ("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc")
_ORDINALS = ("thứ nhất", "thứ hai", "thứ ba", "thứ tư", "thứ năm", "thứ sáu")
_ROMANS = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
_STYLES: Mapping[str, tuple[str, str]] = {
    "roman": ("roman", "number"),
    "letter": ("capital", "roman"),
    "decimal": ("number", "decimal"),
    "number": ("number", "letter"),
    "part": ("part", "roman"),
    "chapter": ("chapter", "article"),
    "article": ("article", "number"),
}
_RECIPIENTS = (
    "- Như trên;",
    "- Văn phòng Chính phủ (để b/c);",
    "- Thường trực cấp ủy, HĐND;",
    "- Các đơn vị có liên quan;",
    "- Lưu: VT, KGVX.",
)


@dataclass(frozen=True)
class Line:
    """One paragraph of a body. kind: heading, paragraph, item or table; `rows` only of a table; `bare` a heading without its number."""

    kind: str
    words: str = ""
    depth: int = 0
    rows: tuple[tuple[str, ...], ...] = ()
    bare: str = ""


@dataclass(frozen=True)
class Plan:
    """A plan: its head as data, its body in lines, the paths of its headings from the outermost down."""

    head: Mapping[str, Any]
    lines: tuple[Line, ...]
    headings: tuple[tuple[str, ...], ...]

    @property
    def name(self) -> str:
        """Its id among the plans."""
        return str(self.head["id"])

    @property
    def truth(self) -> Mapping[str, Any]:
        """What metadata should read, by field; dates in ISO form, `based_on` a tuple."""
        values = {name: self.head.get(name) for name in FIELDS} | {"title": " ".join(self.head["title"])}
        return {name: _plain(value) for name, value in values.items()}


@cache
def plans(which: str) -> tuple[Plan, ...]:
    """The plans of `first.yml` or `later.yml`."""
    parts = _read("sections.yml")
    return tuple(_plan(head, parts) for head in _read(f"{which}.yml"))


@cache
def _read(name: str) -> Any:
    return yaml.safe_load((DATA / name).read_text(encoding="utf-8"))


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value if value is None else str(value)


def _plan(head: Mapping[str, Any], parts: Mapping[str, Any]) -> Plan:
    lines: list[Line] = []
    headings: list[tuple[str, ...]] = []
    for at, name in enumerate(head["sections"]):
        for line, path in _lines(parts[name], head, 0, at, ()):
            lines.append(line)
            if path:
                headings.append(path)
    return Plan(head, tuple(lines), tuple(headings))


def _lines(node: Any, head: Mapping[str, Any], depth: int, at: int, path: tuple[str, ...]) -> Iterator[tuple[Line, tuple[str, ...] | None]]:
    """The lines of a part and, for a heading, its path."""

    def filled(words: str) -> str:
        return words.format(area=head["area"], last=head["last"], period_words=head["period_words"])

    if isinstance(node, str):
        yield Line("paragraph", filled(node)), None
    elif "items" in node:
        for item in node["items"]:
            yield Line("item", f"- {filled(item)}"), None
    elif "table" in node:
        yield Line("table", rows=tuple(tuple(filled(cell) for cell in row) for row in node["table"])), None
    else:
        words = filled(node["h"])
        bare = words.upper() if depth == 0 and head["style"] in ("roman", "part", "chapter", "letter") else words
        title = _numbered(_STYLES[head["style"]][depth], at, bare, _outer(path))
        yield Line("heading", title, depth, bare=bare), (*path, " ".join(title.split()))
        inner = 0
        for child in node["in"]:
            yield from _lines(child, head, depth + 1, inner, (*path, " ".join(title.split())))
            inner += isinstance(child, dict) and "h" in child


def _outer(path: tuple[str, ...]) -> str:
    return path[-1].split(".")[0] if path else ""


def _numbered(marker: str, at: int, words: str, outer: str) -> str:
    return {
        "roman": f"{_ROMANS[at]}. {words}",
        "capital": f"{'ABCDEFGH'[at]}. {words}",
        "number": f"{at + 1}. {words}",
        "decimal": f"{outer}.{at + 1}. {words}",
        "letter": f"{'abcdđe'[at]}) {words}",
        "part": f"Phần {_ORDINALS[at]}\n{words}",
        "chapter": f"Chương {_ROMANS[at]}\n{words}",
        "article": f"Điều {at + 1}. {words}",
    }[marker]


def _dated(head: Mapping[str, Any]) -> str:
    day = head["issued_on"]
    # Nghị định 30/2020/NĐ-CP, Phụ lục I, mục II.4: a zero before days under 10 and months under 3.
    month = f"{day.month:02}" if day.month < 3 else str(day.month)
    return f"{head['place']}, ngày {day.day:02} tháng {month} năm {day.year}"


def _closing(head: Mapping[str, Any]) -> str:
    return f"Trên đây là {head['kind']} của cơ quan, đề nghị các đơn vị nghiêm túc thực hiện./."


def as_text(plan: Plan) -> bytes:
    """A text file, letterhead above motto as web sites give it."""
    head = plan.head
    top = ["\n".join(head["head"]), "-------", "\n".join(_MOTTO), "---------------", f"Số: {head['number']}", _dated(head)]
    top += [head["kind"].upper(), "\n".join(head["title"]), *head["basis"]]
    body = ["\n".join(" | ".join(row) for row in line.rows) if line.kind == "table" else line.words for line in plan.lines]
    signature = "\n".join([*head["sign"], "", "", *([head["signed"], ""] if "signed" in head else []), head["signer"]])
    return "\n\n".join([*top, *body, _closing(head), "\n".join(["Nơi nhận:", *_RECIPIENTS]), signature, ""]).encode()


def as_docx(plan: Plan) -> bytes:
    """A Word file: head and foot in tables without lines; every third plan has its headings numbered by Word."""
    head = plan.head
    file = new_docx()
    automatic = head["style"] == "roman" and int(plan.name[1:]) % 3 == 0
    if automatic:
        file.part.numbering_part.element.insert(0, parse_xml(_NUMBERING))
        file.part.numbering_part.element.append(parse_xml(f'<w:num {nsdecls("w")} w:numId="90"><w:abstractNumId w:val="90"/></w:num>'))
    left, right = file.add_table(1, 2).rows[0].cells
    _fill(left, [*head["head"], "-------", f"Số: {head['number']}"])
    _fill(right, [*_MOTTO, "---------------", _dated(head)])
    for words in (head["kind"].upper(), *head["title"]):
        _paragraph(file, words, bold=True, align=Align.CENTER)
    for words in head["basis"]:
        _paragraph(file, words, align=Align.CENTER if words.isupper() else None, bold=words.isupper())
    for line in plan.lines:
        if line.kind == "table":
            table = file.add_table(len(line.rows), len(line.rows[0]))
            for cells, row in zip(table.rows, line.rows, strict=True):
                for cell, words in zip(cells.cells, row, strict=True):
                    cell.text = words
        elif line.kind == "heading":
            for words in [line.bare] if automatic else line.words.split("\n"):
                made = _paragraph(file, words, bold=True, align=Align.CENTER if "\n" in line.words else None)
                if automatic:
                    made._p.get_or_add_pPr().append(parse_xml(_NUMBERED.format(depth=line.depth)))
        else:
            _paragraph(file, line.words)
    _paragraph(file, _closing(head))
    left, right = file.add_table(1, 2).rows[0].cells
    _fill(left, ["Nơi nhận:", *_RECIPIENTS], align=None)
    _fill(right, [*head["sign"], "", "", *([head["signed"]] if "signed" in head else []), head["signer"]])
    made = io.BytesIO()
    file.save(made)
    return made.getvalue()


_NUMBERED = f'<w:numPr {nsdecls("w")}><w:ilvl w:val="{{depth}}"/><w:numId w:val="90"/></w:numPr>'
_NUMBERING = (
    f'<w:abstractNum {nsdecls("w")} w:abstractNumId="90"><w:multiLevelType w:val="multilevel"/>'
    '<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="upperRoman"/><w:lvlText w:val="%1."/></w:lvl>'
    '<w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%2."/></w:lvl></w:abstractNum>'
)


def _paragraph(file: Any, words: str, *, bold: bool = False, align: Any = None) -> Any:
    made = file.add_paragraph()
    made.add_run(words).bold = bold
    made.alignment = align
    return made


def _fill(cell: Any, lines: Sequence[str], align: Any = Align.CENTER) -> None:
    cell.paragraphs[0].text = lines[0]
    cell.paragraphs[0].alignment = align
    for words in lines[1:]:
        cell.add_paragraph(words).alignment = align


class _Sheet(FPDF):
    """A4 as offices print it: 13 points, the page's number at the top from the second page on, on some plans a line at the foot."""

    def __init__(self, foot: str) -> None:
        super().__init__(format="A4")
        self.foot = foot
        self.set_margins(30, 20, 20)
        self.set_auto_page_break(True, 20)
        for style, name in {"": "Regular", "B": "Bold", "I": "Italic"}.items():
            self.add_font("serif", style, FONTS / f"TroGiupSerif-{name}.ttf")
        self.set_font("serif", "", 13)
        self.add_page()

    def header(self) -> None:
        """The page's number."""
        if self.page_no() > 1:
            self.set_font("serif", "", 13)
            self.set_y(10)
            self.cell(0, 5, str(self.page_no()), align="C")
            self.set_y(20)

    def footer(self) -> None:
        """The running line."""
        if self.foot:
            self.set_y(-14)
            self.set_font("serif", "I", 9)
            self.cell(0, 5, self.foot, align="L")

    def words(self, words: str, style: str = "", *, align: str = "J", indent: str = "", after: float = 2.0, height: float = 6.5) -> None:
        """A paragraph between the margins."""
        self.set_font("serif", style, 13)
        self.multi_cell(0, height, indent + words, align=align, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(after)

    def beside(self, left: Sequence[tuple[str, str]], right: Sequence[tuple[str, str]], share: float, align: str = "C") -> None:
        """Two columns of (words, style); `share` of the width is the left one's."""
        whole, top = self.w - 50, self.y
        bottoms = []
        for words, start, width, how in ((left, 30.0, whole * share, align), (right, 30 + whole * share, whole * (1 - share), "C")):
            self.set_y(top)
            for line, style in words:
                self.set_x(start)
                self.set_font("serif", style, 12)
                self.multi_cell(width, 6, line, align=how, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
            bottoms.append(self.y)
        self.set_y(max(bottoms) + 4)


def as_pdf(plan: Plan, most: int = 1000) -> bytes:
    """A PDF with text, of `most` pages at most; every fourth plan carries an electronic seal, every other one a line at the foot."""
    head, number = plan.head, int(plan.name[1:])
    sheet = _Sheet(f"{head['kind']} số {head['number']}" if number % 2 else "")
    if number % 4 == 0:
        sheet.set_font("serif", "", 8)
        for words in (f"Ký bởi: {head['issuer']}", "Thời gian ký: 12.03.2024 15:12:33 +07:00"):
            sheet.set_x(130)
            sheet.cell(0, 4, words, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        sheet.ln(2)
    sheet.beside([(w, "B") for w in head["head"]], [(w, "B") for w in _MOTTO], 0.42)
    sheet.beside([(f"Số: {head['number']}", "")], [(_dated(head), "I")], 0.42)
    sheet.words(head["kind"].upper(), "B", align="C", after=0)
    for words in head["title"]:
        sheet.words(words, "B", align="C", after=0)
    sheet.ln(4)
    for words in head["basis"]:
        sheet.words(
            words, "B" if words.isupper() else "", align="C" if words.isupper() else "J", indent="" if words.isupper() else "       "
        )
    for line in plan.lines:
        if sheet.page_no() == most and sheet.y > 150:
            break
        if line.kind == "table":
            sheet.set_font("serif", "", 12)
            with sheet.table(line_height=6.5, first_row_as_headings=False) as table:
                for row in line.rows:
                    table.row(row)
            sheet.ln(3)
        elif line.kind == "heading":
            if sheet.will_page_break(20):
                sheet.add_page()
            for words in line.words.split("\n"):
                centred = "\n" in line.words
                sheet.words(words, "B", align="C" if centred else "L", indent="" if centred else "       ")
        else:
            sheet.words(line.words, indent="       ")
    sheet.words(_closing(head), indent="       ")
    if sheet.will_page_break(60):
        sheet.add_page()
    signed = [("", ""), ("", ""), *([(head["signed"], "I")] if "signed" in head else []), ("", ""), (head["signer"], "B")]
    sheet.beside([("Nơi nhận:", "I"), *((w, "") for w in _RECIPIENTS)], [*((w, "B") for w in head["sign"]), *signed], 0.5, align="L")
    return bytes(sheet.output())


def printed(text: str) -> bytes:
    """A text as an office prints it, as PDF: a paragraph a line, bold where the text marks it ("**…**"); a form feed begins no page."""
    sheet = _Sheet("")
    for line in filter(None, map(str.strip, text.replace("\f", "\n").split("\n"))):
        bold = line.startswith("**") and line.endswith("**")
        sheet.words(" ".join(line.replace("*", " ").split()), "B" if bold else "", align="L" if bold else "J")
    return bytes(sheet.output())


def scanned(file: bytes, seed: str) -> bytes:
    """A PDF printed and scanned: pictures at 200 dpi, a little askew and grainy. The same each time for one seed."""
    import pypdfium2 as pdfium
    from PIL import Image, ImageFilter

    rng = random.Random(seed)  # noqa: S311
    pages = []
    with pdfium.PdfDocument(file) as sheets:
        for page in sheets:
            picture = page.render(scale=SCAN_DPI / 72, grayscale=True).to_pil()
            picture = picture.rotate(rng.uniform(-0.5, 0.5), resample=Image.Resampling.BICUBIC, fillcolor=255)
            picture = picture.filter(ImageFilter.GaussianBlur(0.5))
            grain = Image.frombytes("L", (256, 256), rng.randbytes(65536)).resize(picture.size, Image.Resampling.NEAREST)
            pages.append(Image.blend(picture, grain, 0.06))
    made = io.BytesIO()
    pages[0].save(made, "PDF", save_all=True, append_images=pages[1:], resolution=SCAN_DPI, quality=80)
    return made.getvalue()


def as_scan(plan: Plan, most: int = 1000) -> bytes:
    """The PDF printed and scanned."""
    return scanned(as_pdf(plan, most), plan.name)


def as_file(plan: Plan, form: str) -> tuple[str, bytes]:
    """The plan in one of FORMATS: a file name and its bytes."""
    ending, make = {"txt": ("txt", as_text), "docx": ("docx", as_docx), "pdf": ("pdf", as_pdf), "scan": ("scan.pdf", as_scan)}[form]
    return f"{plan.name}.{ending}", make(plan)


def twenty_pages(form: str) -> bytes:
    """A plan of twenty pages, as "pdf" or "scan": a first one's body over and over."""
    plan = plans("first")[0]
    times = 12  # two pages and more each
    long = Plan(plan.head, plan.lines * times, plan.headings * times)
    return as_pdf(long, most=20) if form == "pdf" else as_scan(long, most=20)
