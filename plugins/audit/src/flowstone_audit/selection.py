"""Which entries are meant, and the statements that find them.

A statement is built once for each set of filters in use, and compiled once by SQLAlchemy: what is
left for a query is binding its values.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, TypedDict

from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, func, select

from flowstone_audit.tables import log

FIRST: Final = 0
LAST: Final = (1 << 63) - 1


class Filters(TypedDict, total=False):
    """What entries have to be, all of it; what is left out or None lets everything pass.

    Attributes:
        event_type: Such as ``run.start``; ``run.*`` for all that begin like that.
        actor_id: Who did it. In a large log give *actor_type* as well: of the system's own entries, which
            are most, there is no index by actor.
        actor_type: ``system``, ``user`` or ``api``.
        resource: Kind and id of what it was done to, such as ``("run", "r1")``.
        asset: The same as ``resource=("asset", asset)``.
        action: What was done.
        outcome: ``started``, ``success``, ``failure`` or ``denied``.
        correlation_id: Finds what belongs together.
        trace_id: 32 hex digits.
        run_id: The orchestrator's.
        since: The first moment, by the writer's clock (``occurred_at``); with a time zone.
        until: The moment before which it happened; with a time zone.
        through: The greatest ``seq``.
    """

    event_type: str | None
    actor_id: str | None
    actor_type: str | None
    resource: tuple[str, str] | None
    asset: str | None
    action: str | None
    outcome: str | None
    correlation_id: str | None
    trace_id: str | None
    run_id: str | None
    since: datetime | None
    until: datetime | None
    through: int | None


def values_of(filters: Filters) -> dict[str, Any]:
    """Return the filters that are set as the parameters of their statement.

    Raises:
        ValueError: A moment has no time zone, or both resource and asset are given.
        TypeError: There is no such filter.
    """
    found: dict[str, Any] = {name: value for name, value in filters.items() if value is not None}
    if strange := sorted(found.keys() - Filters.__annotations__.keys()):
        raise TypeError(f"audit entries have no filter {', '.join(strange)}")
    if "asset" in found:
        if "resource" in found:
            raise ValueError("give a resource or an asset; an asset is the resource ('asset', its name)")
        found["resource"] = ("asset", found.pop("asset"))
    if "resource" in found:
        found["resource_type"], found["resource_id"] = found.pop("resource")
    for name in ("since", "until"):
        if name in found:
            found[name] = _in_utc(found[name], name)
    if found.get("event_type", "").endswith(".*"):
        found["event_prefix"] = found.pop("event_type")[:-1]
    return found


def _in_utc(moment: datetime, name: str) -> datetime:
    if moment.utcoffset() is None:
        raise ValueError(f"{name} is {moment.isoformat()}, without a time zone; say which one, such as UTC")
    return moment.astimezone(UTC)


def page_of(values: Mapping[str, Any], *, newest_first: bool) -> Select[Any]:
    """Return the statement of a page: parameters are *values*, ``after`` and ``limit``."""
    return _page(tuple(sorted(values)), newest_first, _is_users(values))


def where(values: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    """Return the conditions of *values*, for statements of one's own; parameters are *values*."""
    return _conditions(tuple(sorted(values)), _is_users(values))


@lru_cache(maxsize=512)
def _page(names: tuple[str, ...], newest_first: bool, users: bool) -> Select[Any]:
    after = log.c.seq < bindparam("after") if newest_first else log.c.seq > bindparam("after")
    order = log.c.seq.desc() if newest_first else log.c.seq
    return select(log).where(after, *_conditions(names, users)).order_by(order).limit(bindparam("limit"))


def _is_users(values: Mapping[str, Any]) -> bool:
    return values.get("actor_type") in {"user", "api"}


def _conditions(names: tuple[str, ...], users: bool) -> list[ColumnElement[bool]]:
    found = [_condition(name) for name in names]
    if users:
        found.append(log.c.actor_type != "system")  # as the partial index by actor says it
    return found


def _condition(name: str) -> ColumnElement[bool]:
    given: BindParameter[Any] = bindparam(name)
    if name == "event_prefix":
        # Neither LIKE, in which SQLite sees no difference of case, nor a range, which depends on collation.
        return func.substr(log.c.event_type, 1, func.length(given)) == given
    if name == "since":
        return log.c.occurred_at >= given
    if name == "until":
        return log.c.occurred_at < given
    return log.c.seq <= given if name == "through" else log.c[name] == given
