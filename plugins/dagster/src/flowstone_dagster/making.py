"""The operations of what a step makes."""

from __future__ import annotations

from flowstone.hosting import Materialization, Scope
from flowstone_dagster import links
from flowstone_dagster.asset_check import AssetCheck, product_text
from flowstone_dagster.facts import Product
from flowstone_dagster.identity import check_span, run_span, step_span


def operation_of(
    product: Product, scope: Scope, step_key: str, attempt: int, start: int = 0
) -> Materialization:
    """Return the operation of a product's attempt; not begun yet."""
    run_id = scope.run_id
    span_id, parent_id = step_span(run_id, step_key, attempt, product.key), run_span(run_id)
    told = {"flowstone.dagster.kind": product.kind, "flowstone.dagster.step_key": step_key}
    op: Materialization
    if product.check:
        op = AssetCheck(
            product.asset,
            product.check,
            partition=product.partition,
            attempt=attempt,
            attributes=told,
            scope=scope,
            span_id=span_id,
            parent_id=parent_id,
            start_time=start,
        )
    else:
        op = Materialization(
            product.asset,
            partition=product.partition,
            attempt=attempt,
            attributes=told,
            scope=scope,
            span_id=span_id,
            parent_id=parent_id,
            start_time=start,
        )
    links.put(op, links.of_step(scope, step_key, attempt, product.key))
    return op


def evaluated(evaluation: object, asset: str, check: str, step_key: str, above: Materialization) -> None:
    """Tell a check that the step of an asset has evaluated: its result, without a time of its own."""
    op = AssetCheck(
        asset,
        check,
        partition=above.partition,
        attempt=above.attempt,
        attributes={"flowstone.dagster.kind": "asset_check", "flowstone.dagster.step_key": step_key},
        scope=above.scope,
        span_id=check_span(above.run_id, step_key, above.attempt, product_text(asset, check)),
        parent_id=above.span_id,
    )
    op.begin()
    op.judge(evaluation)
    op.finish(time=op.start_time)
