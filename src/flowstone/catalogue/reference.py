"""The reference page of the events, rendered from their classes: docstrings and fields are its only source."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from itertools import groupby
from typing import get_args

from flowstone.catalogue import names, values
from flowstone.catalogue.event import CustomEvent, Event, Process
from flowstone.catalogue.registry import builtin_events, name_of

CLAUSES = ("When", "Guarantees", "Not emitted")

_INTRODUCTION = """\
# Events

This page is rendered from the event classes; `make docs` writes it.

Every event is a frozen dataclass that plugins import from `flowstone.plugin`.
Its name, its class, its hook and its heading here are one stem in four spellings.
An event's JSON form is one object: `v` is the version of the form, `name` is always there, and of the fields below
those that do not hold their default."""

_VALUES = (values.Error, values.SpanEvent, values.SpanLink, Process)
_LITERALS = ("Status", "ResourceStatus", "SensorResult", "ExceptionKind")
_CLAUSE = re.compile(rf"({'|'.join(CLAUSES)}): (.*)")
_ATTRIBUTE = re.compile(r"    (\w+): (.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Docstring:
    """What the docstring of an event says.

    Attributes:
        summary: Its first paragraph.
        clauses: The text of each clause, by title.
        attributes: The meaning of each attribute, by name.
    """

    summary: str
    clauses: dict[str, str]
    attributes: dict[str, str]


def parse(text: str) -> Docstring:
    """Read a docstring that is written in the house's form."""
    lines = inspect.cleandoc(text).splitlines()
    end = lines.index("") if "" in lines else len(lines)
    before, _, after = "\n".join(lines[end:]).partition("Attributes:\n")
    return Docstring(
        summary=_markdown(" ".join(lines[:end])),
        clauses=_entries(before, _CLAUSE),
        attributes=_entries(after, _ATTRIBUTE),
    )


def meanings(cls: type) -> dict[str, str]:
    """Return what the fields of *cls* mean, gathered from the docstrings of the class and its bases."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        found.update(parse(base.__dict__.get("__doc__") or "").attributes)
    return found


def page() -> str:
    """Return the whole reference page as Markdown."""
    parts = [_INTRODUCTION, "## Fields of every event", _table(Event, _names(Event))]
    for subject, events in groupby(builtin_events(), key=lambda cls: cls.subject):
        parts.append(f"## Subject `{subject}`")
        for cls in events:
            parts.extend(_event(cls))
    parts.extend(_custom())
    parts.extend(_values())
    return "\n\n".join(parts) + "\n"


def _event(cls: type[Event]) -> Iterator[str]:
    name = name_of(cls)
    doc = parse(cls.__doc__ or "")
    yield f"### {name}"
    yield doc.summary
    yield "\n".join(
        [f"- Class: `{cls.__name__}`", f"- Hook: `{names.hook_of_name(name)}(event)`", *_clauses(doc)]
    )
    own = _own_fields(cls)
    yield _table(cls, own) if own else "It has no fields beside those of every event."


def _custom() -> Iterator[str]:
    doc = parse(CustomEvent.__doc__ or "")
    yield "## Other names"
    yield doc.summary
    yield "\n".join([f"- Class: `{CustomEvent.__name__}`", *_clauses(doc)])


def _values() -> Iterator[str]:
    yield "## Values"
    lines = [f"- `{name}`: one of {_choices(name)}." for name in _LITERALS]
    lines.append("- `Partition`: a string, an integer, a date, a datetime, or a tuple of these.")
    lines.append(
        '  In JSON a date is `{"$date": "2025-01-15"}`, a datetime `{"$datetime": "2025-01-15T08:00:00"}`,'
    )
    lines.append("  a tuple an array.")
    lines.append(
        "- `Attributes`: strings mapped to strings, booleans, integers, floats, or sequences of one kind."
    )
    yield "\n".join(lines)
    for cls in _VALUES:
        yield f"### {cls.__name__}"
        yield parse(cls.__doc__ or "").summary
        yield _table(cls, _names(cls))


def _choices(literal: str) -> str:
    return ", ".join(f"`{choice}`" for choice in get_args(getattr(values, literal)))


def _own_fields(cls: type[Event]) -> list[str]:
    """Return the fields that not every event has, those of the nearest class first."""
    known = set(_names(cls)) - set(_names(Event))
    ordered = [name for base in cls.__mro__ for name in inspect.get_annotations(base)]
    return list(dict.fromkeys(name for name in ordered if name in known))


def _names(cls: type) -> list[str]:
    return [field.name for field in fields(cls)]


def _clauses(doc: Docstring) -> list[str]:
    return [f"- {title}: {text}" for title, text in doc.clauses.items()]


def _table(cls: type, chosen: Iterable[str]) -> str:
    types = {field.name: str(field.type).replace(" | ", " or ") for field in fields(cls)}
    meaning = meanings(cls)
    rows = ["| field | type | meaning | JSON name |", "|---|---|---|---|"]
    for name in chosen:
        text = meaning.get(name, "").replace("|", "\\|")
        rows.append(f"| `{name}` | `{types[name]}` | {text} | `{name}` |")
    return "\n".join(rows)


def _entries(block: str, pattern: re.Pattern[str]) -> dict[str, str]:
    """Collect ``title: text`` entries; a line that opens none continues the one before."""
    found: dict[str, str] = {}
    title = ""
    for line in block.splitlines():
        opened = pattern.fullmatch(line)
        if opened:
            title = opened[1]
            found[title] = _markdown(opened[2])
        elif title and line.strip():
            found[title] += " " + _markdown(line.strip())
    return found


def _markdown(text: str) -> str:
    return text.replace("``", "`")
