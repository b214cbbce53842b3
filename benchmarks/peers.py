"""Other libraries' way to trace one operation, where they are installed; each in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from benchmarks.anchor import Anchor
from benchmarks.rounds import cost, interleave, rounds_of
from benchmarks.rows import Report, ratio
from benchmarks.work import USER_ATTRIBUTES

Loop = Callable[[int], None]


def logfire(quick: bool) -> Report:
    """Measure ``logfire.span`` with 8 attributes, nothing sent, no console."""
    return _peer("logfire", _logfire, quick)


def ddtrace(quick: bool) -> Report:
    """Measure a ddtrace child span with 8 tags, the agent absent."""
    return _peer("ddtrace", _ddtrace, quick)


def _peer(name: str, make: Callable[[], tuple[Loop, Callable[[], object]]], quick: bool) -> Report:
    if find_spec(name) is None:
        return Report(notes=(f"{name} is not installed: pip install {name}, then run this again.",))
    anchor = Anchor()
    loop, settle = make()
    count = 300 if quick else 1000
    found = interleave(
        {"anchor": lambda: anchor.cost(count), name: lambda: cost(loop, settle, count)}, rounds_of(quick)
    )
    caller = {key: [each.caller for each in costs] for key, costs in found.items()}
    cpu = {key: [each.cpu for each in costs] for key, costs in found.items()}
    return Report(
        rows=(
            ratio(f"{name}, caller / bare SDK span", caller[name], caller["anchor"]),
            ratio(f"{name}, process CPU / bare SDK span's", cpu[name], cpu["anchor"]),
        ),
        notes=("One traced operation with 8 attributes; one signal, where ours are several.",),
    )


def _logfire() -> tuple[Loop, Callable[[], object]]:
    import logfire as peer  # type: ignore[import-not-found]

    peer.configure(send_to_logfire=False, console=False, inspect_arguments=False)

    def loop(count: int) -> None:
        for number in range(count):
            with peer.span("materialize daily_report", **{**USER_ATTRIBUTES, "retries": number}):
                pass

    return loop, peer.force_flush


def _ddtrace() -> tuple[Loop, Callable[[], object]]:
    import logging

    logging.getLogger("ddtrace").setLevel(logging.CRITICAL)  # there is no agent, and it says so
    from ddtrace.trace import tracer  # type: ignore[import-not-found]

    def loop(count: int) -> None:
        with tracer.trace("run"):
            for number in range(count):
                with tracer.trace("materialize", resource="daily_report") as span:
                    for key, tag in USER_ATTRIBUTES.items():
                        span.set_tag(key, tag)
                    span.set_tag("retries", number)

    return loop, lambda: None
