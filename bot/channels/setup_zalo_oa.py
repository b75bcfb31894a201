"""The set-up of a Zalo Official Account: its keys, and the first tokens.

A refresh token is spent by its first use, so it is tried once, under the same lease that the running service renews under, and what comes
back is what the service goes on with. The webhook can only be entered by hand at developers.zalo.me.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx

from bot.channels import secrets
from bot.channels.setup import Setup, SetupFailed, Wish
from bot.channels.zalo_oa.oauth import OAuth, Pair, TokenRefused, TokenUnanswered
from bot.channels.zalo_oa.tokens import pending_path
from knowledge.store import Store

NAME = "zalo-oa"
_APP_ID, _APP_SECRET, _OA_SECRET = "TROGIUP_ZALO_OA_APP_ID", "TROGIUP_ZALO_APP_SECRET", "TROGIUP_ZALO_OA_SECRET"
_REFRESH = "TROGIUP_ZALO_OA_REFRESH_TOKEN"
_LEASE = timedelta(seconds=60)
_BY = "setup"
"""One name for every run: after a slip of the hand the next run need not wait for the lease of the one before."""


async def set_up_oa(
    setup: Setup, wish: Wish, store: Store, clock: Callable[[], datetime], new_verifier: Callable[[], str]
) -> Mapping[str, str | None]:
    """Keys, tokens, and what to enter at Zalo; what was kept. `new_verifier`: 43 random letters of RFC 7636, fresh each time."""
    if wish.polling:
        raise setup.wrong("no_polling")
    if wish.address:
        setup.webhook_url(wish.address, NAME)
    app_id = setup.plain(_APP_ID, needed=True) or ""
    if not app_id.isdigit():
        raise setup.wrong("app_id")
    app_secret, oa_secret = setup.secret(_APP_SECRET), setup.secret(_OA_SECRET)
    oauth = OAuth(setup.settings.zalo_oauth_base_url, app_id, app_secret)
    async with httpx.AsyncClient(transport=setup.transport) as client:
        await _tokens(setup, oauth, client, store, clock, new_verifier)
    values: dict[str, str | None] = {_APP_ID: app_id, _APP_SECRET: app_secret, _OA_SECRET: oa_secret, _REFRESH: None}
    setup.keep(values)
    address = wish.address or setup.console.ask(setup.texts["ask"]["address_needed"]).strip()
    if not address:
        raise setup.wrong("no_polling")
    setup.say("enter_webhook", url=setup.webhook_url(address, NAME), events=setup.texts["events"])
    return values


async def _tokens(
    setup: Setup, oauth: OAuth, client: httpx.AsyncClient, store: Store, clock: Callable[[], datetime], new_verifier: Callable[[], str]
) -> None:
    row = await asyncio.to_thread(store.tokens.get, NAME)
    works = row is not None and row.refresh_token is not None and row.failed_at is None
    typed = setup.console.ask_secret(setup.texts["ask"]["refresh_kept" if works else "refresh"]).strip()
    first = typed or ("" if works else setup.settings.zalo_oa_refresh_token or "")
    if works and not first:
        setup.say("tokens_kept")
        return
    code, verifier = ("", "") if first else _permission(setup, oauth, new_verifier())
    if not await asyncio.to_thread(store.tokens.take_turn, NAME, _BY, _LEASE):
        raise SetupFailed(setup.texts["errors"]["oa_turn"])
    try:
        if first:
            pair = await oauth.refresh(client, setup.checked(_REFRESH, first), clock())
        else:
            pair = await oauth.first(client, code, verifier, clock())
    except TokenRefused as error:
        raise SetupFailed(setup.texts["errors"]["oa_token"], code=error.code) from error
    except TokenUnanswered as error:
        raise SetupFailed(setup.texts["errors"]["timeout"].format(service=setup.texts["services"][NAME])) from error
    await asyncio.to_thread(_keep, setup, store, pair)
    setup.say("tokens")


def _permission(setup: Setup, oauth: OAuth, verifier: str) -> tuple[str, str]:
    """Lets the OA's administrator allow the app in a browser; the code that came back, and the verifier that goes with it."""
    callback = setup.console.ask(setup.texts["ask"]["callback"]).strip()
    if not callback:
        raise setup.wrong("missing", name=setup.texts["names"][_REFRESH], setting=_REFRESH)
    setup.say("permission", url=oauth.permission_url(callback, verifier))
    pasted = setup.console.ask_secret(setup.texts["ask"]["code"]).strip()
    found = parse_qs(urlsplit(pasted).query).get("code", [""])[0]
    if not found:
        raise setup.wrong("no_code")
    return found, verifier


def _keep(setup: Setup, store: Store, pair: Pair) -> None:
    """On the disk first, where the service finds it as its first token: the old one is spent, and whoever loses the new one has locked the
    account out. What an earlier program left half-way is older than this.
    """
    secrets.keep(setup.settings.home, {_REFRESH: pair.refresh})
    store.tokens.keep(NAME, pair.access, pair.refresh, pair.expires_at)
    pending_path(setup.settings.home).unlink(missing_ok=True)
