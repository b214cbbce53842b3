"""The route through ``opentelemetry-instrument``; the only file that needs opentelemetry-instrumentation."""

from __future__ import annotations

from collections.abc import Collection

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

from flowstone_dagster import install, uninstall


class FlowstoneDagsterInstrumentor(BaseInstrumentor):  # type: ignore[misc]  # upstream ignores types in its whole file
    """Installs the adapter as OpenTelemetry's auto-instrumentation does it; ``FLOWSTONE_DAGSTER=0`` forbids."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return what it instruments."""
        return ["dagster >= 1.10, < 2"]

    def _instrument(self, **kwargs: object) -> None:
        install()

    def _uninstrument(self, **kwargs: object) -> None:
        uninstall()
