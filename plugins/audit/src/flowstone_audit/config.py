"""The settings of the audit log, read in one place."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flowstone.plugin import Variables, home, placed, settings
from flowstone_audit.policy import Failures, Policy

_OFF: Final = frozenset({"off", "none", "0"})
_SQLITE: Final = "sqlite:///"
_NUMBER: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGkmg]?)(?:[iI]?[bB])?\s*")
_UNITS: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_LEAST_SPOOL: Final = 65_536
_TELLING: Final = Variables("FLOWSTONE_HOME", "FLOWSTONE_AUDIT_URL", "FLOWSTONE_AUDIT_POLICY")
_DRIVERS: Final = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Where the audit log is, and how it is kept.

    Attributes:
        url: SQLAlchemy URL of the database; None where the audit log is off.
        folder: ``$FLOWSTONE_HOME/audit``, with the spool, the key and the checkpoints.
        policy: Which events are audited, and how soon they are durable.
        on_failure: What becomes of entries that even the spool cannot take.
        spool_max_bytes: What all spools of the home may take together.
        private: Keys of details that are held privately.
        key: The signing key's file.
        anchor_file: Where the file anchor publishes checkpoints; None where it is off.
        seal_interval: Seconds between two seals, at least.
        retain_days: Days that entries are kept, at least.
        trace_sql: Whether the plugin's own SQL is traced.
    """

    url: str | None
    folder: Path
    policy: Policy
    on_failure: Failures
    spool_max_bytes: int
    private: frozenset[str]
    key: Path
    anchor_file: Path | None
    seal_interval: float
    retain_days: int
    trace_sql: bool

    @property
    def spool(self) -> Path:
        """The folder of the spools."""
        return self.folder / "spool"


def load() -> Config:
    """Read ``FLOWSTONE_AUDIT_*``.

    Raises:
        ValueError: A setting is malformed; the message names it.
        OSError: The home folder cannot be made.
    """
    found = settings("FLOWSTONE_AUDIT")
    url = url_of(found.get("URL"))
    folder = _folder(url)
    return Config(
        url=url,
        folder=folder,
        policy=Policy(found.get("POLICY") or ""),
        on_failure=Failures(found.get("ON_FAILURE") or ""),
        spool_max_bytes=bytes_of(found.get("SPOOL_MAX_BYTES") or "256 MiB"),
        private=frozenset(found.words("PRIVATE")),
        key=_path(found.get("KEY")) or folder / "key.pem",
        anchor_file=_anchor(found.get("ANCHOR_FILE"), folder),
        seal_interval=_at_least(found.get("SEAL_INTERVAL"), 1.0, 0.05, "SEAL_INTERVAL"),
        retain_days=int(_at_least(found.get("RETAIN_DAYS"), 365.0, 1.0, "RETAIN_DAYS")),
        trace_sql=found.flag("TRACE_SQL", False),
    )


def meant() -> tuple[Policy, Failures] | None:
    """Return what is to be kept where the settings as a whole cannot be used; None where the audit log is off.

    A policy that is malformed itself counts as the default one.
    """
    found = settings("FLOWSTONE_AUDIT")
    if (found.get("URL") or "").strip().lower() in _OFF:
        return None
    try:
        policy = Policy(found.get("POLICY") or "")
    except ValueError:
        policy = Policy()
    try:
        return policy, Failures(found.get("ON_FAILURE") or "")
    except ValueError:
        return policy, Failures()


def fingerprint() -> tuple[str | bytes | None, ...]:
    """Return what tells one configuration of a process from the next; cheap, for it is asked often."""
    return _TELLING.read()


def url_of(text: str | None) -> str | None:
    """Return the SQLAlchemy URL that a setting names; None for ``off``.

    ``sqlite:///path`` and ``postgresql://user@host/database`` are understood; the driver is psycopg 3.

    Raises:
        ValueError: It is neither.
    """
    if text is None:
        return f"{_SQLITE}{home() / 'audit.db'}"
    text = text.strip()
    if text.lower() in _OFF:
        return None
    scheme, colon, rest = text.partition("://")
    if colon and scheme in _DRIVERS:
        return f"{_DRIVERS[scheme]}://{rest}"
    if scheme == "postgresql+psycopg":
        return text
    if text.startswith(_SQLITE) and len(text) > len(_SQLITE):
        path = text.removeprefix(_SQLITE)
        if path.startswith("$FLOWSTONE_HOME/"):
            return f"{_SQLITE}{home() / path.removeprefix('$FLOWSTONE_HOME/')}"
        return f"{_SQLITE}{placed(path)}"
    raise ValueError(
        "FLOWSTONE_AUDIT_URL has to be sqlite:///path/to/file.db, postgresql://user@host/database or off"
    )


def bytes_of(text: str) -> int:
    """Return the bytes of ``268435456``, ``256 MiB`` or ``2G``; K, M and G are powers of 1024.

    Raises:
        ValueError: It is not a size.
    """
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError(f"FLOWSTONE_AUDIT_SPOOL_MAX_BYTES is {text!r}; write it as 256 MiB or 2 GiB")
    return max(_LEAST_SPOOL, int(float(match[1]) * _UNITS[match[2].lower()]))


def _at_least(text: str | None, default: float, least: float, name: str) -> float:
    if text is None:
        return default
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not least <= number <= 1e9:
        raise ValueError(f"FLOWSTONE_AUDIT_{name} is {text!r}; it has to be a number, {least:g} or more")
    return number


def _folder(url: str | None) -> Path:
    try:
        return home() / "audit"
    except OSError:
        if url is not None:
            raise
        return Path(os.devnull) / "audit"  # nothing is kept, so nothing has to be made


def _path(text: str | None) -> Path | None:
    return placed(text) if text else None


def _anchor(text: str | None, folder: Path) -> Path | None:
    if text is not None and text.strip().lower() in _OFF:
        return None
    return _path(text) or folder / "checkpoints"
