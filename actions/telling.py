"""What is told of the passages found, and how long: one passage with perhaps a second, a list page by page, or provinces side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from actions.citing import Citing
from actions.clauses import CERTAIN, Excerpt, best_fit, excerpt, repeats, shown
from actions.comparison import said_in, side_by_side
from actions.guard import bodies
from actions.headings import heading, leads, sentence_case, unnumbered
from actions.listing import Listing, answered_below, listing, under
from actions.texts import Texts
from index.analysis import has_quantity, terms
from index.model import Hit, Query
from index.search import Retriever
from knowledge.model import Span
from knowledge.text import document_line, folded_line

_MAIN, _ALSO, _BODY = 430, 210, 700
"""Characters: the first excerpt, a second one, all of them together."""
_LEAD, _SHORTEST = 110, 120
"""Characters: a heading longer than this does not lead an excerpt; an excerpt is not cut shorter than this."""
_PROVINCES = 4
_ITEM = 3
"""Characters of an item's mark and line end."""
_LEFT = 70
"""Characters of the line that says how much is left."""
_BETTER = 0.2
"""By so much another passage must fit better to come first."""
_AS_GOOD = 0.9
"""Share of the best score from which a passage is found as well as the heading before it."""
_ALL = ("list", "whom", "how_many")
"""Kinds of questions that a heading may answer with what stands under it."""
_CONSIDERED = 6
"""Hits among which the figure asked for is looked for."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What is shown beside the best passage. Chosen on tests/eval/train.jsonl, reported on other sets (docs/decisions/)."""

    also: float = 0.7
    """A second passage is shown from this share of the best score."""
    near: float = 0.5
    """Coverage from which asking for the province makes sense."""
    several: float = 0.72
    """Without a province, another document is shown from this share of the best score."""
    figure: float = 0.5
    """A passage from this share of the best score may hold the asked figure, if its clause fits better."""


@dataclass(frozen=True, slots=True)
class Told:
    """Lines to read, and the passages they stand in: those alone count as shown."""

    hits: tuple[Hit, ...]
    lines: tuple[str, ...]
    spans: Mapping[str, Span]
    """By passage id: what of it is shown, where that is not the best clause."""


