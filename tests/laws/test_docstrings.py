from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import fields

import pytest

from flowstone.catalogue import Event, builtin_events, reference
from flowstone.catalogue.event import CustomEvent
from flowstone.dispatch.specs import Hooks
from tests.laws.tree import ROOT, FunctionNode, Source, sources, suites

INHERITED = {"override", "overload"}


def test_everything_public_is_documented() -> None:
    """Every shipped module, public class, function and method has a docstring."""
    assert [] == [place for source in sources() for place in _undocumented(source)]


def test_tests_state_their_property() -> None:
    """Every test says in a docstring which property it holds."""
    assert [] == [
        f"{source.where(node)} {node.name}"
        for source in suites()
        for node in ast.walk(source.tree)
        if isinstance(node, FunctionNode)
        and node.name.startswith("test_")
        and source.stem.startswith("test_")
        and not ast.get_docstring(node)
    ]


@pytest.mark.parametrize("cls", builtin_events(), ids=lambda cls: cls.__name__)
def test_every_event_says_when_it_comes(cls: type[Event]) -> None:
    """Each built-in event documents when it is emitted, what it guarantees and when it is not emitted."""
    assert list(reference.CLAUSES) == list(reference.parse(cls.__doc__ or "").clauses)


@pytest.mark.parametrize("cls", [*builtin_events(), CustomEvent], ids=lambda cls: cls.__name__)
def test_every_field_has_a_meaning(cls: type[Event]) -> None:
    """Each field of an event is explained in an Attributes section of its class or a base."""
    meant = reference.meanings(cls)
    assert [] == [field.name for field in fields(cls) if not meant.get(field.name)]


@pytest.mark.parametrize("hook", [name for name in vars(Hooks) if not name.startswith("_")])
def test_every_hook_says_when_it_is_called(hook: str) -> None:
    """Each hook documents when it is called, what it guarantees and when it is not called."""
    doc = inspect.getdoc(getattr(Hooks, hook)) or ""
    assert [] == [title for title in ("When:", "Guarantees:", "Not called:") if f"\n{title}" not in doc]


def test_the_reference_page_is_the_rendered_one() -> None:
    """The committed page of the events is what `make docs` writes."""
    committed = (ROOT / "docs" / "reference" / "events.md").read_text(encoding="utf-8")
    assert reference.page() == committed, "run: make docs"


def _undocumented(source: Source) -> Iterator[str]:
    if not ast.get_docstring(source.tree) and source.tree.body:
        yield source.path
    yield from _missing(source, source.tree.body)


def _missing(source: Source, body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if not isinstance(node, FunctionNode | ast.ClassDef) or node.name.startswith("_") or _inherits(node):
            continue
        if not ast.get_docstring(node):
            yield f"{source.where(node)} {node.name}"
        if isinstance(node, ast.ClassDef):
            yield from _missing(source, node.body)


def _inherits(node: FunctionNode | ast.ClassDef) -> bool:
    """Tell whether the docstring stands elsewhere: at the base, the implementation or the getter."""
    names = {ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list}
    return bool(names & {*INHERITED, "setter"})
