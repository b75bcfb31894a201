from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from bot.settings import HIDDEN, Settings, read_env_file
from knowledge.errors import SettingsError

SECRETS = [
    "TROGIUP_TELEGRAM_TOKEN",
    "TROGIUP_TELEGRAM_WEBHOOK_SECRET",
    "TROGIUP_ZALO_OA_SECRET",
    "TROGIUP_ZALO_APP_SECRET",
    "TROGIUP_ZALO_OA_REFRESH_TOKEN",
    "TROGIUP_ZALO_BOT_TOKEN",
    "TROGIUP_ZALO_BOT_SECRET",
    "TROGIUP_CHATWOOT_INBOX",
    "TROGIUP_CHATWOOT_SECRET",
    "TROGIUP_CHATWOOT_TOKEN",
]


def write_env(root: Path, text: str, mode: int = 0o600) -> None:
    path = root / ".env"
    path.write_text(text, "utf-8")
    path.chmod(mode)


def refused(environ: dict[str, str], root: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        Settings.load(environ, root)
    assert "\n" not in caught.value.advice
    return caught.value.advice


def test_nothing_set_gives_the_defaults_of_the_contract(tmp_path: Path) -> None:
    settings = Settings.load({"PATH": "/bin"}, tmp_path)
    assert (settings.host, settings.port, settings.home) == ("127.0.0.1", 8000, tmp_path / "var")
    assert settings.database_url == f"sqlite:///{tmp_path}/var/trogiup.db"
    assert settings.telegram_token is None
    assert settings.encoder is None
    assert settings.given == frozenset()


def test_the_environment_goes_over_the_env_file(tmp_path: Path) -> None:
    write_env(tmp_path, '# office\nexport TROGIUP_PORT=9000\nTROGIUP_HOST="0.0.0.0"\n\nOTHER=1\nTROGIUP_ENCODER=a=b\n')
    settings = Settings.load({"TROGIUP_PORT": "9001"}, tmp_path)
    assert (settings.port, settings.host, settings.encoder) == (9001, "0.0.0.0", "a=b")
    assert settings.given == {"TROGIUP_PORT", "TROGIUP_HOST", "TROGIUP_ENCODER"}


def test_an_empty_value_is_no_value(tmp_path: Path) -> None:
    assert Settings.load({"TROGIUP_PORT": "", "TROGIUP_TELEGRAM_TOKEN": " "}, tmp_path) == Settings.load({}, tmp_path)


def test_home_counts_from_the_checkout_and_takes_the_database_along(tmp_path: Path) -> None:
    settings = Settings.load({"TROGIUP_HOME": "state"}, tmp_path)
    assert settings.home == tmp_path / "state"
    assert settings.database_url.startswith(f"sqlite:///{tmp_path}/state/")
    assert Settings.load({"TROGIUP_HOME": "/srv/trogiup"}, tmp_path).home == Path("/srv/trogiup")


@pytest.mark.parametrize(
    ("name", "near"),
    [("TROGIUP_PROT", "TROGIUP_PORT"), ("TROGIUP_TELEGRAM_TOKN", "TROGIUP_TELEGRAM_TOKEN"), ("TROGIUP_ZALO_SECRET", "TROGIUP_ZALO_")],
)
def test_an_unknown_name_suggests_the_near_one(tmp_path: Path, name: str, near: str) -> None:
    advice = refused({name: "1"}, tmp_path)
    assert name in advice
    assert f"did you mean {near}" in advice


def test_an_unknown_name_in_the_env_file_is_found_too(tmp_path: Path) -> None:
    write_env(tmp_path, "TROGIUP_QQQQQQQQQQ=1\n")
    assert "trogiup doctor" in refused({}, tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TROGIUP_PORT", "http"),
        ("TROGIUP_PORT", "0"),
        ("TROGIUP_PORT", "65536"),
        ("TROGIUP_PORT", "-1"),
        ("TROGIUP_PORT", "٨٠"),
        ("TROGIUP_HOST", "a b"),
        ("TROGIUP_DATABASE_URL", "trogiup.db"),
        ("TROGIUP_ZALO_OA_BASE_URL", "localhost:1"),
        ("TROGIUP_ACTIONS_URL", "ftp://x"),
    ],
)
def test_a_value_that_does_not_fit_is_named_but_not_repeated(tmp_path: Path, name: str, value: str) -> None:
    advice = refused({name: value}, tmp_path)
    assert name in advice
    assert f" {value} " not in f" {advice} ".replace("from 1 to 65535", "")


def test_inner_ports_may_be_any_free_one(tmp_path: Path) -> None:
    assert Settings.load({"TROGIUP_RASA_PORT": "0", "TROGIUP_ACTIONS_PORT": "5055"}, tmp_path).actions_port == 5055


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o700])
def test_an_env_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    write_env(tmp_path, "TROGIUP_PORT=9000\n", mode)
    assert "chmod 600" in refused({}, tmp_path)


def test_a_stricter_env_file_is_taken(tmp_path: Path) -> None:
    write_env(tmp_path, "TROGIUP_PORT=9000\n", 0o400)
    assert Settings.load({}, tmp_path).port == 9000


