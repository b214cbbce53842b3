"""The environment variable that switches the adapter on; read here only."""

from __future__ import annotations

import os
from typing import Final

VARIABLE: Final = "FLOWSTONE_DAGSTER"
"""``1`` observes Dagster; empty, ``0``, ``false``, ``no`` and ``off`` do not."""

_OFF: Final = frozenset({"", "0", "false", "no", "off"})


def switched_on() -> bool:
    """Tell whether the environment asks for observation."""
    return os.environ.get(VARIABLE, "").strip().lower() not in _OFF


def switched_off() -> bool:
    """Tell whether the environment forbids it, whatever other route asks for it."""
    return VARIABLE in os.environ and not switched_on()
