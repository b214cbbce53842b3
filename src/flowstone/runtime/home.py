"""The folder in which flowstone keeps what it keeps on this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from flowstone.runtime.settings import settings


def home() -> Path:
    """Return ``FLOWSTONE_HOME``, by default ``flowstone`` in the user's state folder; created with mode 0700.

    Raises:
        OSError: The folder cannot be made.
    """
    given = settings().get("HOME")
    folder = Path(given).expanduser() if given else _state_folder() / "flowstone"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _state_folder() -> Path:
    if xdg := os.environ.get("XDG_STATE_HOME"):
        return Path(xdg)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    return Path.home() / ".local" / "state"
