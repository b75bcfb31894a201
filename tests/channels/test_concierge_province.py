"""The province that a person has chosen, beside the one that is talked about."""

from __future__ import annotations

from actions.model import Context
from actions.rasa_actions import read_context


def test_it_is_meant_where_none_is_talked_about() -> None:
    assert Context(question="x").preferring("Cà Mau").province == "Cà Mau"
    assert Context(question="x").preferring(None).province is None


def test_the_one_talked_about_wins_over_an_older_choice() -> None:
    talk = Context(question="x", province="Hà Nam", preferred="Cà Mau", shown=("p",))
    assert talk.preferring("Cà Mau") == talk


def test_a_newer_choice_wins_and_nothing_of_it_was_shown_yet() -> None:
    talk = Context(question="x", province="Hà Nam", preferred=None, shown=("p",), told=("p",), cited=(("d", 0, 1),))
    assert talk.preferring("Cà Mau") == Context(question="x", province="Cà Mau", preferred="Cà Mau")


def test_a_choice_that_was_dropped_leaves_the_talk_where_it_is() -> None:
    left = Context(question="x", province="Cà Mau", preferred="Cà Mau").preferring(None)
    assert (left.province, left.preferred) == ("Cà Mau", None)


def test_what_an_older_version_remembers_is_read() -> None:
    assert read_context({"question": "x"}).preferred is None
    assert read_context({"question": "x", "preferred": "Cà Mau"}).preferred == "Cà Mau"
