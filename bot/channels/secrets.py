"""Keeps the channels' secrets in the home, for this user alone; bot/settings.py reads them at the next start.

Not in .env: that one is written by hand, and stands in the checkout. What it or the environment says goes before what is kept here.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bot.settings import SECRETS_FILE
from knowledge.errors import SettingsError

_FITS = re.compile(r"[!#-&(-~]{1,4096}")
"""Printable ASCII without spaces and quotes: all that tokens and keys are made of, and what a NAME=value line gives back unchanged."""
_HEAD = "# Written by trogiup channels setup. For this user alone.\n"


def fits(value: str) -> bool:
    """Whether a token or key can be kept."""
    return bool(_FITS.fullmatch(value))


def keep(home: Path, values: Mapping[str, str | None]) -> Path:
    """Puts the values into the home's secrets.env, takes those that are None out, leaves every other line; the path.

    The new file is of mode 600 before anything stands in it, and takes the old one's place in one step: a reader or a power cut finds the
    old or the new, whole. Raises SettingsError for a value that does not fit a line; OSError.
    """
    for name, value in values.items():
        if value is not None and not fits(value):
            raise SettingsError(f"{name} holds signs that no token has: copy it again, without spaces and quotes.")
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = home / SECRETS_FILE
    lines = path.read_text("utf-8-sig").splitlines(keepends=True) if path.exists() else [_HEAD]
    kept = [line if line.endswith("\n") else f"{line}\n" for line in lines if _name(line) not in values]
    kept += [f"{name}={value}\n" for name, value in values.items() if value is not None]
    number, temporary = tempfile.mkstemp(prefix=f".{SECRETS_FILE}.", dir=home)  # mode 600 from its first byte
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.writelines(kept)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _to_disk(home)
    return path


def _name(line: str) -> str:
    return line.strip().removeprefix("export ").partition("=")[0].strip()


def _to_disk(folder: Path) -> None:
    """The new name too survives a power cut."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
