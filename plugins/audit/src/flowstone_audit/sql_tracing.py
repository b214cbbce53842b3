"""Spans of the plugin's own SQL, where ``FLOWSTONE_AUDIT_TRACE_SQL`` asks for them.

They are spans of opentelemetry-instrumentation-sqlalchemy, not events of flowstone: no entry comes of them,
so writing an entry never makes another one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from opentelemetry import metrics, trace
from sqlalchemy import Engine

LOGGER: Final = logging.getLogger("flowstone.audit")
SCOPE: Final = "opentelemetry.instrumentation.sqlalchemy"


def instrument(engine: Engine) -> None:
    """Have spans of the SQL of *engine*, and of no other; says what to install where that is missing.

    The instrumentor itself would take hold of every engine that user code makes from now on, and does
    nothing a second time; so its tracer is put on our engine by hand.
    """
    try:
        from opentelemetry.instrumentation.sqlalchemy.engine import EngineTracer
        from opentelemetry.instrumentation.sqlalchemy.version import __version__

        usage = metrics.get_meter(SCOPE, __version__).create_up_down_counter(
            "db.client.connections.usage",
            unit="connections",
            description="Connections of the audit log's pool, by state.",
        )
        tracer: Callable[..., object] = EngineTracer
        tracer(trace.get_tracer(SCOPE, __version__), engine, usage)
    except (ImportError, TypeError) as error:
        LOGGER.warning("SQL is not traced: install flowstone-audit[tracing] (%s)", error)
