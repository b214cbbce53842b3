"""Every event as a JSON line, in the file that ``SINK_FILE`` names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from flowstone.catalogue.codec import encode
from flowstone.plugin import Event, hookimpl


class SinkPlugin:
    """Registered by entry point in the environment of the tests, in each of Dagster's processes."""

    @hookimpl
    def on_events(self, batch: Sequence[Event]) -> None:
        """Append the batch in one write."""
        target = os.environ.get("SINK_FILE")
        if target:
            with Path(target).open("ab") as file:
                file.write(b"".join(encode(event) + b"\n" for event in batch))
