"""The folder in which flowstone keeps what it keeps on this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from flowstone.runtime.settings import settings


def home() -> Path:
    """Return ``FLOWSTONE_HOME``, by default ``flowstone`` in the user's state folder; created with mode 0700.

    Raises:
        OSError: The folder cannot be made, or the user has none to make it in.
    """
    given = settings().get("HOME")
    folder = placed(given) if given else _state_folder() / "flowstone"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def placed(text: str) -> Path:
    """Return the absolute path that a setting names.

    A relative one is meant from where this process was when it first asked: ``os.chdir`` moves no files.

    Raises:
        OSError: The user that ``~`` stands for has no folder, or the working directory was removed.
    """
    found = _placed.get(text)
    if found is None:
        try:
            path = Path(text).expanduser()
        except RuntimeError as error:
            raise OSError(f"{text}: {error}") from error
        found = path.absolute()
        if found != path:
            _placed[text] = found
    return found


_placed: Final[dict[str, Path]] = {}


def _user_folder() -> Path:
    try:
        return _of_user()
    except (RuntimeError, KeyError) as error:  # in a container whose user has no entry in passwd
        raise OSError("the user has no home folder: set FLOWSTONE_HOME to one that can be written") from error


def _of_user() -> Path:
    if os.environ.get("HOME") == "":  # set but empty: expanduser would make it the root folder
        import pwd

        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    return Path.home()


def _state_folder() -> Path:
    if xdg := os.environ.get("XDG_STATE_HOME"):
        return placed(xdg)
    user = _user_folder()
    if sys.platform == "darwin":
        return user / "Library" / "Application Support"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or user / "AppData" / "Local")
    return user / ".local" / "state"
