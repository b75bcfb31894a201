"""The choice of a province: the list as buttons, page by page, and what is said of the one that was chosen."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from bot.channels.model import Button, Reply
from bot.channels.replies import Replies
from knowledge.places import Gazetteer
from knowledge.text import folded_line

A_PAGE = 8
_PAGE = re.compile(r"\d{1,2}")


@dataclass(frozen=True)
class Provinces:
    """Reads and words the choice. `held`: the provinces that a document is held for."""

    gazetteer: Gazetteer
    replies: Replies
    held: Callable[[], tuple[str, ...]]

    def named(self, text: str) -> str | None:
        """The first province that a text names, as it was called before the merger."""
        return next((mention.province for mention in self.gazetteer.typed(text)), None)

    def clears(self, text: str) -> bool:
        """Whether it says that no province shall be chosen."""
        return folded_line(text) in {folded_line(words) for words in self.replies.texts.choices("province.clear_words")}

    def page(self, text: str) -> int | None:
        """The page of the list that "trang 2" asks for."""
        first, _, number = text.partition(" ")
        asked = folded_line(first) == folded_line(self.replies.texts("province.page_words"))
        return int(number) if asked and _PAGE.fullmatch(number.strip()) else None

    def choices(self) -> tuple[str, ...]:
        """All to choose from: those held first, then today's."""
        return tuple(dict.fromkeys((*self.held(), *self.replies.texts.choices("province.today"))))

    def asked(self, key: str, page: int = 1, chosen: str | None = None, reply_to: str | None = None, said: str = "") -> Reply:
        """The list. `chosen`: the province that counts now; `said`: what comes before."""
        texts = self.replies.texts
        every = self.choices()
        page = min(max(page, 1), -(-len(every) // A_PAGE))
        shown = every[A_PAGE * (page - 1) : A_PAGE * page]
        buttons = [Button(name, "province", name) for name in shown]
        if len(every) > A_PAGE * page:
            buttons.append(Button(texts("province.more"), "say", texts("province.page", page=page + 1)))
        if chosen:
            buttons.append(Button(texts("province.none"), "province", ""))
        lines = [said, texts("province.now", province=chosen) if chosen else "", texts("province.ask"), texts("province.write")]
        return self.replies.say(key, "\n".join(line for line in lines if line), buttons=buttons, reply_to=reply_to)

    def chosen(self, province: str | None, key: str, reply_to: str | None = None) -> Reply:
        """What was chosen, what it is called today, and whether anything is held for it; None: the choice was dropped."""
        texts = self.replies.texts
        if province is None:
            return self.replies.say(key, texts("province.cleared"), reply_to=reply_to)
        lines = [texts("province.chosen", province=province)]
        now = self.gazetteer.now(province)
        if now and now != province:
            lines.append(texts("province.merged", province=province, now=now))
        held = self.held()
        if not set(self.gazetteer.kin(province)) & set(held):
            lines.append(texts("province.not_held", province=province, held=", ".join(held)))
        return self.replies.say(key, "\n".join(lines), reply_to=reply_to)
