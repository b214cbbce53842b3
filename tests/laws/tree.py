"""The source tree as the law tests read it: every file of the core and the plugins, parsed once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One Python file."""

    path: str
    lines: int
    tree: ast.Module

    @property
    def stem(self) -> str:
        """Its name without the suffix."""
        return Path(self.path).stem

    def where(self, node: ast.stmt | ast.expr | ast.excepthandler) -> str:
        """Return the place of *node* as an editor opens it."""
        return f"{self.path}:{node.lineno}"


@cache
def sources() -> tuple[Source, ...]:
    """Return every file that is shipped: the core's and the plugins'."""
    folders = [ROOT / "src", *sorted(ROOT.glob("plugins/*/src"))]
    return tuple(_read(path) for folder in folders for path in sorted(folder.rglob("*.py")))


@cache
def suites() -> tuple[Source, ...]:
    """Return every file that tests."""
    folders = [ROOT / "tests", *sorted(ROOT.glob("plugins/*/tests"))]
    return tuple(_read(path) for folder in folders for path in sorted(folder.rglob("*.py")))


@cache
def packages() -> tuple[str, ...]:
    """Return the names of the import packages: flowstone and its plugins."""
    found = [*ROOT.glob("src/*/__init__.py"), *ROOT.glob("plugins/*/src/*/__init__.py")]
    return tuple(sorted(path.parent.name for path in found))


def functions(source: Source) -> Iterator[FunctionNode]:
    """Yield every function of a file, methods and nested ones too."""
    for node in ast.walk(source.tree):
        if isinstance(node, FunctionNode):
            yield node


def _read(path: Path) -> Source:
    text = path.read_text(encoding="utf-8")
    return Source(
        path=path.relative_to(ROOT).as_posix(), lines=len(text.splitlines()), tree=ast.parse(text, str(path))
    )