@dataclass(frozen=True)
class Telling:
    """Tells from one snapshot. Read-only; safe to share."""

    retriever: Retriever
    citing: Citing
    texts: Texts
    thresholds: Thresholds

    def teller(self, query: Query, found: Sequence[Hit], hits: Sequence[Hit], skip: Sequence[str]) -> Callable[[int], Told]:
        """Tells what answers the question in at most so many characters. `found`: all hits, best first; `hits`: those not shown yet,
        not empty."""
        ordered = self._asked_first(query, hits)
        if len(query.provinces) != 1 and not query.numbers and (several := self._several(query, ordered)):
            told = tuple(hit for _, hit in several)
            return lambda room: Told(told, tuple(side_by_side(query, several, self.retriever, self.texts, room)), {})
        asked = listing(query, found, self.retriever)
        if asked and (left := asked.after(skip)).items:
            return lambda room: self._page(left, query, room)
        if ordered[0].passage.role == "heading":
            return lambda room: self._heading(query, ordered[0], skip, room)
        return lambda room: self._passages(query, ordered, room)

    def with_beside(self, teller: Callable[[int], Told], query: Query, hit: Hit, room: int, kept: int) -> Told:
        """What the teller tells and then, where it is of the same document and not among it, a passage that answers another reading of
        the turn, `query`, in `kept` of the characters."""
        whole = teller(room)
        first = whole.hits[0]
        if hit.document != first.document or any(
            repeats(hit.passage.text, h.passage.text) for h in whole.hits if h.passage != first.passage
        ):
            return whole
        told = teller(room - kept)
        line, part = self._also(query, told.hits[0], hit, kept - 1)
        if len(line) >= kept or any(said_in(part.words, said) for said in told.lines):
            return whole
        if hit.passage == told.hits[0].passage:  # another clause of it
            return Told(told.hits, (*told.lines, line), {at: span for at, span in told.spans.items() if at != hit.passage.passage_id})
        return Told((*told.hits, hit), (*told.lines, line), {**told.spans, hit.passage.passage_id: part.span})

    def _asked_first(self, query: Query, hits: Sequence[Hit]) -> list[Hit]:
        """Asked for a figure: the passage first whose clause has it beside what is counted, for the year asked for."""
        ordered = list(hits)
        # The legal basis names everybody and gives nobody a task; of a decree that is named it says who issued it.
        if query.asked == "who" and hits[0].passage.role == "front" and not query.numbers:
            ordered.sort(key=lambda h: h.passage.role == "front")
            as_good = [h for h in ordered if h.passage.role != "front" and h.score >= _AS_GOOD * ordered[0].score]
            if named := next((h for h in as_good if any(bodies(h.passage.text))), None):
                ordered = [named, *(h for h in ordered if h is not named)]
        if answered_below(ordered) or (query.asked not in _ALL and self._says_as_much(ordered)):
            ordered.sort(key=lambda h: h.passage.role == "heading")
        if query.asked != "how_many":
            return ordered
        able = [h for h in ordered[:_CONSIDERED] if h.score >= self.thresholds.figure * hits[0].score and h.passage.role == "body"]
        able = [h for h in able if has_quantity(h.passage.text)]
        first = ordered[0]
        best = max(able, key=lambda h: best_fit(query, h, self.retriever), default=first)
        if first.passage.role == "heading" or best_fit(query, best, self.retriever) < best_fit(query, first, self.retriever) + _BETTER:
            return ordered
        return [best, *(h for h in ordered if h is not best)]

    def _says_as_much(self, hits: Sequence[Hit]) -> bool:
        """Whether right after a heading a passage was found that says more of what is asked."""
        first, rest = hits[0], hits[1:2]
        return first.passage.role == "heading" and any(
            h.passage.role == "body" and h.score >= _AS_GOOD * first.score and h.coverage > first.coverage for h in rest
        )

    # One document

    def _passages(self, query: Query, hits: Sequence[Hit], room: int) -> Told:
        room = min(room, _BODY)
        main = room if query.asked in ("whom", "list") else min(_MAIN, room)  # all of those who are named, all of what is listed
        part = self._part(query, hits[0], main, room)
        if len(self._led(hits[0], part)) > room:
            part = excerpt(query, hits[0], self.retriever, max(_SHORTEST, room - _LEAD))
        told, lines, spans = [hits[0]], [self._led(hits[0], part)], {hits[0].passage.passage_id: part.span}
        for hit in self._more(query, hits):
            left = room - len("\n".join(lines)) - 1
            line, part = self._also(query, hits[0], hit, left)
            if len(line) > left or any(said_in(part.words, said) for said in lines):
                continue
            told, lines, spans[hit.passage.passage_id] = [*told, hit], [*lines, line], part.span
        return Told(tuple(told), tuple(lines), spans)

    def _also(self, query: Query, best: Hit, hit: Hit, left: int) -> tuple[str, Excerpt]:
        """The line for a second passage, if it can be in `left` characters; its heading where it stands under another one."""
        frame = len(self.texts("answer.also", clause=""))
        part = self._part(query, hit, _ALSO, left - _LEAD)
        words = part.words if heading(hit.passage) == heading(best.passage) else self._led(hit, part)
        if len(words) + frame > left >= _SHORTEST:
            part = excerpt(query, hit, self.retriever, left - frame - 1)
            words = part.words
        return self.texts("answer.also", clause=words), part

    def _part(self, query: Query, hit: Hit, budget: int, most: int) -> Excerpt:
        """An excerpt of `budget` characters; up to `most` of a clause that this would cut short, or where more of it says more of what
        is asked."""
        part = excerpt(query, hit, self.retriever, budget)
        if most <= budget:
            return part
        longer = excerpt(query, hit, self.retriever, most)
        if part.words.endswith("…") or longer == part or query.asked == "how_many":
            return longer if part.words.endswith("…") else part
        says, said = (self.retriever.coverage(query, frozenset(terms(told.words))) for told in (longer, part))
        return longer if says > said else part

    def _more(self, query: Query, hits: Sequence[Hit]) -> list[Hit]:
        """A second passage of the same document, when it is nearly as good and says more of what is asked (a figure: fits as well)."""
        best = hits[0]
        near = [
            h
            for h in hits[1:5]
            if h.document == best.document
            and h.passage.role == "body"
            and h.score >= self.thresholds.also * best.score
            and not repeats(h.passage.text, best.passage.text)
        ]
        if query.asked == "how_many":
            fit = best_fit(query, best, self.retriever)
            near = [h for h in near if fit < CERTAIN or best_fit(query, h, self.retriever) >= fit]
        return near[:2]

    def _led(self, hit: Hit, part: Excerpt) -> str:
        """The excerpt with the heading it hangs on, where that says more than the excerpt itself: a body, a year, a group."""
        lead = heading(hit.passage)
        if not lead or lead.isupper() or not leads(lead) or len(lead) > _LEAD or document_line(lead).strip() in document_line(part.words):
            return part.words
        return f"{lead}: {part.words}"

    # Lists

    def _heading(self, query: Query, hit: Hit, skip: Sequence[str], room: int) -> Told:
        below = under(hit, content=False).after(skip)
        title = sentence_case(unnumbered(shown(hit.passage.text)))
        return self._page(replace(below, title=title, head=hit), query, room)

    def _page(self, asked: Listing, query: Query, room: int) -> Told:
        """A page of a list, with what it is of before and how much is left after it."""
        head = (asked.head,) if asked.head else ()
        if len(asked.items) == 1:
            (item,) = asked.items
            words = item.words(room - len(asked.title) - _ITEM)
            line = words if folded_line(asked.title).strip() in folded_line(words) else f"{asked.title}: {words}"
            return Told((*head, item.hit), (line,), {item.hit.passage.passage_id: item.span})
        items, words_of = asked.page(room - len(asked.title) - _LEFT, _ITEM)
        lines = [f"{asked.title}:"] if asked.items else [f"{asked.title}."]
        lines += [self.texts("answer.item", clause=words) for words in words_of]
        if left := len(asked.items) - len(items):
            counts = self.texts.choices("answer.counts")
            lines.append(self.texts("answer.left", count=counts[min(left, len(counts)) - 1]))
        spans = {item.hit.passage.passage_id: item.span for item in items}
        return Told((*head, *(item.hit for item in items)), tuple(lines), spans)

    # Several provinces

    def _several(self, query: Query, hits: Sequence[Hit]) -> list[tuple[str, Hit]]:
        """The best passage of each province, when more than one is named or speaks of it about equally."""
        best: dict[str, Hit] = {}
        counting = query.asked == "how_many"
        for hit in hits:
            province = self.citing.province(hit.document)
            enough = hit.score >= self.thresholds.several * hits[0].score and hit.coverage >= 0.9 * hits[0].coverage
            if not province or not (enough or province in query.provinces):
                continue
            held = best.setdefault(province, hit)
            if counting and best_fit(query, hit, self.retriever) >= best_fit(query, held, self.retriever) + _BETTER:
                best[province] = hit
        fits = {province: best_fit(query, hit, self.retriever) for province, hit in best.items()}
        most = max(fits.values(), default=0.0)
        told = [
            (p, self._named(query, p, hit, hits))
            for p, hit in best.items()
            if not counting or p in query.provinces or fits[p] > most - _BETTER
        ]
        return told[:_PROVINCES] if len(told) > 1 else []

    def _named(self, query: Query, province: str, hit: Hit, hits: Sequence[Hit]) -> Hit:
        """Where the tasks of a body are asked for, the first of them in that province's plan."""
        if not query.duties:
            return hit
        tasks = listing(query, [h for h in hits if self.citing.province(h.document) == province], self.retriever)
        return tasks.items[0].hit if tasks else hit
