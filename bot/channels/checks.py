"""What `trogiup doctor` finds out about the channels that are set up: whether the service takes the token, and messages come as is set."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from bot.channels.model import NotSent
from bot.channels.setup import ZALO_BOT, failure, load_texts, name_of, webhook_of
from bot.settings import Settings
from knowledge.errors import TrogiupError
from knowledge.store import Store

_TIMEOUT_S = 5.0
_OA_NEEDS = ("zalo_oa_app_id", "zalo_app_secret", "zalo_oa_secret")


def channel_checks(settings: Settings, open_store: Callable[[], Store]) -> Mapping[str, Callable[[], str]]:
    """Channel → what looks at it: says in a line how it is, raises TrogiupError with what to do. None for a channel that nobody set up."""
    checks: dict[str, Callable[[], str]] = {}
    if settings.telegram_token or settings.telegram_webhook_secret:
        checks["telegram"] = lambda: asyncio.run(_telegram(settings))
    if settings.zalo_bot_token or settings.zalo_bot_secret:
        checks["zalo-bot"] = lambda: asyncio.run(_zalo_bot(settings))
    if any(getattr(settings, name) for name in (*_OA_NEEDS, "zalo_oa_refresh_token")):
        checks["zalo-oa"] = lambda: _zalo_oa(settings, open_store)
    return checks


async def _telegram(settings: Settings) -> str:
    from bot.channels.telegram.channel import TelegramChannel  # late: the library takes a while
    from bot.services import utc_now

    texts = load_texts()
    if not settings.telegram_token:
        raise TrogiupError(texts["doctor"]["secret_alone"].format(channel="telegram"))
    channel = TelegramChannel.of(settings, utc_now)
    try:
        trouble = await channel.checked(bool(settings.telegram_webhook_secret))
    finally:
        await channel.close()
    if trouble:
        raise TrogiupError(channel.advice(trouble))
    return str(texts["doctor"]["webhook" if settings.telegram_webhook_secret else "polling"])


async def _zalo_bot(settings: Settings) -> str:
    texts = load_texts()
    said = texts["doctor"]
    names = {"service": texts["services"][ZALO_BOT.channel], "channel": ZALO_BOT.channel}
    if not settings.zalo_bot_token:
        raise TrogiupError(said["secret_alone"].format(**names))
    api = ZALO_BOT.api(settings, settings.zalo_bot_token)
    try:
        name = name_of(await api.call("getMe", timeout_s=_TIMEOUT_S))
        url = webhook_of(await api.call("getWebhookInfo", timeout_s=_TIMEOUT_S))
    except NotSent as error:
        raise failure(texts, ZALO_BOT.channel, error) from error
    finally:
        await api.close()
    if bool(url) != bool(settings.zalo_bot_secret):
        raise TrogiupError(said["stray_webhook" if url else "no_webhook"].format(url=url, **names))
    return f"{name}: {said['webhook' if url else 'polling']}"


def _zalo_oa(settings: Settings, open_store: Callable[[], Store]) -> str:
    from bot.channels.zalo_oa.tokens import check

    if missing := [f"TROGIUP_{name.upper()}" for name in _OA_NEEDS if not getattr(settings, name)]:
        texts: Mapping[str, Any] = load_texts()
        raise TrogiupError(texts["doctor"]["oa_missing"].format(names=", ".join(missing)))
    store = open_store()
    try:
        return check(store, settings.home, settings.zalo_oa_refresh_token)
    finally:
        store.close()
