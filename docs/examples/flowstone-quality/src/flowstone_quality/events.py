"""The event that this plugin adds."""

from __future__ import annotations

from flowstone.plugin import Event, event


@event(subject="quality")
class QualityChecked(Event):
    """An asset was held to its minimum of rows.

    When: a materialization ended that told its rows, or `flowstone quality` looked at a file.
    Guarantees: same correlation id as the materialization; its span is the parent.
    Not emitted: for materializations that do not tell their rows.

    Attributes:
        asset: Asset key, or the file's name.
        rows: Rows it has.
        minimum: Rows it has to have.
        passed: Whether it has them.
    """

    asset: str
    rows: int = 0
    minimum: int = 0
    passed: bool = True
