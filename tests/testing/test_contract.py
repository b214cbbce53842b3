"""The contract suite: good plugins pass it, and each way to break it is found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flowstone.testing import PluginContract
from flowstone_console.plugin import ConsolePlugin

FAULTS = {
    "raises": (
        "@hookimpl\n    def on_events(self, batch): raise ValueError('broken')",
        "survives_every_event",
    ),
    "prints": ("@hookimpl\n    def on_events(self, batch): print(batch)", "survives_every_event"),
    "trusts names": (
        "@hookimpl\n    def on_events(self, batch): [e.asset.encode('ascii') for e in batch if hasattr(e, 'asset')]",
        "survives_every_event",
    ),
    "needs an event": ("@hookimpl\n    def on_events(self, batch): batch[0]", "survives_an_empty_batch"),
    "is slow": (
        "@hookimpl\n    def on_io_load_start(self, event): __import__('time').sleep(0.02)",
        "keeps_its_budgets",
    ),
    "is unmarked": (
        "def on_events(self, batch): ...\n    @hookimpl\n    def settle(self): ...",
        "forgot_no_mark",
    ),
    "has no hook": ("pass", "implements_hooks_that_exist"),
    "knows a hook that is none": (
        "@hookimpl\n    def on_evnets(self, batch): ...",
        "implements_hooks_that_exist",
    ),
    "cannot be flushed again": (
        "done = 0\n    @hookimpl\n    def flush(self, timeout): self.done += 1; return 1 / (2 - self.done)",
        "may_be_flushed_and_shut_down_twice",
    ),
    "breaks in a child": (
        "pid = __import__('os').getpid()\n    @hookimpl\n    def on_events(self, batch): assert self.pid == __import__('os').getpid()",
        "lives_on_in_a_forked_child",
    ),
    "does not explain its command": (
        "@hookimpl\n    def provide_commands(self): return [__import__('click').Command('mute')]",
        "commands_explain_themselves",
    ),
    "answers at random": (
        (
            "@hookimpl\n    def provide_health_checks(self):\n        from flowstone.plugin import HealthCheck\n"
            "        return [HealthCheck(name='x', look=str)]"
        ),
        "health_checks_answer",
    ),
    "has a check without a time-out": (
        (
            "@hookimpl\n    def provide_health_checks(self):\n        from flowstone.plugin import HealthCheck\n"
            "        return [HealthCheck(name='x', look=lambda: True, timeout=None)]"
        ),
        "health_checks_answer",
    ),
}


class TestConsole(PluginContract):
    """The plugin console, held to what strangers' are held to."""

    plugin = ConsolePlugin


@pytest.mark.parametrize(("fault", "found_by"), FAULTS.values(), ids=FAULTS)
def test_each_fault_is_found(fault: str, found_by: str, tmp_path: Path) -> None:
    """A plugin that breaks one promise fails the test of that promise."""
    (tmp_path / "test_broken.py").write_text(
        "from flowstone.plugin import hookimpl\nfrom flowstone.testing import PluginContract\n\n\n"
        f"class Broken:\n    {fault}\n\n\nclass TestBroken(PluginContract):\n    plugin = Broken\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", found_by, str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "FLOWSTONE_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert 1 == done.returncode, done.stdout + done.stderr
    assert "1 failed" in done.stdout or "1 error" in done.stdout, done.stdout
