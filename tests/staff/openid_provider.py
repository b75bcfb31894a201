"""An OpenID provider on the loopback, honest unless a test tells it what to do wrong; its keys are made here."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

CLIENT, SECRET = "tro-giup", "a-secret-that-the-office-was-given"
SHARED = "a key of the wrong kind, that everybody can read"


class Provider:
    """Knows one client. `claims` go over those of the next ID token (None takes one away); `broken` over what it says of itself."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self.key = ECKey.generate_key("P-256", {"kid": "k1", "use": "sig", "alg": "ES256"})
        self.signs_with: Any = None
        self.alg = "ES256"
        self.claims: dict[str, Any] = {}
        self.broken: dict[str, Any] = {}
        self.public = False
        self.codes: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked.append(self.path)
                if self.path == "/realm/.well-known/openid-configuration":
                    self.say(provider.about())
                elif self.path == "/realm/keys":
                    self.say({"keys": [provider.key.as_dict(private=False), OctKey.import_key(SHARED, {"kid": "k1"}).as_dict()]})
                elif self.path.startswith("/realm/authorize?"):
                    self.send_response(302)
                    self.send_header("Location", provider.agree(f"http://{self.headers['Host']}{self.path}"))
                    self.end_headers()
                else:
                    self.say({}, 404)

            def do_POST(self) -> None:
                provider.asked.append(self.path)
                form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
                self.say(*provider.token(form, self.headers.get("Authorization", "")))

            def say(self, what: Any, status: int = 200) -> None:
                body = json.dumps(what).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}/realm"

    def about(self) -> dict[str, Any]:
        paths = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        return {"issuer": self.issuer, **{name: f"{self.issuer}/{path}" for name, path in paths.items()}, **self.broken}

    def agree(self, url: str) -> str:
        """The person signs in here and agrees: where the browser is sent back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        wanted = (asked["client_id"], asked["response_type"], asked["code_challenge_method"])
        assert wanted == (CLIENT, "code", "S256")
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'state': asked['state'], 'code': code, 'iss': self.issuer})}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[dict[str, Any], int]:
        """The token endpoint: a code once, with its verifier, from the client itself."""
        known = self.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if known is None or known["code_challenge"] != challenge or known["redirect_uri"] != form["redirect_uri"]:
            return {"error": "invalid_grant"}, 400
        if not self.public and authorization != "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode():
            return {"error": "invalid_client"}, 401
        access_token = secrets.token_urlsafe(16)
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        now = int(self.clock().timestamp())
        claims = {
            "iss": self.issuer,
            "sub": "u-4711",
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": known["nonce"],
            "at_hash": base64.urlsafe_b64encode(half).decode().rstrip("="),
            "email": "Lan.Nguyen@soyte.gov.vn",
            "email_verified": True,
        } | self.claims
        header = {"alg": self.alg, "kid": "k1"}
        signed = jwt.encode(header, {k: v for k, v in claims.items() if v is not None}, self.signs_with or self.key, [self.alg])
        return {"access_token": access_token, "token_type": "Bearer", "expires_in": 300, "id_token": signed}, 200


@contextmanager
def provider_running(clock: Any) -> Iterator[Provider]:
    """A provider that answers until the end of the block."""
    provider = Provider(clock)
    thread = threading.Thread(target=provider.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        provider.server.shutdown()
        provider.server.server_close()
        thread.join(timeout=5)


def rsa_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})
