"""Puts the import-only stand-in for TensorFlow into the environment that runs this script; standard library only.

Run it with Rasa's python: `.venv-rasa/bin/python bot/rasa/install_stand_in.py`. It may be run again at any time, and leaves a real
TensorFlow alone.
"""

from __future__ import annotations

import filecmp
import shutil
import sys
import sysconfig
from pathlib import Path

SOURCE = Path(__file__).resolve().parent / "tensorflow_stand_in"
PACKAGES = ("tensorflow", "keras")


def is_stand_in(package: Path) -> bool:
    """Whether the installed `package` is (some version of) the stand-in and not the real thing."""
    init = package / "__init__.py"
    return init.is_file() and init.read_text(encoding="utf-8").startswith('"""NOT ')


def install(site_packages: Path, source: Path = SOURCE) -> str:
    """Copy the stand-in into `site_packages`. Returns what was done: "real", "fresh" (already there) or "installed"."""
    present = [site_packages / name for name in PACKAGES if (site_packages / name).exists()]
    if any(not is_stand_in(package) for package in present):
        return "real"
    names = [f"{name}/__init__.py" for name in PACKAGES]
    same, _different, _missing = filecmp.cmpfiles(site_packages, source, names, shallow=False)
    if len(same) == len(names):
        return "fresh"
    for name in names:
        (site_packages / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(source / name, site_packages / name)
    return "installed"


def main() -> int:
    """Install into this interpreter's own site-packages; refuse the machine's own Python."""
    if sys.prefix == sys.base_prefix:
        print("Run this with the python of Rasa's environment: .venv-rasa/bin/python bot/rasa/install_stand_in.py", file=sys.stderr)
        return 2
    done = install(Path(sysconfig.get_path("purelib")))
    print(
        {
            "real": "TensorFlow is installed; nothing to do.",
            "fresh": "The stand-in for TensorFlow is in place.",
            "installed": "The stand-in for TensorFlow has been put in place.",
        }[done]
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
