"""Vietnamese text: normal form, folding, syllables, sentences. Pure functions; needs PyYAML beside the standard library.

Folding is what search, triage and the dialogue model share: NFC → lower case → diacritics off → đ becomes d. A folded text has the same
length as its NFC source (`fold` maps code point to code point), so a span found in the folded text is a span of the source.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache

import yaml

from knowledge.tables import DATA

_CONTROL = dict.fromkeys((*(c for c in range(32) if c not in (9, 10, 13)), *range(127, 160)))
_INVISIBLE = dict.fromkeys((0x200B, 0x200C, 0x200E, 0x200F, 0x2060, 0xFEFF, 0x00AD, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))
_WORD = re.compile(r"[^\W_]+")
_DRAWN_OUT = re.compile(r"([^\W\d_])\1{2,}")


def nfc(text: str) -> str:
    """Unicode normal form C, line ends as \\n. The form every span counts in."""
    return unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")


def clean_message(text: str) -> str:
    """What somebody typed, in NFC, without control and invisible characters, ends trimmed."""
    return nfc(text.translate(_CONTROL).translate(_INVISIBLE)).strip()


class _Folded(dict[int, str]):
    """Code point → its folded letter, worked out when it is first met; `str.translate` reads it without a call for each letter."""

    def __missing__(self, point: int) -> str:
        char = chr(point)
        base = unicodedata.normalize("NFD", char.lower())
        stripped = "d" if char in "đĐ" else "".join(c for c in base if not unicodedata.combining(c))
        self[point] = stripped[0] if stripped else char
        return self[point]


_FOLDED = _Folded()


def fold(text: str) -> str:
    """Lower case without diacritics, one code point for one: `fold("Đồng Nai") == "dong nai"`. Takes NFC text."""
    return text.translate(_FOLDED)


def has_diacritics(text: str) -> bool:
    """Whether any letter carries a Vietnamese mark (đ counts)."""
    return not text.isascii() and any(_FOLDED[ord(c)] != c.lower() for c in text if c.isalpha())


def words(text: str) -> list[str]:
    """Folded runs of letters and digits, in order."""
    return _WORD.findall(fold(nfc(text)))


def marked_words(text: str) -> list[str]:
    """The words of `words`, in lower case with their marks: as long as that list, word for word."""
    source = nfc(text)
    return [source[m.start() : m.end()].lower() for m in _WORD.finditer(fold(source))]


def folded_line(text: str) -> str:
    """Folded words joined by single spaces with a space at both ends, so that ` word ` matches whole words only."""
    return f" {' '.join(words(text))} "


@lru_cache(maxsize=8192)
def document_line(text: str) -> str:
    """`folded_line` of what a document says, remembered: the same headings and passages are looked at again and again."""
    return folded_line(text)


def squeeze(text: str) -> str:
    """A letter typed three times or more, as people do when they shout, once: "cứuuuu" → "cứu". Takes lower-case NFC text."""
    return _DRAWN_OUT.sub(r"\1", text)


_SENTENCE_END = re.compile(r"(?<=[.!?…;])(?=\s)|\n+")


@cache
def _not_end() -> re.Pattern[str]:
    """A full stop after an abbreviation, a numeral or a single letter ends no sentence."""
    with (DATA / "sentences.yml").open(encoding="utf-8") as handle:
        abbreviations = yaml.safe_load(handle)["abbreviations"]
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, abbreviations))}|[IVXL]{{1,5}}|[0-9]{{1,2}}|[a-zđ])\.$")


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Half-open spans of the sentences and clauses of `text` (split at . ! ? … ; and line ends), blanks trimmed, empty ones left out."""
    start = 0
    for match in _SENTENCE_END.finditer(text):
        if text[match.start() - 1 : match.start()] == "." and _not_end().search(text[start : match.start()]):
            continue
        yield from _trimmed(text, start, match.start())
        start = match.end()
    yield from _trimmed(text, start, len(text))


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        yield start, end
