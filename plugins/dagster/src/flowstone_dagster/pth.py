"""The ``.pth`` file: a wheel brings it, an editable install has to be given it."""

from __future__ import annotations

import sysconfig
from pathlib import Path
from typing import Final

FILE: Final = "flowstone_dagster.pth"


def target() -> Path:
    """Return where the interpreter reads it: ``purelib`` of the running environment."""
    return Path(sysconfig.get_path("purelib")) / FILE


def line() -> str:
    """Return what stands in it; the same file that the wheel carries."""
    return (Path(__file__).parent / FILE).read_text(encoding="utf-8")


def write() -> Path:
    """Write it into the running environment.

    Raises:
        OSError: The environment is not ours to write to.
    """
    path = target()
    path.write_text(line(), encoding="utf-8")
    return path


def remove() -> Path | None:
    """Remove it, where it is.

    Raises:
        OSError: The environment is not ours to write to.
    """
    path = target()
    if not path.exists():
        return None
    path.unlink()
    return path
