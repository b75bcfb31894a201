"""Starts Rasa's server on loopback: `.venv-rasa/bin/python -m bot.rasa.serve --model var/rasa/dialogue.tar.gz --port 5005`.

The same server as `rasa run`, with three differences: it refuses a model that is not there (`rasa run` silently takes another one), it
takes no address but loopback, and it prepares the check of what the action server answers once, not once a message (80% of a message's
time). Rasa takes seconds to import, so that is done after what can be refused has been.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = "127.0.0.1"


def check_actions_with_prepared_schema() -> None:
    """Make RemoteAction validate as before, without validating its own constant schema again at every message.

    Rasa 3.6.21 calls jsonschema.validate(), which checks the schema itself first: 80% of the time that a message took.
    """
    from jsonschema.validators import validator_for
    from rasa.core.actions.action import RemoteAction

    schema = RemoteAction.action_response_format_spec()
    validator_class = validator_for(schema)
    validator_class.check_schema(schema)
    validator = validator_class(schema)

    def validate_action_result(self: RemoteAction, result: dict[str, object]) -> bool:
        validator.validate(result)
        return True

    RemoteAction._validate_action_result = validate_action_result


def serve(model: Path, port: int) -> None:
    """Answer on `port` until told to stop. The log holds warnings and errors only: never what somebody wrote."""
    from rasa.core.run import serve_application
    from rasa.core.utils import AvailableEndpoints
    from rasa.utils.common import configure_logging_and_warnings
    from rasa.utils.log_utils import configure_structlog

    configure_logging_and_warnings(logging.WARNING)
    configure_structlog(logging.WARNING)
    check_actions_with_prepared_schema()
    serve_application(
        str(model),
        credentials=str(ROOT / "bot/rasa/credentials.yml"),
        endpoints=AvailableEndpoints.read_endpoints(str(ROOT / "endpoints.yml")),
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
