"""The answer as JSON: the words for everybody, the checks for those who may see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from flowstone_health.damping import Word
from flowstone_health.state import CheckState
from flowstone_health.verdict import Verdict

_IETF: Final[dict[Word, str]] = {
    "healthy": "pass",
    "degraded": "warn",
    "unknown": "warn",
    "unhealthy": "fail",
}
_NOT_CONFIGURED: Final = "not configured: no plugin or setting names a check of it"


def document(
    verdict: Verdict, components: Mapping[str, Word], now: float, *, details: bool
) -> dict[str, Any]:
    """Return the answer.

    Args:
        verdict: What it comes to.
        components: How ``database`` and ``job_queue`` are; empty for the probes.
        now: ``time.monotonic``.
        details: Whether the checks are told.
    """
    told: dict[str, Any] = {"status": verdict.status, **components, "timestamp": _moment(datetime.now(UTC))}
    if verdict.output:
        told["output"] = verdict.output
    if verdict.unknown:
        told["notes"] = [f"there is no check {name!r} to exclude" for name in verdict.unknown]
    if details:
        told["checks"] = _checks(verdict.states, components, now)
    return told


def _checks(
    states: Sequence[CheckState], components: Mapping[str, Word], now: float
) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for state in states:
        found.setdefault(state.name, []).append(_check(state, now))
        if state.look is not None:
            for name, (value, unit) in state.look.observed.items():
                measured = {"observedValue": value, "observedUnit": unit, "time": _time(state.look.time)}
                found[f"{state.name}:{name}"] = [{"status": _IETF[state.status or "unknown"], **measured}]
    for component in components:
        if all(state.component != component for state in states) and component not in found:
            found[component] = [
                {"status": "pass", "state": "healthy", "configured": False, "note": _NOT_CONFIGURED}
            ]
    return found


def _check(state: CheckState, now: float) -> dict[str, Any]:
    counts = state.counts_as(now)
    told: dict[str, Any] = {
        "componentId": state.name,
        "status": "fail" if state.status == "unhealthy" else _IETF[counts],
        "state": state.status or "unknown",
        "raw": state.look.status if state.look is not None else "unknown",
        "required": state.required,
        "age_s": round(state.age(now), 3),
        "stale": state.is_stale(now),
    }
    if state.component:
        told["componentType"] = "datastore" if state.component == "database" else "component"
        told["component"] = state.component
    if state.look is not None:
        told["time"] = _time(state.look.time)
        told["latency_ms"] = _ms(state.look.took)
        told["latency_p50_ms"] = _ms(_quantile(state.latencies, 0.5))
        told["latency_p95_ms"] = _ms(_quantile(state.latencies, 0.95))
    if message := state.message(now):
        told["output" if told["status"] != "pass" or told["raw"] != "healthy" else "note"] = message
    return told


def _quantile(values: Sequence[float], share: float) -> float:
    """Return a quantile of sorted values, the nearest that occurred."""
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)


def _time(seconds: float) -> str:
    return _moment(datetime.fromtimestamp(seconds, UTC))


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
