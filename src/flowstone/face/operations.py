"""Runs, materializations, loads and stores under their public names."""

from flowstone.runtime.kinds import IoLoad as io_load
from flowstone.runtime.kinds import IoStore as io_store
from flowstone.runtime.kinds import Materialization as materialization
from flowstone.runtime.running import Run as run

__all__ = ["io_load", "io_store", "materialization", "run"]
