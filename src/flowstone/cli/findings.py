"""What ``flowstone doctor`` looks at: one function per question, each answered by findings."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from flowstone.runtime import engine
from flowstone.runtime.export import scraped
from flowstone.runtime.export.config import Config, Signal
from flowstone.runtime.export.data import Scope
from flowstone.runtime.export.router import Router
from flowstone.runtime.export.routes import CompatRoute, NoRoute
from flowstone.runtime.home import home
from flowstone.runtime.settings import settings

SIGNALS: Final[tuple[Signal, ...]] = ("traces", "metrics", "logs")
CONNECT_S: Final = 2.0
STORE_URL: Final = "sqlite:///$FLOWSTONE_HOME/traces.db"
_OFF: Final = frozenset({"off", "none", "0"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        area: What it belongs to.
        state: ``ok``, ``note`` where a choice is worth knowing, ``problem`` where something is wrong.
        text: What was found.
        advice: What to do about it.
    """

    area: str
    state: Literal["ok", "note", "problem"]
    text: str
    advice: str = ""


def path(config: Config) -> Iterator[Finding]:
    """Say which path spans take, and why."""
    where = "path"
    if not settings().flag("ENABLED", True):
        how = "unset FLOWSTONE_ENABLED to switch it on"
        yield Finding(area=where, state="note", text="none: FLOWSTONE_ENABLED is 0", advice=how)
        return
    if config.disabled:
        how = "unset OTEL_SDK_DISABLED to send spans, metrics and logs; local plugins work either way"
        yield Finding(area=where, state="note", text="none: OTEL_SDK_DISABLED is true", advice=how)
        return
    if not engine.for_reading().plugins.get("otel"):
        how = "take otel out of FLOWSTONE_DISABLED_PLUGINS"
        yield Finding(area=where, state="note", text="none: the plugin otel is not loaded", advice=how)
        return
    route = Router(Scope("flowstone", "", "")).prepare()
    if isinstance(route, NoRoute):
        text = "none: no endpoint, no OTEL_TRACES_EXPORTER and no usable OTEL_CONFIG_FILE is set"
        how = "set OTEL_EXPORTER_OTLP_ENDPOINT, for instance http://127.0.0.1:4318"
        yield Finding(area=where, state="note", text=text, advice=how)
    elif isinstance(route, CompatRoute):
        text = "compat: the tracer provider has a processor or sampler that must see SDK spans at their time"
        yield Finding(
            area=where, state="note", text=text, advice="nothing to do, unless emission is too dear"
        )
    else:
        yield Finding(area=where, state="ok", text="fast: nobody needs to see spans before they are made")
    text = "a program that sets a tracer provider of its own decides its path by that; this is without one"
    yield Finding(area=where, state="ok", text=text)


def exporters(config: Config) -> Iterator[Finding]:
    """Say which exporters there are and by what, and whether their endpoints answer."""
    if config.file:
        yield _file(config.file)
        return
    if config.disabled:
        return
    seen: dict[tuple[str, int], Finding] = {}
    for signal, names in zip(SIGNALS, (config.traces, config.metrics, config.logs), strict=True):
        named = f"OTEL_{signal.upper()}_EXPORTER"
        origin = named if os.environ.get(named) else "its endpoint"
        shown = f"{', '.join(names)} (by {origin})" if names else f"none ({_unsent(named)})"
        yield Finding(area="exporters", state="ok", text=f"{signal}: {shown}")
        for name in names:
            if not entry_points(group=f"opentelemetry_{signal}_exporter", name=name):
                yield _missing(signal, name)
            elif name.startswith("otlp_proto_"):
                seen.setdefault(target := _target(signal, name), _reach(*target))
            elif name == scraped.NAME:
                yield _scraping()
    yield from seen.values()


def _unsent(named: str) -> str:
    return f"{named} is none" if os.environ.get(named) else "no endpoint is set"


def _file(name: str) -> Finding:
    text = f"OTEL_CONFIG_FILE={name} takes the place of the other OTEL_* variables"
    if find_spec("opentelemetry.configuration") is None:
        how = "pip install 'flowstone[config]'"
        return Finding(
            area="exporters", state="problem", text=f"{text}, but its package is missing", advice=how
        )
    if not Path(name).is_file():
        how = "correct OTEL_CONFIG_FILE, or unset it"
        return Finding(
            area="exporters", state="problem", text=f"{text}, but there is no such file", advice=how
        )
    return Finding(area="exporters", state="ok", text=text)


