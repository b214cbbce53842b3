"""The public face."""

from __future__ import annotations

import subprocess
import sys

import pytest

import flowstone


@pytest.mark.parametrize("name", flowstone.__all__)
def test_every_public_name_has_one_address(name: str) -> None:
    """Everything in __all__ is there, and listed."""
    assert getattr(flowstone, name) is not None
    assert name in dir(flowstone)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A typing error says which name there is not."""
    with pytest.raises(AttributeError, match="no attribute 'materialisation'"):
        _ = flowstone.materialisation


def test_importing_is_cheap() -> None:
    """Import loads neither OpenTelemetry nor pluggy nor any plugin."""
    script = (
        "import sys, flowstone; print([name for name in sys.modules"
        " if name.split('.')[0] in ('opentelemetry', 'pluggy', 'orjson', 'click', 'sqlite3')])"
    )
    assert b"[]\n" == subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout


def test_emitting_without_exporters_loads_no_sdk() -> None:
    """Where nothing is configured, the SDK is not even imported."""
    script = (
        "import os, sys, flowstone\n"
        "with flowstone.run('p'), flowstone.materialization('a'): pass\n"
        "flowstone.flush()\n"
        "print('opentelemetry.sdk' in sys.modules, 'requests' in sys.modules)"
    )
    env = {"PATH": "/usr/bin:/bin", "FLOWSTONE_STORE_URL": "off", "HOME": "/nonexistent"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, env=env)
    assert (b"False False\n", b"") == (done.stdout, done.stderr)
