"""The settings of health reporting, read in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flowstone.plugin import settings

DEFAULT_PORT: Final = 8086


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """How health is reported.

    Attributes:
        host: Address that ``serve`` listens on.
        port: Port that ``serve`` listens on.
        token: Who shows it may see details; None where no token is set.
        loopback: Whether callers on this machine may see details without a token.
        interval: Seconds between two looks of every check; None leaves it to the checks.
        grace: Seconds that the standalone server goes on after SIGTERM.
        database_url: SQLAlchemy's URL of a database of the user's to look at; None for none.
        resource_ttl: Seconds for which a resource counts as unhealthy after it was last seen so.
        disk_min: Bytes free below which the disk is degraded; below a tenth of it, unhealthy.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    token: str | None = None
    loopback: bool = True
    interval: float | None = None
    grace: float = 5.0
    database_url: str | None = None
    resource_ttl: float = 600.0
    disk_min: float = float(1 << 30)


def load() -> Config:
    """Read the settings that begin with ``FLOWSTONE_HEALTH``; one that cannot be used is told once, and its default holds."""
    found = settings("FLOWSTONE_HEALTH")
    interval = found.number("INTERVAL", 0.0)
    return Config(
        host=found.get("HOST") or "127.0.0.1",
        port=found.parsed("PORT", str(DEFAULT_PORT), port_of),
        token=found.get("TOKEN"),
        loopback=found.flag("LOOPBACK", True),
        interval=interval if interval > 0 else None,
        grace=max(0.0, found.number("GRACE", 5.0)),
        database_url=found.get("DATABASE_URL"),
        resource_ttl=max(0.0, found.number("RESOURCE_TTL", 600.0)),
        disk_min=max(0.0, found.number("DISK_MIN", float(1 << 30))),
    )


def port_of(text: str) -> int:
    """Return the port that a setting names.

    Raises:
        ValueError: It is none.
    """
    word = text.strip()
    if not (word.isascii() and word.isdigit() and len(word) < 6 and int(word) < 65536):
        raise ValueError(f"FLOWSTONE_HEALTH_PORT is {text[:100]!r}; it has to be a number from 0 to 65535")
    return int(word)
