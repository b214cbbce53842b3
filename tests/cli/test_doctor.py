from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.otel.receivers import Sink
from tests.servers.ports import free_port


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sink.close()


def doctor(home: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "FLOWSTONE_"))}
    return subprocess.run(
        [sys.executable, "-m", "flowstone.cli.main", "doctor", *arguments],
        env={**kept, "FLOWSTONE_HOME": str(home), **env},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def findings(home: Path, **env: str) -> tuple[int, dict[str, list[dict[str, Any]]]]:
    """Return the exit code, and the findings by area."""
    done = doctor(home, "--json", **env)
    assert "" == done.stderr
    found: dict[str, list[dict[str, Any]]] = {}
    for one in orjson.loads(done.stdout)["findings"]:
        found.setdefault(one["area"], []).append(one)
    return done.returncode, found


def test_nothing_configured_is_nothing_wrong(tmp_path: Path) -> None:
    """Without an endpoint the path is none, with the way to change that, and the exit code is 0."""
    code, found = findings(tmp_path)
    assert 0 == code
    assert found["path"][0]["text"].startswith("none:")
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in found["path"][0]["advice"]
    assert "endpoint" not in found


def test_a_living_endpoint_is_fine(sink: Sink, tmp_path: Path) -> None:
    """An endpoint that answers is told once for all signals; nothing is sent to it."""
    code, found = findings(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint)
    assert 0 == code
    assert found["path"][0]["text"].startswith("fast:")
    assert ["ok"] == [one["state"] for one in found["endpoint"]]
    assert ["traces", "metrics", "logs"] == [one["text"].partition(":")[0] for one in found["exporters"]]
    assert ([], [], []) == (sink.traces, sink.requests, sink.logs)


def test_a_dead_endpoint_is_a_problem(tmp_path: Path) -> None:
    """An endpoint that nobody listens on makes the exit code 1, with advice, in bounded time."""
    code, found = findings(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port()}")
    assert (1, "problem") == (code, found["endpoint"][0]["state"])
    assert "collector" in found["endpoint"][0]["advice"]


def test_a_setting_is_told_with_its_origin(tmp_path: Path) -> None:
    """Environment, file and default are told apart; secrets are not shown."""
    (tmp_path / "flowstone.toml").write_text('store_max_age = "7 d"\n', encoding="utf-8")
    env = {"FLOWSTONE_STORE_URL": "off", "OTEL_EXPORTER_OTLP_HEADERS": "api-key=hunter2"}
    _, found = findings(tmp_path, **env)
    told = {one["text"] for one in found["settings"]}
    assert {
        "FLOWSTONE_STORE_URL=off (environment)",
        "FLOWSTONE_STORE_MAX_AGE=7 d (flowstone.toml or pyproject.toml)",
        "FLOWSTONE_ENABLED=1 (default)",
        "OTEL_EXPORTER_OTLP_HEADERS=(set, not shown) (environment)",
    } <= told
    assert "hunter2" not in doctor(tmp_path, **env).stdout


@pytest.mark.parametrize(
    ("env", "text"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin_of_old"}, "no exporter 'zipkin_of_old' is installed"),
        ({"OTEL_CONFIG_FILE": "missing.yaml"}, "no such file"),
        ({"OTEL_METRICS_EXPORTER": "prometheus", "OTEL_EXPORTER_PROMETHEUS_PORT": "x"}, "invalid literal"),
    ],
)
def test_what_cannot_work_is_a_problem(tmp_path: Path, env: dict[str, str], text: str) -> None:
    """Exporters, files and ports that cannot be used are found before anything is emitted."""
    code = doctor(tmp_path, **env)
    assert 1 == code.returncode
    assert text in code.stdout


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FLOWSTONE_ENABLED", "perhaps"),
        ("FLOWSTONE_HEARTBEAT", "abc"),
        ("FLOWSTONE_OTEL_LOG_LEVEL", "loud"),
        ("FLOWSTONE_GLOBAL_PROVIDER", "maybe"),
        ("FLOWSTONE_DAGSTER", "2"),
        ("FLOWSTONE_REDACT_KEYS", "hunter2["),
        ("FLOWSTONE_REDACT_VALUES", r"(hunter2-\d+"),
        ("FLOWSTONE_STORE_URL", "postgres://ann:hunter2@host/db"),
        ("FLOWSTONE_STORE_MAX_BYTES", "lots"),
        ("FLOWSTONE_STORE_MAX_AGE", "forever"),
        ("FLOWSTONE_AUDIT_URL", "mysql://host"),
        ("FLOWSTONE_AUDIT_RETAIN_DAYS", "-1"),
        ("FLOWSTONE_PUBSUB_RETENTION", "some"),
        ("FLOWSTONE_HEALTH_PORT", "70000"),
        ("FLOWSTONE_HEALTH_DISK_MIN", "enough"),
    ],
)
def test_a_setting_that_cannot_be_used_is_a_problem(tmp_path: Path, name: str, value: str) -> None:
    """Whoever reads it, the core or a plugin: it is named once, the exit code is 1, and no password is shown."""
    code, found = findings(tmp_path, **{name: value})
    assert 1 == code
    assert [name] == [one["text"].split()[0] for one in found["settings"] if one["state"] == "problem"]
    assert "hunter2" not in str(found)


def test_a_file_of_settings_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    """It is named, with what is wrong in it."""
    (tmp_path / "flowstone.toml").write_text('store_max_age = "7 d\n', encoding="utf-8")
    code, found = findings(tmp_path)
    assert 1 == code
    told = [one["text"] for one in found["settings"] if one["state"] == "problem"]
    assert [(str(tmp_path / "flowstone.toml"), True)] == [
        (text.split()[0], "line 1" in text) for text in told
    ]


def test_a_plugin_that_is_not_there_and_disabled_is_a_note(tmp_path: Path) -> None:
    """The name may be a slip, or meant for another host."""
    code, found = findings(tmp_path, FLOWSTONE_DISABLED_PLUGINS="consol")
    assert 0 == code
    assert [True] == ["'consol'" in one["text"] for one in found["settings"] if one["state"] == "note"]


@pytest.mark.parametrize("env", [{"OTEL_SDK_DISABLED": "true"}, {"FLOWSTONE_ENABLED": "0"}])
def test_what_is_switched_off_is_told(tmp_path: Path, env: dict[str, str]) -> None:
    """A switch that stops telemetry is named, and is no problem."""
    code, found = findings(tmp_path, **env)
    assert 0 == code
    assert next(iter(env)) in found["path"][0]["text"]


def test_plugins_and_store_are_told(tmp_path: Path) -> None:
    """Each plugin is told with its state, and the store with its place."""
    _, found = findings(tmp_path, FLOWSTONE_DISABLED_PLUGINS="otel")
    assert "note" == next(one["state"] for one in found["plugins"] if one["text"].startswith("otel "))
    assert found["store"]
    assert found["losses"]
