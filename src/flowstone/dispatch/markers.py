"""The markers of the pluggy project ``flowstone``."""

from __future__ import annotations

from typing import Final

import pluggy

PROJECT: Final = "flowstone"
ENTRY_POINT_GROUP: Final = "flowstone"

hookspec: Final = pluggy.HookspecMarker(PROJECT)
hookimpl: Final = pluggy.HookimplMarker(PROJECT)
