"""Flush and shutdown never raise, whatever they are given."""

from __future__ import annotations

from math import inf, nan
from time import monotonic
from typing import Any

import pytest

import flowstone
from flowstone.testing import Capture


@pytest.mark.parametrize(
    "timeout", [nan, None, 1e12, inf, 10**400, -(10**400), "soon", "2", -1, True, object()]
)
def test_any_timeout_is_taken(flowstone_capture: Capture, timeout: Any) -> None:
    """What cannot be waited for is bounded; what is no number is the default."""
    with flowstone.run("p"):
        pass
    flowstone.flush()
    began = monotonic()
    assert isinstance(flowstone.flush(timeout), bool)
    assert isinstance(flowstone.shutdown(timeout), bool)
    assert monotonic() - began < 5
