"""What of a case was brought to the office's Chatwoot, on each kind of database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from knowledge.errors import StoreError
from knowledge.store import NewCase, Store

DANGER = NewCase("domestic_violence", 4, "danger")
WISH = NewCase("handover", 0, "handover")
LEASE = timedelta(minutes=3)


def keys(store: Store, case_id: str) -> list[str]:
    return [item.key for item in store.chatwoot.unsent(case_id)]


def brought(store: Store, case_id: str) -> None:
    for key in keys(store, case_id):
        store.chatwoot.sent(case_id, key)


def test_everything_is_brought_once_and_in_order(store: Store, clock: Any) -> None:
    state = store.chatwoot
    mild = str(store.conversations.accept("c0", "m1", "gặp người", clock(), "web", WISH).case_id)
    grave = str(store.conversations.accept("c1", "m1", "cứu", clock(), "web", DANGER).case_id)
    assert state.waiting() == (grave, mild)
    for case_id in (grave, mild):
        assert state.lease(case_id, LEASE) is not None
        brought(store, case_id)
        state.opened(case_id, case_id, 40 + len(case_id) + (case_id == mild))
        state.release(case_id)
    assert state.waiting() == ()
    store.conversations.finish("c1", "m1", '{"text": "Gọi 113"}', None)
    store.conversations.accept("c1", "m2", "em ở Cà Mau", clock.forward(seconds=1), "web", NewCase("suicide", 4, "danger"))
    assert state.waiting() == (grave,)
    assert keys(store, grave) == ['about:4:["domestic_violence", "suicide"]', "answer:m1", "message:m2"]
    brought(store, grave)
    assert state.waiting() == ()
    assert state.shown(grave) == 2


def test_a_lease_is_one_programs_until_it_lapses(store: Store, clock: Any) -> None:
    case_id = str(store.conversations.accept("c1", "m1", "cứu", clock(), "web", DANGER).case_id)
    state = store.chatwoot
    place = state.lease(case_id, LEASE)
    assert place
    assert place.number is None
    assert state.lease(case_id, LEASE) is None
    assert state.waiting() == ()
    clock.forward(minutes=3)
    assert state.waiting() == (case_id,)
    state.opened(case_id, "TG", 41)
    place = state.lease(case_id, LEASE)
    assert place
    assert (place.source_id, place.number) == ("TG", 41)
    state.release(case_id, clock.forward(seconds=1) + timedelta(seconds=30))
    assert state.waiting() == ()


def test_a_note_is_kept_once_and_only_for_a_case_that_stands_there(store: Store, clock: Any) -> None:
    case_id = str(store.conversations.accept("c1", "m1", "cứu", clock(), "web", DANGER).case_id)
    state = store.chatwoot
    with pytest.raises(StoreError):
        state.note(case_id, "note:900:held:lan")
    state.lease(case_id, LEASE)
    brought(store, case_id)
    state.release(case_id)
    assert state.waiting() == ()
    assert not state.handled(case_id, "chatwoot:900", "note:900:")
    for _ in range(2):
        state.note(case_id, "note:900:held:lan")
    assert state.waiting() == (case_id,)
    assert keys(store, case_id) == ["note:900:held:lan"]
    assert state.handled(case_id, "chatwoot:900", "note:900:")
    assert not state.handled(case_id, "chatwoot:90", "note:90:")
    brought(store, case_id)
    state.note(case_id, "note:900:held:lan")
    assert keys(store, case_id) == []


def test_a_closed_case_is_brought_to_its_end_only_where_it_is_known(store: Store, clock: Any) -> None:
    case_id = str(store.conversations.accept("c1", "m1", "cứu", clock(), "web", DANGER).case_id)
    store.cases.close(case_id, "xong")
    state = store.chatwoot
    assert state.waiting() == ()
    state.lease(case_id, LEASE)
    state.opened(case_id, case_id, 41)
    state.release(case_id)
    assert state.waiting() == (case_id,)
    assert state.case_of(41, None) == case_id
    assert state.case_of(42, case_id) is None
    store.retention.erase(case_id)
    assert state.waiting() == ()
    assert state.case_of(41, case_id) is None
