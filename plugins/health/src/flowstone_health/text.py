"""The answer as text, in the form that Kubernetes' own servers give."""

from __future__ import annotations

from flowstone_health.verdict import Verdict

_SIGNS = {"healthy": "[+]", "degraded": "[~]", "unknown": "[~]", "unhealthy": "[-]"}


def lines(verdict: Verdict, title: str, now: float, *, details: bool) -> list[str]:
    """Return the lines of the answer; the last one says what it comes to.

    Args:
        verdict: What it comes to.
        title: What was asked for, such as ``readyz``.
        now: ``time.monotonic``.
        details: Whether the checks are told.
    """
    told: list[str] = []
    for state in verdict.states if details else ():
        status = state.status or "unknown"
        words = [f"{_SIGNS[status]}{state.name} {'ok' if status == 'healthy' else status}"]
        if not state.required:
            words.append("(optional)")
        if state.is_stale(now):
            words.append("(stale)")
        if status != "healthy" and (message := state.message(now)):
            words.append(f": {message}")
        told.append(" ".join(words).replace(" : ", ": "))
    told += [f"warn: there is no check {name!r} to exclude" for name in verdict.unknown]
    why = f" ({verdict.output})" if verdict.output else ""
    if not details:
        return [*told, f"{verdict.status}{why}"]
    return [
        *told,
        f"{title} check {'failed' if verdict.status == 'unhealthy' else 'passed'}: {verdict.status}{why}",
    ]
