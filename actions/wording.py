"""A text and its folded words side by side, so that what a pattern finds in the folded line can be cut out of the text as typed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from knowledge.text import fold, nfc

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Wording:
    """NFC text, the spans of its words, the words folded, and those joined as `knowledge.text.folded_line` joins them."""

    text: str
    spans: tuple[tuple[int, int], ...]
    folded: tuple[str, ...]
    line: str

    @classmethod
    def of(cls, text: str) -> Wording:
        """Reads a text."""
        source = nfc(text)
        plain = fold(source)
        spans = tuple(match.span() for match in _WORD.finditer(plain))
        folded = tuple(plain[start:end] for start, end in spans)
        return cls(source, spans, folded, f" {' '.join(folded)} ")

    def at(self, offset: int) -> int:
        """The word that begins at this place of the line."""
        return self.line.count(" ", 0, offset) - 1

    def range_of(self, match: re.Match[str]) -> range:
        """The words of a match in the line that begins and ends with whole words."""
        found = match.group()
        first = self.at(match.start() + len(found) - len(found.lstrip()))
        return range(first, first + len(found.split()))

    def between(self, first: int, end: int) -> str:
        """The text from one word up to and without another."""
        return self.text[self.spans[first][0] : self.spans[end - 1][1]] if first < end else ""

    def with_part(self, part: range, value: str) -> str:
        """The text with these words replaced."""
        return f"{self.text[: self.spans[part.start][0]]}{value}{self.text[self.spans[part.stop - 1][1] :]}"

    def without(self, pattern: re.Pattern[str]) -> str:
        """The words that no match of the pattern takes, as they were typed."""
        left, found = self.line, 1
        dropped: set[int] = set()
        while found:
            match = pattern.search(left)
            found = match is not None and bool(match.group().strip())
            if match and found:
                dropped |= set(self.range_of(match))
                start, end = match.start(), match.end()
                # What is taken keeps its number of words, so that the words behind it keep their places.
                left = left[:start] + re.sub(r"[^ ]+", "_", left[start:end]) + left[end:]
        return " ".join(self.text[slice(*self.spans[at])] for at in range(len(self.spans)) if at not in dropped)
