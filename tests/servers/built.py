"""The programs that `make collector` and `make jaeger` build: their paths, or the tests are skipped."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.laws.tree import ROOT


@cache
def _path(what: str) -> str:
    """Return where *what* is, empty where it was not built."""
    command = [sys.executable, str(ROOT / "deploy" / "build.py"), what, "--print"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    return told.stdout.strip()


def program(what: str) -> str:
    """Return the path of the built program *what*; skip the test where there is none."""
    found = _path(what)
    if not found or not Path(found).exists():
        pytest.skip(f"no {what} here; make {what}")
    return found
