"""The text of a PDF that fpdf2 made, read back from its bytes: page streams through each font's ToUnicode table, lines by their height.

No reader of PDF is among the dependencies; this one knows only what fpdf2 writes.
"""

from __future__ import annotations

import re
import zlib

_OBJECT = re.compile(rb"(\d+) 0 obj\n(.*?)\nendobj", re.DOTALL)
_SHOWN = re.compile(rb"/(F\d+) [\d.]+ Tf|BT [\d.-]+ ([\d.-]+) Td (?:[\d.-]+ T\w )?\(((?:\\.|[^\\()])*)\) Tj", re.DOTALL)


def pages(data: bytes) -> list[str]:
    """The text of each page, a line for a line."""
    objects = {int(found[1]): found[2] for found in _OBJECT.finditer(data)}
    tables = {name.decode(): _table(objects, int(number)) for name, number in re.findall(rb"/(F\d+) (\d+) 0 R", data)}
    contents = [int(found[1]) for body in objects.values() if (found := re.search(rb"/Contents (\d+) 0 R", body))]
    return [_text(_stream(objects[number]), tables) for number in contents]


def _text(stream: bytes, tables: dict[str, dict[int, str]]) -> str:
    table: dict[int, str] = {}
    lines: list[str] = []
    last = b""
    for font, height, string in _SHOWN.findall(stream):
        if font:
            table = tables[font.decode()]
            continue
        codes = re.sub(rb"\\(.)", lambda escaped: {b"r": b"\r", b"n": b"\n"}.get(escaped[1], escaped[1]), string, flags=re.DOTALL)
        shown = "".join(table[int.from_bytes(codes[at : at + 2], "big")] for at in range(0, len(codes), 2))
        lines += [shown] if height != last else [lines.pop() + shown]
        last = height
    return "\n".join(lines)


def _table(objects: dict[int, bytes], font: int) -> dict[int, str]:
    found = re.search(rb"/ToUnicode (\d+) 0 R", objects[font])
    assert found, "a font without a table says nothing to a reader or a screen reader"
    rows = re.findall(rb"<([0-9A-Fa-f]{4})> <([0-9A-Fa-f]+)>", _stream(objects[int(found[1])]))
    return {int(code, 16): bytes.fromhex(char.decode()).decode("utf-16-be") for code, char in rows}


def _stream(body: bytes) -> bytes:
    head, _, rest = body.partition(b"stream\n")
    content = rest[: rest.rindex(b"\nendstream")]
    return zlib.decompress(content) if b"/FlateDecode" in head else content
