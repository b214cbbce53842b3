"""The marked run: a span, log records and metrics that can be told from all others, and what the receiver answered."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import flowstone
from flowstone.cli.findings import Finding
from flowstone.runtime import stats
from flowstone.runtime.export.config import Config
from flowstone.runtime.settings import settings

PIPELINE: Final = "flowstone-doctor"
AREA: Final = "sent"
_WHAT: Final = {"traces": "spans", "metrics": "metrics", "logs": "logs"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What tells the run from all others.

    Attributes:
        correlation_id: On its span and log records.
        trace_id: On its span and log records, and on the exemplar of its metric.
    """

    correlation_id: str
    trace_id: str


def sends(config: Config) -> bool:
    """Tell whether anything leaves this process."""
    return settings().flag("ENABLED", True) and not config.disabled and bool(config.active or config.file)


def send(config: Config, timeout: float) -> tuple[Mark, list[Finding]]:
    """Send a marked run; return its ids, and what the receivers answered within *timeout* seconds."""
    before = stats.snapshot()
    correlation_id = f"doctor-{secrets.token_hex(8)}"
    with flowstone.run(PIPELINE, correlation_id=correlation_id) as run:
        mark = Mark(correlation_id=correlation_id, trace_id=run.trace_id)
    complete = flowstone.flush(timeout)
    after = stats.snapshot()
    grown = {key: n - before.get(key, 0) for key, n in after.items()}
    text = f"the run {PIPELINE!r}, correlation id {mark.correlation_id}, trace {mark.trace_id}"
    told = Finding(area=AREA, state="ok", text=text)
    return mark, [told, *_answers(config, grown, complete, timeout)]


def _answers(config: Config, grown: Mapping[str, int], complete: bool, timeout: float) -> Iterator[Finding]:
    if config.file:
        text = "all signals, as OTEL_CONFIG_FILE says: "
        yield _finding(complete, f"{text}{'taken' if complete else f'not all taken within {timeout:g} s'}")
        return
    for signal, names in zip(_WHAT, (config.traces, config.metrics, config.logs), strict=True):
        what = _WHAT[signal]
        lost = sum(
            n for key, n in grown.items() if key in (f"export.failed.{what}", f"export.dropped.{what}")
        )
        if not names:
            yield Finding(area=AREA, state="note", text=f"{signal}: not sent, no exporter is configured")
        elif "otlp" not in "".join(names):
            yield Finding(
                area=AREA, state="note", text=f"{signal}: by {', '.join(names)}, which does not answer"
            )
        elif lost:
            yield _finding(False, f"{signal}: the receiver did not take them")
        elif signal != "metrics" and not grown.get(f"export.sent.{what}"):
            yield _unsent(signal, complete, timeout)
        else:
            # Other signals may have made it incomplete: nothing of this one was lost.
            yield _finding(True, f"{signal}: the receiver took them")


def _unsent(signal: str, complete: bool, timeout: float) -> Finding:
    if not complete:
        return _finding(False, f"{signal}: no answer within {timeout:g} s")
    how = "look at OTEL_TRACES_SAMPLER and FLOWSTONE_OTEL_LOG_LEVEL"
    return Finding(area=AREA, state="note", text=f"{signal}: nothing was sent, by a setting", advice=how)


def _finding(good: bool, text: str) -> Finding:
    how = "" if good else "see the endpoint above; what the exporter said stands in the log on stderr"
    return Finding(area=AREA, state="ok" if good else "problem", text=text, advice=how)
