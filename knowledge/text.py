"""Vietnamese text: normal form, folding, syllables, sentences. Pure functions, standard library only.

Folding is what search, triage and the dialogue model share: NFC → lower case → diacritics off → đ becomes d. A folded text has the same
length as its NFC source (`fold` maps code point to code point), so a span found in the folded text is a span of the source.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

_CONTROL = {c: None for c in range(32) if c not in (9, 10, 13)} | {c: None for c in range(127, 160)}
_INVISIBLE = dict.fromkeys((0x200B, 0x200C, 0x200E, 0x200F, 0x2060, 0xFEFF, 0x00AD, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))
_SYLLABLE = re.compile(r"[^\W_]+(?:[./:%-](?=[^\W_])[^\W_]+)*%?")
_WORD = re.compile(r"[^\W_]+")
_LONG_VOWELS = re.compile(r"([a-z])\1{2,}")


def nfc(text: str) -> str:
    """Unicode normal form C, line ends as \\n. The form every span counts in."""
    return unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")


def clean_message(text: str) -> str:
    """What somebody typed, in NFC, without control and invisible characters, ends trimmed."""
    return nfc(text).translate(_CONTROL).translate(_INVISIBLE).strip()


@lru_cache(maxsize=4096)
def _fold_char(char: str) -> str:
    if char in "đĐ":
        return "d"
    base = unicodedata.normalize("NFD", char.lower())
    stripped = "".join(c for c in base if not unicodedata.combining(c))
    return stripped[0] if stripped else char


def fold(text: str) -> str:
    """Lower case without diacritics, one code point for one: `fold("Đồng Nai") == "dong nai"`. Takes NFC text."""
    return "".join(map(_fold_char, text))


def has_diacritics(text: str) -> bool:
    """Whether any letter carries a Vietnamese mark (đ counts)."""
    return any(_fold_char(c) != c.lower() for c in text if c.isalpha())


def words(text: str) -> list[str]:
    """Folded runs of letters and digits, in order."""
    return _WORD.findall(fold(nfc(text)))


def marked_words(text: str) -> list[str]:
    """The words of `words`, in lower case with their marks: as long as that list, word for word."""
    lowered = nfc(text).lower()
    return [lowered[m.start() : m.end()] for m in _WORD.finditer(fold(lowered))]


def folded_line(text: str) -> str:
    """Folded words joined by single spaces with a space at both ends, so that ` word ` matches whole words only."""
    return f" {' '.join(words(text))} "


def squeeze(text: str) -> str:
    """Letters repeated three times or more, as people type when they shout, down to one: "cứuuuu" → "cứu"."""
    return _LONG_VOWELS.sub(r"\1", text)


_SENTENCE_END = re.compile(r"(?<=[.!?…;])(?=\s)|\n+")
_NOT_END = re.compile(r"(?:\b(?:TP|Tp|tp|Q|P|TX|TT|Th|ThS|TS|PGS|GS|Mr|Mrs|St|ĐT|tr|vv|v\.v|số|Điều|I|V|X|[0-9]{1,2}|[a-zđ])\.)$")


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Half-open spans of the sentences and clauses of `text` (split at . ! ? … ; and line ends), blanks trimmed, empty ones left out."""
    start = 0
    for match in _SENTENCE_END.finditer(text):
        if text[match.start() - 1 : match.start()] == "." and _NOT_END.search(text[start : match.start()]):
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
