"""What a subscription asks for: topics and wildcards, matched once for each combination of topics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from flowstone_pubsub.topics import EVERYTHING, checked, is_wildcard, template_of

RESERVED: Final = "flowstone.pubsub."
"""Topics of the bus's own records; no wildcard covers them."""


class Patterns:
    """Topics and wildcards of one subscription.

    Attributes:
        asked: As they were asked for.
        template: What they have in common with others, for metrics.
    """

    __slots__ = ("_everything", "_exact", "_prefixes", "asked", "template")

    def __init__(self, asked: Sequence[str]) -> None:
        self.asked = tuple(dict.fromkeys(checked(one) for one in asked))
        if not self.asked:
            raise ValueError("subscribe to one topic at least")
        self._everything = EVERYTHING in self.asked
        self._exact = frozenset(one for one in self.asked if not is_wildcard(one))
        self._prefixes = tuple(one[:-1] for one in self.asked if is_wildcard(one) and one != EVERYTHING)
        templates = {
            one if is_wildcard(one) and one != EVERYTHING else template_of(one) for one in self.asked
        }
        self.template = templates.pop() if len(templates) == 1 else "{topics}"

    def match(self, topics: Sequence[str]) -> str | None:
        """Return the first of an event's topics that is asked for, None where none is."""
        for topic in topics:
            if topic in self._exact:
                return topic
            if not topic.startswith(RESERVED) and (
                self._everything or (self._prefixes and topic.startswith(self._prefixes))
            ):
                return topic
        return None
