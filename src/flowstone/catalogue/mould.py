"""Making events fast: a maker per event class, compiled from one expression per field.

A frozen dataclass sets each field through ``object.__setattr__`` (4 us for 24 fields), and a call
with 24 arguments has its price too. A maker fills a twin class with plain slots, straight from
what it is given, and then changes the object's class to the frozen one (1 us in all). Both
classes have the same slots and base, which is what CPython asks of ``__class__``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

from flowstone.catalogue.event import Event

_twins: dict[type[Event], type] = {}


def maker(
    cls: type[Event],
    values: Mapping[str, str],
    *,
    before: Sequence[str] = (),
    names: Mapping[str, object],
) -> Callable[[Any], Event]:
    """Compile a function that makes a *cls* from one argument, ``given``.

    It checks nothing: it is for the drain, whose values are clean already.

    Args:
        cls: The event class.
        values: A Python expression per field; fields without one get their default.
        before: Statements to run first; what they assign can be used in expressions.
        names: What else statements and expressions refer to.

    Raises:
        TypeError: There is an expression for no field of *cls*, or none for a required field.
    """
    own = {field.name: field for field in fields(cls)}
    unknown = [name for name in values if name not in own]
    missing = [name for name, field in own.items() if field.default is MISSING and name not in values]
    if unknown or missing:
        raise TypeError(f"{cls.__name__} maker: unknown fields {unknown}, missing fields {missing}")
    namespace: dict[str, object] = {**names, "new": object.__new__, "twin": _twin(cls), "final": cls}
    lines = ["def make(given):", *(f"    {statement}" for statement in before), "    made = new(twin)"]
    for name, field in own.items():
        if name not in values:
            namespace[f"default_{name}"] = field.default
        lines.append(f"    made.{name} = {values.get(name, f'default_{name}')}")
    lines += ["    made.__class__ = final", "    return made"]
    exec("\n".join(lines), namespace)  # noqa: S102  # expressions of our own
    made: Callable[[Any], Event] = namespace["make"]  # type: ignore[assignment]
    return made


def _twin(cls: type[Event]) -> type:
    twin = _twins.get(cls)
    if twin is None:
        twin = _twins[cls] = type(
            f"{cls.__name__}Mould",
            cls.__bases__,  # the same, or CPython refuses the change of class
            {
                "__slots__": cls.__slots__,
                # Both must be object's own, or CPython takes the slow path for each field.
                "__setattr__": object.__setattr__,
                "__delattr__": object.__delattr__,
            },
        )
    return twin
