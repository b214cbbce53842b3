"""The Python examples of README and documentation run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.laws.tree import ROOT

SNIPPETS = {
    f"{page.relative_to(ROOT).as_posix()}:{number}": text
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    for number, text in enumerate(re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL), 1)
}
# Plugins of the tools here, which take longer to import than the examples take.
_WITHOUT = [f"-pno:{name}" for name in ("cacheprovider", "schemathesis", "hypothesispytest")]
_IS_A_TEST = re.compile(r"^(?:def test_|class Test)", re.MULTILINE)


@pytest.mark.parametrize("snippet", SNIPPETS.values(), ids=SNIPPETS)
def test_it_runs(snippet: str, tmp_path: Path) -> None:
    """Each example ends well in a fresh process: a test under pytest, anything else without a word of its own."""
    is_test = bool(_IS_A_TEST.search(snippet))
    is_loud = "import dagster" in snippet  # it logs, and warns when it is imported
    if is_loud:
        pytest.importorskip("dagster")
    file = tmp_path / ("test_snippet.py" if is_test else "snippet.py")
    file.write_text(snippet, encoding="utf-8")
    options = ["-m", "pytest", "-q", *_WITHOUT] if is_test else [] if is_loud else ["-W", "error"]
    done = subprocess.run(
        [sys.executable, *options, file.name],
        cwd=tmp_path,
        env={**os.environ, "FLOWSTONE_HOME": str(tmp_path / "home"), "DAGSTER_HOME": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    if not (is_test or is_loud):
        assert ("", "") == (done.stdout, done.stderr)
