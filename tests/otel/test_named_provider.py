"""A tracer provider that the environment names, as `opentelemetry-instrument` and containers do."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

CODE = """
    import sys, flowstone
    from opentelemetry import trace
    with flowstone.run("nightly") as run:
        inside = trace.get_current_span().get_span_context()
    flowstone.flush(5)
    provider = trace.get_tracer_provider()
    print(type(provider).__module__, inside.is_valid)
"""


@pytest.mark.parametrize(
    ("named", "module"),
    [("sdk_tracer_provider", "opentelemetry.sdk.trace"), (None, "flowstone.runtime.export.own_provider")],
)
def test_the_provider_that_the_environment_names_is_the_global_one(
    named: str | None, module: str, tmp_path: Path
) -> None:
    """It is made, and none of ours takes its place; where none is named, ours does."""
    own = {"OTEL_PYTHON_TRACER_PROVIDER": named} if named else {}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(CODE)],
        env={"FLOWSTONE_HOME": str(tmp_path), "PATH": "", "OTEL_TRACES_EXPORTER": "console", **own},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "" == done.stderr
    assert f"{module} True" == done.stdout.splitlines()[-1]
