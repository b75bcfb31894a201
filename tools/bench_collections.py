"""Collections to measure on that are no part of the project: XQuAD-vi and the Vietnamese Wikipedia, in a folder that is handed in.

The folder holds xquad.vi.json (SQuAD form, 240 passages, 1,190 questions; scored, never trained on) and viwiki.jsonl.xz (an article a line:
title, text). Both are read where they lie.
"""

from __future__ import annotations

import json
import lzma
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from knowledge.text import fold, nfc

ROOT = Path(__file__).resolve().parent.parent
DISTRACTORS = 4_760
_SHORTEST, _LONGEST = 40, 300
"""Words of a Wikipedia paragraph that is used."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and the positions of the passages that answer it."""

    text: str
    relevant: frozenset[int]

    def stripped(self) -> Asked:
        """The same without diacritics."""
        return Asked(fold(nfc(self.text)), self.relevant)


@dataclass(frozen=True, slots=True)
class Trial:
    """Passages and questions over them."""

    name: str
    passages: tuple[str, ...]
    questions: tuple[Asked, ...]


def data_folder(environ: Mapping[str, str] | None = None) -> Path | None:
    """BENCH_DATA, else shared/data beside the checkout; None, and a line about it, where the files are not there."""
    named = (os.environ if environ is None else environ).get("BENCH_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if all((folder / name).is_file() for name in ("xquad.vi.json", "viwiki.jsonl.xz")):
        return folder
    print("bench: without XQuAD-vi and Wikipedia: BENCH_DATA names the folder that holds them.", file=sys.stderr, flush=True)
    return None


def articles(folder: Path) -> Iterator[list[str]]:
    """The paragraphs of each Wikipedia article, those of a usable length, in the file's order."""
    with lzma.open(folder / "viwiki.jsonl.xz", "rt", encoding="utf-8") as lines:
        for line in lines:
            paragraphs = (" ".join(paragraph.split()) for paragraph in json.loads(line)["text"].split("\n"))
            yield [paragraph for paragraph in paragraphs if _SHORTEST <= len(paragraph.split()) <= _LONGEST]


def evenly(paragraphs: list[str], count: int) -> list[str]:
    """So many of them, at even distances."""
    return [paragraphs[at * len(paragraphs) // count] for at in range(count)]


def xquad(folder: Path) -> Trial:
    """XQuAD-vi's passages, then 4,760 Wikipedia paragraphs that answer none of its questions."""
    data = json.loads((folder / "xquad.vi.json").read_text("utf-8"))["data"]
    own = [paragraph for article in data for paragraph in article["paragraphs"]]
    texts = [nfc(paragraph["context"]) for paragraph in own]
    questions = [Asked(nfc(qa["question"]), frozenset([at])) for at, paragraph in enumerate(own) for qa in paragraph["qas"]]
    others = evenly([paragraph for article in articles(folder) for paragraph in article], DISTRACTORS)
    return Trial("XQuAD-vi", (*texts, *others), tuple(questions))
