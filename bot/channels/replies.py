"""An answer object as a Reply: what is said first, what it stands on, and what can be pressed. Pure: the same answer, the same Reply."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from actions.texts import Texts
from bot.channels.model import RETURNING, Block, Button, Reply
from knowledge.directory import digits
from knowledge.model import Metadata

_PASSAGES = 3
_CALLS = 3
_HEADING = 80
"""Characters of a heading that has no numeral."""
_NUMERAL = re.compile(r"(?:(?:phần|chương|mục|điều)\s+)?([IVXLC]+|\d+(?:\.\d+)*|[a-zđ])\s*[.):]", re.IGNORECASE)
VOTED = frozenset({"answer", "abstain"})


def menu_name(key: str) -> str:
    """The name of a reply's menu: eight letters, so that it fits into the 64 bytes that Telegram gives back with a press."""
    return hashlib.blake2s(key.encode(), digest_size=4).hexdigest()


def numeral(path: Sequence[str]) -> str | None:
    """The place that headings name: ("III. DỰ ÁN", "2. Dự án 2", "2.1. Nội dung") → "III.2.1"; None where none of them is numbered."""
    labels: list[str] = []
    for heading in path:
        if match := _NUMERAL.match(heading.strip()):
            if labels and match[1].startswith(f"{labels[-1]}."):
                labels.pop()
            labels.append(match[1])
    return ".".join(labels) or None


@dataclass(frozen=True)
class Replies:
    """Words replies. `about`: what a document says of itself, None where it is not held any more."""

    texts: Texts
    about: Callable[[str], Metadata | None]

    def say(
        self, key: str, *blocks: Block | str, buttons: Sequence[Button] = (), reply_to: str | None = None, chatter: bool = False
    ) -> Reply:
        """A reply of the normal lane; a bare text is a block of that kind."""
        said = tuple(Block("text", block) if isinstance(block, str) else block for block in blocks)
        menu = menu_name(key) if any(button.kind in RETURNING for button in buttons) else None
        return Reply(key, "normal", said, tuple(buttons), menu, reply_to, chatter)

    def of(self, answer: Mapping[str, Any], key: str, reply_to: str | None = None) -> Reply | None:
        """The answer object of the contract as it is said; None for one that says nothing, because an officer has the conversation."""
        if not answer["text"]:
            return None
        if answer["kind"] == "urgent":
            return self._urgent(answer, key, reply_to)
        buttons = (*self._suggested(answer["suggestions"]), *self._passages(answer["citations"]))
        if answer["kind"] in VOTED:
            buttons += tuple(Button(self.texts(f"button.{value}"), "vote", value, answer["message_id"]) for value in ("good", "bad"))
        buttons += self._calls(answer["hotlines"])
        return self.say(key, *self._blocks(answer), buttons=buttons, reply_to=reply_to, chatter=answer["kind"] == "smalltalk")

    def _urgent(self, answer: Mapping[str, Any], key: str, reply_to: str | None) -> Reply:
        lines = answer["text"].split("\n")
        phone = answer["hotlines"][0]["phone"]
        head = next((at for at, line in enumerate(lines) if phone in line), 0) + 1
        blocks = [Block("lead", "\n".join(lines[:head]))]
        if rest := "\n".join(lines[head:]):
            blocks.append(Block("text", rest))
        blocks += self._case(answer)
        return Reply(key, "danger", tuple(blocks), self._calls(answer["hotlines"], len(answer["hotlines"])), None, reply_to)

    def _blocks(self, answer: Mapping[str, Any]) -> list[Block]:
        """The text without what is said beside it: its notices, and its source line where the citations tell more."""
        said_beside = set(answer["notices"])
        begins = self.texts("answer.source_begins")
        lines = [
            line for line in answer["text"].split("\n") if line not in said_beside and not (answer["citations"] and line.startswith(begins))
        ]
        lines += [
            self.texts("answer.hotline", name=line["name"], phone=line["phone"], hours=line["hours"])
            for line in answer["hotlines"]
            if line["phone"] not in answer["text"]
        ]
        blocks = [Block("text", "\n".join(lines))] if lines else []
        blocks += [Block("source", line) for line in self.sources(answer["citations"])]
        blocks += [Block("notice", notice) for notice in answer["notices"]]
        return blocks + self._case(answer)

    def _case(self, answer: Mapping[str, Any]) -> list[Block]:
        case_id = answer["case_id"]
        return [Block("text", self.texts("answer.case", case_id=case_id))] if case_id and case_id not in answer["text"] else []

    def _suggested(self, suggestions: Sequence[str]) -> tuple[Button, ...]:
        more = self.texts("button.more_words")
        return tuple(Button(self.texts("button.more") if words == more else words, "say", words) for words in suggestions)

    def _passages(self, citations: Sequence[Mapping[str, Any]]) -> tuple[Button, ...]:
        found = {f"{c['document_id']}:{c['start']}:{c['end']}": c for c in citations}
        shown = list(found.items())[:_PASSAGES]
        if len(shown) == 1:
            return (Button(self.texts("button.passage"), "passage", shown[0][0]),)
        buttons: dict[str, Button] = {}
        for number, (value, citation) in enumerate(shown, start=1):
            label = self.texts("button.passage_at", place=numeral(citation["heading_path"]) or number)
            label = f"{label} ({number})" if label in buttons else label
            buttons[label] = Button(label, "passage", value)
        return tuple(buttons.values())

    def _calls(self, hotlines: Sequence[Mapping[str, Any]], most: int = _CALLS) -> tuple[Button, ...]:
        return tuple(
            Button(self.texts("button.call", phone=line["phone"], name=line["name"]), "call", digits(line["phone"]))
            for line in hotlines[:most]
        )

    def sources(self, citations: Sequence[Mapping[str, Any]]) -> list[str]:
        """A source line a document, with all the places cited in it, as people read it."""
        documents: dict[str, list[Mapping[str, Any]]] = {}
        for citation in citations:
            documents.setdefault(citation["document_id"], []).append(citation)
        return [self._source(cited) for cited in documents.values()]

    def _source(self, cited: Sequence[Mapping[str, Any]]) -> str:
        first = cited[0]
        years = dict.fromkeys(str(day)[:4] for day in (first["valid_from"], first["valid_to"]) if day)
        parts = [first["province"], "–".join(years), self.texts(f"source.status.{first['status']}")]
        about = self.texts("source.about", parts=", ".join(part for part in parts if part))
        places = ", ".join(dict.fromkeys(place for citation in cited if (place := self._place(citation["heading_path"]))))
        where = self.texts("source.place", places=places) if places else ""
        return self.texts("source.line", name=self._name(first), about=about, place=where)

    def _place(self, path: Sequence[str]) -> str:
        if found := numeral(path):
            return self.texts("source.numeral", numeral=found)
        if not path:
            return ""
        heading = path[-1]
        return self.texts("source.heading", heading=heading if len(heading) <= _HEADING else f"{heading[:_HEADING].rsplit(' ', 1)[0]}…")

    def _name(self, citation: Mapping[str, Any]) -> str:
        metadata = self.about(citation["document_id"])
        kind = (metadata.kind if metadata else None) or self.texts("source.kind")
        if citation["number"]:
            return self.texts("source.numbered", kind=kind, number=citation["number"])
        if metadata and metadata.reports_on:
            return self.texts("source.secondary", number=metadata.reports_on)
        return citation["title"] or self.texts("source.unnumbered", kind=kind)
