"""What SDK spans are told on the caller: read straight from operations, so that no event is made there.

The shapes and the recipes of the events' fields are put together here, once for each kind of
operation, into two functions; they say what the events would say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any, Final, NamedTuple

from opentelemetry.trace import SpanKind

from flowstone.catalogue.values import AttributeValue
from flowstone.otel.shapes import COMMON, SpanShape, start_shape_of
from flowstone.otel.spans import CONVERTED, rendered
from flowstone.runtime.rendering import NAMES, Recipe, RenderedOperation

Begun = tuple[str, dict[str, AttributeValue], tuple[object, ...]]
"""Name and attributes of a span, and the operation's own fields that they were made of."""

_PRESENT: Final = "if value is not None and value != '':"


class Reader(NamedTuple):
    """Reads one kind of operation.

    Attributes:
        kind: The kind of its spans.
        begin: Returns what its span begins with.
        end: Returns what its span gets at the end of a success, given its own fields as ``begin``
            returned them; None where they have changed meanwhile.
    """

    kind: SpanKind
    begin: Callable[[RenderedOperation], Begun]
    end: Callable[[RenderedOperation, tuple[object, ...]], dict[str, AttributeValue] | None]


def reader_of(cls: type[RenderedOperation]) -> Reader | None:
    """Return what reads operations of the class *cls*, none where they make no spans."""
    start, stop = cls.recipes
    shape = start_shape_of(start.event)
    if shape is None:
        return None
    at_start = {own.name for own in fields(start.event)}
    pairs = [(key, name) for key, name in (*COMMON, *shape.attributes) if name in stop.values]
    first = [(key, name) for key, name in pairs if name in at_start]
    later = [(key, name) for key, name in pairs if name not in at_start]
    return Reader(shape.kind, _beginner(shape, start, first), _ender(stop, later))


def _beginner(shape: SpanShape, recipe: Recipe, pairs: list[tuple[str, str]]) -> Callable[..., Any]:
    own = {name: f"own[{number}]" for number, name in enumerate(recipe.own)}
    sources = {**recipe.values, **own}
    prefix = f"{shape.name} " if shape.name else ""
    body = [
        *_needed(recipe, [sources[name] for _, name in pairs]),
        f"own = {_tuple_of(recipe)}",
        f"values = {dict(shape.constants)!r}",
        *_assignments(pairs, sources),
        "if given.initial:",
        "    values = {**given.start_attributes(), **values}",
        f"subject = {sources[shape.subject] if shape.subject else repr('')}",
        f"return f'{prefix}{{subject}}' if subject else {shape.name!r}, values, own",
    ]
    return _compiled("given", body)


def _ender(recipe: Recipe, pairs: list[tuple[str, str]]) -> Callable[..., Any]:
    body = [
        f"if {_tuple_of(recipe)} != own:",
        "    return None",
        *_needed(recipe, [recipe.values[name] for _, name in pairs]),
        "values = {}",
        *_assignments(pairs, recipe.values),
        "return values",
    ]
    return _compiled("given, own", body)


def _needed(recipe: Recipe, expressions: list[str]) -> list[str]:
    """Return those of the recipe's statements whose result is in *expressions*, in their order."""
    kept: list[str] = []
    read = " ".join(expressions)
    for statement in reversed(recipe.before):
        if re.search(rf"\b{statement.partition(' = ')[0]}\b", read):
            kept.insert(0, statement)
            read += statement
    return kept


def _assignments(pairs: list[tuple[str, str]], sources: dict[str, str]) -> Iterator[str]:
    for key, name in pairs:
        yield f"value = {sources[name]}"
        yield _PRESENT
        yield f"    values[{key!r}] = {f'rendered({key!r}, value)' if key in CONVERTED else 'value'}"


def _tuple_of(recipe: Recipe) -> str:
    return f"({''.join(f'{recipe.values[name]}, ' for name in recipe.own)})"


def _compiled(arguments: str, body: list[str]) -> Callable[..., Any]:
    namespace: dict[str, Any] = {**NAMES, "rendered": rendered}
    exec("\n    ".join([f"def read({arguments}):", *body]), namespace)  # noqa: S102  # expressions of our own
    read: Callable[..., Any] = namespace["read"]
    return read
