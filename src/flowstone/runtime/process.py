"""Which process this is, so that others can tell later whether it still lives."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from flowstone.catalogue.event import Process

_mine: Process | None = None


def this_process() -> Process:
    """Return the identity of this process (cached per pid)."""
    global _mine
    pid = os.getpid()
    if _mine is None or _mine.pid != pid:
        _mine = Process(
            host=socket.gethostname()[:255], boot_id=boot_id(), pid=pid, start_time=start_time(pid) or 0
        )
    return _mine


def boot_id() -> str:
    """Return what identifies this boot of the host; empty where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return _ask("sysctl", "-n", "kern.boottime") if sys.platform == "darwin" else ""


def start_time(pid: int) -> int | None:
    """Return when the process *pid* started, or None if there is no such process.

    Clock ticks since boot on Linux (field 22 of ``/proc/PID/stat``), a hash of ``ps -o lstart``
    elsewhere: the value is only ever compared.
    """
    if sys.platform.startswith("linux"):
        try:
            stat = Path(f"/proc/{pid}/stat").read_bytes()
        except OSError:
            return None
        fields = stat[stat.rindex(b")") + 2 :].split()
        return None if fields[0] == b"Z" else int(fields[19])
    text = _ask("ps", "-o", "lstart=", "-p", str(pid))
    return int.from_bytes(text.encode(), "big") % (1 << 61) if text else None


def _ask(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=2, check=False).stdout.strip()  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return ""
