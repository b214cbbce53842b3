"""Settings: the environment first, then ``flowstone.toml``, then ``[tool.flowstone]`` of pyproject.toml."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

PREFIX: Final = "FLOWSTONE_"
_FILES: Final = ("flowstone.toml", "pyproject.toml")
_FALSE: Final = frozenset({"0", "false", "no", "off"})
_read: dict[str, Mapping[str, object]] = {}


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
        name = f"{self._prefix}_{key}" if self._prefix else key
        found = os.environ.get(PREFIX + name.upper())
        if found:
            return found
        value = _from_file().get(name.lower())
        return default if value is None or value == "" else _as_text(value)

    def flag(self, key: str, default: bool) -> bool:
        """Return a setting as yes or no."""
        found = self.get(key)
        return default if found is None else found.strip().lower() not in _FALSE

    def number(self, key: str, default: float) -> float:
        """Return a setting as a number; *default* where it is none."""
        try:
            return float(self.get(key) or default)
        except ValueError:
            return default

    def words(self, key: str) -> tuple[str, ...]:
        """Return a comma-separated setting as its words."""
        return tuple(word.strip() for word in (self.get(key) or "").split(",") if word.strip())


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return ",".join(str(item) for item in value) if isinstance(value, list) else str(value)


def _from_file() -> Mapping[str, object]:
    here = str(Path.cwd())
    if here not in _read:
        _read[here] = _search(Path(here))
    return _read[here]


def _search(folder: Path) -> Mapping[str, object]:
    """Return the table of the nearest file at or above *folder*."""
    for place in (folder, *folder.parents):
        for name in _FILES:
            try:
                table = tomllib.loads((place / name).read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            found = table.get("tool", {}).get("flowstone") if name == "pyproject.toml" else table
            if isinstance(found, dict):
                return {key.lower().replace("-", "_"): value for key, value in found.items()}
    return {}


def settings(prefix: str = PREFIX) -> Settings:
    """Return the settings under *prefix*, such as ``FLOWSTONE_AUDIT``."""
    return Settings(prefix)
