"""Text that is not Unicode: TCVN3 (ABC, fonts .VnTime) and VNI (fonts VNI-Times), alone or among lines that are Unicode.

The bytes of both are those of Western letters, so a line is looked at in each reading, and the one in which most words are Vietnamese is
taken; a line that gains nothing stays. The tables are data (data/legacy_encodings.tsv).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Literal

from knowledge.reading.wording import refusal, warning
from knowledge.syllables import load_syllables
from knowledge.tables import DATA, rows
from knowledge.text import fold, nfc

Encoding = Literal["TCVN3", "VNI"]
ENCODINGS: tuple[Encoding, ...] = ("TCVN3", "VNI")
_COLUMNS = ("encoding", "written", "meant", "source")
_RUN = re.compile(r"[^\s.,;:!?()\[\]{}/\"“”‘’%+=<>|*#_&\-–—0-9]+")
_VIETNAMESE = frozenset("aàảãáạăằẳẵắặâầẩẫấậbcdđeèẻẽéẹêềểễếệghiìỉĩíịklmnoòỏõóọôồổỗốộơờởỡớợpqrstuùủũúụưừửữứựvxyỳỷỹýỵ")
_CAPITAL_FONT = re.compile(r"^\.vn.*h$", re.IGNORECASE)
_LEAST_GAIN = 2
"""Words that must become Vietnamese, more than those that stop being so, before a line is taken for another encoding on its own."""


@cache
def _converter(encoding: Encoding) -> Callable[[str], str]:
    found = {row["written"]: row["meant"] for row in rows(DATA / "legacy_encodings.tsv", _COLUMNS) if row["encoding"] == encoding}
    if encoding == "TCVN3":
        letters: Mapping[int, str] = {ord(written): meant for written, meant in found.items()}
        return lambda text: text.translate(letters)
    pairs = re.compile("|".join(sorted(map(re.escape, found), key=len, reverse=True)))
    return lambda text: pairs.sub(lambda match: found[match.group()], text)


def converted(text: str, encoding: Encoding) -> str:
    """`text`, written in that encoding and shown as Western letters, in Unicode NFC."""
    return nfc(_converter(encoding)(text))


def by_font(text: str, font: str) -> tuple[str, Encoding | None]:
    """A run of letters as its font shows it: ".VnTimeH" shows TCVN3 as capitals, "VNI-Times" VNI; other fonts change nothing."""
    name = font.strip().lower()
    if name.startswith(".vn"):
        shown = converted(text, "TCVN3")
        return (shown.upper() if _CAPITAL_FONT.match(name) else shown), "TCVN3"
    if name.startswith("vni-") or name == "vni":
        return converted(text, "VNI"), "VNI"
    return text, None


def unicode_lines(text: str) -> tuple[str, tuple[str, ...]]:
    """`text` (NFC) with its lines in old encodings put into Unicode, and warnings that say how many."""
    lines = text.split("\n")
    found = [_encoding(line) for line in lines]
    counts = Counter(filter(None, found))
    if not counts:
        return text, ()
    undecided = [at for at, line in enumerate(lines) if not line.isascii()]
    for before, at, after in zip([None, *undecided], undecided, [*undecided[1:], None], strict=False):
        around = {found[place] for place in (before, after) if place is not None}
        usual = next(iter(around)) if len(around) == 1 else None
        if found[at] is None and usual and max(lines[at]) <= "\xff" and _gain(lines[at], usual) >= 0:
            found[at] = usual  # too short to tell, among lines that are in it
            counts[usual] += 1
    lines = [converted(line, encoding) if encoding else line for line, encoding in zip(lines, found, strict=True)]
    return "\n".join(lines), tuple(legacy_warnings(counts))


def legacy_warnings(counts: Mapping[str, int]) -> Iterable[str]:
    """What is said of so many paragraphs in each old encoding."""
    return (warning("legacy", lines=counts[name], encoding=name) for name in ENCODINGS if counts.get(name))


def decoded(content: bytes) -> tuple[str, tuple[str, ...]]:
    """The text of a text file, NFC, and warnings: UTF-8, UTF-16 with its mark, TCVN3, VNI or windows-1258. LoadError for anything else."""
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-16" or b"\0" in content:
            raise refusal("binary") from error
        return _by_bytes(content)
    if "\0" in text:
        raise refusal("binary")
    if text.isascii():
        return text, ()
    read, warnings = unicode_lines(nfc(text))
    return (read, warnings) if warnings else (text, ())


def _by_bytes(content: bytes) -> tuple[str, tuple[str, ...]]:
    western = content.decode("cp1252", errors="replace") if not set(content) & {0x81, 0x8D, 0x8F, 0x90, 0x9D} else content.decode("latin-1")
    western = nfc(western)
    read, warnings = unicode_lines(western)
    if warnings and _share(read) >= 0.8:
        return read, warnings
    try:
        vietnamese = nfc(content.decode("cp1258"))
    except UnicodeDecodeError as error:
        raise refusal("unknown_encoding") from error
    if _share(vietnamese) < 0.8 or not any(ord(char) > 0x7F for char in vietnamese):
        raise refusal("unknown_encoding")
    return vietnamese, (warning("legacy", lines=vietnamese.count("\n") + 1, encoding="windows-1258"),)


def _encoding(line: str) -> Encoding | None:
    gains = {encoding: _gain(line, encoding) for encoding in ENCODINGS}
    best = max(ENCODINGS, key=lambda encoding: gains[encoding])
    return best if gains[best] >= _LEAST_GAIN else None


def _gain(line: str, encoding: Encoding) -> int:
    """How many more words of the line are Vietnamese when it is read so; 0 for a line of plain letters."""
    if line.isascii():
        return 0
    return _good(converted(line, encoding)) - _good(line)


def _good(line: str) -> int:
    """Words with letters beyond ASCII that can be Vietnamese, less those that cannot."""
    words = [word for word in _RUN.findall(line) if not word.isascii()]
    return sum(1 if is_vietnamese(word) else -1 for word in words)


def _share(text: str) -> float:
    words = _RUN.findall(text)
    return sum(map(is_vietnamese, words)) / len(words) if words else 0.0


def is_vietnamese(word: str) -> bool:
    """Whether a word is spelled with Vietnamese letters and built like a syllable, in capitals or not but never mixed within."""
    lower = word.lower()
    inner = word[1:]
    return set(lower) <= _VIETNAMESE and (inner.islower() or inner.isupper() or not inner) and load_syllables().fits(fold(lower))
