"""The plugin, held to the contract of plugins."""

from __future__ import annotations

from flowstone.testing import PluginContract
from flowstone_health.plugin import HealthPlugin


class TestHealth(PluginContract):
    plugin = HealthPlugin
