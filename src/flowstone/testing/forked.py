"""Running a piece of a test in a forked child."""

from __future__ import annotations

import os
import signal
import time
import traceback
import warnings
from collections.abc import Callable
from typing import Final

_LOOK_S: Final = 0.01


def in_child(work: Callable[[], object], timeout: float = 10.0) -> str:
    """Run *work* in a forked child; return what went wrong, empty if nothing did.

    Args:
        work: What the child does. It leaves by ``os._exit``, so that nothing of the test's is run twice.
        timeout: Seconds after which the child is killed.
    """
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking beside threads is what is tested
        pid = os.fork()
    if pid == 0:
        os.close(reading)
        _work(work, writing)
    os.close(writing)
    try:
        return _outcome(pid, reading, timeout)
    finally:
        os.close(reading)


def _work(work: Callable[[], object], writing: int) -> None:
    try:
        work()
    except BaseException:  # the child tells what it met, whatever it is, and ends here
        os.write(writing, traceback.format_exc().encode("utf-8", "replace")[-4000:])
        os._exit(1)
    os._exit(0)


def _outcome(pid: int, reading: int, timeout: float) -> str:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            told = os.read(reading, 4096).decode("utf-8", "replace")
            return told or ("" if status == 0 else f"the child ended with status {status}")
        time.sleep(_LOOK_S)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return f"still busy after {timeout} s"
