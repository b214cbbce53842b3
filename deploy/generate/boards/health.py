"""Health checks and resources, the audit log, and live messages."""

from __future__ import annotations

from typing import Final

from deploy.generate.board import ENVIRONMENT, SCOPE, Board, Panel, Query
from deploy.generate.metrics import SERVICE, selector
from deploy.generate.promql import by, grown, quantile, rate

_CHECK: Final = "flowstone.health.check.name"
_RESOURCE: Final = "flowstone.resource.name"
_SYSTEM: Final = "messaging.system"
_TEMPLATE: Final = "messaging.destination.template"
_WORST: Final = {"healthy": 0, "degraded": 1, "unhealthy": 2}


def _worst(metric: str, state_key: str, name: str) -> str:
    """Return 0 for healthy, 1 for degraded, 2 for unhealthy, by service and name, of the process that fares worst."""
    key = state_key.replace(".", "__")
    weighed = " + ".join(
        f"{weight} * {by('max', selector(metric, scope=SCOPE, **{key: state}), *SERVICE, name)}"
        for state, weight in _WORST.items()
    )
    return f"clamp_max({weighed}, {max(_WORST.values())})"


def _lines(title: str, about: str, expr: str, legend: str, unit: str = "short") -> Panel:
    queries = (Query(expr=expr, legend=legend),)
    return Panel(title=title, about=about, unit=unit, queries=queries)


def _peak(metric: str, *keys: str) -> str:
    return by("max", selector(metric, scope=SCOPE), *keys)


def _bars(title: str, about: str, metric: str, key: str) -> Panel:
    """Return a panel about a counter that only has series where something went wrong."""
    expr = by("sum", grown(selector(metric, scope=SCOPE), "10m"), "job", key)
    legend = f"{{{{job}}}} {{{{{key.replace('.', '_')}}}}}"
    return Panel(title=title, about=about, kind="bars", queries=(Query(expr=expr, legend=legend),))


_HEALTH: Final = (
    Panel(
        title="Checks",
        about="0 healthy, 1 degraded, 2 unhealthy.",
        kind="states",
        width=12,
        queries=(
            Query(
                expr=_worst("flowstone.health.status", "flowstone.health.state", _CHECK),
                legend=f"{{{{job}}}} {ENVIRONMENT} {{{{flowstone_health_check_name}}}}",
            ),
        ),
    ),
    Panel(
        title="Resources",
        about="As the pipelines saw them: 0 healthy, 1 degraded, 2 unhealthy.",
        kind="states",
        width=12,
        queries=(
            Query(
                expr=_worst("flowstone.resource.status", "flowstone.resource.status", _RESOURCE),
                legend=f"{{{{job}}}} {ENVIRONMENT} {{{{flowstone_resource_name}}}}",
            ),
        ),
    ),
    _bars("Changes", "Of a check's status, in ten minutes.", "flowstone.health.transitions", _CHECK),
    _lines(
        "How long checks look",
        "The latest look of each.",
        _peak("flowstone.health.check.duration", _CHECK),
        *("{{flowstone_health_check_name}}", "s"),
    ),
    _lines(
        "How long looks at resources take",
        "95th percentile.",
        quantile(0.95, "flowstone.resource.check.duration", _RESOURCE, scope=SCOPE),
        *("{{flowstone_resource_name}}", "s"),
    ),
    _lines(
        "How long sensors poll",
        "95th percentile.",
        quantile(0.95, "flowstone.sensor.poll.duration", "flowstone.sensor.name", scope=SCOPE),
        *("{{flowstone_sensor_name}}", "s"),
    ),
)
_AUDIT: Final = (
    _lines(
        "Oldest entry in the spool",
        "It should be seconds.",
        _peak("flowstone.audit.spool.age", "job"),
        "{{job}}",
        "s",
    ),
    _lines(
        "Entries in the spool",
        "Not in the database yet.",
        _peak("flowstone.audit.spool.entries", "job"),
        "{{job}}",
    ),
    _lines(
        "Size of the spool",
        "Bytes not in the database yet.",
        _peak("flowstone.audit.spool.size", "job"),
        "{{job}}",
        "bytes",
    ),
    _bars("Entries lost", "In ten minutes, by reason.", "flowstone.audit.lost", "flowstone.reason"),
    _lines(
        "Signs of tampering",
        "Verifications that found the log changed, within a day, by the first thing that was done to it.",
        by(
            "sum",
            grown(selector("flowstone.audit.tampered", scope=SCOPE), "1d"),
            "job",
            "flowstone.audit.verdict",
        ),
        "{{job}}: {{flowstone_audit_verdict}}",
    ),
    _lines(
        "Since the last verification",
        "Of the whole log, from a home of the job, that found nothing.",
        _peak("flowstone.audit.verified.age", "job"),
        "{{job}}",
        "s",
    ),
)
_MESSAGES: Final = (
    _lines(
        "Sent",
        "Per second, by topic.",
        rate("messaging.client.sent.messages", _TEMPLATE, scope=SCOPE),
        *("{{messaging_destination_template}}", "ops"),
    ),
    _lines(
        "Taken by subscriptions",
        "Per second, by topic.",
        rate("messaging.client.consumed.messages", _TEMPLATE, scope=SCOPE),
        *("{{messaging_destination_template}}", "ops"),
    ),
    _lines(
        "Bytes",
        "Of envelopes, per second.",
        rate("flowstone.pubsub.encoded", _SYSTEM, scope=SCOPE),
        "{{messaging_system}}",
        "Bps",
    ),
    _lines(
        "Subscriptions",
        "Of all processes.",
        by("sum", selector("flowstone.pubsub.subscribers", scope=SCOPE), "job"),
        "{{job}}",
    ),
    _lines(
        "On their way into the log", "Messages.", _peak("flowstone.pubsub.outbox.depth", "job"), "{{job}}"
    ),
    _lines(
        "The log takes nothing since",
        "0 while it works.",
        _peak("flowstone.pubsub.outbox.delay", "job"),
        "{{job}}",
        "s",
    ),
    _lines(
        "Waiting for the slowest subscription",
        "Messages.",
        _peak("flowstone.pubsub.queue.depth", "job"),
        "{{job}}",
    ),
    _lines(
        "Behind the end of the log",
        "Messages, the slowest that reads the log itself.",
        _peak("flowstone.pubsub.lag", "job"),
        "{{job}}",
    ),
    _lines(
        "Taken up again",
        "Times that following the log was interrupted, in ten minutes.",
        by("sum", grown(selector("flowstone.pubsub.reconnects", scope=SCOPE), "10m"), "job"),
        "{{job}}",
    ),
    _bars(
        "Dropped for slow subscriptions",
        "In ten minutes; each was told as a gap.",
        "flowstone.pubsub.dropped",
        "flowstone.policy",
    ),
    _bars(
        "Gaps",
        "That subscriptions were told of, in ten minutes.",
        "flowstone.pubsub.gaps",
        "flowstone.reason",
    ),
    _bars("Lost", "Never reached the log, in ten minutes.", "flowstone.pubsub.lost", _SYSTEM),
)

BOARD: Final = Board(
    uid="flowstone-health",
    title="Flowstone / Health",
    about="Health checks and resources, the audit log's way into its database, and live messages.",
    rows=(("Health", _HEALTH), ("Audit", _AUDIT), ("Messages", _MESSAGES)),
)
