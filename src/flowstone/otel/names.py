"""Names of the attributes that flowstone puts on its telemetry, each spelled once."""

from __future__ import annotations

from typing import Final

from flowstone.runtime import scope

SCOPE: Final = "flowstone"
SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.44.0"

CORRELATION_ID: Final = scope.CORRELATION_ID
RUN_ID: Final = scope.RUN_ID
RUN_ATTEMPT: Final = "flowstone.run.attempt"
PIPELINE: Final = "flowstone.pipeline.name"
ORCHESTRATOR: Final = "flowstone.orchestrator.name"
ASSET: Final = "flowstone.asset.key"
PARTITION: Final = "flowstone.partition.key"
MATERIALIZATION_ATTEMPT: Final = "flowstone.materialization.attempt"
MATERIALIZATION_SIZE: Final = "flowstone.materialization.size"
MATERIALIZATION_ROWS: Final = "flowstone.materialization.rows"
IO_MANAGER: Final = "flowstone.io.manager"
IO_OPERATION: Final = "flowstone.io.operation"
IO_SIZE: Final = "flowstone.io.size"
IO_ROWS: Final = "flowstone.io.rows"
CPU_TIME: Final = "flowstone.cpu.time"
MEMORY_PEAK: Final = "flowstone.memory.peak"
OUTCOME: Final = "flowstone.outcome"
CHECKPOINT: Final = "flowstone.checkpoint.name"
CHECKPOINT_ID: Final = "flowstone.checkpoint.id"
CHECKPOINT_DECISION: Final = "flowstone.checkpoint.decision"
CHECKPOINT_REASON: Final = "flowstone.checkpoint.reason"
CHECKPOINT_TIMEOUT: Final = "flowstone.checkpoint.timeout"
RESOURCE: Final = "flowstone.resource.name"
RESOURCE_STATUS: Final = "flowstone.resource.status"
SENSOR: Final = "flowstone.sensor.name"
SENSOR_RESULT: Final = "flowstone.sensor.result"
REASON: Final = "flowstone.reason"
PLUGIN: Final = "flowstone.plugin.name"
ERROR_TYPE: Final = "error.type"
EXCEPTION_TYPE: Final = "exception.type"
EXCEPTION_MESSAGE: Final = "exception.message"
EXCEPTION_STACK: Final = "exception.stacktrace"
OVERFLOW: Final = "otel.metric.overflow"
