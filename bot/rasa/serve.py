"""Starts Rasa's server on loopback: `.venv-rasa/bin/python -m bot.rasa.serve --model var/rasa/dialogue.tar.gz --port 5005`.

The same server as `rasa run`, with three differences: it refuses a model that is not there (`rasa run` silently takes another one), it
takes no address but loopback, and it leaves out what costs most of a message's time and changes nothing (bot/rasa/shortcuts.py). Rasa takes
seconds to import, so that is done after what can be refused has been.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = "127.0.0.1"


def serve(model: Path, port: int) -> None:
    """Answer on `port` until told to stop. The log holds warnings and errors only: never what somebody wrote."""
    from rasa.core.run import serve_application
    from rasa.core.utils import AvailableEndpoints
    from rasa.utils.common import configure_logging_and_warnings
    from rasa.utils.log_utils import configure_structlog

    from bot.rasa.shortcuts import KeptEndpoint, take_all

    configure_logging_and_warnings(logging.WARNING)
    configure_structlog(logging.WARNING)
    take_all()
    endpoints = AvailableEndpoints.read_endpoints(str(ROOT / "endpoints.yml"))
    endpoints.action = KeptEndpoint.like(endpoints.action)
    serve_application(
        str(model),
        credentials=str(ROOT / "bot/rasa/credentials.yml"),
        endpoints=endpoints,
        interface=LOOPBACK,
        port=port,
        enable_api=False,
    )


def main() -> int:
    """Serve. 2: something is missing, and one line says what."""
    parser = argparse.ArgumentParser(description="Rasa's server, on loopback")
    parser.add_argument("--model", type=Path, required=True, help="a model that `rasa train` made")
    parser.add_argument("--port", type=int, default=5005)
    options = parser.parse_args()
    if not options.model.is_file():
        print(f"No model at {options.model}; train one, as bot/rasa/README.md says", file=sys.stderr)
        return 2
    if not os.environ.get("TROGIUP_ACTIONS_URL"):
        print("Set TROGIUP_ACTIONS_URL to the address of the action server, as in http://127.0.0.1:5055/webhook", file=sys.stderr)
        return 2
    os.environ.setdefault("TROGIUP_HOME", str(ROOT / "var"))  # endpoints.yml keeps open forms there
    serve(options.model, options.port)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
