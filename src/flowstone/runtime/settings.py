"""Settings: the environment first, then ``flowstone.toml``, then ``[tool.flowstone]`` of pyproject.toml."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from math import isnan, nan
from pathlib import Path
from typing import Final, TypeVar

from flowstone.runtime.mistakes import mistaken

PREFIX: Final = "FLOWSTONE_"
_FILES: Final = ("flowstone.toml", "pyproject.toml")
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})
_read: dict[str, Mapping[str, object]] = {}
_unreadable: dict[str, str] = {}

T = TypeVar("T")


class Settings:
    """The settings under one prefix.

    ``settings("FLOWSTONE_STORE").get("URL")`` is the environment variable ``FLOWSTONE_STORE_URL``,
    or ``store_url`` in the file.
    """

    __slots__ = ("_prefix",)

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix.rstrip("_").removeprefix(PREFIX.rstrip("_")).strip("_")

    def get(self, key: str, default: str | None = None) -> str | None:
        """Return a setting as text, or *default* where it is nowhere set; empty text counts as unset."""
        name = self.name(key)
        found = os.environ.get(name)
        if found:
            return found
        value = _from_file().get(name.removeprefix(PREFIX).lower())
        return default if value is None or value == "" else _as_text(value)

    def name(self, key: str) -> str:
        """Return the environment variable of a setting."""
        return PREFIX + (f"{self._prefix}_{key}" if self._prefix else key).upper()

    def flag(self, key: str, default: bool) -> bool:
        """Return a setting as yes or no; *default* where it is neither, which is told once."""
        found = self.get(key)
        if found is None:
            return default
        word = found.strip().lower()
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
        mistaken(self.name(key), f"{self.name(key)} is {found[:100]!r}; it has to be 1 or 0")
        return default

    def number(self, key: str, default: float) -> float:
        """Return a setting as a number; *default* where it is none, which is told once."""
        found = self.get(key)
        if found is None:
            return default
        try:
            number = float(found)
        except ValueError:
            number = nan
        if not isnan(number):
            return number
        mistaken(self.name(key), f"{self.name(key)} is {found[:100]!r}; it has to be a number")
        return default

    def parsed(self, key: str, default: str, parse: Callable[[str], T]) -> T:
        """Return what *parse* makes of a setting; of *default* where it is not set, or *parse* raises.

        Args:
            key: The setting.
            default: Its default, as text.
            parse: Raises ValueError for what it does not understand; its message, which names the setting,
                is told once.
        """
        found = self.get(key)
        if found is not None:
            try:
                return parse(found)
            except ValueError as error:
                mistaken(self.name(key), str(error))
        return parse(default)

    def is_hidden(self, key: str) -> bool:
        """Tell whether a file that nobody can read seems to hold a setting that is not set elsewhere."""
        if self.get(key):
            return False
        name = self.name(key).removeprefix(PREFIX).lower()
        return any(
            name in text.lower().replace("-", "_") for file, text in _unreadable.items() if _is_above(file)
        )

    def words(self, key: str) -> tuple[str, ...]:
        """Return a comma-separated setting as its words."""
        return tuple(word.strip() for word in (self.get(key) or "").split(",") if word.strip())


def _is_above(file: str) -> bool:
    """Tell whether *file* is one of those that count here."""
    try:
        return Path.cwd().is_relative_to(Path(file).parent)
    except OSError:  # the folder was removed; what was read last holds
        return True


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return ",".join(str(item) for item in value) if isinstance(value, list) else str(value)


def _from_file() -> Mapping[str, object]:
    try:
        here = str(Path.cwd())
    except OSError:  # it was removed; what was read last holds
        return next(reversed(_read.values()), {})
    if here not in _read:
        _read[here] = _search(Path(here))
    return _read[here]


def _search(folder: Path) -> Mapping[str, object]:
    """Return the table of the nearest file at or above *folder*."""
    for place in (folder, *folder.parents):
        for name in _FILES:
            found = _table_in(place / name)
            if found is not None:
                return {key.lower().replace("-", "_"): value for key, value in found.items()}
    return {}


def _table_in(file: Path) -> Mapping[str, object] | None:
    """Return our table of *file*; None where there is none, an empty one where it cannot be read."""
    is_shared, text = file.name == "pyproject.toml", ""
    try:
        text = file.read_bytes().decode("utf-8", "surrogateescape")
        text.encode("utf-8")
        table = tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        # One of somebody else's may be as broken as it likes.
        there = os.path.exists(file)  # noqa: PTH110  # Path.exists raises where a folder is closed
        if not there or (is_shared and "[tool.flowstone" not in text):
            return None
        _unreadable[str(file)] = text
        why = (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__
        mistaken(str(file), f"{file} cannot be read, so none of it holds: {why}")
        return {}
    tool = table.get("tool") if is_shared else {"flowstone": table}
    found = tool.get("flowstone") if isinstance(tool, dict) else None
    return found if isinstance(found, dict) else None


def settings(prefix: str = PREFIX) -> Settings:
    """Return the settings under *prefix*, such as ``FLOWSTONE_AUDIT``."""
    return Settings(prefix)
