"""The settings of the store, read in one place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flowstone.plugin import home, redact, settings

_PREFIX: Final = "sqlite:///"
_DEFAULT: Final = "sqlite:///$FLOWSTONE_HOME/traces.db"
_OFF: Final = frozenset({"", "off", "none", "0"})
_NUMBER: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")
_MOST: Final = 1 << 62
_BYTES: Final = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Where the store is, and how large it may grow.

    Attributes:
        path: The database file; None where the store is off.
        max_bytes: Size of the file above which the oldest traces go.
        max_age: Age in seconds above which a trace goes.
    """

    path: Path | None
    max_bytes: int = 256 << 20
    max_age: float = 30 * 86_400.0


def load() -> Config:
    """Read ``FLOWSTONE_STORE_URL``, ``FLOWSTONE_STORE_MAX_BYTES`` and ``FLOWSTONE_STORE_MAX_AGE``.

    One that is malformed is told once, and its default holds: a slip must not cost the traces.

    Raises:
        OSError: The home folder cannot be made.
    """
    found = settings("FLOWSTONE_STORE")
    return Config(
        path=found.parsed("URL", _DEFAULT, path_of),
        max_bytes=found.parsed("MAX_BYTES", "256 MiB", bytes_of),
        max_age=found.parsed("MAX_AGE", "30 d", seconds_of),
    )


def path_of(url: str) -> Path | None:
    """Return the file that a store URL names; None for ``off``.

    Raises:
        ValueError: It is not of the form ``sqlite:///path``.
    """
    if url.strip().lower() in _OFF:
        return None
    if not url.startswith(_PREFIX) or len(url) == len(_PREFIX):
        raise ValueError(
            f"FLOWSTONE_STORE_URL is {redact(url[:200])!r}; it has to be sqlite:///path/to/file.db or off"
        )
    path = url.removeprefix(_PREFIX)
    if path.startswith("$FLOWSTONE_HOME/"):
        return home() / path.removeprefix("$FLOWSTONE_HOME/")
    return Path(path).expanduser()


def bytes_of(text: str) -> int:
    """Return the bytes of ``268435456``, ``256 MiB`` or ``2G``; K, M and G are powers of 1024.

    Raises:
        ValueError: It is not a size.
    """
    number, unit = _split(text, "FLOWSTONE_STORE_MAX_BYTES")
    unit = unit.removesuffix("b").removesuffix("i")
    if unit not in _BYTES:
        raise ValueError(f"FLOWSTONE_STORE_MAX_BYTES is {text!r}; write it as 256 MiB or 2 GiB")
    return max(65_536, int(min(number * _BYTES[unit], _MOST)))


def seconds_of(text: str) -> float:
    """Return the seconds of ``30 d``, ``12h`` or ``3600``.

    Raises:
        ValueError: It is not a time span.
    """
    number, unit = _split(text, "FLOWSTONE_STORE_MAX_AGE")
    if unit[:1] not in _SECONDS:
        raise ValueError(f"FLOWSTONE_STORE_MAX_AGE is {text!r}; write it as 30 d or 12 h")
    return number * _SECONDS[unit[:1]]


def _split(text: str, name: str) -> tuple[float, str]:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError(f"{name} is {text!r}; it begins with a number, then a unit")
    return float(match[1]), match[2].lower()
