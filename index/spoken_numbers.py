"""Numbers as they are spoken, written as figures: "hai không hai mươi" is 2020, "chín mươi phần trăm" 90 phần trăm, "hai bảy ba lăm" 2735.

Voice input writes words. Only runs that can hardly be anything else are read: one syllable alone ("năm", "ba", "không") stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from knowledge.text import fold

_DIGITS = {
    "khong": 0, "mot": 1, "hai": 2, "ba": 3, "bon": 4, "tu": 4, "nam": 5, "lam": 5, "nham": 5, "sau": 6, "bay": 7, "tam": 8, "chin": 9,
}  # fmt: skip
_TENS, _HUNDRED, _THOUSAND, _ODD = frozenset({"muoi", "chuc"}), "tram", frozenset({"nghin", "ngan"}), frozenset({"linh", "le"})
_MARKED = frozenset(
    re.findall(r"\w+", "không một mốt hai ba bốn tư năm lăm nhăm sáu bảy bẩy tám chín mười mươi chục trăm nghìn ngàn linh lẻ")
)
"""How the words look where marks are typed; "bà", "tâm", "sau" are other words."""
_GROUPED_FROM = 10_000
"""From here on figures are written with dots (12.680), as the documents do; below may be a year or a document's number."""
_WORD = re.compile(r"[^\W\d_]+")


def written_as_figures(text: str) -> str:
    """The text with spoken numbers of two syllables or more as figures, up to 999,999; what does not parse is left as it stands."""
    words = list(_WORD.finditer(text))
    made, at, end = [], 0, 0
    while at < len(words):
        run = _run(text, words, at)
        value, used = _number(run)
        if used > 1:
            made += [text[end : words[at].start()], value]
            end = words[at + used - 1].end()
        at += max(1, used)
    return "".join([*made, text[end:]])


def _run(text: str, words: Sequence[re.Match[str]], start: int) -> list[str]:
    """The number words, folded, that follow one another with nothing but blanks between."""
    run: list[str] = []
    for at in range(start, len(words)):
        word = words[at].group().casefold()
        apart = at > start and text[words[at - 1].end() : words[at].start()].strip()
        known = word in _MARKED or (word.isascii() and word in _ASCII)
        if apart or not known:
            break
        run.append(fold(word))
    return run


_ASCII = frozenset(map(fold, _MARKED))


def _number(run: Sequence[str]) -> tuple[str, int]:
    """The longest number that the run begins with, as figures, and how many words it takes; 0 words when it is none."""
    if not run or (run[0] == "nam" and (len(run) < 2 or run[1] in _DIGITS)):  # "năm hai không …" is a year to come
        return "", 0
    for read in (_year, _grouped, _spelt):
        value, used = read(run)
        if used:
            return value, used
    return "", 0


def _year(run: Sequence[str]) -> tuple[str, int]:
    """ "hai không hai mươi", "hai không mười bảy", "hai không hai lăm": the twentieth century is not asked about."""
    if tuple(run[:2]) != ("hai", "khong") or len(run) < 3:
        return "", 0
    rest = run[2:]
    value, used = _below_hundred(rest)
    if used > 1:
        return f"20{value:02}", used + 2
    if len(rest) > 1 and rest[0] in _DIGITS and rest[1] in _DIGITS:
        return f"20{_DIGITS[rest[0]]}{_DIGITS[rest[1]]}", 4
    return "", 0


def _grouped(run: Sequence[str]) -> tuple[str, int]:
    """Thousands, hundreds, tens: "hai ngàn không trăm hai mươi", "bốn trăm năm mươi", "chín mươi"."""
    head, used = _below_thousand(run)
    if used and used < len(run) and run[used] in _THOUSAND:
        rest, more = _below_thousand(run[used + 1 :])
        if not more and used + 2 < len(run) and run[used + 1] in _ODD and run[used + 2] in _DIGITS:
            rest, more = _DIGITS[run[used + 2]], 2
        value = head * 1000 + rest
        return str(value) if value < _GROUPED_FROM else f"{value:,}".replace(",", "."), used + 1 + more
    return (str(head), used) if used > 1 else ("", 0)


def _below_thousand(run: Sequence[str]) -> tuple[int, int]:
    if len(run) > 1 and run[0] in _DIGITS and run[1] == _HUNDRED:
        hundreds = _DIGITS[run[0]] * 100
        rest = run[2:]
        if len(rest) > 1 and rest[0] in _ODD and rest[1] in _DIGITS:
            return hundreds + _DIGITS[rest[1]], 4
        if len(rest) > 1 and rest[0] in _DIGITS and rest[1] in _DIGITS:  # "năm trăm sáu lăm", the tens unsaid
            return hundreds + _DIGITS[rest[0]] * 10 + _DIGITS[rest[1]], 4
        value, used = _below_hundred(rest)
        return hundreds + value, 2 + used
    return _below_hundred(run)


def _below_hundred(run: Sequence[str]) -> tuple[int, int]:
    if not run:
        return 0, 0
    if run[0] == "muoi":
        follows = len(run) > 1 and run[1] in _DIGITS and run[1] != "khong"
        return (10 + _DIGITS[run[1]], 2) if follows else (10, 1)
    if run[0] not in _DIGITS:
        return 0, 0
    if len(run) > 1 and run[1] in _TENS:
        follows = len(run) > 2 and run[2] in _DIGITS and run[2] != "khong"
        return (_DIGITS[run[0]] * 10 + (_DIGITS[run[2]] if follows else 0), 3 if follows else 2)
    return _DIGITS[run[0]], 1


def _spelt(run: Sequence[str]) -> tuple[str, int]:
    """Figure by figure, four or more: "hai bảy ba lăm", "ba ba bảy sáu"."""
    digits = []
    for word in run:
        if word not in _DIGITS:
            break
        digits.append(str(_DIGITS[word]))
    return ("".join(digits), len(digits)) if len(digits) > 3 else ("", 0)
