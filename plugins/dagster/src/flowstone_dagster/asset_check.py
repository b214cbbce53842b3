"""Asset checks: events and an operation of their own, for a check makes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from flowstone.hosting import Materialization, Scope
from flowstone.plugin import Event, OperationEnd, OperationException, OperationStart, Partition, event


@dataclass(frozen=True, kw_only=True)
class Checked(Event):
    """What is checked.

    Attributes:
        asset: Asset key, parts joined by ``/``.
        check: Name of the check.
        partition: Partition key.
        attempt: 1 for the first try.
    """

    __slots__ = ()

    asset: str = ""
    check: str = ""
    partition: Partition | None = None
    attempt: int = 1


@event(subject="asset_check")
class AssetCheckStart(Checked, OperationStart):
    """An asset check begins.

    When: Dagster begins the step of the check, or the step of an asset tells its result.
    Guarantees: followed by a stop or an exception.
    Not emitted: for checks that are not selected.
    """


@event(subject="asset_check")
class AssetCheckStop(Checked, OperationEnd):
    """The check came to a result; also one that the asset did not pass.

    When: Dagster reports the evaluation.
    Guarantees: same span id as its start.
    Not emitted: when the check itself raised; that is ``asset_check.exception``.
    Attributes: ``flowstone.asset_check.passed`` and ``flowstone.asset_check.severity``.
    """


@event(subject="asset_check")
class AssetCheckException(Checked, OperationException):
    """The check raised, and tells nothing about the asset.

    When: an exception leaves the check's code, or its process dies.
    Guarantees: same span id as its start.
    Not emitted: for checks that the asset does not pass.
    """


class AssetCheck(
    Materialization,
    events=(AssetCheckStart, AssetCheckStop, AssetCheckException),
    own={
        "asset": "name(given.asset)",
        "check": "name(given.check)",
        "partition": "partition(given.partition)",
        "attempt": "given.attempt",
    },
):
    """An asset check under way; driven like a materialization, told as itself.

    Attributes:
        check: Name of the check.
    """

    def __init__(
        self,
        asset: str,
        check: str,
        *,
        partition: object,
        attempt: int,
        attributes: Mapping[str, object],
        scope: Scope,
        span_id: int,
        parent_id: int,
        start_time: int = 0,
    ) -> None:
        super().__init__(
            asset,
            partition=partition,
            attempt=attempt,
            attributes=attributes,
            scope=scope,
            span_id=span_id,
            parent_id=parent_id,
            start_time=start_time,
        )
        self.check = check

    def begin(self) -> Self:
        """Tell the start, and name the span."""
        super().begin()
        self.update_name(f"check {product_text(self.asset, self.check)}")
        return self

    def judge(self, evaluation: object) -> None:
        """Take over what an ``AssetCheckEvaluation`` says."""
        self.set_attribute("flowstone.asset_check.passed", bool(getattr(evaluation, "passed", False)))
        severity = getattr(getattr(evaluation, "severity", None), "value", None)
        if severity:
            self.set_attribute("flowstone.asset_check.severity", str(severity))


def product_text(asset: str, check: str) -> str:
    """Return the one text that stands for an asset, or for one of its checks."""
    return f"{asset}:{check}" if check else asset
