"""Passages for collaborators: what the search page, the API and the command line show."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from bot.services import Services
from knowledge.errors import RequestRefused
from knowledge.text import clean_message


def search_view(services: Services, text: str, province: str | None, on: date, k: int) -> list[dict[str, Any]]:
    """Hits as the contract has them: the citation with score and passage id. RequestRefused for a province that does not exist."""
    query = services.understanding.read(clean_message(text), on)
    if province:
        named = services.gazetteer.mentions(province)
        if not named:
            raise RequestRefused(f"Unknown province: {province}", field="province")
        query = replace(query, provinces=(named[0].province,))
    answerer = services.answerer()
    return [
        {**answerer.cite(hit.document, hit.passage, query).as_json(), "score": round(hit.score, 4), "passage_id": hit.passage.passage_id}
        for hit in answerer.retriever.search(query, k)
    ]
