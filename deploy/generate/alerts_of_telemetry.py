"""Alerts about flowstone itself: what it loses, what does not get on, what is not there at all."""

from __future__ import annotations

from typing import Final

from deploy.generate.alert import Alert, Condition
from deploy.generate.metrics import SERVICE, selector
from deploy.generate.promql import by, grown
from deploy.generate.recording import COLLECTOR_LOST, COLLECTOR_REFUSED

_CHECK: Final = (*SERVICE, "flowstone.health.check.name")


def _grown(metric: str, window: str, *keys: str, part: str = "", **matched: str) -> str:
    return by("sum", grown(selector(metric, part, **matched), window), *SERVICE, *keys)


ALERTS: Final = (
    Alert(
        name="FlowstoneTelemetryLost",
        conditions=(
            Condition(value=_grown("flowstone.telemetry.dropped", "10m", "flowstone.reason"), bound="> 0"),
        ),
        wait="0m",
        severity="critical",
        summary="{{ $labels.job }} loses telemetry: {{ $labels.flowstone_reason }}",
        description="{{ $value | humanize }} events, spans or log records were lost in ten minutes.",
    ),
    Alert(
        name="FlowstonePluginFailing",
        conditions=(
            Condition(value=_grown("flowstone.telemetry.errors", "10m", "flowstone.reason"), bound="> 0"),
        ),
        wait="0m",
        severity="warning",
        summary="{{ $labels.flowstone_reason }} fails in {{ $labels.job }}",
        description="A plugin or handler raised; when it goes on it is quarantined. The pipelines are not touched.",
    ),
    Alert(
        name="FlowstoneAuditBehind",
        conditions=(
            Condition(value=by("max", selector("flowstone.audit.spool.age"), *SERVICE), bound="> 300"),
        ),
        wait="10m",
        severity="warning",
        summary="Audit entries of {{ $labels.job }} do not reach the database",
        description="The oldest has waited {{ $value | humanizeDuration }} in the spool. Nothing is lost so far.",
    ),
    Alert(
        name="FlowstoneAuditLost",
        conditions=(Condition(value=_grown("flowstone.audit.lost", "15m", "flowstone.reason"), bound="> 0"),),
        wait="0m",
        severity="critical",
        summary="{{ $labels.job }} loses audit entries: {{ $labels.flowstone_reason }}",
        description="{{ $value | humanize }} entries could not be kept in a quarter of an hour.",
    ),
    Alert(
        name="FlowstoneAuditTampered",
        conditions=(
            Condition(value=_grown("flowstone.audit.tampered", "1d", "flowstone.audit.verdict"), bound="> 0"),
        ),
        wait="0m",
        severity="critical",
        summary="The audit log of {{ $labels.job }} was tampered with: {{ $labels.flowstone_audit_verdict }}",
        description="{{ $value | humanize }} verifications within a day found it changed.",
    ),
    Alert(
        name="FlowstoneAuditUnverified",
        conditions=(
            Condition(value=by("min", selector("flowstone.audit.verified.age"), *SERVICE), bound="> 691200"),
        ),
        wait="1h",
        severity="warning",
        summary="The audit log of {{ $labels.job }} was not verified for more than a week",
        description="The last verification that found nothing was {{ $value | humanizeDuration }} ago.",
    ),
    Alert(
        name="FlowstoneHealthCheckFailing",
        conditions=(
            Condition(
                value=by(
                    "max", selector("flowstone.health.status", flowstone__health__state="unhealthy"), *_CHECK
                ),
                bound="== 1",
            ),
        ),
        wait="5m",
        severity="critical",
        summary="The health check {{ $labels.flowstone_health_check_name }} fails",
        description="It has been unhealthy in {{ $labels.job }} for five minutes.",
    ),
    Alert(
        name="FlowstoneHealthFlapping",
        conditions=(
            Condition(
                value=_grown("flowstone.health.transitions", "1h", "flowstone.health.check.name"), bound="> 6"
            ),
        ),
        wait="0m",
        severity="warning",
        summary="The health check {{ $labels.flowstone_health_check_name }} flaps",
        description="It changed {{ $value | humanize }} times within an hour.",
    ),
    Alert(
        name="FlowstonePubsubLost",
        conditions=(
            Condition(value=_grown("flowstone.pubsub.lost", "10m", "messaging.system"), bound="> 0"),
        ),
        wait="0m",
        severity="critical",
        summary="{{ $labels.job }} loses messages on their way to {{ $labels.messaging_system }}",
        description="{{ $value | humanize }} messages never reached the log in ten minutes.",
    ),
    Alert(
        name="FlowstonePubsubGaps",
        conditions=(
            Condition(value=_grown("flowstone.pubsub.gaps", "15m", "flowstone.reason"), bound="> 5"),
        ),
        wait="5m",
        severity="warning",
        summary="Subscribers in {{ $labels.job }} miss messages: {{ $labels.flowstone_reason }}",
        description="They were told of {{ $value | humanize }} gaps in a quarter of an hour.",
    ),
    Alert(
        name="FlowstonePubsubStuck",
        conditions=(
            Condition(
                value=by("max", selector("flowstone.pubsub.outbox.delay"), *SERVICE, "messaging.system"),
                bound="> 60",
            ),
        ),
        wait="2m",
        severity="warning",
        summary="{{ $labels.messaging_system }} takes no messages from {{ $labels.job }}",
        description="It has taken nothing for {{ $value | humanizeDuration }}.",
    ),
    Alert(
        name="FlowstoneCollectorDown",
        conditions=(Condition(value='up{job="collector"}', bound="== 0"),),
        wait="2m",
        severity="critical",
        summary="The collector {{ $labels.instance }} does not answer",
        description="Prometheus has not reached it for two minutes; processes keep little, and lose the rest.",
    ),
    Alert(
        name="FlowstoneCollectorTurnsAway",
        conditions=(Condition(value=COLLECTOR_REFUSED, bound="> 0"),),
        wait="5m",
        severity="warning",
        summary="The collector turns away {{ $labels.signal }}",
        description="{{ $value | humanize }} in ten minutes; senders try again, for a while.",
    ),
    Alert(
        name="FlowstoneCollectorRefused",
        conditions=(Condition(value=COLLECTOR_LOST.format(what="send_failed"), bound="> 0"),),
        wait="0m",
        severity="critical",
        summary="The backend of {{ $labels.exporter }} refuses {{ $labels.signal }}",
        description="{{ $value | humanize }} were refused for good in ten minutes, and are lost to this backend.",
    ),
    Alert(
        name="FlowstoneCollectorQueueFull",
        conditions=(Condition(value=COLLECTOR_LOST.format(what="enqueue_failed"), bound="> 0"),),
        wait="0m",
        severity="critical",
        summary="The queue of {{ $labels.exporter }} is full for {{ $labels.signal }}",
        description="{{ $value | humanize }} found no room in ten minutes.",
    ),
    Alert(
        name="FlowstoneCollectorQueueFilling",
        conditions=(
            Condition(
                value=by(
                    "max",
                    f"{selector('otelcol_exporter_queue_size')} / {selector('otelcol_exporter_queue_capacity')}",
                    *("job", "exporter", "data_type"),
                ),
                bound="> 0.7",
            ),
        ),
        wait="5m",
        severity="warning",
        summary="The queue of {{ $labels.exporter }} fills",
        description="It is {{ $value | humanizePercentage }} full; the backend takes less than comes, or nothing.",
    ),
    Alert(
        name="FlowstoneAbsent",
        conditions=(
            Condition(
                value=f"last_over_time({selector('flowstone.run.duration', 'count')}[1h])",
                absent=True,
                # Its totals begin anew with it, and the next nightly run may be a day away.
                unless=f"max({selector('otelcol_process_uptime')}) < {2 * 86_400}",
            ),
        ),
        wait="15m",
        severity="critical",
        summary="No metrics of flowstone arrive",
        description="Not one process's for an hour: the collector, the scrape or flowstone itself is gone.",
    ),
)
