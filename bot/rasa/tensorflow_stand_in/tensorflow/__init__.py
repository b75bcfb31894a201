"""NOT TensorFlow: an import-only stand-in for it, so that Rasa 3.6 can be imported without 2 GB that this project does not use.

Rasa imports tensorflow and keras at the top of modules that it always loads, to subclass their layers and to name their types. Every name
looked up here is an empty class: good enough to subclass, to annotate with and to pass as a default. Calling or instantiating one raises
the advice below. Installed by bot/rasa/install_stand_in.py; `make rasa-tensorflow` puts the real package in its place.
"""

import importlib.abc
import importlib.machinery
import sys
import types

__version__ = "0.0.0+standin"
IS_STAND_IN = True
ADVICE = "This Rasa component needs TensorFlow, which is not installed here. Run: make rasa-tensorflow"


class TensorFlowIsNotInstalled(ImportError):
    """Something of the stand-in was called or instantiated."""

    def __init__(self) -> None:
        super().__init__(ADVICE)


class _AbsentType(type):
    """Any attribute of an absent class is an absent class again; calling any of them raises."""

    def __getattr__(cls, name: str) -> "_AbsentType":
        if name.startswith("__"):
            raise AttributeError(name)
        return absent(name)

    def __call__(cls, *args: object, **kwargs: object) -> object:
        raise TensorFlowIsNotInstalled


def absent(name: str) -> _AbsentType:
    """An empty class that can be subclassed and named, never called."""
    return _AbsentType(name, (), {"__module__": "tensorflow"})


class _AbsentModule(types.ModuleType):
    """A module in which every public name exists."""

    def __getattr__(self, name: str) -> _AbsentType:
        if name.startswith("__"):
            raise AttributeError(name)
        return absent(name)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives an absent module for every import below `tensorflow` and `keras`."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> importlib.machinery.ModuleSpec | None:
        is_ours = fullname.startswith(("tensorflow.", "keras."))
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True) if is_ours else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return _AbsentModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing to run."""


def __getattr__(name: str) -> _AbsentType:
    if name.startswith("__"):
        raise AttributeError(name)
    return absent(name)


sys.meta_path.append(_Finder())
