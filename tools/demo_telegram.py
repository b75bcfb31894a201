"""`make demo-telegram`: a conversation in Telegram, both sides in the terminal, without a token: the Bot API is telegram-test-api.

The house is the real one, on a database of its own that is thrown away; the index is kept under var/demo for the next time.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from bot.channels.telegram.render import plain
from bot.serve import house
from bot.services import Services
from bot.settings import Settings
from knowledge.errors import TrogiupError
from tools.telegram_emulator import TOKEN, Emulator, EmulatorMissing, running

ROOT = Path(__file__).parents[1]
CHAT = 7
WAIT_S = 30.0
_QUIET_S = 1.5
"""Longer than the second that lies between two messages to one chat."""
_SCRIPT = Path(__file__).with_suffix(".yml")


class Conversation:
    """One person who writes and presses; `print` shows both sides."""

    def __init__(self, emulator: Emulator, names: Mapping[str, str], show: Callable[[str], None], quiet_s: float = _QUIET_S) -> None:
        self._quiet_s = quiet_s
        self._emulator = emulator
        self._names = names
        self._show = show
        self.shown: list[dict[str, Any]] = []

    async def step(self, step: Mapping[str, str]) -> list[dict[str, Any]]:
        """Plays a step and waits until nothing more is said; what was said. Raises TimeoutError, LookupError: no such button."""
        if "say" in step:
            self._show(f"{self._names['person']}: {step['say']}")
            await self._emulator.write(CHAT, step["say"])
        else:
            label, data = self._button(step["press"])
            self._show(f"{self._names['person']}: [{label}]")
            await self._emulator.press(CHAT, data)
        said = await self._emulator.wait_for(CHAT, seconds=WAIT_S)
        with contextlib.suppress(TimeoutError):
            while True:
                said += await self._emulator.wait_for(CHAT, seconds=self._quiet_s)
        self.shown += said
        for message in said:
            self._show(f"{self._names['bot']}: {plain(message['text'])}")
            for row in message.get("reply_markup", {}).get("inline_keyboard", ()):
                self._show("    " + "  ".join(f"[{key['text']}]" for key in row))
        return said

    def _button(self, begins: str) -> tuple[str, str]:
        for message in reversed(self.shown):
            for row in message.get("reply_markup", {}).get("inline_keyboard", ()):
                for key in row:
                    if key["text"].startswith(begins) and "callback_data" in key:
                        return key["text"], key["callback_data"]
        raise LookupError(begins)


async def play(with_rasa: bool) -> int:
    """The whole demo; 1 when the assistant did not answer."""
    script = yaml.safe_load(_SCRIPT.read_text("utf-8"))
    print(script["installing"], flush=True)
    with tempfile.TemporaryDirectory() as folder:
        try:
            async with running() as emulator:
                environ = {
                    "TROGIUP_HOME": str(ROOT / "var" / "demo"),
                    "TROGIUP_DATABASE_URL": f"sqlite:///{folder}/trogiup.db",
                    "TROGIUP_TELEGRAM_TOKEN": TOKEN,
                    "TROGIUP_TELEGRAM_BASE_URL": emulator.base_url,
                }
                await _played(Settings.load(environ, Path(folder)), emulator, script, with_rasa)
        except TimeoutError:
            print(script["slow"].format(seconds=int(WAIT_S)), file=sys.stderr)
            return 1
    print(f"\n{script['ended']}")
    return 0


async def _played(settings: Settings, emulator: Emulator, script: Mapping[str, Any], with_rasa: bool) -> None:
    with contextlib.closing(Services.open(settings)) as services:
        services.knowledge_base.ensure(_quiet)
        async with house(services, _quiet, with_rasa=with_rasa, wait_for_rasa=with_rasa):
            print(script["started"].format(url=emulator.url))
            conversation = Conversation(emulator, script["names"], lambda line: print(line, flush=True))
            for step in script["steps"]:
                print(f"\n— {step['note']}" if "note" in step else "")
                await conversation.step(step)


def _quiet(_: str) -> None:
    """What the house says while it starts is not the demo's."""


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="demo_telegram", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--with-rasa", action="store_true", help="answer by Rasa, as `make run` does; its model is trained first")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    try:
        return asyncio.run(play(arguments.with_rasa))
    except EmulatorMissing as missing:
        print(missing, file=sys.stderr)
    except TrogiupError as error:
        print(error.advice, file=sys.stderr)
    except KeyboardInterrupt:
        pass
    return 1


if __name__ == "__main__":
    sys.exit(main())
