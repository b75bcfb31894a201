"""Code and models out of Rasa's own environment."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rasa_house import run_rasa_python


@pytest.fixture(scope="session")
def in_rasa() -> Callable[[str], Any]:
    """Runs code that leaves its result in `result`, and gives that back (through JSON)."""

    def run(code: str) -> Any:
        done = run_rasa_python("-c", f"{code}\nimport json; print('\\n' + json.dumps(result))")
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture(scope="session")
def trained_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model trained on the project's own data, by Rasa itself."""
    folder = tmp_path_factory.mktemp("model")
    done = run_rasa_python(
        "-m", "rasa", "train", "--force", "--config", "config.yml", "--domain", "bot/domain.yml", "--data", "bot/data",
        "--out", str(folder), "--fixed-model-name", "dialogue",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / "dialogue.tar.gz"
