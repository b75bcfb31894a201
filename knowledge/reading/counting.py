"""Roman numerals that recognition misread ("II." or "IH." for "III.", "L." for "I."), put right where counting leaves no doubt."""

from __future__ import annotations

import re
from collections.abc import Iterator

from knowledge.blocks import blocks, roman_value
from knowledge.reading.wording import warning

_MARK = re.compile(r"(?P<mark>[IVXLl1|]+|[IVX]*I?H[I]*)(?P<after>\s*[.)]\s*(?=[^\W\d_a-z]))")
_ROMANS = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV", "XV")


def finished(text: str) -> tuple[str, tuple[str, ...]]:
    """What is done to the text of a scan once it is whole, and what is to be said of it."""
    text, said = recounted(text)
    return text, (*said, warning("ocr_table")) if " | " in text else said


def recounted(text: str) -> tuple[str, tuple[str, ...]]:
    """`text` with numerals corrected that stand twice or are none, where the next in order looks the same but for its strokes.

    A count that begins anew (I., then I., II.) is left alone. Each correction is said.
    """
    marks = [_Read(found) for found in _marks(text)]
    said: list[str] = []
    pieces, done, last = [], 0, 0
    for at, read in enumerate(marks):
        if read.resets:
            last = 0
            continue
        following = next((later.value for later in marks[at + 1 : at + 2] if not later.resets), None)
        wanted = last + 1
        misread = read.value != wanted and (read.value == last or read.value not in range(1, len(_ROMANS)))
        anew = read.value == 1 and following == 2
        if misread and not anew and wanted < len(_ROMANS) and _strokes(read.mark) == _strokes(_ROMANS[wanted]):
            pieces += [text[done : read.start], _ROMANS[wanted]]
            done = read.end
            said.append(warning("recounted", read=read.mark, meant=_ROMANS[wanted]))
            last = wanted
        else:
            last = read.value
    return "".join([*pieces, text[done:]]), tuple(said)


class _Read:
    """A numeral at the beginning of a line, or a part, chapter or capital letter, under which numerals begin anew."""

    def __init__(self, found: tuple[int, re.Match[str] | None]) -> None:
        match = found[1]
        self.resets = match is None
        self.start, self.end = match.span("mark") if match else (found[0], found[0])
        self.mark = match["mark"] if match else ""
        self.value = roman_value(self.mark) if match and set(self.mark) <= set("IVX") else 0


def _marks(text: str) -> Iterator[tuple[int, re.Match[str] | None]]:
    for block in blocks(text):
        if block.marker in ("part", "chapter", "division", "capital"):
            yield block.start, None
        elif block.marker in ("roman", "none"):
            match = _MARK.match(text, block.start, block.end)
            if match and match["mark"] != "1":
                yield block.start, match


def _strokes(numeral: str) -> str:
    """What is left when strokes side by side look like one."""
    return re.sub("I+", "I", re.sub("[Ll1|H]", "I", numeral))
