"""The global tracer provider, set by another thread while this one decides how to trace."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from flowstone.runtime.export.data import Scope
from flowstone.runtime.export.router import Router
from flowstone.runtime.export.routes import NoRoute


def test_a_provider_that_comes_while_a_route_is_chosen_is_chosen_for_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was chosen for the provider before it does not stay."""
    provider = TracerProvider()
    chosen: list[object] = []

    def choose(self: Router, given: object) -> NoRoute:
        chosen.append(given)
        monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
        return NoRoute()

    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(Router, "_choose", choose)
    router = Router(Scope("flowstone", "1", ""))
    for _ in range(3):
        router.route()
    assert [None, provider] == chosen
