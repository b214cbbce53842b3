"""The collector: whether it is healthy, and whether its own numbers moved when the marked run came."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from flowstone.cli.findings import Finding
from flowstone.cli.sending.asking import NoAnswer, get, until
from flowstone.runtime.settings import settings

AREA: Final = "collector"
ITEMS: Final = ("spans", "metric_points", "log_records")
_HOW: Final = "name it by FLOWSTONE_OTLP_HEALTH, FLOWSTONE_OTLP_SELF_HOST and FLOWSTONE_OTLP_SELF_PORT"
_LINE: Final = re.compile(
    r"^otelcol_(receiver_accepted|receiver_refused|exporter_sent|exporter_send_failed|exporter_enqueue_failed)"
    r"_(spans|metric_points|log_records)(?:_total)?(?:{(.*)})? (\S+)",
    re.MULTILINE,
)
# Told from the start, so that an exporter is known before it had anything to do.
_QUEUE: Final = re.compile(r"^otelcol_exporter_queue_size{(.*)} (\S+)", re.MULTILINE)
_SIGNAL: Final = re.compile(r'data_type="([^"]*)"')
_ITEM_OF: Final = {"traces": "spans", "metrics": "metric_points", "logs": "log_records"}
_EXPORTER: Final = re.compile(r'exporter="([^"]*)"')

Numbers = Counter[tuple[str, str, str]]
"""How many, by what was done, the kind of item, and the exporter (empty at receivers)."""


def numbers() -> Numbers | None:
    """Return the collector's own numbers; none where it does not tell them."""
    host = settings().get("OTLP_SELF_HOST") or "127.0.0.1"
    port = settings().get("OTLP_SELF_PORT") or "8888"
    try:
        page = get(f"http://{host}:{port}/metrics")
    except NoAnswer:
        return None
    found: Numbers = Counter()
    for done, item, labels, value in _LINE.findall(page):
        found[done, item, _of(_EXPORTER, labels)] += int(float(value))
    for labels, value in _QUEUE.findall(page):
        item = _ITEM_OF.get(_of(_SIGNAL, labels), "")
        found["exporter_queue", item, _of(_EXPORTER, labels)] += int(float(value))
    return found


def _of(label: re.Pattern[str], labels: str) -> str:
    found = label.search(labels)
    return found[1] if found else ""


def arrived(before: Numbers | None, deadline: float) -> Iterator[Finding]:
    """Say whether the collector is well, and what it took and passed on since *before*."""
    yield _health()
    if before is None:
        text = "its own metrics are not reachable, so what it took is not known"
        yield Finding(area=AREA, state="note", text=text, advice=_HOW)
        return
    grown: Numbers = Counter()

    def settled() -> bool:
        grown.clear()
        grown.update(numbers() or {})
        grown.subtract(before)
        return _settled(grown)

    until(settled, min(deadline, time.monotonic() + 10))
    yield from _taken(grown)
    yield from _passed(grown)


def _settled(grown: Mapping[tuple[str, str, str], int]) -> bool:
    """Tell whether all three signals came, and each exporter that has a queue had something to say."""
    came = all(grown.get(("receiver_accepted", item, ""), 0) > 0 for item in ITEMS)
    queues = {(item, name) for done, item, name in grown if done == "exporter_queue"}
    moved = {(item, name) for (done, item, name), n in grown.items() if n > 0 and done != "exporter_queue"}
    return came and queues <= moved


def _health() -> Finding:
    where = settings().get("OTLP_HEALTH") or "127.0.0.1:13133"
    try:
        get(f"http://{where}/")
    except NoAnswer as error:
        asked = bool(settings().get("OTLP_HEALTH"))
        text = f"{where} does not tell its health: {error}"
        return Finding(area=AREA, state="problem" if asked else "note", text=text, advice=_HOW)
    return Finding(area=AREA, state="ok", text=f"{where} is healthy")


def _taken(grown: Mapping[tuple[str, str, str], int]) -> Iterator[Finding]:
    for item in ITEMS:
        name, came = item.replace("_", " "), grown.get(("receiver_accepted", item, ""), 0)
        refused = grown.get(("receiver_refused", item, ""), 0)
        if refused:
            how = "it is short of memory (memory_limiter), or a queue is full: see its log"
            yield Finding(area=AREA, state="problem", text=f"{refused} {name} refused", advice=how)
        elif came:
            yield Finding(area=AREA, state="ok", text=f"{came} {name} taken")
        else:
            text = f"no {name} came to this collector"
            yield Finding(area=AREA, state="note", text=text, advice="is it the one that the endpoint names?")


def _passed(grown: Mapping[tuple[str, str, str], int]) -> Iterator[Finding]:
    for item, exporter in sorted({(item, name) for _, item, name in grown if name}):
        sent = grown.get(("exporter_sent", item, exporter), 0)
        failed = sum(grown.get((f"exporter_{how}_failed", item, exporter), 0) for how in ("send", "enqueue"))
        name = item.replace("_", " ")
        if failed:
            how = "the backend refuses them: the collector's log says why"
            yield Finding(area=AREA, state="problem", text=f"{exporter}: {failed} {name} lost", advice=how)
        elif sent:
            yield Finding(area=AREA, state="ok", text=f"{exporter}: {sent} {name} passed on")
        elif ("exporter_queue", item, exporter) in grown:
            how = "they wait in its queue while the backend does not answer"
            yield Finding(area=AREA, state="note", text=f"{exporter}: no {name} passed on yet", advice=how)
