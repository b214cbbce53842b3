"""The settings of pub/sub, read in one place."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from flowstone.plugin import home, settings
from flowstone_pubsub.engines.base import Retention

_OFF: Final = frozenset({"off", "none", "0"})
_AGE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)")
_UNITS: Final = (
    (1, "s", "sec", "secs", "second", "seconds"),
    (60, "m", "min", "mins", "minute", "minutes"),
    (3600, "h", "hour", "hours"),
    (86_400, "d", "day", "days"),
    (604_800, "w", "week", "weeks"),
)
_SECONDS: Final = {word: seconds for seconds, *words in _UNITS for word in words}
_HOME: Final = "$FLOWSTONE_HOME"


class Config(NamedTuple):
    """Where the log is, and how much of it is kept.

    Attributes:
        url: The engine's URL; None where pub/sub is off.
        retention: How much is kept, where the engine keeps anything.
        spans: Whether what is broadcast is sent in a span of its own.
    """

    url: str | None
    retention: Retention
    spans: bool = True


def load() -> Config:
    """Read ``FLOWSTONE_PUBSUB_URL``, ``FLOWSTONE_PUBSUB_RETENTION`` and ``FLOWSTONE_PUBSUB_SPANS``.

    Raises:
        ValueError: A setting is malformed; the message names it.
        OSError: The home folder cannot be made.
    """
    found = settings("FLOWSTONE_PUBSUB")
    return Config(
        url=url_of(found.get("URL")),
        retention=retention_of(found.get("RETENTION") or ""),
        spans=found.flag("SPANS", True),
    )


def url_of(given: str | None) -> str | None:
    """Return an engine's URL; None for ``off``."""
    if given is None:
        return f"sqlite:///{home() / 'events.db'}"
    given = given.strip()
    if given.lower() in _OFF:
        return None
    if given.startswith(f"sqlite:///{_HOME}/"):
        return given.replace(_HOME, str(home()), 1)
    return given


def retention_of(text: str) -> Retention:
    """Return the bounds of ``100000, 7 d``: a number of records, an age, or both; the other one has its default.

    Raises:
        ValueError: It is neither.
    """
    made = Retention()
    for part in text.lower().split(","):
        word = part.strip().replace("_", "")
        match = _AGE.fullmatch(word)
        if word.isascii() and word.isdigit():
            made = made._replace(records=max(int(word), 1))
        elif match is not None and match[2] in _SECONDS:
            made = made._replace(age=float(match[1]) * _SECONDS[match[2]])
        elif word:
            raise ValueError(
                f"FLOWSTONE_PUBSUB_RETENTION is {text[:100]!r}; write it as a number of records, an age, or both: 100000, 7 d. "
                "Units of an age are s, min, h, d and w"
            )
    return made
