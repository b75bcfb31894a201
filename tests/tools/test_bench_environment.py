"""The environment of the other engines: its lock, and that set-up makes it and nothing else."""

from __future__ import annotations

import runpy
from pathlib import Path

from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LINES = [line for line in (ROOT / "requirements" / "bench.lock").read_text("utf-8").splitlines() if not line.startswith("#")]
NAMES = {canonicalize_name(line.split("==")[0]) for line in LINES}


def test_it_holds_every_engine_and_the_product_carries_none_but_its_own() -> None:
    engines = {"rank-bm25", "bm25s", "tantivy", "haystack-ai", "txtai"}
    main = {canonicalize_name(line.split("==")[0]) for line in (ROOT / "requirements" / "main.lock").read_text("utf-8").splitlines()}
    assert engines <= NAMES
    assert engines & main == {"bm25s"}


def test_set_up_makes_it_alone() -> None:
    script = runpy.run_path(str(ROOT / "tools" / "setup.py"))
    parts = list(script["bench_parts"](None))
    assert [part.environment.name for part in parts] == [".venv-bench"]
    assert [path.name for path in parts[0].made_from] == ["bench.lock"]
    assert [step.title.split(":")[0] for step in parts[0].steps] == [".venv-bench"] * 3
    assert not any(part.environment.name == ".venv-bench" for part in script["parts"](None, True, True))
