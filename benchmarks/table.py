"""The table, as text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from benchmarks.rows import Report, Row

_HEAD = f"  {'':46} {'median':>10} {'best':>10} {'must hold':>11} {'aim':>10}"
_SIGN = {"most": "<=", "least": ">="}


def of(title: str, report: Report) -> str:
    """Return one section as text."""
    lines = [title, *([_HEAD] if report.rows else [])]
    lines += [_line(row) for row in report.rows]
    lines += _wrapped(report.notes)
    if report.missed:
        lines += ["  Why:", *(f"    {line}" for line in report.why)]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    bounds = [
        f"{_SIGN[row.sense]} {bound:g} {row.unit}" if bound is not None else ""
        for bound in (row.must, row.aim)
    ]
    told = f"  {row.what:46} {_number(row.median, row.unit):>10} {_number(row.best, row.unit):>10}"
    return f"{told} {bounds[0]:>11} {bounds[1]:>10}  {row.verdict:6}  {row.detail}".rstrip()


def _number(value: float, unit: str) -> str:
    return f"{value:.3g} {unit}" if value < 1000 else f"{value:.0f} {unit}"


def _wrapped(notes: Iterable[str]) -> list[str]:
    return [textwrap.fill(note, 108, initial_indent="  . ", subsequent_indent="    ") for note in notes]