def _missing(signal: str, name: str) -> Finding:
    how = f"install the package that brings it, or correct OTEL_{signal.upper()}_EXPORTER"
    if name == scraped.NAME:
        how = "pip install 'flowstone[prometheus]'"
    text = f"{signal}: no exporter {name!r} is installed"
    return Finding(area="exporters", state="problem", text=text, advice=how)


def _target(signal: Signal, name: str) -> tuple[str, int]:
    """Return host and port that an OTLP exporter sends to."""
    found = os.environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT")
    found = found or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or ""
    default = 4317 if name.endswith("grpc") else 4318
    parts = urlsplit(found if "//" in found else f"//{found or 'localhost'}")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port is None:
        port = {"http": 80, "https": 443}.get(parts.scheme, default) if name.endswith("http") else default
    return parts.hostname or "localhost", port


def _reach(host: str, port: int) -> Finding:
    """Connect, and say whether somebody is there; nothing is sent."""
    try:
        socket.create_connection((host, port), CONNECT_S).close()
    except (OSError, OverflowError, UnicodeError) as error:
        text = f"{host}:{port} does not answer: {error}"
        how = "start the collector, or correct OTEL_EXPORTER_OTLP_ENDPOINT; meanwhile telemetry is dropped and counted"
        return Finding(area="endpoint", state="problem", text=text, advice=how)
    text = f"{host}:{port} accepts connections; whether it takes what is sent shows only when something is"
    return Finding(area="endpoint", state="ok", text=text)


def _scraping() -> Finding:
    try:
        host, port = scraped.address()
    except ValueError as error:
        how = "set OTEL_EXPORTER_PROMETHEUS_PORT to a number"
        return Finding(area="exporters", state="problem", text=str(error), advice=how)
    text = (
        f"metrics: each process that emits serves http://{host}:{port}/metrics while it lives; one at a time"
    )
    how = "for processes that are short or many, push instead: OTEL_METRICS_EXPORTER=otlp"
    return Finding(area="exporters", state="note", text=text, advice=how)


def plugins() -> Iterator[Finding]:
    """Say which plugins there are, and how they are."""
    for info in engine.for_reading().plugins.infos():
        text = f"{info.name} {info.version or '-'}: {info.state}"
        if info.problem:
            text += f" ({info.problem})"
        if info.state in ("failed", "quarantined"):
            how = f"upgrade or remove it, or name {info.name} in FLOWSTONE_DISABLED_PLUGINS"
            yield Finding(area="plugins", state="problem", text=text, advice=how)
        else:
            yield Finding(area="plugins", state="ok" if info.state == "active" else "note", text=text)


def store() -> Iterator[Finding]:
    """Say where the store of the console is, and how large."""
    if find_spec("flowstone_console") is None:
        how = "pip install 'flowstone[console]'"
        yield Finding(area="store", state="note", text="no store: the console is not installed", advice=how)
        return
    url = settings().get("STORE_URL") or STORE_URL
    if url.strip().lower() in _OFF:
        yield Finding(area="store", state="note", text=f"no store: FLOWSTONE_STORE_URL={url}")
        return
    if not url.startswith("sqlite:///"):
        url = STORE_URL  # a slip, told among the settings
    try:
        name = url.removeprefix("sqlite:///").replace("$FLOWSTONE_HOME", str(home()))
        file = Path(name).expanduser()
        sizes = (
            [one.stat().st_size for one in file.parent.glob(f"{file.name}*")] if file.parent.is_dir() else []
        )
    except OSError as error:
        how = "set FLOWSTONE_HOME to a folder that can be written"
        yield Finding(area="store", state="problem", text=f"no folder for it: {error}", advice=how)
        return
    there = next((one for one in (file, *file.parents) if one.exists()), file)
    if not os.access(there, os.W_OK):
        how = f"make {there} writable, or set FLOWSTONE_STORE_URL"
        yield Finding(area="store", state="problem", text=f"{file} cannot be written", advice=how)
    else:
        size = f"{sum(sizes) / 2**20:.1f} MiB" if file.exists() else "not written yet"
        yield Finding(area="store", state="ok", text=f"{file}, {size}")
