"""The pages in a small application, asked without a network."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from web_fakes import FakeConversation, FakeLibrary, make_app


@pytest.fixture
def library() -> FakeLibrary:
    return FakeLibrary()


@pytest.fixture
def conversation(library: FakeLibrary) -> FakeConversation:
    return FakeConversation(library)


@pytest.fixture
def app(conversation: FakeConversation, library: FakeLibrary) -> FastAPI:
    return make_app(conversation, library)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, headers={"Accept": "text/html"}, raise_server_exceptions=False) as client:
        yield client
