"""From a request to its answer: reads what the board has published, and nothing else."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from time import monotonic
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson

from flowstone_health import body, negotiation, text, verdict
from flowstone_health.access import may_see_details
from flowstone_health.board import Board
from flowstone_health.config import Config
from flowstone_health.damping import Word
from flowstone_health.exchange import Request, Response
from flowstone_health.verdict import Probe, Verdict

_PROBES: Final[dict[str, Probe]] = {
    "health": "health",
    "livez": "live",
    "readyz": "ready",
    "startupz": "startup",
}
_ALWAYS: Final = (("cache-control", "no-store"), ("x-content-type-options", "nosniff"), ("vary", "Accept"))
HEALTH: Final = frozenset({"", "/", "/health", "/health/"})
"""The paths of the whole; only who asks there may wait for the first looks, probes never do."""

_NAMES: Final = 50
_LONGEST_NAME: Final = 64


def respond(request: Request, board: Board, config: Config) -> Response:
    """Return the answer to *request*; never raises, never waits."""
    title, _, name = request.path.strip("/").partition("/")
    title = title or "health"
    if title == "openapi.json" and not name:
        known: Probe | None = None
    elif (known := _PROBES.get(title)) is None:
        return _problem(request, 404, "Not Found")
    if request.method not in ("GET", "HEAD"):
        return _problem(request, 405, "Method Not Allowed", (("allow", "GET, HEAD"),))
    if known is None:
        return _answer(request, 200, "application/json", openapi())
    return _probe(request, board, config, known, title, name)


def _probe(request: Request, board: Board, config: Config, probe: Probe, title: str, name: str) -> Response:
    now, states = monotonic(), board.states
    verbose, exclude = _query(request.query)
    details = may_see_details(request, config)
    components: dict[str, Word] = {}
    if name:
        found = _single(board, probe, name, now)
        if found is None:
            return _problem(request, 404, "Not Found")
    else:
        found = verdict.judge(states, probe, now, draining=board.draining, exclude=exclude)
        if probe == "health":
            components = {key: verdict.of_component(states, key, now) for key in verdict.COMPONENTS}
    status = 503 if found.status == "unhealthy" else 200
    shown = details and (probe == "health" or bool(name) or verbose)
    kind = negotiation.media_type(request.headers.get("accept", ""))
    if kind == negotiation.TEXT:
        told = "\n".join(text.lines(found, title, now, details=shown)) + "\n"
        return _answer(request, status, "text/plain; charset=utf-8", told.encode("utf-8", "replace"))
    return _answer(request, status, kind, _json(body.document(found, components, now, details=shown)))


def _single(board: Board, probe: Probe, name: str, now: float) -> Verdict | None:
    """Return the verdict on one check of a probe; None where there is none of that name.

    Before the checks are known, any name may be one.
    """
    states = board.states
    if states is None:
        return verdict.judge(None, probe, now)
    for state in verdict.of_probe(states, probe):
        if state.name == name:
            return Verdict(status=state.counts_as(now, alone=True), states=(state,))
    return None


def _query(query: str) -> tuple[bool, list[str]]:
    """Return whether details are wanted, and the names to leave out."""
    verbose, exclude = False, []
    try:
        pairs = parse_qsl(query[:8192], keep_blank_values=True, max_num_fields=_NAMES)
    except ValueError:
        return False, []
    for key, value in pairs:
        if key == "verbose":
            verbose = value.lower() not in ("0", "false", "no")
        elif key == "exclude" and value:
            exclude.append(value.encode("ascii", "replace").decode()[:_LONGEST_NAME])
    return verbose, list(dict.fromkeys(exclude))


def _problem(request: Request, status: int, title: str, more: tuple[tuple[str, str], ...] = ()) -> Response:
    told = _json({"status": status, "title": title})
    return _answer(request, status, "application/problem+json", told, more)


def _answer(
    request: Request, status: int, kind: str, told: bytes, more: tuple[tuple[str, str], ...] = ()
) -> Response:
    headers = (("content-type", kind), ("content-length", str(len(told))), *_ALWAYS, *more)
    return Response(status=status, headers=headers, body=b"" if request.method == "HEAD" else told)


def _json(told: dict[str, Any]) -> bytes:
    return orjson.dumps(told)


@cache
def openapi() -> bytes:
    """Return the OpenAPI document of what is served here."""
    return files("flowstone_health").joinpath("openapi.json").read_bytes()
