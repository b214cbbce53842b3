"""Threads that may no longer be started."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading

from flowstone.runtime import threads


def test_a_thread_runs_and_keeps_nobody() -> None:
    """What is started gets its arguments and its name, and is a daemon."""
    seen: list[tuple[object, str]] = []
    thread = threads.start(lambda given: seen.append((given, threading.current_thread().name)), "one", 7)
    assert thread is not None
    thread.join(5)
    assert ([(7, "one")], True) == (seen, thread.daemon)


def test_a_late_run_and_checkpoint_do_not_break_the_exit() -> None:
    """Where no thread can be started any more, runs and gates with time-outs go on without one."""
    program = """
        import threading, flowstone
        with flowstone.run("early"):  # the drain has its thread
            flowstone.flush()
        def refuse(self):
            raise RuntimeError("can't create new thread at interpreter shutdown")
        threading.Thread.start = refuse
        with flowstone.run("late"):
            flowstone.checkpoint("gate", timeout=60).request()
        print("done")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (0, "done\n") == (done.returncode, done.stdout), done.stderr
