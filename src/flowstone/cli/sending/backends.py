"""The backends: whether Jaeger, Prometheus and Datadog's test agent have the marked run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import orjson

from flowstone.cli.findings import Finding
from flowstone.cli.sending.asking import NoAnswer, get, until
from flowstone.cli.sending.marked import PIPELINE, Mark

_COUNT: Final = f'flowstone_run_duration_seconds_count{{flowstone_pipeline_name="{PIPELINE}"}}'
_BUCKET: Final = f'flowstone_run_duration_seconds_bucket{{flowstone_pipeline_name="{PIPELINE}"}}'
_SIGNALS: Final = ("traces", "metrics", "logs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backends:
    """Where to look, each a URL or empty.

    Attributes:
        jaeger: Jaeger's query API.
        prometheus: Prometheus' API.
        datadog: Datadog's test agent (``ddapm-test-agent``).
    """

    jaeger: str = ""
    prometheus: str = ""
    datadog: str = ""

    def before(self) -> Before:
        """Return what there is of earlier marked runs."""
        return Before(counted=_counted(self.prometheus), told=_told(self.datadog))

    def arrived(self, mark: Mark, before: Before, deadline: float) -> Iterator[Finding]:
        """Say of each backend that was named whether the marked run arrived before the monotonic *deadline*."""
        if self.jaeger:
            yield _in_jaeger(self.jaeger, mark, deadline)
        if self.datadog:
            yield from _in_datadog(self.datadog, mark, before, deadline)
        if self.prometheus:
            yield _in_prometheus(self.prometheus, mark, before, deadline)


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What there was of earlier marked runs.

    Attributes:
        counted: Runs that Prometheus had counted.
        told: How often the test agent's metrics named the pipeline.
    """

    counted: float
    told: int


def _json(url: str) -> Any:
    try:
        return orjson.loads(get(url))
    except orjson.JSONDecodeError as error:
        raise NoAnswer("what it answered is no JSON") from error


def _in_jaeger(url: str, mark: Mark, deadline: float) -> Finding:
    def found() -> bool:
        # A trace that it does not know is answered by 404.
        return any(one.get("traceID") == mark.trace_id for one in _json(asked).get("data") or ())

    asked = f"{url}/api/traces/{mark.trace_id}"
    return _looked("jaeger", found, deadline, f"the trace is there: {url}/trace/{mark.trace_id}", "the trace")


def _in_datadog(url: str, mark: Mark, before: Before, deadline: float) -> Iterator[Finding]:
    for signal in _SIGNALS:

        def found(signal: str = signal) -> bool:
            if signal == "metrics":
                return _named(url) > before.told
            return mark.correlation_id in get(f"{url}/test/session/{signal}")

        yield _looked("datadog", found, deadline, f"the {signal} are there", f"the {signal}")


def _in_prometheus(url: str, mark: Mark, before: Before, deadline: float) -> Finding:
    how = ""

    def found() -> bool:
        nonlocal how
        words = urlencode({"query": _BUCKET, "start": time.time() - 600, "end": time.time() + 60})
        told = _json(f"{url}/api/v1/query_exemplars?{words}").get("data") or ()
        ids = {one["labels"].get("trace_id") for series in told for one in series["exemplars"]}
        if mark.trace_id in ids:
            how = "with an exemplar of the trace"
        elif _count(url) > before.counted:
            how = "without an exemplar (--enable-feature=exemplar-storage keeps them)"
        return bool(how)

    finding = _looked("prometheus", found, deadline, "", "the metric (is it scraped within --timeout?)")
    if not how:
        return finding
    return Finding(area="prometheus", state="ok", text=f"the metric is there, {how}")


def _looked(area: str, found: Any, deadline: float, there: str, what: str) -> Finding:
    try:
        if until(found, deadline):
            return Finding(area=area, state="ok", text=there)
        why = ""
    except NoAnswer as error:
        why = f": {error}"
    how = "the hops above tell how far it came"
    return Finding(area=area, state="problem", text=f"not in time: {what}{why}", advice=how)


def _counted(url: str) -> float:
    """Return what Prometheus counted of earlier marked runs; 0 where it does not say, which is told later."""
    try:
        return _count(url) if url else 0.0
    except NoAnswer:
        return 0.0


def _count(url: str) -> float:
    found = _json(f"{url}/api/v1/query?{urlencode({'query': f'sum({_COUNT})'})}")
    return sum(float(one["value"][1]) for one in found["data"]["result"])


def _told(url: str) -> int:
    try:
        return _named(url) if url else 0
    except NoAnswer:
        return 0


def _named(url: str) -> int:
    return get(f"{url}/test/session/metrics").count(PIPELINE)
