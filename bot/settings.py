"""The settings: the environment over a .env file over what `trogiup channels setup` has kept, read once, handed on as one frozen value.

How each value is read and what it means stands in data_settings.yml; the defaults stand here. Nothing reads the environment at import.
"""

from __future__ import annotations

import difflib
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from knowledge.errors import SettingsError

PREFIX = "TROGIUP_"
HIDDEN = "••••"
SECRETS_FILE = "secrets.env"
"""In TROGIUP_HOME, in the form of .env: what `trogiup channels setup` was told. bot/channels/secrets.py writes it."""
_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")
_DATA = Path(__file__).with_name("data_settings.yml")
_ENV_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")


@dataclass(frozen=True, slots=True)
class SettingLine:
    """One setting as `trogiup doctor` lists it: `shown` is the value in force, masked where it is secret, "" where there is none."""

    name: str
    is_set: bool
    shown: str
    meaning: str
    inner: bool


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. A field is its environment name without TROGIUP_, in lower case. None: not set. A port of 0: any free one.

    What may hold a secret is kept out of `repr`. `given` names what was set, by the environment or the .env file.
    """

    home: Path
    database_url: str = field(repr=False)
    redis_url: str | None = field(default=None, repr=False)
    encoder: str | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    telegram_token: str | None = field(default=None, repr=False)
    telegram_base_url: str = "https://api.telegram.org/bot"
    telegram_webhook_secret: str | None = field(default=None, repr=False)
    telegram_duty_chat: str | None = None
    zalo_oa_app_id: str | None = None
    zalo_oa_secret: str | None = field(default=None, repr=False)
    zalo_app_secret: str | None = field(default=None, repr=False)
    zalo_oa_refresh_token: str | None = field(default=None, repr=False)
    zalo_oa_base_url: str = "https://openapi.zalo.me"
    zalo_oauth_base_url: str = "https://oauth.zaloapp.com"
    zalo_bot_token: str | None = field(default=None, repr=False)
    zalo_bot_secret: str | None = field(default=None, repr=False)
    zalo_bot_base_url: str = "https://bot-api.zaloplatforms.com"
    chatwoot_url: str | None = None
    chatwoot_inbox: str | None = field(default=None, repr=False)
    chatwoot_secret: str | None = field(default=None, repr=False)
    chatwoot_token: str | None = field(default=None, repr=False)
    oidc_issuer: str | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: str | None = field(default=None, repr=False)
    oidc_client_secret_file: Path | None = None
    keep_cases_months: int = 12
    keep_conversations_days: int = 30
    rasa_port: int = 0
    actions_port: int = 0
    actions_url: str | None = None
    require_all_tests: str | None = None
    given: frozenset[str] = frozenset()

    @classmethod
    def load(cls, environ: Mapping[str, str], root: Path) -> Settings:
        """Settings of `environ` over those of `root`/.env over those of the home's secrets.env over the defaults; relative paths count from
        `root`. An empty value is none.

        Raises `SettingsError`: an unknown TROGIUP_ name, a value that does not fit or lacks another, a file of settings that others can
        read or that is not one.
        """
        by_hand = {**read_env_file(root / ".env"), **environ}
        home = root / Path(by_hand.get("TROGIUP_HOME", "").strip() or "var").expanduser()
        merged = {**read_env_file(home / SECRETS_FILE), **by_hand}
        given = {name: value.strip() for name, value in merged.items() if name.startswith(PREFIX) and value.strip()}
        known = _known()
        for name in merged:
            if name.startswith(PREFIX) and name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                advice = f"did you mean {near[0]}?" if near else "`trogiup doctor` lists them all."
                raise SettingsError(f"Unknown setting {name}: {advice}")
        _all_of_chatwoot(given)
        _all_of_oidc(given)
        values: dict[str, Any] = {_field_name(name): _parse(name, value, known[name], root) for name, value in given.items()}
        if secret_file := values.get("oidc_client_secret_file"):
            values["oidc_client_secret"] = read_secret(secret_file)
        values["home"] = home
        values.setdefault("database_url", f"sqlite:///{values['home'] / 'trogiup.db'}")
        return cls(**values, given=frozenset(given))

    def describe(self) -> tuple[SettingLine, ...]:
        """Every setting in the order of data_settings.yml, secrets and passwords masked."""
        lines = []
        for name, row in _known().items():
            value = getattr(self, _field_name(name))
            shown = "" if value is None else HIDDEN if row.get("secret") else _without_password(str(value))
            lines.append(SettingLine(name, name in self.given, shown, row["meaning"], bool(row.get("inner"))))
        return tuple(lines)


def read_env_file(path: Path) -> dict[str, str]:
    """The NAME=value lines of a .env file: `export` and quotes allowed, # starts a comment line; {} when there is no file.

    Raises `SettingsError` when others may read it, or a line is no NAME=value.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o177:
            raise SettingsError(f"{path} holds secrets and has mode {mode:o}: run chmod 600 {path}.")
        lines = path.read_text("utf-8-sig").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read as a UTF-8 text file: put that right or remove it.") from error
    values = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _ENV_LINE.fullmatch(line.strip())
        if not found:
            raise SettingsError(f"{path}, line {number}: NAME=value is wanted.")
        name, value = found.groups()
        quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "'\""
        values[name] = value[1:-1] if quoted else value
    return values


