from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.laws.tree import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("snippet", SNIPPETS, ids=[str(number) for number, _ in enumerate(SNIPPETS, 1)])
def test_snippets_run(snippet: str, tmp_path: Path) -> None:
    """Each Python example of the README runs as it stands, and says nothing."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", snippet],
        env={**os.environ, "FLOWSTONE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


def test_links_lead_somewhere() -> None:
    """Each relative link of the README leads to a file of the repository."""
    targets = re.findall(r"\]\(([^):#]+)\)", README)
    assert targets
    assert [] == [target for target in targets if not (ROOT / target).exists()]


def test_commands_exist() -> None:
    """Each make command that the README names is a target that help lists."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    known = set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE))
    assert set() == set(re.findall(r"\bmake ([a-z]+)\b(?=`|  )", README)) - known


def test_folders_exist() -> None:
    """Each folder that the README's map names exists."""
    section = README.partition("## What stands where")[2].partition("\n## ")[0]
    assert [] == [
        name for name in re.findall(r"^\| `([\w/]+)`", section, re.MULTILINE) if not (ROOT / name).is_dir()
    ]
