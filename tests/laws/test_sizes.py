from __future__ import annotations

import statistics

from tests.laws.tree import FunctionNode, functions, sources, suites

LONGEST_FILE = 300
MEDIAN_FILE = 100
LONGEST_FUNCTION = 40

NAMELESS = {"utils", "util", "helpers", "helper", "common", "core", "manager", "misc"}


def test_no_file_is_longer_than_a_reader_holds() -> None:
    """No Python file, tests included, has more than 300 lines."""
    assert [] == [f"{s.path}: {s.lines}" for s in (*sources(), *suites()) if s.lines > LONGEST_FILE]


def test_files_are_short_in_the_median() -> None:
    """The median shipped file has at most 100 lines."""
    assert MEDIAN_FILE >= statistics.median(s.lines for s in sources() if s.lines)


def test_no_function_is_longer_than_a_screen() -> None:
    """No shipped function has more than 40 lines, its docstring counted."""
    assert [] == [
        f"{s.where(node)} {node.name}: {_length(node)}"
        for s in sources()
        for node in functions(s)
        if _length(node) > LONGEST_FUNCTION
    ]


def test_files_and_folders_are_named_for_what_they_hold() -> None:
    """No file or folder has a name that would fit any content."""
    assert [] == [s.path for s in sources() if NAMELESS & {*s.path.removesuffix(".py").split("/")}]


def _length(node: FunctionNode) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1