def read_secret(path: Path) -> str:
    """The one line of a file that holds a secret. SettingsError when others may read it, or it is no such file."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o177:
            raise SettingsError(f"{path} holds a secret and has mode {mode:o}: run chmod 600 {path}.")
        secret = path.read_text("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read as a text file: put that right, or take the setting away.") from error
    if not secret or not secret.isprintable():
        raise SettingsError(f"{path} must hold the secret on one line.")
    return secret


def is_protected(address: str) -> bool:
    """Whether what is sent there cannot be read on the way: https, or http that does not leave this machine."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _THIS_MACHINE))


def _known() -> dict[str, dict[str, Any]]:
    """Name → row of data_settings.yml."""
    rows: dict[str, dict[str, Any]] = yaml.safe_load(_DATA.read_text("utf-8"))
    return rows


def _all_of_chatwoot(given: Mapping[str, str]) -> None:
    """Chatwoot is wired with all that it needs or not at all. SettingsError names what is missing."""
    wanted = [PREFIX + name for name in ("CHATWOOT_URL", "CHATWOOT_INBOX", "CHATWOOT_SECRET")]
    missing = [name for name in wanted if name not in given]
    if missing and (len(missing) < len(wanted) or PREFIX + "CHATWOOT_TOKEN" in given):
        raise SettingsError(f"For Chatwoot {' and '.join(missing)} must be set too.")


def _all_of_oidc(given: Mapping[str, str]) -> None:
    """The office's log-in is named whole or not at all. SettingsError says what is missing, or too much."""
    named = {name for name in given if name.startswith(PREFIX + "OIDC_")}
    missing = [name for name in (PREFIX + "OIDC_ISSUER", PREFIX + "OIDC_CLIENT_ID") if name not in named]
    if named and missing:
        raise SettingsError(f"For the office's log-in {' and '.join(missing)} must be set too.")
    if {PREFIX + "OIDC_CLIENT_SECRET", PREFIX + "OIDC_CLIENT_SECRET_FILE"} <= named:
        raise SettingsError(f"Set {PREFIX}OIDC_CLIENT_SECRET or {PREFIX}OIDC_CLIENT_SECRET_FILE, not both.")


def _field_name(name: str) -> str:
    return name.removeprefix(PREFIX).lower()


def _parse(name: str, value: str, row: Mapping[str, Any], root: Path) -> str | int | Path:
    """The value in its type. No message repeats the value: it may be a secret in the wrong place."""
    match row["form"]:
        case "path":
            return root / Path(value).expanduser()
        case "port":
            lowest = 0 if row.get("inner") else 1
            if not (value.isascii() and value.isdigit() and lowest <= int(value) <= 65535):
                raise SettingsError(f"{name} must be a port, a number from {lowest} to 65535.")
            return int(value)
        case "count":
            if not (value.isascii() and value.isdigit() and 1 <= int(value) <= 1200):
                raise SettingsError(f"{name} must be a whole number from 1 to 1200.")
            return int(value)
        case "url" if "://" not in value:
            raise SettingsError(f"{name} must be an address, scheme://…")
        case "web" if not re.match(r"https?://[^/\s]+", value):
            raise SettingsError(f"{name} must begin with http:// or https:// and name a host.")
        case "issuer" if not is_protected(value) or re.search(r"[?#\s]", value):
            raise SettingsError(f"{name} must begin with https:// and name a host, without ? and #.")
        case "host" if not re.fullmatch(r"[\w.:-]+", value):
            raise SettingsError(f"{name} must be one host name or address.")
    return value


def _without_password(value: str) -> str:
    """An address with its password masked; any other text as it is."""
    return re.sub(r"(://[^:/@]*:).*@", rf"\1{HIDDEN}@", value)
