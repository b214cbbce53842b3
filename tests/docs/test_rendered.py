"""The rendered pages: committed as `make docs` writes them, and complete."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.laws.tree import ROOT, Source, sources

REFERENCE = ROOT / "docs" / "reference"
PAGES = ("cli.md", "events.md", "hooks.md", "settings.md", "telemetry.md")
FORMATS = ("audit-archive.md",)  # what programs of others read; it must not change with the code
READERS = {"flag", "get", "number", "parsed", "words"}
# Environment variables and prefixes that are no settings of ours.
NO_SETTINGS = {
    "FLOWSTONE_AUDIT",  # an example in a docstring
}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "write.py"), str(folder)],
        env={**os.environ, "FLOWSTONE_HOME": str(folder / "home"), "COLUMNS": "80"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stderr)
    return folder


@pytest.mark.parametrize("name", PAGES)
def test_the_committed_page_is_the_rendered_one(name: str, rendered: Path) -> None:
    """Each page of the reference is what the code says today."""
    assert (rendered / name).read_text("utf-8") == (REFERENCE / name).read_text("utf-8"), "run: make docs"


def test_every_reference_page_is_rendered() -> None:
    """No page of the reference is written by hand, but for the formats of files."""
    assert sorted(PAGES + FORMATS) == sorted(path.name for path in REFERENCE.glob("*.md"))


def test_every_setting_that_is_read_is_documented() -> None:
    """Each setting that the code reads, or names in a text, stands on the page of the settings."""
    page = (REFERENCE / "settings.md").read_text("utf-8")
    known = set(re.findall(r"`(FLOWSTONE_[A-Z_]+)`", page)) | NO_SETTINGS
    found = {name for source in sources() for name in (*_read(source), *_named(source))}
    # A prefix, such as settings("FLOWSTONE_STORE"), is part of a name.
    assert [] == sorted(
        name for name in found - known if not any(k.startswith(f"{name.rstrip('_')}_") for k in known)
    ), "add it to docs/rendering/settings.py, then: make docs"


def test_every_documented_setting_is_read() -> None:
    """No setting stands on the page whose last word the code does not know."""
    page = (REFERENCE / "settings.md").read_text("utf-8")
    words = {text for source in sources() for text in _texts(source)}
    assert [] == [
        name
        for name in re.findall(r"^\| `(FLOWSTONE_[A-Z_]+)`", page, re.MULTILINE)
        if not any(name == text or (text and name.endswith(f"_{text}")) for text in words)
    ]


def _read(source: Source) -> Iterator[str]:
    """Yield the settings that a file reads by ``settings(prefix).get(key)`` and the like."""
    prefixes = {
        target.id: prefix
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Assign) and (prefix := _prefix(node.value)) is not None
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(source.tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        of, key = node.func.value, node.args[0]
        prefix = prefixes.get(of.id) if isinstance(of, ast.Name) else _prefix(of)
        if node.func.attr in READERS and prefix and isinstance(key, ast.Constant):
            yield f"{prefix}_{key.value!s}"


def _prefix(node: ast.expr) -> str | None:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "settings"):
        return None
    given = node.args[0] if node.args else None
    return str(given.value).rstrip("_") if isinstance(given, ast.Constant) else "FLOWSTONE"


def _named(source: Source) -> Iterator[str]:
    for text in _texts(source):
        yield from re.findall(r"\bFLOWSTONE_[A-Z_]*[A-Z]\b", text)


def _texts(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
