"""What is wrong with a guard."""

from __future__ import annotations

from typing import Literal, NamedTuple

What = Literal["absent", "altered", "disabled", "unknown"]


class Finding(NamedTuple):
    """One guard that does not stand, or one thing beside the guards that weakens them.

    Attributes:
        name: Of a table, index, trigger, function or constraint, as the database knows it.
        what: ``unknown``: not ours, and it could keep entries from being written or seen.
    """

    name: str
    what: What
