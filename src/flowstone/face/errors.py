"""What flowstone raises, to those who ask for it.

FlowstoneError
├── CheckpointDecided    a verdict was already given
├── CheckpointExpired    the time-out has passed
├── CheckpointInvalid    the token is forged, cut, or of another flowstone
└── CheckpointNotRecorded  the decision stands, but a plugin that has to keep it could not, or not in time
"""

from __future__ import annotations


class FlowstoneError(Exception):
    """Base of all exceptions that flowstone raises."""


class CheckpointDecided(FlowstoneError):
    """A checkpoint got a verdict before; the first one counts."""


class CheckpointExpired(FlowstoneError):
    """A checkpoint timed out before the verdict came."""


class CheckpointInvalid(FlowstoneError):
    """A checkpoint's token cannot be trusted: forged, cut, or signed with another key."""


class CheckpointNotRecorded(FlowstoneError):
    """A decision was told and stands, but a plugin that has to keep it durably could not; the message says why."""
