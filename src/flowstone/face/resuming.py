"""Checkpoints that were requested elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from time import time_ns

from flowstone.face.checkpoint import Checkpoint


def resume_checkpoint(id: str, *, now: Callable[[], int] = time_ns) -> Checkpoint:
    """Return the gate of a request made in any process, to approve, reject or expire it here.

    Looks up, for at most a second, whether there is a verdict: on this host, and in the stores of the
    plugins (see ``Checkpoint.verdict``). A time-out that passed while nobody was alive is told now.

    Args:
        id: The token, ``Checkpoint.id``.
        now: The clock, in Unix nanoseconds; tests bring their own.

    Raises:
        CheckpointInvalid: *id* was forged or cut, or signed by a flowstone with another key.
    """
    return Checkpoint.resume(id, now=now)
