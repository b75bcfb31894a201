"""What is said in the same words to everybody: the welcome, and whatever comes with the numbers to call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.channels.model import Block, Button, Reply
from bot.channels.replies import Replies
from knowledge.directory import Directory, digits


@dataclass(frozen=True)
class Standing:
    """Words it. Every number stands in the directory; one that is not there any more is left out."""

    replies: Replies
    directory: Directory

    def welcome(self, key: str, reply_to: str | None = None) -> Reply:
        """The numbers first; then who answers, what need not be told, and examples to press."""
        texts = self.replies.texts
        lead = Block("lead", texts("start.urgent", phones=self._phones(texts.choices("phones.first"))))
        said = [texts(f"start.{name}") for name in ("who", "private", "how")]
        examples = [Button(example, "say", example) for example in texts.choices("start.examples")]
        return self.replies.say(key, lead, *said, buttons=examples, reply_to=reply_to)

    def with_numbers(self, key: str, text: str, reply_to: str | None = None, *, chatter: bool = False) -> Reply:
        """A text, and under it whom to call in danger."""
        texts = self.replies.texts
        notice = Block("notice", texts("phones.urgent", phones=self._phones(texts.choices("phones.first"))))
        return self.replies.say(key, text, notice, reply_to=reply_to, chatter=chatter)

    def unreadable(self, key: str, *, told: bool) -> Reply:
        """To a protected account, whose words do not reach us. `told`: the duty desk has it."""
        texts = self.replies.texts
        phones = texts.choices("phones.all")
        blocks = [Block("lead", texts("unsupported.urgent", phones=self._phones(phones))), Block("text", texts("unsupported.text"))]
        if told:
            blocks.append(Block("text", texts("unsupported.told")))
        rows = [row for phone in phones if (row := self.directory.by_phone(phone))]
        calls = tuple(Button(texts("button.call", phone=row.phone, name=row.name), "call", digits(row.phone)) for row in rows)
        return Reply(key, "danger", tuple(blocks), calls)

    def _phones(self, phones: Sequence[str]) -> str:
        texts = self.replies.texts
        rows = [row for phone in phones if (row := self.directory.by_phone(phone))]
        return ", ".join(texts("phones.line", phone=row.phone, name=texts(f"phones.{row.phone}")) for row in rows)
