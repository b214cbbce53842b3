from __future__ import annotations

import ast
from collections.abc import Iterator

import grimp

from tests.laws.tree import Source, packages, sources

# Who may import the SDK or an exporter, and why; everybody else uses the API.
SDK_ROOMS: dict[str, str] = {
    "src/flowstone/runtime/export": "the one place where providers and exporters are put together",
}


def test_no_module_is_in_an_import_circle() -> None:
    """No module imports itself over others, imports for types counted."""
    graph = grimp.build_graph(*packages(), exclude_type_checking_imports=False, cache_dir=None)
    assert [] == sorted(_entangled({m: graph.find_modules_directly_imported_by(m) for m in graph.modules}))


def test_the_circle_search_finds_circles() -> None:
    """Modules that import one another are found; those that only use them or are used are not."""
    assert {"a", "b"} == _entangled({"a": {"b"}, "b": {"a", "leaf"}, "leaf": set(), "user": {"a"}})


def test_the_sdk_is_imported_in_its_rooms_only() -> None:
    """Only the places that put providers together import the SDK or an exporter."""
    assert [] == [
        f"{source.path}: {name}"
        for source in sources()
        for name in _imported(source)
        if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))
        and not source.path.startswith(tuple(SDK_ROOMS))
    ]


def test_every_sdk_room_is_used() -> None:
    """No place may import the SDK that does not need to."""
    users = {
        source.path
        for source in sources()
        if any(name.startswith(("opentelemetry.sdk", "opentelemetry.exporter")) for name in _imported(source))
    }
    assert [] == [room for room in SDK_ROOMS if not any(user.startswith(room) for user in users)]


def _entangled(imports: dict[str, set[str]]) -> set[str]:
    """Peel off, layer by layer, whoever imports nobody or is imported by nobody; circles are what is left."""
    left = set(imports)
    while True:
        used = {target for module in left for target in imports[module] & left}
        inside = {module for module in left if imports[module] & left and module in used}
        if inside == left:
            return left
        left = inside


def _imported(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
