"""The talk about a case that nobody has taken yet, on the store: what the person said is written down, then answered."""

from __future__ import annotations

from dataclasses import dataclass, replace

from actions.duty.contact import Contact, Turn
from actions.model import Answer, Message
from knowledge.errors import KnowledgeError, StoreError
from knowledge.store import Store


@dataclass(frozen=True)
class Talk:
    """A message of a live case. `reply` is None while an officer has it."""

    turn: Turn
    reply: Answer | None


def talk_about(store: Store, contact: Contact, case_id: str, message: Message) -> Talk | None:
    """Write down what an accepted message tells of its case and word the reply; None where the case has ended.

    Raises StoreError where the case cannot be read; KnowledgeError where there is none.
    """
    case = store.cases.get(case_id)
    if case.state == "closed" or case.erased_at is not None:
        return None
    if case.state == "taken":
        return Talk(Turn({}, "kept"), None)
    turn = contact.turn(case, message.message_id, message.text)
    written = True
    if turn.changes:
        try:
            changed = store.duty.describe(case_id, None, changes=turn.changes)
            case = replace(changed, transcript=case.transcript)
        except (StoreError, KnowledgeError):  # the words themselves are kept with the case all the same
            written = False
    return Talk(turn, contact.reply(case, turn, written, message.message_id, message.received_at))
