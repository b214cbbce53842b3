"""The matrix: ``dagster dev`` with its web server, whose API launches runs."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from plugins.dagster.tests.environment import make, purelib
from plugins.dagster.tests.matrix.dev import Dev
from tests.otel.receivers import Sink

pytestmark = [
    pytest.mark.matrix,
    pytest.mark.skipif(sys.platform != "linux", reason="its processes are found in /proc"),
]

JOBS = ("in_process", "spawn", "forkserver")
OF_A_RUN = Counter(
    {
        "run.start": 1,
        "run.stop": 1,
        "materialization.start": 2,
        "materialization.stop": 2,
        "io.store.start": 2,
        "io.store.stop": 2,
        "io.load.start": 1,
        "io.load.stop": 1,
    }
)


def _with_web_server() -> str:
    """Return the site-packages where dagster-webserver is: this interpreter's, or of an environment apart."""
    if find_spec("dagster_webserver") is not None:
        return sysconfig.get_path("purelib")
    apart = os.environ.get("FLOWSTONE_TEST_DAGSTER") or f"{sys.prefix}/webserver/bin/python"
    has = (apart, "-c", "import dagster_webserver, flowstone_dagster")
    if not Path(apart).exists() or subprocess.run(has, capture_output=True, check=False).returncode:
        pytest.skip(
            "no dagster-webserver; `make matrix` installs one, or name its python in FLOWSTONE_TEST_DAGSTER"
        )
    return purelib(Path(apart))


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    """One ``dagster dev`` that ran each job once and was ended by SIGTERM."""
    python = make(tmp_path_factory.mktemp("served"), _with_web_server())
    receiver = Sink()
    found = Dev(python=python, home=tmp_path_factory.mktemp("dev"), receiver=receiver)
    try:
        found.serve(*JOBS)
        yield found
    finally:
        receiver.close()


@pytest.mark.parametrize("job", JOBS)
def test_a_launched_run_is_told_whole_and_once(dev: Dev, job: str) -> None:
    """A run that the web server launched tells each of its events once, in one trace, wherever its steps run."""
    told = [e for e in dev.events if e["run_id"] == dev.runs[job] and e["name"] != "resource.health_check"]
    assert OF_A_RUN == Counter(str(e["name"]) for e in told), dev.log()
    assert (1, {job}) == (len({e["trace_id"] for e in told}), {e["pipeline"] for e in told})


@pytest.mark.parametrize("job", JOBS)
def test_every_end_has_its_span(dev: Dev, job: str) -> None:
    """Each operation of a run arrives as one span, below its parent, with the run at the root."""
    spans = dev.spans()
    ends = dev.named(
        "run.stop", "materialization.stop", "io.store.stop", "io.load.stop", run_id=dev.runs[job]
    )
    assert [] == [e["name"] for e in ends if e["span_id"] not in spans]
    shown = [spans[str(e["span_id"])] for e in ends]
    assert [f"run {job}"] == [span.name for span in shown if not span.parent_span_id]
    assert [] == [s.name for s in shown if s.parent_span_id and s.parent_span_id.hex() not in spans]


def test_metrics_count_exactly(dev: Dev) -> None:
    """Over all processes, each run and materialization is counted once."""
    runs = dev.counts("flowstone.run.duration", "flowstone.pipeline.name", "flowstone.outcome")
    assert {(job, "success"): 1 for job in JOBS} == runs
    made = dev.counts("flowstone.materialization.duration", "flowstone.asset.key", "flowstone.outcome")
    assert {("raw", "success"): len(JOBS), ("cleaned", "success"): len(JOBS)} == made


def test_servers_are_all_there(dev: Dev) -> None:
    """What is called silent has lived: the parent, the web server, the daemon and a code server."""
    lines = " | ".join(dev.servers.values())
    assert [] == [
        word for word in ("dagster dev", "dagster_webserver", "dagster._daemon", "grpc") if word not in lines
    ]


def test_servers_stay_silent(dev: Dev) -> None:
    """The servers send no span, no metric and no log record, and leave no file: neither before a run nor after it."""
    assert ([], 0) == (dev.before, dev.sent_before)
    told = {e["process"]["pid"] for e in dev.events if isinstance(e.get("process"), dict)}  # type: ignore[index]
    assert told, "no event says which process told it"
    assert [] == [dev.servers[pid] for pid in (dev.senders() | told) & dev.servers.keys()]


def test_nothing_of_ours_failed(dev: Dev) -> None:
    """No plugin failed, no event was dropped, and no warning of ours is in the output, in any process."""
    assert [] == dev.named("plugin.failed", "plugin.quarantined", "event.dropped")
    assert "flowstone: " not in dev.log()


def test_all_of_it_ends_cleanly_on_sigterm(dev: Dev) -> None:
    """SIGTERM ends the parent with exit code 0 and every child with it, none killed, within ten seconds."""
    assert (0, []) == (dev.code, dev.left), dev.log()
    assert dev.took < 10
    assert "did not terminate cleanly" not in dev.log()
    assert "Traceback" not in dev.log()
