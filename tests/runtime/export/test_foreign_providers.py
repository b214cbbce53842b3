from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType

import pytest

from flowstone.runtime.export.foreign import sdk_meter_provider, sdk_tracer_provider
from flowstone.runtime.export.log_records import sdk_logger_provider


@pytest.mark.parametrize(
    ("module", "find"),
    [
        ("opentelemetry.sdk._logs", sdk_logger_provider),
        ("opentelemetry.sdk.metrics", sdk_meter_provider),
        ("opentelemetry.sdk.trace", sdk_tracer_provider),
    ],
)
def test_a_module_that_is_being_imported_harms_nobody(
    monkeypatch: pytest.MonkeyPatch, module: str, find: Callable[[], object]
) -> None:
    """While an export thread imports the SDK the drain may look for providers already: there is none yet."""
    monkeypatch.setitem(sys.modules, module, ModuleType(module))
    assert find() is None
