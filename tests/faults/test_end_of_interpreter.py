"""What happens when nothing can start any more: destructors that run while the interpreter goes down."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

LEFT = {
    "a run in a destructor": """
        import flowstone
        from flowstone import run
        with flowstone.materialization("x"):
            pass
        class Closing:
            def __del__(self):
                with run("closing"):
                    pass
        closing = Closing()
        """,
    "a generator left unfinished": """
        import flowstone
        def rows():
            with flowstone.run("g"):
                with flowstone.materialization("m"):
                    yield 1
        left = rows()
        next(left)
        """,
    "the first point of all": """
        from flowstone import resource_health
        class Closing:
            def __del__(self):
                resource_health("w", healthy=True)
        closing = Closing()
        """,
    "a flush": """
        import flowstone
        from flowstone import flush, run
        with run("r"):
            pass
        class Closing:
            def __del__(self):
                with run("closing"):
                    pass
                flush(5)
        closing = Closing()
        """,
}


@pytest.mark.parametrize("program", LEFT.values(), ids=LEFT)
def test_a_process_ends_whatever_its_destructors_do(tmp_path: Path, program: str) -> None:
    """With all plugins loaded it exits well, and nothing is printed."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "FLOWSTONE_"))}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={**kept, "FLOWSTONE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)
