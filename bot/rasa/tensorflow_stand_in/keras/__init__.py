"""NOT Keras: the other half of the import-only stand-in, see the package `tensorflow` beside it."""

from tensorflow import __getattr__

__all__ = ["__getattr__"]
