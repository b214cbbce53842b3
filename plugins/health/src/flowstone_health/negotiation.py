"""Which form of the answer somebody asked for."""

from __future__ import annotations

from typing import Final

HEALTH: Final = "application/health+json"
JSON: Final = "application/json"
TEXT: Final = "text/plain"


def media_type(accept: str) -> str:
    """Return the type to answer with: ``application/health+json`` unless another one is preferred.

    Args:
        accept: The header ``Accept``; empty where there is none.
    """
    if not accept:
        return HEALTH
    offered = {HEALTH: 0.0, JSON: 0.0, TEXT: 0.0}
    specific = dict.fromkeys(offered, -1)
    for part in accept[:1000].split(","):
        wanted, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = _quality(parameters)
        for offer in offered:
            rank = _matches(wanted, offer)
            if rank > specific[offer]:
                specific[offer], offered[offer] = rank, quality
    # max takes the first of equals; who excludes all three gets health+json, for a probe needs an answer.
    return max(offered, key=offered.__getitem__)


def _matches(wanted: str, offer: str) -> int:
    """Return how specifically *wanted* names *offer*; -1 where it does not."""
    if wanted == offer:
        return 2
    if wanted == f"{offer.partition('/')[0]}/*":
        return 1
    return 0 if wanted == "*/*" else -1


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return min(max(float(parameter[2:]), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
