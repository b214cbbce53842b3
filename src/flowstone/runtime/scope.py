"""What all operations of a run share: trace, correlation and run ids."""

from __future__ import annotations

from typing import Final

from flowstone.runtime import identity
from flowstone.runtime.stats import count

CORRELATION_ID: Final = "flowstone.correlation.id"
"""Attribute of spans, and key of the baggage that carries the id on."""
RUN_ID: Final = "flowstone.run.id"
"""Attribute of spans."""
CORRELATION_LIMIT: Final = 128


class Scope:
    """The identity that the operations of one run have in common.

    Attributes:
        trace_id: 128-bit trace id.
        trace_hex: The same as 32 hex digits.
        correlation_id: 1-128 printable ASCII characters.
        run_id: The run's id in its orchestrator, empty outside of runs.
        pipeline: Name of the pipeline, empty outside of runs.
        orchestrator: The host's name.
        sampled: Whether the trace is sampled for export.
        remote: Whether the trace began in another process.
        trace_state: The W3C trace state that came with it, as header text.
        parent_id: 64-bit span id that came with it; 0 where the trace begins here.
    """

    __slots__ = (
        "correlation_id",
        "orchestrator",
        "parent_id",
        "pipeline",
        "remote",
        "run_id",
        "sampled",
        "trace_hex",
        "trace_id",
        "trace_state",
    )

    def __init__(
        self,
        trace_id: int,
        *,
        correlation_id: str = "",
        run_id: str = "",
        pipeline: str = "",
        orchestrator: str = "python",
        sampled: bool = True,
        remote: bool = False,
        trace_state: str = "",
        parent_id: int = 0,
    ) -> None:
        self.trace_id = trace_id
        self.trace_hex = shown = f"{trace_id:032x}"
        self.correlation_id = correlation_id or identity.correlation_of_hex(shown)
        self.run_id = run_id
        self.pipeline = pipeline
        self.orchestrator = orchestrator
        self.sampled = sampled
        self.remote = remote
        self.trace_state = trace_state
        self.parent_id = parent_id

    def of_run(self, *, correlation_id: str, run_id: str, pipeline: str) -> Scope:
        """Return the scope of a run inside this one: same trace, its own run id."""
        return Scope(
            self.trace_id,
            correlation_id=correlation_id or self.correlation_id,
            run_id=run_id,
            pipeline=pipeline,
            orchestrator=self.orchestrator,
            sampled=self.sampled,
            remote=self.remote,
            trace_state=self.trace_state,
            parent_id=self.parent_id,
        )


def correlation(given: object) -> str:
    """Return a correlation id as it is kept: verbatim if it is 1-128 printable ASCII, else made so."""
    kept = given if isinstance(given, str) else str(given)
    if 0 < len(kept) <= CORRELATION_LIMIT and kept.isascii() and kept.isprintable():
        return kept
    count("value.coerced")
    return "".join(c if c.isascii() and c.isprintable() else "_" for c in kept[:CORRELATION_LIMIT])


NO_TRACE: Final = Scope(0, sampled=False)
"""Of what belongs to no trace: facts of a process, and gates that were asked for while flowstone was off."""
