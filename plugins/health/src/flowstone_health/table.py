"""The document of health as people read it in a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_SIGNS: Final = {"healthy": "✔", "degraded": "!", "unhealthy": "✘"}
_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def lines(document: Mapping[str, Any], *, verbose: bool) -> Iterator[str]:
    """Yield the lines: the whole first, then what is not well; with *verbose* every check and measurement."""
    output = f" ({_plain(document['output'])})" if document.get("output") else ""
    yield f"{_plain(document['status'])}{output}"
    checks = document.get("checks")
    if not isinstance(checks, dict):
        if verbose:
            yield "  no details: the server tells them to its own machine, and to who shows FLOWSTONE_HEALTH_TOKEN"
        return
    for name, entries in checks.items():
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and (verbose or entry.get("status") != "pass"):
                yield from _entry(_plain(name), entry, verbose=verbose)


def _entry(name: str, entry: Mapping[str, Any], *, verbose: bool) -> Iterator[str]:
    if "observedValue" in entry:
        if verbose:
            yield f"    {name} = {_plain(entry['observedValue'])} {_plain(entry.get('observedUnit', ''))}".rstrip()
        return
    state = _plain(entry.get("state", entry.get("status", "")))
    message = _plain(entry.get("output") or entry.get("note") or "")
    marks = [] if entry.get("required", True) else ["optional"]
    marks += ["stale"] if entry.get("stale") else []
    if verbose and "latency_ms" in entry:
        marks.append(f"{_plain(entry['latency_ms'])} ms")
    told = f" ({', '.join(marks)})" if marks else ""
    yield f"  {_SIGNS.get(state, '?')} {name}: {state}{told}{f': {message}' if message else ''}"


def _plain(text: object) -> str:
    """Return *text* without what a terminal would obey: the document may be a stranger's."""
    return _UNSAFE.sub("?", str(text))[:1000]
