from __future__ import annotations

import importlib.metadata
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements"
LOCKS = ["main.lock", "dev.lock", "rasa.lock", "rasa-tensorflow.lock", "bench.lock"]
SCRIPT = runpy.run_path(str(ROOT / "tools" / "lock.py"))
FORBIDDEN, tidy, without, not_in = SCRIPT["FORBIDDEN"], SCRIPT["tidy"], SCRIPT["without"], SCRIPT["not_in"]
PIN = re.compile(r"[a-z0-9.-]+==[a-z0-9.]+( ; .+)?")


def lines(name: str) -> list[str]:
    return [line for line in (REQUIREMENTS / name).read_text("utf-8").splitlines() if line and not line.lstrip().startswith("#")]


def names(lock: str) -> set[str]:
    return {canonicalize_name(line.split("==")[0]) for line in lines(lock)}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_pins_alone(name: str) -> None:
    assert lines(name)
    assert [line for line in lines(name) if not PIN.fullmatch(line)] == []


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_index_no_path_and_no_cuda(name: str) -> None:
    assert [line for line in lines(name) if FORBIDDEN.search(line)] == []
    assert re.search(r"https?:|file:|/opt/|/tmp/|--", "\n".join(lines(name))) is None


def test_the_environment_has_no_cuda() -> None:
    installed = {canonicalize_name(found.name) for found in importlib.metadata.distributions()}
    assert [name for name in installed if name.startswith(("nvidia-", "cuda-")) or name == "triton"] == []
    assert "cuda: Optional[str] = None" in importlib.metadata.distribution("torch").locate_file("torch/version.py").read_text()


def test_main_lock_is_whole_but_for_what_is_left_out_on_purpose() -> None:
    held, left_out = names("main.lock"), set(without((REQUIREMENTS / "main.in").read_text("utf-8")))
    wanted = set()
    for name in held:
        for text in importlib.metadata.requires(name) or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                wanted.add(canonicalize_name(requirement.name))
    missing = wanted - held - left_out
    assert {name for name in missing if not name.startswith(("nvidia-", "cuda-", "triton"))} == set()
    assert left_out
    assert held & left_out == set()


def test_dev_lock_holds_nothing_twice() -> None:
    assert names("dev.lock") & names("main.lock") == set()
    assert names("rasa-tensorflow.lock") & names("rasa.lock") == set()


def test_rasa_sdk_does_without_what_is_left_out() -> None:
    modules = ("grpc", "grpc_tools", "grpc_health", "google.protobuf", "opentelemetry.sdk", "opentelemetry.exporter", "coloredlogs")
    code = f"""
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if any(name == each or name.startswith(each + ".") for each in {modules!r}):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Blocked())
from rasa_sdk import Action, Tracker
from rasa_sdk.executor import ActionExecutor, CollectingDispatcher
ActionExecutor()
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_lines_of_uv_are_tidied() -> None:
    assert tidy("torch==2.13.0+cpu") == "torch==2.13.0"
    assert tidy("torch @ file:///somewhere/torch.whl") == "torch"
    assert FORBIDDEN.search("nvidia-cublas-cu13==1") is not None
    assert without("a\n# without: grpcio\n# with\n# without: b\n") == ["grpcio", "b"]
    assert not_in(REQUIREMENTS / "main.lock", ["torch==2.13.0", "another==1"]) == ["another==1"]
