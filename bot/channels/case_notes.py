"""What belongs to a case and is answered by nobody: pictures, places, the office's own words, messages that came without their words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from actions.model import Message
from bot.gateway import MAX_TEXT
from bot.intake import Intake, Kept
from knowledge.directory import VIETNAM
from knowledge.store import NewCase
from knowledge.store.schema import storable
from knowledge.text import clean_message

_DATABASE_S = 2.0


@dataclass(frozen=True)
class CaseNotes:
    """Writes into cases, past the assistant."""

    intake: Intake
    clock: Callable[[], datetime]

    def live(self, conversation_id: str) -> bool:
        """Whether the conversation has a case, as far as is known without asking."""
        return self.intake.joined(conversation_id) is not None

    def taken(self, conversation_id: str) -> bool:
        """Whether an officer has the conversation, as far as is known without asking."""
        joined = self.intake.joined(conversation_id)
        return joined is not None and joined.taken

    async def add(self, conversation_id: str, message_id: str, text: str, channel: str) -> bool:
        """Keeps it with the case of the conversation; whether there is a live one."""
        if not self.live(conversation_id):
            return False
        return _joined(await self._keep(conversation_id, message_id, text, channel, None))

    async def open(self, conversation_id: str, message_id: str, text: str, channel: str) -> bool:
        """Keeps it, and opens a case for whoever is on duty where there is none."""
        return _joined(await self._keep(conversation_id, message_id, text, channel, NewCase("other", 0, "handover")))

    async def _keep(self, conversation_id: str, message_id: str, text: str, channel: str, case: NewCase | None) -> Kept:
        now = self.clock()
        words = storable(clean_message(text))[:MAX_TEXT]
        message = Message(conversation_id, words, message_id, now, now.astimezone(VIETNAM).date(), channel)
        return await self.intake.keep(message, case, within=_DATABASE_S)


def _joined(kept: Kept) -> bool:
    """The database knows best: what was a live case a moment ago may be closed."""
    return (kept.accepted.case_id if kept.accepted else kept.case_id) is not None
