"""Compiles requirements/*.in into full locks, without an index address or a path of this machine in them.

`make lock` runs it. Every lock is installed with `--no-deps`, so a lock holds all that its environment gets:

- main.lock  what serving needs; packages named in main.in's `# without:` lines are left out of the resolution;
- dev.lock   what the tests need on top of main.lock, nothing twice;
- rasa.lock  Rasa's environment, with rasa-overrides.txt over Rasa's own too narrow bounds;
- rasa-tensorflow.lock  what `make rasa-tensorflow` adds to it;
- bench.lock  the engines that `make bench` compares with, an environment of their own.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
FORBIDDEN = re.compile(r"^(nvidia-|triton|cuda-)|://|file:|^-")


def without(text: str) -> list[str]:
    """The package names of the `# without:` lines of a .in file."""
    return re.findall(r"^# without: (\S+)$", text, flags=re.MULTILINE)


def tidy(line: str) -> str:
    """One pinned line without a local build label: `torch==2.13.0+cpu` becomes `torch==2.13.0`, which any CPU build satisfies."""
    return re.sub(r"\+[a-z0-9.]+$", "", line.split(" @ ")[0].strip())


def compile_lock(uv: str, wanted: Path, *options: str, leave_out: list[str] | None = None) -> list[str]:
    """The pinned lines that uv resolves `wanted` to, sorted by name.

    Raises `SystemExit` with uv's own words when nothing fits, or when a line names CUDA, an index or a path.
    """
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "compiled.lock"
        excludes = Path(folder) / "excludes.txt"
        excludes.write_text("\n".join(leave_out or []), "utf-8")
        command = [uv, "pip", "compile", "--quiet", "--python-version", "3.11", "--upgrade", "--no-header", "--no-annotate"]
        command += ["--no-emit-index-url", "--no-emit-find-links", "--excludes", str(excludes), *options]
        links = os.environ.get("PIP_FIND_LINKS")
        if links:  # uv does not read pip's variable
            command += ["--find-links", links.removeprefix("file://")]
        done = subprocess.run([*command, "-o", str(target), str(wanted)], check=False)  # noqa: S603
        if done.returncode:
            sys.exit(f"{wanted.name}: uv could not resolve it, see above.")
        lines = [tidy(line) for line in target.read_text("utf-8").splitlines() if line.strip()]
    bad = [line for line in lines if FORBIDDEN.search(line)]
    if bad:
        sys.exit(f"{wanted.name}: these must not stand in a lock: {', '.join(bad)}")
    return lines


def source(name: str) -> Path:
    """The file that a lock is compiled from."""
    return REQUIREMENTS / f"{name}.in"


def lock(name: str) -> Path:
    """The file of a lock."""
    return REQUIREMENTS / f"{name}.lock"


def not_in(held: Path, lines: list[str]) -> list[str]:
    """The lines that the lock `held` does not have."""
    pins = set(held.read_text("utf-8").splitlines())
    return [line for line in lines if line not in pins]


def write(name: str, comment: str, lines: list[str]) -> None:
    """Writes a lock in one go: a comment line, then one pin a line."""
    target = lock(name)
    aside = target.with_suffix(".aside")
    aside.write_text("\n".join([f"# {comment} Made by `make lock`; installed with --no-deps.", *lines, ""]), "utf-8")
    aside.replace(target)
    print(f"{target.relative_to(ROOT)}: {len(lines)} packages")


def main(arguments: list[str]) -> None:
    """`lock.py UV [main] [dev] [rasa] [rasa-tensorflow] [bench]`: compiles the named locks, all of them by default."""
    uv, *names = arguments
    names = names or ["main", "dev", "rasa", "rasa-tensorflow", "bench"]
    leave_out = without(source("main").read_text("utf-8"))
    if "main" in names:
        write("main", "What serving needs.", compile_lock(uv, source("main"), leave_out=leave_out))
    if "dev" in names:
        lines = compile_lock(uv, source("dev"), "--constraint", str(lock("main")), leave_out=leave_out)
        write("dev", "What the tests need on top of main.lock.", not_in(lock("main"), lines))
    if "rasa" in names:
        write("rasa", "Rasa's environment.", compile_lock(uv, source("rasa"), "--override", str(REQUIREMENTS / "rasa-overrides.txt")))
    if "rasa-tensorflow" in names:
        leave_out = without(source("rasa-tensorflow").read_text("utf-8"))
        lines = compile_lock(uv, source("rasa-tensorflow"), "--override", str(lock("rasa")), leave_out=leave_out)
        write("rasa-tensorflow", "The real TensorFlow on top of rasa.lock.", not_in(lock("rasa"), lines))
    if "bench" in names:
        write("bench", "What `make bench` compares with.", compile_lock(uv, source("bench")))


if __name__ == "__main__":
    main(sys.argv[1:])
