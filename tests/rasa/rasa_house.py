"""Rasa's environment, which is not the one that runs the tests: where it is, and how to run something in it."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RASA_PYTHON = ROOT / ".venv-rasa" / "bin" / "python"
RASA_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "RASA_TELEMETRY_ENABLED": "false",
    "PYTHONWARNINGS": "ignore",
    "PYTHONHASHSEED": "0",
    "TROGIUP_ACTIONS_URL": "http://127.0.0.1:9/webhook",
    "TROGIUP_HOME": tempfile.gettempdir(),
}


def run_rasa_python(*arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """Rasa's python in the checkout, as `trogiup serve` starts it; standard output and error apart."""
    environment = {**os.environ, **RASA_ENVIRONMENT}
    return subprocess.run([RASA_PYTHON, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=timeout)
