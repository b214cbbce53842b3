"""Io managers by their registered name, and what they tell about files."""

from __future__ import annotations

from collections.abc import Mapping

from flowstone_dagster.metadata import file_size
from flowstone_dagster.shapes import InputContext, StepContext
from flowstone_dagster.wall import walled


def class_name(manager: object) -> str:
    """Return the class of an io manager."""
    return type(manager).__name__


def registered_name(context: StepContext, manager: object) -> str:
    """Return the resource key that *manager* is registered under; its class where it has none."""
    return _key(context, manager) or class_name(manager)


@walled
def _key(context: StepContext, manager: object) -> str | None:
    # Steps get what a resource puts on the context, which need not be the registered object itself.
    for key, registered in context.scoped_resources_builder.resource_instance_dict.items():
        if registered is manager or getattr(context.resources, key, None) is manager:
            return key
    return None


@walled
def loaded_size(manager: object, context: InputContext) -> int | None:
    """Return how many bytes a file-based io manager has read, where its files are local."""
    if context.has_asset_partitions:
        paths = getattr(manager, "_get_paths_for_partitions", None)
        found = paths(context) if callable(paths) else None
        sizes = [file_size(path) for path in found.values()] if isinstance(found, Mapping) else []
    else:
        one = getattr(manager, "_get_path", None)
        sizes = [file_size(one(context))] if callable(one) else []
    known = [size for size in sizes if size is not None]
    return sum(known) if known else None
