"""The names of the project's jobs, for those that must not import it: that is dear."""

from __future__ import annotations

from typing import Final

PROJECT: Final = "flowstone_dagster.demo.project.definitions"
"""The module that Dagster loads."""
DELAYS: Final = "delays_of_a_month"
"""The partitioned job, in one process; its asset ``FAULTY`` fails."""
FAULTY: Final = "punctuality"
"""The asset with a mistake in it."""
MONTH: Final = "2013-01"
"""The partition that the demo makes."""
WEATHER: Final = "weather"
"""The job that gives each step a process."""
STEPS: Final = 3
"""How many steps that one has."""
