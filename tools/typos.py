"""Typing slips, as telex on a telephone makes them: for training on and for measuring."""

from __future__ import annotations

import unicodedata

import numpy as np

_NEAR = {
    **{"q": "wa", "w": "qes", "e": "wrd", "r": "etf", "t": "ryg", "y": "tuh", "u": "yij", "i": "uok", "o": "ipl", "p": "ol"},
    **{"a": "qsz", "s": "adwx", "d": "sfec", "f": "dgrv", "g": "fhtb", "h": "gjyn", "j": "hkum", "k": "jlin", "l": "kop"},
    **{"z": "asx", "x": "zsdc", "c": "xdfv", "v": "cfgb", "b": "vghn", "n": "bhjm", "m": "njk"},
}
_TONES = {"\u0301": "s", "\u0300": "f", "\u0309": "r", "\u0303": "x", "\u0323": "j"}
RATE = 0.15
"""The share of words that are hit."""


def damaged(text: str, noise: np.random.Generator, rate: float = RATE) -> str:
    """`text` with about `rate` of its longer words mistyped: letters exchanged, left out or doubled, a neighbour's key, a tone's key."""
    return " ".join(
        _mistyped(word, noise) if len(word) > 2 and word.isalpha() and noise.random() < rate else word for word in text.split(" ")
    )


def _mistyped(word: str, noise: np.random.Generator) -> str:
    at = int(noise.integers(1, len(word)))
    match int(noise.integers(5)):
        case 0:
            return word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :]
        case 1:
            return word[:at] + word[at + 1 :]
        case 2:
            return word[:at] + word[at] + word[at:]
        case 3:
            near = _NEAR.get(word[at].lower(), word[at])
            return word[:at] + near[int(noise.integers(len(near)))] + word[at + 1 :]
        case _:
            return _telex(word)


def _telex(word: str) -> str:
    """The tone as the key that makes it, at the end: "đánh" → "đanhs"."""
    parts = unicodedata.normalize("NFD", word)
    keys = "".join(_TONES.get(char, "") for char in parts)
    return unicodedata.normalize("NFC", "".join(char for char in parts if char not in _TONES)) + keys
