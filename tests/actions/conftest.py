"""The assistant as the service puts it together, on the session's snapshot."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from actions_house import Person

from actions.answering import Answerer
from actions.assistant import Assistant
from actions.followup import FollowUps
from actions.hotlines import HotlineDesk
from actions.notices import Notices
from actions.routing import Router
from actions.texts import Texts
from index.answerability import Answerability
from index.demands import Demands
from index.search import Retriever
from index.snapshot import Snapshot
from index.understanding import Understanding
from knowledge.directory import Directory
from knowledge.places import Gazetteer
from knowledge.reorganisation import load_successions


@pytest.fixture(scope="session")
def texts() -> Texts:
    return Texts.load()


@pytest.fixture(scope="session")
def directory() -> Directory:
    return Directory.load()


@pytest.fixture(scope="session")
def understanding(gazetteer: Gazetteer) -> Understanding:
    return Understanding.load(gazetteer)


@pytest.fixture(scope="session")
def notices(texts: Texts, gazetteer: Gazetteer) -> Notices:
    return Notices(texts, gazetteer, load_successions())


@pytest.fixture(scope="session")
def answerer(opened: Snapshot, gazetteer: Gazetteer, texts: Texts, notices: Notices, directory: Directory) -> Answerer:
    return Answerer(Retriever(opened, gazetteer), texts, notices, directory, Answerability.load(), Demands.load())


@pytest.fixture(scope="session")
def desk(directory: Directory, texts: Texts) -> HotlineDesk:
    return HotlineDesk.load(directory, texts)


@pytest.fixture(scope="session")
def router() -> Router:
    return Router.load()


@pytest.fixture(scope="session")
def assistant(answerer: Answerer, understanding: Understanding, desk: HotlineDesk, router: Router, texts: Texts) -> Assistant:
    return Assistant(lambda: answerer, FollowUps.load(understanding), router, desk, texts)


@pytest.fixture
def person(assistant: Assistant) -> Person:
    """Somebody new, on 4 May 2026 at noon."""
    return Person(assistant)


@pytest.fixture
def people(assistant: Assistant) -> Callable[..., Person]:
    """Somebody new, on another day or at another hour."""
    return lambda **when: Person(assistant, **when)
