"""Zip files: looked over before anything is unpacked, and unpacked under limits, each member under a name of our own."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from knowledge.reading.kinds import ENDINGS
from knowledge.reading.model import Limits
from knowledge.reading.wording import refusal

_ENCRYPTED = 0x1
_UTF8 = 0x800
_CHUNK = 1 << 20
_JUNK = ("__MACOSX/", "Thumbs.db", ".DS_Store", "desktop.ini")


@dataclass(frozen=True, slots=True)
class Member:
    """A file of a zip. `name`: as people see it, without a way out of its folder; `file`: where it was unpacked, None when refused."""

    name: str
    file: str | None = None
    refused: str | None = None


def check_package(package: zipfile.ZipFile, limits: Limits) -> None:
    """LoadError when what a zip says of itself is beyond the limits. What it does not say truly is met while unpacking."""
    files = package.infolist()
    if len(files) > limits.members * 10:
        raise refusal("too_many", count=limits.members)
    total = sum(file.file_size for file in files)
    packed = sum(file.compress_size for file in files)
    if total > limits.unpacked_bytes or (total > 1 << 20 and total > limits.ratio * max(1, packed)):
        raise refusal("bomb", mib=limits.unpacked_bytes >> 20, ratio=limits.ratio)


def unpack(content: bytes, folder: Path, limits: Limits) -> list[Member]:
    """Unpacks the files that may be read into `folder`, as 0001, 0002 …; the others say why not. LoadError for the zip as a whole."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            check_package(package, limits)
            members = list(_unpacked(package, folder, limits))
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise refusal("broken") from error
    if not members:
        raise refusal("no_members")
    return members


def _unpacked(package: zipfile.ZipFile, folder: Path, limits: Limits) -> Iterator[Member]:
    left = limits.unpacked_bytes
    files = [info for info in package.infolist() if not info.is_dir() and not any(junk in info.filename for junk in _JUNK)]
    if len(files) > limits.members:
        raise refusal("too_many", count=limits.members)
    for at, info in enumerate(files):
        name = safe_name(_name(info))
        if info.flag_bits & _ENCRYPTED:
            yield Member(name, refused=refusal("encrypted").advice)
        elif PurePosixPath(name).suffix.lower() == ".zip":
            yield Member(name, refused=refusal("nested").advice)
        elif info.file_size > limits.file_bytes:
            yield Member(name, refused=refusal("too_large", mib=limits.file_bytes >> 20).advice)
        elif PurePosixPath(name).suffix.lower() not in ENDINGS:
            yield Member(name, refused=refusal("binary").advice)
        else:
            file = f"{at:04}"
            try:
                left -= _copy(package, info, folder / file, min(left, limits.file_bytes))
            except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError) as error:
                yield Member(name, refused=refusal("broken", cause=type(error).__name__).advice)
                continue
            if left <= 0:
                raise refusal("bomb", mib=limits.unpacked_bytes >> 20, ratio=limits.ratio)
            yield Member(name, file)


def _copy(package: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, most: int) -> int:
    """Bytes written. LoadError when there are more than `most`, whatever the zip's list said."""
    written = 0
    with package.open(info) as source, target.open("wb") as sink:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > most:
                raise refusal("bomb", mib=most >> 20, ratio=0)
            sink.write(chunk)
    return written


def _name(info: zipfile.ZipInfo) -> str:
    """Windows writes UTF-8 names without saying so; zipfile then reads them as cp437."""
    if info.flag_bits & _UTF8:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def safe_name(name: str) -> str:
    """A relative name without "..", drives, or characters that do not print."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..") and not part.endswith(":")]
    kept = "/".join("".join(char if char.isprintable() else "_" for char in part)[:100] for part in parts)
    return kept or "_"
