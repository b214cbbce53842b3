"""What every plugin promises, in one line."""

from __future__ import annotations

from flowstone.testing import PluginContract
from flowstone_quality.plugin import QualityPlugin


class TestQuality(PluginContract):
    """The plugin keeps the contract."""

    plugin = QualityPlugin
