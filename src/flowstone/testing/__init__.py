"""For tests of flowstone's users and plugin authors."""

from flowstone.testing.capture import Capture

__all__ = ["Capture"]
