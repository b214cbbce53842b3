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
    folder = Path(given).expanduser() if given else _state_folder(_user_folder()) / "flowstone"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _user_folder() -> Path:
    if os.environ.get("HOME") == "":  # set but empty: expanduser would make it the root folder
        import pwd

        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    return Path.home()


def _state_folder(user: Path) -> Path:
    if xdg := os.environ.get("XDG_STATE_HOME"):
        return Path(xdg)
    if sys.platform == "darwin":
        return user / "Library" / "Application Support"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or user / "AppData" / "Local")
    return user / ".local" / "state"
