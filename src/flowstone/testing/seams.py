"""The seam at which tests replace clocks and generators: names that modules on the caller's path bind once."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Final

# Loaded before anything is replaced: a module that came later would bind the real thing.
_CALLERS: Final = ("flowstone.face", "flowstone.hosting", "flowstone.runtime")
# They read the clock in threads of their own; a test's clock must not move by what they do.
_BACKGROUND: Final = (
    "flowstone.otel.",
    "flowstone.runtime.drain",
    "flowstone.runtime.engine",
    "flowstone.runtime.export.",
    "flowstone.testing.",
)


@contextmanager
def replaced(fakes: Mapping[str, tuple[object, object]]) -> Iterator[None]:
    """Replace names in every module on the caller's path for the length of a block.

    Args:
        fakes: For each name the object that modules hold under it, and what takes its place.
    """
    done: list[tuple[ModuleType, str, object]] = []
    try:
        for module in _modules():
            for name, (real, fake) in fakes.items():
                if vars(module).get(name) is real:
                    setattr(module, name, fake)
                    done.append((module, name, real))
        yield
    finally:
        for module, name, real in reversed(done):
            setattr(module, name, real)


def _modules() -> list[ModuleType]:
    for room in _CALLERS:
        for found in iter_modules(import_module(room).__path__, f"{room}."):
            import_module(found.name)
    import_module("flowstone.telemetry")
    return [
        module
        for name, module in list(sys.modules.items())
        if name.startswith("flowstone.") and not name.startswith(_BACKGROUND)
    ]
