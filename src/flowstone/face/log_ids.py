"""The ids of the current operation on every log record, whichever library it comes from."""

from __future__ import annotations

import logging

from flowstone.runtime.context import get_context, operation_in
from flowstone.runtime.span import OperationSpan


class IdFilter(logging.Filter):
    """Stamps ``correlation_id``, ``run_id``, ``trace_id`` and ``span_id`` on records made inside an operation.

    To be added to handlers: filters of loggers do not see the records of their children. What a
    record has already stays; it is stamped after it was made, so ``extra=`` never clashes. Lets
    every record pass.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Stamp *record*; always True."""
        operation = operation_in(get_context())
        if isinstance(operation, OperationSpan):
            scope = operation.scope
            for name, value in (
                ("correlation_id", scope.correlation_id),
                ("run_id", scope.run_id),
                ("trace_id", scope.trace_hex),
                ("span_id", f"{operation.span_id:016x}"),
            ):
                if not hasattr(record, name):
                    setattr(record, name, value)
        return True
