"""What several floors share: the five documents, read once, and one snapshot of them with the embedded encoder, built once a session."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from index import snapshot
from index.snapshot import EMBEDDED, Snapshot
from knowledge.collection import Collection
from knowledge.loading import documents_in, load
from knowledge.places import Gazetteer, load_gazetteer

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
)
"""Of Chromium: nothing of its own goes over the network."""
SOURCES = Path(__file__).parents[1] / "knowledge" / "sources"
NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def gazetteer() -> Gazetteer:
    return load_gazetteer()


@pytest.fixture(scope="session")
def collection(gazetteer: Gazetteer) -> Collection:
    return Collection(tuple(load(path, gazetteer) for path in documents_in(SOURCES)))


@pytest.fixture(scope="session")
def built_home(collection: Collection, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Read it, copy it, change nothing in it."""
    home = tmp_path_factory.mktemp("home")
    snapshot.build(home, collection, "v1", EMBEDDED, NOON)
    return home


@pytest.fixture(scope="session")
def opened(built_home: Path) -> Snapshot:
    return snapshot.open_current(built_home)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        reason = "Chromium is missing: apt-get install chromium fonts-noto-core"
        if os.environ.get("TROGIUP_REQUIRE_ALL_TESTS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS.split())
        yield browser
        browser.close()
