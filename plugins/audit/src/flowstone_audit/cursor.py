"""Pages of entries, and walking them: the cursor is the ``seq`` of the last entry that was seen.

A page costs the same at any depth, and stays right while others write: what was given is never given
again, and nothing that was there is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flowstone_audit.entry import AuditEntry


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries, in order.

    Attributes:
        entries: The entries.
        next: The cursor of the page after it; None at the end.
    """

    entries: tuple[AuditEntry, ...]
    next: int | None


def walk(fetch: Callable[[int | None], Page], after: int | None = None) -> Iterator[Page]:
    """Yield page after page of what *fetch* returns for a cursor, beginning after *after*."""
    page = fetch(after)
    yield page
    while page.next is not None:
        page = fetch(page.next)
        yield page
