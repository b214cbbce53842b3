"""The compose file, as far as it can be held without running containers."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.laws.tree import ROOT

DEPLOY = ROOT / "deploy"
FILE = DEPLOY / "compose.yaml"
BUILD = (DEPLOY / "build.py").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    loaded: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["services"]
    return loaded


def test_docker_compose_accepts_it() -> None:
    """`docker compose config` finds nothing wrong, where the plugin is installed."""
    docker = shutil.which("docker")
    if (
        docker is None
        or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no docker with its compose plugin here")
    done = subprocess.run(
        [docker, "compose", "-f", str(FILE), "config", "--quiet"], capture_output=True, text=True, check=False
    )
    assert (0, "") == (done.returncode, done.stderr)


def test_every_image_is_pinned(services: dict[str, dict[str, Any]]) -> None:
    """Each image has a version, and the page says which one the tests ran against."""
    page = (DEPLOY / "README.md").read_text(encoding="utf-8")
    for name, service in services.items():
        assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+(\.\d+)?", service["image"]), name
        assert f"`{service['image']}`" in page, name


def test_the_built_programs_are_of_the_same_version(services: dict[str, dict[str, Any]]) -> None:
    """Collector and Jaeger have the version that `deploy/build.py` names as image."""
    collector, version = services["collector"]["image"].split(":")
    assert f'COLLECTOR = "{version}"' in BUILD
    assert f"{collector}:{{COLLECTOR}}" in BUILD
    assert f'"{services["jaeger"]["image"]}"' in BUILD


def test_ports_are_of_this_machine_only(services: dict[str, dict[str, Any]]) -> None:
    """Nothing is reachable from outside unless somebody says so."""
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert [] == [port for port in ports if not port.startswith("127.0.0.1:")]


def test_mounted_files_exist(services: dict[str, dict[str, Any]]) -> None:
    """Every mounted file or folder is in the repository, every volume is declared."""
    volumes = set(yaml.safe_load(FILE.read_text(encoding="utf-8"))["volumes"])
    for service in services.values():
        for mount in service.get("volumes", ()):
            source = mount.split(":")[0]
            assert source in volumes or (DEPLOY / source).resolve().exists(), mount


def test_the_collector_is_told_all_it_needs(services: dict[str, dict[str, Any]]) -> None:
    """Every variable without a default in the mounted configurations is set."""
    service = services["collector"]
    files = [DEPLOY / mount.split(":")[0] for mount in service["volumes"] if mount.startswith(".")]
    needed = {
        name
        for file in files
        for name in re.findall(r"\$\{env:(\w+)\}", Path(file).read_text(encoding="utf-8"))
    }
    assert set() == needed - set(service["environment"])


def test_what_is_scraped_is_there(services: dict[str, dict[str, Any]]) -> None:
    """Each target of Prometheus, and each data source of Grafana, is a service of the file."""
    prometheus = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yaml").read_text(encoding="utf-8"))
    configs = [*prometheus["scrape_configs"], *prometheus["alerting"]["alertmanagers"]]
    targets = [one for job in configs for static in job["static_configs"] for one in static["targets"]]
    sources = yaml.safe_load(
        (DEPLOY / "grafana/provisioning/datasources/flowstone.yaml").read_text(encoding="utf-8")
    )["datasources"]
    hosts = {one.split(":")[0] for one in targets} | {
        one["url"].split("/")[2].split(":")[0] for one in sources
    }
    assert set() == hosts - set(services)
