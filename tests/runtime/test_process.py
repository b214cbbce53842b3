from __future__ import annotations

import os
import subprocess
import sys
import textwrap

FORKING = """
    import os
    from flowstone.plugin import this_process
    parent = this_process()
    if os.fork() == 0:
        child = this_process()
        assert (child.pid, child.host, child.boot_id) == (os.getpid(), parent.host, parent.boot_id)
        assert child.start_time >= parent.start_time
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 7
    assert this_process() is parent
"""


def test_a_forked_child_is_a_process_of_its_own() -> None:
    """It has its own pid; the parent stays what it was."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FORKING)],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stderr)
