from __future__ import annotations

import json
import subprocess
import sys
from math import isfinite
from typing import Any

import pytest

from tests.laws.tree import ROOT

pytestmark = pytest.mark.matrix  # it takes minutes

TIMEOUT_S = 600
PROMISES = (19, 20)
"""Rows with a bound that must hold, without the audit's; one more where a bare SDK span takes 4 % of a millisecond at most."""
AUDIT = (6, 11)
"""The audit's: where there is SQLite alone, and with PostgreSQL."""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """Run the benchmarks once, quickly; how fast anything was is no concern of a test."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    assert done.returncode in (0, 1), done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return {**told, "returncode": done.returncode, "stderr": done.stderr}


def test_every_section_is_measured(document: dict[str, Any]) -> None:
    """Each section answers, if only to say what would have to be installed."""
    from benchmarks.sections import SECTIONS

    assert [section.name for section in SECTIONS] == list(document["sections"]), document["stderr"]
    assert all(told["rows"] or told["notes"] for told in document["sections"].values())


def test_every_row_has_its_numbers(document: dict[str, Any]) -> None:
    """Each row carries best and median, and a verdict exactly where something is promised."""
    rows = [row for told in document["sections"].values() for row in told["rows"]]
    # A difference of two noisy measurements may be below zero.
    assert all(isfinite(row["best"]) and isfinite(row["median"]) for row in rows)
    assert all(row["what"] and row["unit"] for row in rows)
    assert all((row["must"] is None) == (row["verdict"] == "") for row in rows)
    audit = sum(row["must"] is not None for row in document["sections"]["audit"]["rows"])
    assert audit in AUDIT
    assert sum(row["must"] is not None for row in rows) - audit in PROMISES


def test_a_missed_bound_is_explained_and_fails(document: dict[str, Any]) -> None:
    """The exit code is 1 where a bound is missed, 0 where none is; a miss comes with its reason."""
    missed = {
        name: told
        for name, told in document["sections"].items()
        if any(row["verdict"] == "MISSED" for row in told["rows"])
    }
    assert int(bool(missed)) == document["returncode"]
    assert [] == [name for name, told in missed.items() if not told["why"]]
