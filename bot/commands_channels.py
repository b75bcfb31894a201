"""`trogiup channels …`: how the channels do, and what could not be sent."""

from __future__ import annotations

import argparse
from contextlib import closing

from bot.services import utc_now
from bot.settings import Settings
from knowledge.directory import VIETNAM
from knowledge.errors import KnowledgeError
from knowledge.store import Actor, InboxCounts, Send, SendCounts, Store, Subject, Tokens

NAMES = {"telegram": "telegram_token", "zalo-oa": "zalo_oa_app_id", "zalo-bot": "zalo_bot_token"}
"""The channels, and the setting without which each is not configured."""
_NO_EVENTS, _NO_SENDS = InboxCounts(0, 0, None), SendCounts(0, 0, 0, None)


def list_(settings: Settings, arguments: argparse.Namespace) -> int:
    """One line a channel."""
    with closing(Store.open(settings.database_url, utc_now)) as store:
        events, sends, blocked = store.inbox.counts(), store.sends.counts(), store.chats.blocked_counts()
        for name in sorted(NAMES.keys() | events.keys() | sends.keys()):
            print(
                _line(
                    settings, name, events.get(name, _NO_EVENTS), sends.get(name, _NO_SENDS), blocked.get(name, 0), store.tokens.get(name)
                )
            )
    return 0


def dead(settings: Settings, arguments: argparse.Namespace) -> int:
    """The dead letters, without their words; or one of them sent again, or dropped, which the audit log keeps."""
    with closing(Store.open(settings.database_url, utc_now)) as store:
        for send_id, decide, action in (
            (arguments.again, store.sends.again, "dead_letter_again"),
            (arguments.drop, store.sends.give_up, "dead_letter_dropped"),
        ):
            if send_id is None:
                continue
            if not decide(send_id):
                raise KnowledgeError("There is no dead letter of that number: `trogiup channels dead` lists them.", send_id=send_id)
            store.audit.record(Actor(), action, Subject("send", str(send_id)))
            return 0
        for letter in store.sends.dead_letters(arguments.limit):
            print(_letter(letter))
    return 0


def _line(settings: Settings, name: str, events: InboxCounts, sends: SendCounts, blocked: int, tokens: Tokens | None) -> str:
    configured = bool(getattr(settings, NAMES.get(name, ""), None))
    oldest = min((at for at in (events.oldest, sends.oldest) if at), default=None)
    since = f"{oldest.astimezone(VIETNAM):%Y-%m-%d %H:%M:%S}" if oldest else "-"
    waiting = f"in {events.waiting}  out {sends.waiting}  oldest {since}"
    lost = f"failed {events.failed}  dead {sends.dead}  uncertain {sends.uncertain}"
    return f"{name:10}  {'configured' if configured else 'not configured':14}  {waiting}  {lost}  blocked {blocked}  {_tokens(tokens)}"


def _tokens(tokens: Tokens | None) -> str:
    if tokens is None or (tokens.access_token is None and tokens.failed_at is None):
        return "tokens -"
    if tokens.failed_at:
        return f"tokens FAILED {tokens.failed_at.astimezone(VIETNAM):%Y-%m-%d %H:%M:%S} {tokens.why}"
    return f"tokens until {tokens.expires_at.astimezone(VIETNAM):%Y-%m-%d %H:%M:%S}" if tokens.expires_at else "tokens kept"


def _letter(letter: Send) -> str:
    at = f"{letter.created_at.astimezone(VIETNAM):%Y-%m-%d %H:%M:%S}"
    fate = f"{letter.lane:6}  {letter.state:9}  attempts {letter.attempts}"
    return f"{letter.send_id}  {at}  {fate}  {letter.conversation_id}  {letter.why or '-'}"
