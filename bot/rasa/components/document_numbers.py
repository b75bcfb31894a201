"""Numbers of administrative documents as people type them: "2735/KH-UBND", "2735 kh ubnd", "kế hoạch 60", or a bare "2735"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from knowledge.text import fold

_KINDS = "kh|qd|nq|nd|tt|ct|cv|bc|tb|hd"
_ISSUERS = "ubnd|ttg|hdnd|cp|bldtbxh|bkh|btc|byt|bca|tw|sldtbxh|ldtbxh"
_NAMED = r"ke hoach|quyet dinh|van ban|cong van|nghi dinh|nghi quyet|thong tu|so hieu|kh|qd|cv"
_COUNTED = r"nguoi|tre|em|dong|nghin|ngan|trieu|ty|k|co so|xa|ho|nam|met|m2"
_NO_AMOUNT = r"(?![\w/]|\s*%|[.,]\d"
_FULL = re.compile(rf"(?<![\w/])(\d{{1,5}})\s*[/ -]\s*(?:(\d{{4}})\s*/\s*)?({_KINDS})\s*[-/ ]\s*({_ISSUERS})(?!\w)")
_AFTER_KIND = re.compile(rf"(?<!\w)(?:{_NAMED})\s+(?:so\s+)?(\d{{2,5}}){_NO_AMOUNT})")
_BARE = re.compile(rf"(?<![\w/.,])(?!(?:19|20)\d\d(?!\d))([1-9]\d{{3}}){_NO_AMOUNT}|\s+(?:{_COUNTED})\b)")
_WITH_D = {
    "qd": "QĐ",
    "nd": "NĐ",
    "ttg": "TTg",
    "hdnd": "HĐND",
    "ldtbxh": "LĐTBXH",
    "bldtbxh": "BLĐTBXH",
    "sldtbxh": "SLĐTBXH",
}


def document_numbers(text: str) -> Iterator[tuple[str, int, int]]:
    """(number, start, end) for each document number in `text`, left to right.

    A full number comes in official spelling ("2735/KH-UBND"), a short one as its digits ("2735"). A bare number counts only with four
    digits that are no year and no amount. Spans count code points of `text`.
    """
    folded = fold(text)
    taken: list[tuple[int, int, str]] = []
    for match in _FULL.finditer(folded):
        digits, year, kind, issuer = match.groups()
        middle = f"{digits}/{year}" if year else digits
        taken.append((match.start(), match.end(), f"{middle}/{_official(kind)}-{_official(issuer)}"))
    for pattern in (_AFTER_KIND, _BARE):
        for match in pattern.finditer(folded):
            start, end = match.span(1)
            if all(end <= s or start >= e for s, e, _ in taken):
                taken.append((start, end, match.group(1)))
    for start, end, number in sorted(taken):
        yield number, start, end


def _official(part: str) -> str:
    return _WITH_D.get(part, part.upper())
