"""The check of flowstone's own exports."""

from __future__ import annotations

from flowstone.plugin import count
from flowstone_health.checks.telemetry import Exporting


def test_losses_from_before_are_not_told() -> None:
    """What was lost before the check was made leaves it healthy."""
    count("export.failed.spans", 3)
    assert "healthy" == Exporting().look().status


def test_new_losses_are_told_and_remembered() -> None:
    """What is lost afterwards degrades it, with the number, in the look after as well."""
    exporting = Exporting()
    count("export.failed.spans", 2)
    for _ in range(2):
        found = exporting.look()
        assert "degraded" == found.status
        assert "2 x export.failed.spans" in found.message
