"""The channels of a running house, as the settings name them: made here, once, with what carries messages in and out.

A channel that is not set up costs nothing: its libraries are not even loaded.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from fastapi import APIRouter
from prometheus_client import CollectorRegistry

from actions.duty.notices import DutyNotices
from bot.channels.concierge import Concierge
from bot.channels.delivery import ChannelDelivery, delivery_texts
from bot.channels.metrics import ChannelMetrics
from bot.channels.model import Channel, Incoming
from bot.channels.postman import Postman
from bot.channels.reception import Concierge as Answering
from bot.channels.reception import Reception
from bot.channels.spill import Spill
from bot.channels.webhooks import Webhook, webhook_router
from bot.duty.conversation import Deliveries
from bot.gateway import Gateway
from bot.search_view import search_view
from bot.services import Services
from knowledge.directory import VIETNAM

logger = logging.getLogger("trogiup.channels")

Work = Callable[[], Coroutine[Any, Any, None]]
"""What goes on until it is cancelled; begun anew when it fails."""
Receive = Callable[[str, Sequence[Incoming]], Awaitable[None]]
_AGAIN_S = 5.0


@dataclass(frozen=True)
class Opened:
    """What the settings have made of one service."""

    channel: Channel
    webhook: Webhook | None = None
    polling: Callable[[Receive], Coroutine[Any, Any, None]] | None = None
    """Asks for messages where there is no webhook."""
    works: Mapping[str, Work] = field(default_factory=dict)
    around: Callable[[Answering], Answering] | None = None
    """What reads its messages before the concierge: the officers' own."""


@dataclass(frozen=True)
class Channels:
    """Open channels. `names` in the order they were opened."""

    names: tuple[str, ...]
    router: APIRouter
    metrics: CollectorRegistry


@asynccontextmanager
async def open_channels(services: Services, gateway: Gateway, notices: DutyNotices) -> AsyncIterator[Channels]:
    """Opens what is set up and lets it work until the end. SettingsError where a setting lacks another.

    Events that are kept before the end are worked by the next program; so is what was to be sent.
    """
    store, clock = services.store, services.clock
    postmen: list[Postman] = []

    def to_send(*, danger: bool = True) -> None:
        for postman in postmen:  # one, made of the channels, some of which wake it themselves
            postman.wake(danger=danger)

    opened = _of_settings(services, gateway, notices, to_send)
    channels = {one.channel.name: one.channel for one in opened}
    metrics = ChannelMetrics()
    alone = services.settings.database_url.startswith("sqlite")  # one program has a SQLite file
    postman = Postman(store, channels, clock, random.SystemRandom(), metrics=metrics, alone=alone)
    postmen.append(postman)
    answering: Answering = Concierge.of(services, gateway, store)
    for around in filter(None, (one.around for one in opened)):
        answering = around(answering)
    spill = Spill(services.settings.home / "channels.spill")
    reception = Reception(
        store,
        channels,
        answering,
        gateway.ear,
        clock,
        spill,
        to_send=to_send,
        metrics=metrics,
        alone=alone,
        right_of_way=gateway.right_of_way,
    )
    deliveries = {name: ChannelDelivery(channel, store, clock, to_send, delivery_texts()) for name, channel in channels.items()}
    works: dict[str, Work] = {}
    if channels:
        works = {"reception": reception.run, "postman": postman.run, "deliveries": Deliveries(store, deliveries, clock).run}
    for one in opened:
        works |= {f"{one.channel.name} {name}": work for name, work in one.works.items()}
        if one.polling:
            works[f"{one.channel.name} polling"] = partial(one.polling, reception.receive)
    tasks = [asyncio.create_task(_going(name, work)) for name, work in works.items()]
    try:
        hooks = [one.webhook for one in opened if one.webhook]
        yield Channels(tuple(channels), webhook_router(reception, *hooks), metrics.registry)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for channel in channels.values():
            with contextlib.suppress(Exception):
                await channel.close()


async def _going(name: str, work: Work) -> None:
    """Whatever goes wrong, somebody waits for an answer: it is begun anew. What ends by itself has done its work."""
    while True:
        try:
            await work()
            return
        except Exception as error:
            logger.critical("event=channel_work_failed work=%s why=%s", name, type(error).__name__)
            await asyncio.sleep(_AGAIN_S)


def _of_settings(services: Services, gateway: Gateway, notices: DutyNotices, to_send: Callable[[], None]) -> list[Opened]:
    settings, found = services.settings, []
    if settings.telegram_token:
        found.append(_telegram(services, gateway, notices, to_send))
    if settings.zalo_oa_app_id:
        found.append(_zalo_oa(services))
    if settings.zalo_bot_token:
        found.append(_zalo_bot(services))
    return found


def _telegram(services: Services, gateway: Gateway, notices: DutyNotices, to_send: Callable[[], None]) -> Opened:
    from bot.channels.telegram.channel import TelegramChannel, load_texts
    from bot.channels.telegram.duty_group import DutyFirst, DutyGroup
    from bot.channels.telegram.inline import InlineSearch
    from bot.channels.telegram.polling import Poller
    from bot.channels.telegram.webhook import TelegramVerifier

    async def passages(words: str) -> Sequence[Mapping[str, Any]]:
        today = services.clock().astimezone(VIETNAM).date()
        return await gateway.answers.run(search_view, services, words, None, today, 10)

    async def introduced() -> None:
        if trouble := await channel.introduce():
            logger.error("event=telegram_trouble what=%s", trouble)

    settings = services.settings
    channel = TelegramChannel.of(settings, services.clock, InlineSearch(passages, load_texts()["inline"]))
    works: dict[str, Work] = {}
    around = None
    if settings.telegram_duty_chat:
        group = DutyGroup(services.store, channel, notices, services.clock, settings.telegram_duty_chat, to_send)
        works["duty group"], around = group.run, partial(DutyFirst, group)
    if settings.telegram_webhook_secret is None:
        return Opened(channel, None, lambda receive: Poller(channel, receive).run(), works, around)
    webhook = Webhook(channel.name, channel, TelegramVerifier(settings.telegram_webhook_secret))
    return Opened(channel, webhook, None, {**works, "introduction": introduced}, around)


def _zalo_oa(services: Services) -> Opened:
    from bot.channels.zalo_oa.channel import ZaloOA

    account = ZaloOA.of(services.settings, services.store, services.clock)
    return Opened(account, Webhook(account.name, account, account), None, {"tokens": account.run})


def _zalo_bot(services: Services) -> Opened:
    from bot.channels.zalo_bot import Webhook as SecretHeader
    from bot.channels.zalo_bot import ZaloBot
    from bot.channels.zalo_bot.polling import Polling

    bot, secret = ZaloBot.of(services.settings, services.clock), services.settings.zalo_bot_secret
    if secret is None:
        return Opened(bot, None, lambda receive: Polling(bot, receive).run())
    return Opened(bot, Webhook(bot.name, bot, SecretHeader(secret)))
