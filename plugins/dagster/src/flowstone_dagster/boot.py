"""What the ``.pth`` line imports: waits for ``import dagster``, and costs next to nothing until then.

Neither flowstone nor Dagster is imported here, because every interpreter of the environment passes
this way, and other ``.pth`` files, which complete ``sys.path``, may not have been read yet.
"""

from __future__ import annotations

from flowstone_dagster import doorbell
from flowstone_dagster.switch import switched_on


def _install() -> None:
    try:
        from flowstone_dagster import install

        install()
    except Exception:  # noqa: BLE001  # fault wall: half-removed installations must not break an import
        return


if switched_on():
    doorbell.wait(_install)
