"""The contract suite: good plugins pass it, and each way to break it is found."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from flowstone.testing import PluginContract
from flowstone_console.plugin import ConsolePlugin

FAULTS = {
    "raises": (
        "@hookimpl\n    def on_events(self, batch): raise ValueError('broken')",
        "it_survives_every_event",
    ),
    "prints": ("@hookimpl\n    def on_events(self, batch): print(batch)", "it_survives_every_event"),
    "trusts names": (
        "@hookimpl\n    def on_events(self, batch): [e.asset.encode('ascii') for e in batch if hasattr(e, 'asset')]",
        "it_survives_every_event",
    ),
    "needs an event": ("@hookimpl\n    def on_events(self, batch): batch[0]", "it_survives_an_empty_batch"),
    "is slow": (
        "@hookimpl\n    def on_io_load_start(self, event): __import__('time').sleep(0.02)",
        "it_keeps_its_budgets",
    ),
    "is unmarked": (
        "def on_events(self, batch): ...\n    @hookimpl\n    def settle(self): ...",
        "it_forgot_no_mark",
    ),
    "has no hook": ("pass", "it_implements_hooks_that_exist"),
    "knows a hook that is none": (
        "@hookimpl\n    def on_evnets(self, batch): ...",
        "it_implements_hooks_that_exist",
    ),
    "cannot be flushed again": (
        "done = 0\n    @hookimpl\n    def flush(self, timeout): self.done += 1; return 1 / (2 - self.done)",
        "it_may_be_flushed_and_shut_down_twice",
    ),
    "breaks in a child": (
        "pid = __import__('os').getpid()\n    @hookimpl\n    def on_events(self, batch): assert self.pid == __import__('os').getpid()",
        "it_lives_on_in_a_forked_child",
    ),
    "does not explain its command": (
        "@hookimpl\n    def provide_commands(self): return [__import__('click').Command('mute')]",
        "its_commands_explain_themselves",
    ),
    "answers at random": (
        (
            "@hookimpl\n    def provide_health_checks(self):\n        from flowstone.plugin import HealthCheck\n"
            "        return [HealthCheck(name='x', look=str)]"
        ),
        "its_health_checks_answer",
    ),
    "has a check without a time-out": (
        (
            "@hookimpl\n    def provide_health_checks(self):\n        from flowstone.plugin import HealthCheck\n"
            "        return [HealthCheck(name='x', look=lambda: True, timeout=None)]"
        ),
        "its_health_checks_answer",
    ),
}


class TestConsole(PluginContract):
    """The plugin console, held to what strangers' are held to."""

    plugin = ConsolePlugin


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What pytest tells of a plugin for each fault, of the test that is to find it."""
    folder = tmp_path_factory.mktemp("faults")
    for number, (fault, _) in enumerate(FAULTS.values()):
        (folder / f"test_fault_{number}.py").write_text(
            "from flowstone.plugin import hookimpl\nfrom flowstone.testing import PluginContract\n\n\n"
            f"class Broken:\n    {fault}\n\n\nclass TestBroken(PluginContract):\n    plugin = Broken\n",
            encoding="utf-8",
        )
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-v",
            "-pno:cacheprovider",
            "-pno:schemathesis",
            *map(_test, FAULTS),
        ],
        cwd=folder,
        env={**os.environ, "FLOWSTONE_HOME": str(folder / "home")},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert 1 == done.returncode, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_found(fault: str, outcomes: str) -> None:
    """A plugin that breaks one promise fails the test of that promise."""
    assert f"{_test(fault)} FAILED" in outcomes or f"{_test(fault)} ERROR" in outcomes, outcomes


def _test(fault: str) -> str:
    return f"test_fault_{list(FAULTS).index(fault)}.py::TestBroken::test_{FAULTS[fault][1]}"
