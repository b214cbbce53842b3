from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.laws.tree import ROOT

BASE = ROOT / "otel-collector-config.yaml"
OVERLAYS = {file.stem: file for file in sorted((ROOT / "deploy" / "collector").glob("*.yaml"))}
OVERLAYS.pop("builder")
KINDS = ("receivers", "processors", "exporters", "connectors", "extensions")
SIGNALS = ("traces", "logs", "metrics")
ISOLATED = "batch/isolated"
# How a pipeline to a backend takes a processor more from the environment.
ADDED = re.compile(r"\$\{yaml:\[((?:\w+/\w+, )?)\$\{env:FLOWSTONE_BACKEND_PROCESSORS:-\}\]\}")
# All headers as they are told, or one that must be told.
HEADERS = re.compile(r"\$\{env:\w+:-\[\]\}|\$\{yaml:[\w-]+: &\$\{env:(\w+)\} '\$\{env:\1\}'\}")

Config = dict[str, Any]


def load(name: str) -> Config:
    """Return the base, with the overlay *name* laid over it as the collector does."""
    config: Config = yaml.safe_load(BASE.read_text(encoding="utf-8"))
    if name:
        overlay = yaml.safe_load(OVERLAYS[name].read_text(encoding="utf-8"))
        for kind in KINDS:
            config.setdefault(kind, {}).update(overlay.get(kind, {}))
        config["service"]["pipelines"].update(overlay["service"]["pipelines"])
    return config


@pytest.fixture(params=["", *OVERLAYS], ids=lambda name: name or "base")
def config(request: pytest.FixtureRequest) -> Config:
    return load(request.param)


def pipelines(config: Config) -> dict[str, dict[str, list[str]]]:
    """Return the pipelines, those to backends with what isolates them."""
    found: dict[str, dict[str, Any]] = config["service"]["pipelines"]
    for parts in found.values():
        if isinstance(given := parts.get("processors"), str):
            added = ADDED.fullmatch(given)
            assert added, given
            parts["processors"] = [*filter(None, [added[1].removesuffix(", ")]), ISOLATED]
    return found


def test_pipelines_name_defined_components(config: Config) -> None:
    """Every pipeline is made of components that are defined; connectors are receivers and exporters."""
    for kind in ("receivers", "processors", "exporters"):
        known = set(config[kind]) | (set() if kind == "processors" else set(config["connectors"]))
        assert set() == {one for parts in pipelines(config).values() for one in parts.get(kind, ())} - known


def test_what_is_defined_is_used(config: Config) -> None:
    """Nothing is defined that no pipeline and no service uses."""
    used = {one for parts in pipelines(config).values() for some in parts.values() for one in some}
    used |= {*config["service"]["extensions"], ISOLATED}
    assert set() == {one for kind in KINDS for one in config[kind]} - used


def test_connectors_lead_from_somewhere_to_somewhere(config: Config) -> None:
    """Every connector ends one pipeline and begins another."""
    ends = {one for parts in pipelines(config).values() for one in parts["exporters"]}
    begins = {one for parts in pipelines(config).values() for one in parts["receivers"]}
    assert set() == set(config["connectors"]) - (ends & begins)


@pytest.mark.parametrize("signal", SIGNALS)
def test_memory_is_limited_first(config: Config, signal: str) -> None:
    """Where data come in the memory limiter stands before any other processor."""
    assert "memory_limiter" == pipelines(config)[f"{signal}/in"]["processors"][0]
    taking = {name for name, parts in pipelines(config).items() if "otlp" in parts["receivers"]}
    assert {f"{one}/in" for one in SIGNALS} == taking


@pytest.mark.parametrize("signal", SIGNALS)
def test_secrets_are_redacted_before_anything_leaves(signal: str) -> None:
    """Every signal is redacted where it comes in, and redaction keeps all other attributes."""
    assert "redaction" in pipelines(load(""))[f"{signal}/in"]["processors"]
    told = load("")["processors"]["redaction"]
    assert (True, "silent") == (told["allow_all_keys"], told["summary"])