def test_a_broken_env_file_is_one_line_without_its_words(tmp_path: Path) -> None:
    write_env(tmp_path, "TROGIUP_PORT=9000\nhunter2\n")
    advice = refused({}, tmp_path)
    assert "line 2" in advice
    assert "hunter2" not in advice
    (tmp_path / ".env").write_bytes(b"\xff\xfe")
    assert "UTF-8" in refused({}, tmp_path)


def test_no_env_file_is_fine(tmp_path: Path) -> None:
    assert read_env_file(tmp_path / ".env") == {}


def test_secrets_are_never_shown(tmp_path: Path) -> None:
    environ = dict.fromkeys(SECRETS, "hunter2-0123456789")
    environ["TROGIUP_CHATWOOT_URL"] = "https://chat.office.vn"
    environ["TROGIUP_DATABASE_URL"] = "postgresql://office:hunter2-p@ss@db/trogiup"
    settings = Settings.load(environ, tmp_path)
    lines = {line.name: line for line in settings.describe()}
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in repr(lines)
    assert all(lines[name].is_set and lines[name].shown == HIDDEN for name in SECRETS)
    assert lines["TROGIUP_DATABASE_URL"].shown == f"postgresql://office:{HIDDEN}@db/trogiup"
    assert settings.zalo_bot_secret == "hunter2-0123456789"


def test_describe_names_every_field_with_a_meaning(tmp_path: Path) -> None:
    lines = Settings.load({}, tmp_path).describe()
    names = {"TROGIUP_" + each.name.upper() for each in dataclasses.fields(Settings)} - {"TROGIUP_GIVEN"}
    assert {line.name for line in lines} == names
    assert all(len(line.meaning) > 10 and not line.is_set for line in lines)
    assert {line.name: line.shown for line in lines}["TROGIUP_PORT"] == "8000"


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings.load({}, tmp_path).port = 1  # type: ignore[misc]


def test_how_long_things_are_kept(tmp_path: Path) -> None:
    settings = Settings.load({"TROGIUP_KEEP_CASES_MONTHS": "24"}, tmp_path)
    assert (settings.keep_cases_months, settings.keep_conversations_days) == (24, 30)
    for wrong in ("0", "-1", "1.5", "nhiều", "1201"):
        assert "whole number" in refused({"TROGIUP_KEEP_CONVERSATIONS_DAYS": wrong}, tmp_path)


CHATWOOT = {
    "TROGIUP_CHATWOOT_URL": "https://chat.office.vn",
    "TROGIUP_CHATWOOT_INBOX": "abc",
    "TROGIUP_CHATWOOT_SECRET": "a-secret-of-the-office",
}


def test_chatwoot_is_set_with_all_it_needs_or_not_at_all(tmp_path: Path) -> None:
    assert Settings.load(CHATWOOT, tmp_path).chatwoot_inbox == "abc"
    for name in CHATWOOT:
        others = {other: value for other, value in CHATWOOT.items() if other != name}
        assert refused(others, tmp_path) == f"For Chatwoot {name} must be set too."
    assert "TROGIUP_CHATWOOT_URL and TROGIUP_CHATWOOT_INBOX" in refused({"TROGIUP_CHATWOOT_TOKEN": "t"}, tmp_path)


OIDC = {"TROGIUP_OIDC_ISSUER": "https://id.office.vn/realm", "TROGIUP_OIDC_CLIENT_ID": "tro-giup"}


def test_the_office_log_in_is_set_whole_and_over_https(tmp_path: Path) -> None:
    for name in OIDC:
        others = {other: value for other, value in OIDC.items() if other != name}
        assert refused(others, tmp_path) == f"For the office's log-in {name} must be set too."
    for issuer in ("http://id.office.vn", "id.office.vn", "https://", "https://id.office.vn/?a=1", "ftp://id.office.vn"):
        assert "https://" in refused({**OIDC, "TROGIUP_OIDC_ISSUER": issuer}, tmp_path)
    assert Settings.load({**OIDC, "TROGIUP_OIDC_ISSUER": "http://127.0.0.1:8080/realm"}, tmp_path).oidc_client_secret is None


def test_the_secret_of_the_office_log_in_may_lie_in_a_file_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    environ = {**OIDC, "TROGIUP_OIDC_CLIENT_SECRET_FILE": "secret"}
    assert "cannot be read" in refused(environ, tmp_path)
    path.write_text("hunter2\n", "utf-8")
    path.chmod(0o644)
    assert "chmod 600" in refused(environ, tmp_path)
    path.chmod(0o600)
    settings = Settings.load(environ, tmp_path)
    assert settings.oidc_client_secret == "hunter2"
    assert "hunter2" not in repr(settings) + repr(settings.describe())
    assert "not both" in refused({**environ, "TROGIUP_OIDC_CLIENT_SECRET": "x"}, tmp_path)
    path.write_text("two\nlines\n", "utf-8")
    assert "one line" in refused(environ, tmp_path)
