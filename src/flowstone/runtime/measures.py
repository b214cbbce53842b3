"""What plugins let be read whenever metrics are: depths, ages, totals of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from flowstone.runtime import stats

Reading = tuple[tuple[str, ...], float]
"""Values of the labels, in the order of ``Measure.labels``, and the value of that series."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A metric that is read, not recorded.

    Attributes:
        name: Such as ``flowstone.audit.spool.size``.
        kind: ``counter`` for a total that only grows, ``updowncounter`` for what can be added up over
            processes, ``gauge`` for what cannot.
        unit: UCUM unit, such as ``By``, ``s`` or ``{message}``.
        description: What it tells.
        labels: Keys of its attributes; few values each, never an id.
        read: Returns the present value of each series; quick, for metrics are read under way. Nothing
            where there is nothing to tell.
    """

    name: str
    kind: Literal["counter", "updowncounter", "gauge"]
    unit: str
    description: str
    labels: tuple[str, ...] = ()
    read: Callable[[], Iterable[Reading]]


_registered: Final[dict[str, Measure]] = {}


def measure(one: Measure) -> None:
    """Have *one* exported with the metrics of this process; the newest of a name counts.

    A plugin calls it when it is made: what comes after the first event is not exported any more.
    """
    _registered[one.name] = one


def registered() -> Sequence[Measure]:
    """Return all measures, by name."""
    return [_registered[name] for name in sorted(_registered)]


def readings() -> Iterator[tuple[str, tuple[str, ...], float]]:
    """Yield name, label values and value of each series; a measure that fails is counted and left out."""
    for one in registered():
        try:
            found = list(one.read())
        except Exception:  # a plugin's reading must not take the other metrics away
            stats.count(f"measure.failed.{one.name}")
            continue
        for labels, value in found:
            yield one.name, labels, value
