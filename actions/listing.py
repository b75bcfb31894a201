"""Lists, complete and in order: the tasks of a body, the projects of a plan, what stands under a heading; page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

from actions.clauses import Excerpt, best_fit, excerpt, opening, shown
from actions.headings import (
    asks_beside,
    heading,
    is_bare,
    is_content,
    project_named,
    sentence_case,
    telling,
    title_of,
    unnumbered,
)
from index.analysis import terms
from index.model import Hit, Query
from index.reranking import counts
from index.search import Retriever
from knowledge.model import Passage, Span
from knowledge.text import document_line, folded_line, words

_LOOKED_AT = 3
"""Hits among which a body is looked for; twice as many for a heading."""
_NAMED = 0.85
"""Share of the question that a heading (with those above it) must hold to be what is asked about."""
_LESS = 0.1
"""By so much a heading may hold less of the question than the best clause does."""
_BELOW = 0.3
"""By so much more a passage says of what is asked than the heading that was found before it."""
_CAPS = (700, 500, 400, 320, 260, 200)
"""Characters of an item: the most that lets all items stand, else the least, and page by page."""
_LEAST = 90
"""Characters of the last item of a page: shorter it is left for the next."""


@dataclass(frozen=True, slots=True)
class Item:
    """One item: a passage, told from its beginning or by its best clauses, or a heading for what stands under it."""

    hit: Hit
    title: str = ""
    best: Callable[[int], Excerpt] | None = None
    """The clauses of at most so many characters that answer best."""

    def words(self, budget: int) -> str:
        """The item in at most `budget` characters."""
        return self.title or self._part(budget).words

    @property
    def span(self) -> Span:
        """What is quoted: from the beginning of the passage at least as much as is ever shown."""
        return self.hit.passage.span if self.title else self._part(_CAPS[0]).span

    def _part(self, budget: int) -> Excerpt:
        whole = opening(self.hit, budget)
        return self.best(budget) if self.best and whole.words.endswith("…") else whole


@dataclass(frozen=True, slots=True)
class Listing:
    """A list: what it is of, and its items in order."""

    title: str
    items: tuple[Item, ...]
    head: Hit | None = None
    """The heading itself, where that is asked about."""

    def after(self, skip: Sequence[str]) -> Listing:
        """What is left of it after the passages already shown."""
        return replace(self, items=tuple(item for item in self.items if item.hit.passage.passage_id not in skip))

    def page(self, room: int, line: int) -> tuple[tuple[Item, ...], tuple[str, ...]]:
        """The items that fit into `room` characters with their words; each takes `line` characters more than its words."""
        for cap in _CAPS:
            told_of = [item.words(cap) for item in self.items]
            if (left := room - sum(len(told) + line for told in told_of)) >= 0:
                return self.items, tuple(self._lengthened(told_of, left))
        kept: list[str] = []
        for item in self.items:
            left = room - sum(len(told) + line for told in kept) - line
            if kept and left < min(_LEAST, len(item.words(_CAPS[-1]))):
                break
            kept.append(item.words(max(_LEAST, min(_CAPS[-1], left))))
        return self.items[: len(kept)], tuple(kept)

    def _lengthened(self, told_of: list[str], left: int) -> list[str]:
        """The items with `left` characters more given to those that say more, the first of them first."""
        for at, item in enumerate(self.items):
            longer = item.words(len(told_of[at]) + left)
            if len(told_of[at]) < len(longer) <= len(told_of[at]) + left:
                left -= len(longer) - len(told_of[at])
                told_of[at] = longer
        return told_of


def listing(query: Query, hits: Sequence[Hit], retriever: Retriever) -> Listing | None:
    """The list that is asked for; None when none is asked for or the hits do not lead to one."""
    tasks = _tasks(query, hits, retriever) if query.duties else None
    return tasks or _project(query, hits) or counted(query, hits) or _section(query, hits, retriever)


def counted(query: Query, hits: Sequence[Hit]) -> Listing | None:
    """The headings that name what is asked for all of ("mấy dự án", "những dự án nào": "Dự án 1: …", "Dự án 2: …")."""
    if query.asked not in ("list", "how_many"):
        return None
    nouns = [query.counted] if query.counted else list(pairwise(query.terms))
    asked = set(query.counted or telling(query.terms))
    if query.asked == "how_many" and hits and query.counted and _puts_a_number_to(query.counted, hits[0].passage):
        return None
    for hit in hits:
        begun = document_line(unnumbered(hit.passage.text))
        noun = next((" ".join(noun) for noun in nouns if len(noun) > 1 and begun.startswith(f" {' '.join(noun)} ")), None)
        if hit.passage.role != "heading" or noun is None or not asked <= {*noun.split(), *words(" ".join(hit.passage.path))}:
            continue
        beside = [p for p in hit.document.passages if p.role == "heading" and p.path == hit.passage.path]
        named = [p for p in beside if document_line(unnumbered(p.text)).startswith(f" {noun} ")]
        if len(named) > 1:
            return Listing(sentence_case(heading(hit.passage)), tuple(Item(_beside(hit, p), shown(p.text).rstrip(".:")) for p in named))
    return None


def _project(query: Query, hits: Sequence[Hit]) -> Listing | None:
    """A project that is asked for by its number alone: its title, and what is under it."""
    number = project_named(folded_line(query.written_out))
    if number is None or not hits or not all(map(asks_beside, query.terms)):
        return None
    for passage in hits[0].document.passages:
        if passage.role == "heading" and document_line(unnumbered(passage.text)).startswith(f" du an {number} "):
            if answered_below(hits):
                return None
            hit = _beside(hits[0], passage)
            return replace(under(hit, content=query.asked == "list"), title=shown(passage.text).rstrip(".:"), head=hit)
    return None


def answered_below(hits: Sequence[Hit]) -> bool:
    """Whether the first hit is a heading, and one of the next says much more of what is asked ("Dự án 3 làm ở đâu")."""
    first = hits[0]
    return first.passage.role == "heading" and any(
        hit.passage.role == "body" and hit.coverage > first.coverage + _BELOW for hit in hits[1:_LOOKED_AT]
    )


def under(hit: Hit, *, content: bool) -> Listing:
    """What stands under a heading; `content`: what is done rather than what is aimed at, where headings say only that."""
    path = (*hit.passage.path, title_of(hit))
    return _listed(hit, path, content=content)


def _tasks(query: Query, hits: Sequence[Hit], retriever: Retriever) -> Listing | None:
    """All tasks of the body that the question names, in order; None when the best passages are not those of one."""
    asked = folded_line(" / ".join([query.written_out, *(phrase for p in query.paraphrases for phrase in p.official)]))
    for hit in hits[:_LOOKED_AT]:
        title = shown(hit.passage.text) if hit.passage.role == "heading" else heading(hit.passage)
        body = folded_line(unnumbered(title)).strip()
        if body and not is_bare(title) and f" {body} " in asked:
            path = (*hit.passage.path, title_of(hit)) if hit.passage.role == "heading" else hit.passage.path
            inside = (_beside(hit, p) for p in hit.document.passages if p.role == "body" and p.path == path)
            items = tuple(Item(task, best=partial(excerpt, query, task, retriever)) for task in inside)
            if items:
                return Listing(unnumbered(title), items)
    return None


def _section(query: Query, hits: Sequence[Hit], retriever: Retriever) -> Listing | None:
    """Everything under the heading that says what is asked for, if one of the best passages stands under it."""
    if query.asked != "list" or not hits:
        return None
    first, query = hits[0], replace(query, terms=telling(query.terms))
    named: dict[tuple[str, ...], tuple[float, Hit]] = {}
    for hit in [h for h in hits[: 2 * _LOOKED_AT] if h.document == first.document]:
        full = (*hit.passage.path, title_of(hit)) if hit.passage.role == "heading" else hit.passage.path
        paths = [full[:depth] for depth in range(1, len(full) + 1)]
        if hit.passage.role == "heading":
            paths += [p.path for p in hit.document.passages if p.path[: len(full)] == full]
        for path in dict.fromkeys(paths):
            named.setdefault(path, (retriever.coverage(query, frozenset(terms(" ".join(path)))), hit))
    least = max(_NAMED, best_fit(query, first, retriever) - _LESS)
    for path, (share, hit) in sorted(named.items(), key=lambda entry: (-entry[1][0], len(entry[0]))):
        if share < least:
            return None
        if len((found := _listed(hit, path, content=not _aims(query))).items) > 1:
            return found
    return None


def _aims(query: Query) -> bool:
    return " muc tieu " in folded_line(query.written_out)


def _listed(hit: Hit, path: tuple[str, ...], *, content: bool) -> Listing:
    """The items right under a heading: passages, and headings that say something; bare headings are looked into."""
    inside = [p for p in hit.document.passages if p.path[: len(path)] == path and p.role in ("body", "heading")]
    titles = list(dict.fromkeys(p.path[len(path)] for p in inside if len(p.path) > len(path)))
    title = " – ".join(dict.fromkeys(filter(None, (_telling(path), unnumbered(path[-1])))))
    if titles and all(map(is_bare, titles)) and not any(p.role == "body" and p.path == path for p in inside):
        chosen = next((t for t in titles if is_content(t)), titles[0]) if content else titles[0]
        return _listed(hit, (*path, chosen), content=content)
    return Listing(sentence_case(title), tuple(_items(hit, path, inside)))


def _items(hit: Hit, path: tuple[str, ...], inside: Sequence[Passage]) -> Iterator[Item]:
    opened: set[str] = set()
    for passage in inside:
        deeper = passage.path[len(path)] if len(passage.path) > len(path) else ""
        if not deeper and passage.role == "heading":
            if not is_bare(passage.text):
                opened.add(unnumbered(passage.text))
                yield Item(_beside(hit, passage), shown(passage.text).rstrip(".:"))
        elif not deeper or (is_bare(deeper) and passage.role == "body"):
            yield Item(_beside(hit, passage))
        elif not is_bare(deeper) and unnumbered(deeper) not in opened:
            opened.add(unnumbered(deeper))
            yield Item(_beside(hit, passage), shown(unnumbered(deeper)))


def _puts_a_number_to(noun: Sequence[str], passage: Passage) -> bool:
    return passage.role == "body" and counts(noun, folded_line(passage.text))


def _telling(path: tuple[str, ...]) -> str:
    """Above a bare heading the next one that says something."""
    if not is_bare(path[-1]):
        return ""
    return next((unnumbered(title) for title in reversed(path[1:-1]) if not is_bare(title)), "")


def _beside(hit: Hit, passage: Passage) -> Hit:
    """Another passage of the same document, told because of `hit`."""
    return replace(hit, passage=passage)
