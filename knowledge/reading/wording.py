"""What reading says to people (data/reading.yml): warnings that stay with a document, and refusals."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import yaml

from knowledge.errors import LoadError
from knowledge.tables import DATA


@cache
def table() -> Mapping[str, Any]:
    """data/reading.yml."""
    with (DATA / "reading.yml").open(encoding="utf-8") as handle:
        read: Mapping[str, Any] = yaml.safe_load(handle)
    return read


@cache
def pattern(name: str) -> re.Pattern[str]:
    """A pattern of the table, over whole NFC lines."""
    return re.compile(table()["patterns"][name])


def warning(name: str, /, **values: object) -> str:
    """A warning for staff."""
    return str(table()["warnings"][name]).format(**values)


def refusal(name: str, /, **values: object) -> LoadError:
    """The error that a file cannot be read, with what to do; `reason` in its context is `name`."""
    return LoadError(str(table()["refusals"][name]).format(**values), reason=name)
