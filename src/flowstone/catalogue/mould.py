"""Making events fast: a positional builder per event class.

A frozen dataclass sets each field through ``object.__setattr__`` (4 us for 24 fields). The
builder fills a twin class with plain slots and then changes the object's class to the frozen one
(0.5 us). Both classes have the same slots and base, which is what CPython asks of ``__class__``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields

from flowstone.catalogue.event import Event

_builders: dict[tuple[type[Event], tuple[str, ...]], Callable[..., Event]] = {}


def builder(cls: type[Event], *names: str) -> Callable[..., Event]:
    """Return a function that makes a *cls* from the positional values of the fields *names*.

    Fields that are not named get their defaults. The builder checks nothing: it is for the
    drain, whose values are clean already.

    Raises:
        TypeError: A name is not a field of *cls*, or a field without default is not named.
    """
    key = (cls, names)
    made = _builders.get(key)
    if made is None:
        made = _builders[key] = _compile(cls, names)
    return made


def _compile(cls: type[Event], names: tuple[str, ...]) -> Callable[..., Event]:
    own = {field.name: field for field in fields(cls)}
    unknown = [name for name in names if name not in own]
    missing = [name for name, field in own.items() if field.default is MISSING and name not in names]
    if unknown or missing:
        raise TypeError(f"{cls.__name__} builder: unknown fields {unknown}, missing fields {missing}")
    namespace: dict[str, object] = {"final": cls}
    lines = [f"def __init__(self, {', '.join(names)}):"]
    for name, field in own.items():
        if name in names:
            lines.append(f"    self.{name} = {name}")
        else:
            namespace[f"default_{name}"] = field.default
            lines.append(f"    self.{name} = default_{name}")
    lines.append("    self.__class__ = final")
    exec("\n".join(lines), namespace)  # noqa: S102  # our own field names only
    twin = type(
        f"{cls.__name__}Mould",
        cls.__bases__,  # the same, or CPython refuses the change of class
        {
            "__slots__": cls.__slots__,
            "__init__": namespace["__init__"],
            # Both must be object's own, or CPython takes the slow path for each field.
            "__setattr__": object.__setattr__,
            "__delattr__": object.__delattr__,
        },
    )
    return twin
