"""What every engine promises, as a suite that anybody runs over theirs in one line.

class TestMine(PubSubContract):
    engine_url = "mine://127.0.0.1:4711/{unique}"
"""

from __future__ import annotations

from flowstone_pubsub.testing.face_contract import FaceContract
from flowstone_pubsub.testing.log_contract import LogContract


class PubSubContract(LogContract, FaceContract):
    """The contract of an engine's log, and of subscribing over it.

    Subclass it in a test file and name the engine's URL; ``{tmp}`` in it becomes a folder of the test's, ``{unique}``
    a word of its own, for each test begins with an empty log. Or override the fixture ``url``.

    Attributes:
        engine_url: The URL.
        over_processes: Whether other processes see the log.
        idempotent: Whether what is published again under an id is left out.
        patience: Seconds that a delivery may take on a slow machine.
    """