def test_span_metrics_are_in_seconds_of_all_spans() -> None:
    """Span metrics are made where spans come in, in seconds, with exemplars, and never expire."""
    made = load("")["connectors"]["span_metrics"]
    assert ("s", True, "0s") == (
        made["histogram"]["unit"],
        made["exemplars"]["enabled"],
        made["metrics_expiration"],
    )
    assert "span_metrics" in pipelines(load(""))["traces/in"]["exporters"]


def test_nothing_samples_tails(config: Config) -> None:
    """No processor drops spans by what came in the seconds after a trace's first one."""
    assert [] == [name for name in config["processors"] if "sampl" in name]


def test_what_leaves_waits_on_disk_as_long_as_it_takes(config: Config) -> None:
    """Every exporter that sends over the network has a queue on disk, bounded, and does not give up."""
    for name, exporter in config["exporters"].items():
        if name.startswith("otlp"):
            queue = exporter["sending_queue"]
            assert ("file_storage/queue", "0s") == (
                queue["storage"],
                exporter["retry_on_failure"]["max_elapsed_time"],
            )
            assert 0 < queue["queue_size"]
    assert "file_storage/queue" in config["service"]["extensions"]


def test_every_backend_can_be_isolated(config: Config) -> None:
    """Every pipeline with a queue that may be full takes what isolates it, last."""
    for parts in pipelines(config).values():
        queued = any("sending_queue" in (config["exporters"].get(one) or {}) for one in parts["exporters"])
        assert queued == (ISOLATED in parts.get("processors", [])[-1:])


def test_it_listens_on_this_host_unless_told(config: Config) -> None:
    """The default of every listening endpoint is a loopback address."""
    protocols = config["receivers"]["otlp"]["protocols"]
    endpoints = [one["endpoint"] for one in protocols.values()]
    endpoints.append(config["extensions"]["health_check"]["endpoint"])
    endpoints += [
        one["endpoint"] for name, one in config["exporters"].items() if name.startswith("prometheus/")
    ]
    assert [] == [endpoint for endpoint in endpoints if ":-127.0.0.1:" not in endpoint]
    (reader,) = config["service"]["telemetry"]["metrics"]["readers"]
    assert reader["pull"]["exporter"]["prometheus"]["host"].endswith(":-127.0.0.1}")


@pytest.mark.parametrize("name", ["", *OVERLAYS])
def test_secrets_come_from_the_environment(name: str) -> None:
    """No header is written out, and every variable that is read is told at the head of its file."""
    text = (OVERLAYS[name] if name else BASE).read_text(encoding="utf-8")
    headers = [one["headers"] for one in load(name)["exporters"].values() if "headers" in (one or {})]
    assert [] == [one for one in headers if not HEADERS.fullmatch(one)]
    head = "\n".join(line for line in text.splitlines() if line.startswith("#"))
    assert set() == {one for one in re.findall(r"\$\{env:([A-Z_]+)", text) if one not in head}


def test_the_builder_has_what_the_files_use() -> None:
    """The collector that `make collector` builds has every component that base and overlays name."""
    built = yaml.safe_load((ROOT / "deploy" / "collector" / "builder.yaml").read_text(encoding="utf-8"))
    suffixes = {"receivers": "receiver", "processors": "processor", "exporters": "exporter"}
    suffixes |= {"connectors": "connector", "extensions": "extension"}
    # Where the module's name is not the component's with its underscores left out.
    other = {"otlp_grpc": "otlp", "file_storage": "filestorage"}
    for kind, suffix in suffixes.items():
        modules = {one["gomod"].split()[0].rpartition("/")[2].removesuffix(suffix) for one in built[kind]}
        named = {component.partition("/")[0] for name in OVERLAYS for component in load(name).get(kind, {})}
        assert set() == {other.get(one, one.replace("_", "")) for one in named} - modules
        assert {1} == {one["gomod"].endswith(f"v{built['dist']['version']}") for one in built[kind]}
