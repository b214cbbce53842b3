"""The whole way: the demo's Dagster runs, at a real OTLP receiver and in the local store."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.otel.receivers import agent_program, attributes, running_agent, until

pytest.importorskip("flowstone_dagster")


def flowstone(folder: Path, *arguments: str, **env: str) -> str:
    """Run the command line with its home in *folder*; return what it prints."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL", "FLOWSTONE"))}
    done = subprocess.run(
        [sys.executable, "-m", "flowstone.cli.main", *arguments],
        env={**kept, "HOME": str(folder), "FLOWSTONE_HOME": str(folder / "home"), **env},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def nodes(node: dict[str, Any]) -> list[dict[str, Any]]:
    """Return an operation of ``flowstone trace --json`` and all below it."""
    return [node, *(below for child in node["children"] for below in nodes(child))]


@pytest.mark.matrix
def test_everything_of_the_demo_arrives_once(tmp_path: Path) -> None:
    """Each operation of the store is one span at the receiver: same ids, same parent, same run; metrics too."""
    program = agent_program()
    if program is None:
        pytest.skip(
            "no ddapm-test-agent that takes OTLP; `make test` installs one, or name it in FLOWSTONE_TEST_AGENT"
        )
    with running_agent(tmp_path, program) as agent:
        printed = flowstone(tmp_path, "demo", OTEL_EXPORTER_OTLP_ENDPOINT=agent.endpoint)
        found = re.search(r"correlation (demo-\w+)", printed)
        assert found is not None, printed
        home = str(tmp_path / "home" / "demo")
        told = json.loads(flowstone(tmp_path, "trace", found[1], "--json", FLOWSTONE_HOME=home))
        kept = {
            node["span_id"]: (trace["trace_id"], node["parent_id"])
            for trace in told["traces"]
            for root in trace["nodes"]
            for node in nodes(root)
        }
        spans = until(lambda: agent.spans() if len(agent.spans()) >= len(kept) else [])
        metrics = agent.metrics()
    assert 20 == len(kept)
    ids = [_hex(span["span_id"]) for span in spans]
    assert len(ids) == len(set(ids)), "no span twice"
    sent = {
        _hex(span["span_id"]): (_hex(span["trace_id"]), _hex(span.get("parent_span_id", "")))
        for span in spans
    }
    assert kept == {span_id: sent[span_id] for span_id in kept}
    # The forgery that the demo has found is told as well, and belongs to no run.
    runs = [span for span in spans if span["name"] != "audit.tampered"]
    assert {found[1]} == {attributes(span).get("flowstone.correlation.id") for span in runs}
    assert {"flowstone.run.duration", "flowstone.materialization.duration", "flowstone.io.rows"} <= {
        metric["name"] for metric in metrics
    }


def _hex(shown: str) -> str:
    """Return an id as hex, however the agent shows bytes."""
    if re.fullmatch(r"[0-9a-f]*", shown) and len(shown) in (0, 16, 32):
        return shown
    import base64

    return base64.b64decode(shown).hex()
