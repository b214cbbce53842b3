from __future__ import annotations

import pytest

from tests.otel import versions


@pytest.mark.skipif(versions.minor() < (1, 45), reason="for the versions that lack something")
def test_nothing_is_skipped_with_a_current_sdk() -> None:
    """What tests look for in OpenTelemetry is where they look, so that none is skipped because it has moved."""
    assert versions.ADVICE
    assert versions.CLIENT
    assert versions.EXEMPLARS
    assert versions.NAMED
    assert versions.SPLITTING
