"""Times, durations and amounts as people read them."""

from __future__ import annotations

from datetime import datetime
from typing import Final

_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def duration_text(nanoseconds: int) -> str:
    """Return a duration with three significant digits, or in hours, minutes and seconds."""
    if nanoseconds < 1000:
        return f"{nanoseconds} ns"
    for unit, size in (("µs", 1e3), ("ms", 1e6)):
        if nanoseconds < size * 999.5:
            return f"{_three(nanoseconds / size)} {unit}"
    seconds = nanoseconds / 1e9
    if seconds < 59.95:
        return f"{_three(seconds)} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} m {rest:02} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} m" if hours < 48 else f"{hours // 24} d {hours % 24:02} h"


def size_text(size: int) -> str:
    """Return bytes in binary units."""
    value = float(size)
    for unit in _UNITS[:-1]:
        if abs(value) < 1023.95:
            return f"{size} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} {_UNITS[-1]}"


def rows_text(rows: int) -> str:
    """Return a number of rows, its thousands apart."""
    return f"{rows:,} row{'' if rows == 1 else 's'}"


def moment_text(nanoseconds: int) -> str:
    """Return a Unix time as the local date and time with its offset, to the millisecond."""
    try:
        moment = datetime.fromtimestamp(nanoseconds // 1_000_000 / 1000).astimezone()
    except (OverflowError, OSError, ValueError):
        return f"{nanoseconds} ns"  # of a clock that is out of its mind
    return moment.isoformat(sep=" ", timespec="milliseconds")


def clock_text(nanoseconds: int) -> str:
    """Return the time of day of a Unix time."""
    text = moment_text(nanoseconds)
    return text[11:23] if text[10:11] == " " else text


def _three(value: float) -> str:
    return f"{value:.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"
