"""End operations by what was raised in them."""

from __future__ import annotations

from flowstone.hosting import IoLoad, IoStore, Materialization
from flowstone_dagster.failures import original, status_of


def end_by(op: Materialization | IoLoad | IoStore, error: BaseException) -> None:
    """End *op* with the user's own exception and the status that Dagster's meaning gives it."""
    if op.ended:
        return
    status = status_of(error)
    op.fail(original(error))
    if status == "cancellation":
        op.failure_kind = "cancellation"  # to the core, Dagster's interrupt is an exception like others
    op.finish(status=status)
