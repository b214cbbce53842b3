from __future__ import annotations

from typing import Any

from flowstone_dagster.demo.outage import Answer


def answer(code: int, **checks: dict[str, Any]) -> Answer:
    """Return an answer with these checks."""
    return Answer(code=code, document={"checks": {name: [one] for name, one in checks.items()}})


FAILED = {"status": "fail", "state": "unhealthy", "required": True, "output": "it raised"}


def test_only_what_is_required_and_failed_is_a_reason() -> None:
    """An optional check that fails, or a required one that passes, is no reason for a 503."""
    found = answer(503, a=FAILED, b={**FAILED, "required": False}, c={**FAILED, "status": "pass"})
    assert ["a: it raised"] == found.reasons


def test_blame_needs_a_503_and_the_very_check() -> None:
    """A check is blamed by its whole name, and only where the answer is no success."""
    assert answer(503, a=FAILED).blames("a")
    assert not answer(200, a=FAILED).blames("a")
    assert not answer(503, ab=FAILED).blames("a")
