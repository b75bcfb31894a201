"""An office's OpenID provider: where a browser is sent to sign in, and who comes back. Authorization code with PKCE (RFC 7636, S256).

What is checked of the ID token (OpenID Connect Core 1.0, 3.1.3.7): the signature by a key of the provider, asymmetric algorithms only;
issuer, audience, end, nonce, and the access token's hash where there is one. Authlib and what is under it are loaded with the first
log-in: an office that has no provider pays nothing for them.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from bot.settings import Settings, is_protected
from knowledge.errors import TrogiupError

if TYPE_CHECKING:
    from authlib.integrations.httpx_client import AsyncOAuth2Client

SCOPE = "openid email"
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Never "none", and none whose key the client would share."""
_KEY_TYPES = ("RSA", "EC", "OKP")
_FRESH = timedelta(hours=1)
"""How long what the provider says of itself is believed; its keys are asked for at each log-in, so that new ones hold at once."""
_LEEWAY_S = 60
_TIMEOUT_S = 10.0


class ProviderDown(TrogiupError):
    """The provider does not answer, or not as one; `why` is for the log and holds nothing of a person."""

    def __init__(self, why: str) -> None:
        super().__init__("The office's log-in does not answer: sign in with the password, or try again later.", why=why)


class TokenRefused(TrogiupError):
    """What came back proves nothing; `why` names the check that failed."""

    def __init__(self, why: str) -> None:
        super().__init__("The office's log-in has not confirmed who this is: try again.", why=why)
        self.why = why


@dataclass(frozen=True, slots=True)
class SentOff:
    """A log-in as it leaves: the address at the provider, and what must be remembered until it comes back."""

    url: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Person:
    """Who somebody is at the provider. `email` only where the provider has verified it."""

    subject: str
    email: str | None


class OfficeLogin:
    """The provider of an office, one for the whole service."""

    def __init__(self, issuer: str, client_id: str, client_secret: str | None, clock: Callable[[], datetime]) -> None:
        """`client_secret` None: a public client, which PKCE alone protects."""
        self.issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._clock = clock
        self._metadata: tuple[datetime, dict[str, Any]] | None = None

    @classmethod
    def of(cls, settings: Settings, clock: Callable[[], datetime]) -> OfficeLogin | None:
        """The provider that the settings name; None where they name none."""
        if settings.oidc_issuer is None or settings.oidc_client_id is None:
            return None
        return cls(settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret, clock)

    async def send_off(self, redirect_uri: str) -> SentOff:
        """Where to send a browser that is to come back to `redirect_uri`. Raises ProviderDown."""
        metadata = await self._discovered()
        state, nonce, code_verifier = (secrets.token_urlsafe(48) for _ in range(3))
        async with self._client(metadata, redirect_uri) as client:
            url, _ = client.create_authorization_url(
                metadata["authorization_endpoint"], state=state, nonce=nonce, code_verifier=code_verifier
            )
        return SentOff(str(url), state, nonce, code_verifier)

    async def person(self, code: str, *, nonce: str, code_verifier: str, redirect_uri: str) -> Person:
        """Who came back with `code`, by what `send_off` remembered. Raises ProviderDown and TokenRefused."""
        from authlib.integrations.base_client import OAuthError

        metadata = await self._discovered()
        try:
            async with self._client(metadata, redirect_uri) as client:
                token = await _answered(client.fetch_token(metadata["token_endpoint"], code=code, code_verifier=code_verifier))
        except OAuthError as error:
            raise TokenRefused("code") from error
        keys = await self._json(metadata["jwks_uri"])
        if not isinstance(token.get("id_token"), str):
            raise TokenRefused("id_token")
        return self._read(token["id_token"], token.get("access_token"), keys, nonce)

    def _read(self, id_token: str, access_token: object, keys: dict[str, Any], nonce: str) -> Person:
        """The person whom a valid ID token names. Raises TokenRefused."""
        from authlib.oidc.core import CodeIDToken
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        own = [key for key in keys.get("keys", ()) if key.get("kty") in _KEY_TYPES and key.get("use", "sig") == "sig"]
        wanted = {"iss": {"essential": True, "value": self.issuer}, "aud": {"essential": True, "value": self._client_id}}
        about = {"nonce": nonce, "client_id": self._client_id, "access_token": access_token}
        try:
            token = jwt.decode(id_token, KeySet.import_key_set({"keys": own}), algorithms=_ALGORITHMS)
            claims = CodeIDToken(token.claims, token.header, wanted, about)
            claims.validate(now=int(self._clock().timestamp()), leeway=_LEEWAY_S)
        except (JoseError, ValueError, TypeError) as error:  # what is no token at all is a ValueError
            raise TokenRefused(str(getattr(error, "claim", None) or getattr(error, "error", None) or "form")) from error
        subject, email = claims["sub"], claims.get("email")
        if not isinstance(subject, str) or not 1 <= len(subject) <= 255:
            raise TokenRefused("sub")
        verified = isinstance(email, str) and email and claims.get("email_verified") is True
        return Person(subject, email if verified else None)

    async def _discovered(self) -> dict[str, Any]:
        """What the provider says of itself (OpenID Connect Discovery 1.0, 4). Raises ProviderDown."""
        now = self._clock()
        if self._metadata and now - self._metadata[0] < _FRESH:
            return self._metadata[1]
        found = await self._json(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != self.issuer:
            raise ProviderDown("issuer")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not isinstance(found.get(name), str) or not is_protected(found[name]):
                raise ProviderDown(name)
        self._metadata = (now, found)
        return found

    async def _json(self, url: str) -> dict[str, Any]:
        """The JSON object at an address of the provider. Raises ProviderDown."""
        async with self._client({}, None) as client:
            response = await _answered(client.request("GET", url, withhold_token=True))
        try:
            found = response.raise_for_status().json() if response.status_code == 200 else None
        except ValueError as error:
            raise ProviderDown("json") from error
        if not isinstance(found, dict):
            raise ProviderDown(f"status {response.status_code}")
        return found

    def _client(self, metadata: dict[str, Any], redirect_uri: str | None) -> AsyncOAuth2Client:
        from authlib.integrations.httpx_client import AsyncOAuth2Client

        ways = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        way = "client_secret_basic" if "client_secret_basic" in ways else "client_secret_post"
        return AsyncOAuth2Client(
            self._client_id,
            self._client_secret,
            token_endpoint_auth_method=way if self._client_secret else "none",
            scope=SCOPE,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            timeout=_TIMEOUT_S,
            verify=_trust(),
        )


@cache
def _trust() -> ssl.SSLContext:
    """Whom to believe that they are who they say; reading the certificates takes longer than a request."""
    import httpx2

    return httpx2.create_ssl_context()


async def _answered(asking: Any) -> Any:
    """What the provider answers. Raises ProviderDown when it does not, or too late, or with what is no answer."""
    import httpx2

    try:
        async with asyncio.timeout(2 * _TIMEOUT_S):
            return await asking
    except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, ValueError) as error:
        raise ProviderDown(type(error).__name__) from error
