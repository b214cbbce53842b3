"""The OpenTelemetry context of the caller, read and set without detours."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import Final, Protocol

from opentelemetry import context as otel
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, propagation

from flowstone.runtime.scope import Scope

OPERATION_KEY: Final = otel.create_key("flowstone-operation")
# The key under which OpenTelemetry keeps its current span. Private, so the public call tells us
# the name where it moved: whatever key set_span_in_context adds is the one.
SPAN_KEY: Final[str] = getattr(propagation, "_SPAN_KEY", "") or next(
    iter(propagation.set_span_in_context(INVALID_SPAN, Context()))
)
put: Final = dict.__setitem__  # Context forbids assignment; ours happens before anybody sees it


class Scoped(Protocol):
    """An operation, as far as others need to know it."""

    scope: Scope


def operation_in(context: Context) -> Scoped | None:
    """Return the flowstone operation that *context* belongs to, if any."""
    found: Scoped | None = context.get(OPERATION_KEY)  # type: ignore[assignment]
    return found


get_context: Callable[[], Context] = otel.get_current
set_context: Callable[[Context], Token[Context]] = otel.attach
reset_context: Callable[[Token[Context]], None] = otel.detach
_stock = getattr(otel, "_RUNTIME_CONTEXT", None)
_variable: ContextVar[Context] | None = getattr(_stock, "_current_context", None)
if type(_stock).__name__ == "ContextVarsRuntimeContext" and _variable is not None:
    # The stock runtime context is one ContextVar; its own C methods cost a fifth of the calls.
    get_context = _variable.get
    set_context = _variable.set
    reset_context = _variable.reset
