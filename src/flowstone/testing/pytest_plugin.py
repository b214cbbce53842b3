"""The pytest fixture ``flowstone_capture``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from flowstone.testing.capture import Capture


@pytest.fixture
def flowstone_capture() -> Iterator[Capture]:
    """Capture what the test emits; no installed plugin sees it."""
    from flowstone.testing.capture import capture

    with capture() as captured:
        yield captured
