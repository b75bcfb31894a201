"""Passages while somebody types "@bot …" in any chat: for collaborators, who send the one they choose into the conversation they are in.

Answered straight, past the inbox: what is typed is overtaken by the next letter, and nobody is asked anything.
"""

from __future__ import annotations

import hashlib
import html
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from telegram import InlineQueryResultArticle, InlineQueryResultsButton, InputTextMessageContent, LinkPreviewOptions
from telegram.constants import ParseMode

from bot.channels.telegram.render import shortened

Searcher = Callable[[str], Awaitable[Sequence[Mapping[str, Any]]]]
"""Words → hits as /api/v1/search gives them (search_view)."""
_CACHE_S = 60
_MOST = 10
_TITLE = 60
_DESCRIPTION = 120
_QUOTE = 3_500


@dataclass(frozen=True)
class InlineSearch:
    """`Inline` of channel.py. `texts`: the part `inline` of texts.yml."""

    searcher: Searcher
    texts: Mapping[str, str]

    async def answer(self, query: str) -> Mapping[str, Any]:
        """The arguments of answerInlineQuery: ten passages at most, the first the best; a hint where nothing was typed or found."""
        words = query.strip()
        hits = (await self.searcher(words))[:_MOST] if words else ()
        made: dict[str, Any] = {"results": [self._result(hit).to_dict() for hit in hits], "is_personal": True, "cache_time": _CACHE_S}
        if not hits:
            hint = self.texts["nothing" if words else "hint"]
            made |= {"button": InlineQueryResultsButton(hint, start_parameter="tracuu").to_dict(), "cache_time": 0}
        return made

    def _result(self, hit: Mapping[str, Any]) -> InlineQueryResultArticle:
        quote, source = shortened(hit["quote"], _QUOTE), self._source(hit)
        path = " › ".join(hit["heading_path"])
        said = f"<blockquote>{html.escape(quote, quote=False)}</blockquote>\n<i>{html.escape(f'{source}. {path}', quote=False)}</i>"
        content = InputTextMessageContent(said, ParseMode.HTML, link_preview_options=LinkPreviewOptions(is_disabled=True))
        key = hashlib.sha256(str(hit["passage_id"]).encode()).hexdigest()[:32]
        return InlineQueryResultArticle(key, shortened(source, _TITLE), content, description=shortened(quote, _DESCRIPTION))

    def _source(self, hit: Mapping[str, Any]) -> str:
        """Number, province and years, as far as they are known."""
        first, last = ((hit[name] or "")[:4] for name in ("valid_from", "valid_to"))
        years = self.texts["years"].format(first=first, last=last) if first and last else first or last
        about = ", ".join(part for part in (hit["province"], years) if part)
        number = hit["number"] or hit["title"] or self.texts["untitled"]
        return self.texts["source"].format(number=number, about=about) if about else str(number)
