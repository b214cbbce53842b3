"""Moments as people write and read them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import click

from flowstone_audit.columns import EARLIEST, OutOfRange

_AGO: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(s|m|h|d|w)\s*(?:ago)?\s*")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Moment(click.ParamType):  # type: ignore[type-arg]  # generic in later versions alone
    """``2025-01-15``, ``2025-01-15T08:30``, ``2025-01-15T08:30+01:00`` or ``90m``, ``24h``, ``7d`` ago."""

    name = "moment"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return it as a datetime in UTC; without an offset it is the local time of this machine."""
        if isinstance(value, datetime):
            return value
        text = str(value)
        try:
            if ago := _AGO.fullmatch(text):
                return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: float(ago[1])})
            return datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError, OSError):
            self.fail(f"{text!r} is no moment; write 2025-01-15T08:30+00:00, 2025-01-15 or 24h", param, ctx)


def local_text(moment: datetime) -> str:
    """Return a moment as local date and time, to the second."""
    if isinstance(moment, OutOfRange):
        return _beyond(moment)
    return moment.astimezone().isoformat(sep=" ", timespec="seconds")[:19]


def full_text(moment: datetime | None) -> str:
    """Return a moment in UTC, to the microsecond."""
    if isinstance(moment, OutOfRange):
        return _beyond(moment) + ("" if moment.stored is None else f", as {moment.stored}")
    return "-" if moment is None else moment.astimezone(UTC).isoformat(sep=" ", timespec="microseconds")


def _beyond(moment: OutOfRange) -> str:
    return f"{'before' if moment.year == EARLIEST.year else 'after'} {moment.date().isoformat()}"
