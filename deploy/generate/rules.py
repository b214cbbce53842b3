"""The files that Prometheus loads: recording rules and alerts."""

from __future__ import annotations

from typing import Any, Final

import yaml

from deploy.generate import alerts_of_pipelines, alerts_of_telemetry
from deploy.generate.alert import Alert
from deploy.generate.recording import Recording, groups

ALERTS: Final[tuple[Alert, ...]] = (*alerts_of_pipelines.ALERTS, *alerts_of_telemetry.ALERTS)
RUNBOOKS: Final = "docs/runbooks"
"""Where the runbooks are, unless told otherwise: in the repository."""

_HEAD: Final = (
    "# Made by `make dashboards` from the definitions of the metrics; tests hold that it is current.\n"
)


def recording_file() -> str:
    """Return the file of the recording rules."""
    made = [
        {"name": one.name, "interval": one.interval, "rules": [_rule(rule) for rule in one.rules]}
        for one in groups()
    ]
    return _HEAD + _text({"groups": made})


def alerts_file(runbooks: str = RUNBOOKS) -> str:
    """Return the file of the alerts; *runbooks* is where their runbooks are served."""
    parts = (("pipelines", alerts_of_pipelines.ALERTS), ("telemetry", alerts_of_telemetry.ALERTS))
    made = [
        {"name": f"flowstone-{name}-alerts", "rules": [one.rule(runbooks) for one in alerts]}
        for name, alerts in parts
    ]
    return _HEAD + _text({"groups": made})


def _rule(rule: Recording) -> dict[str, Any]:
    made: dict[str, Any] = {"record": rule.record, "expr": rule.expr}
    return {**made, "labels": rule.labels} if rule.labels else made


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks."""


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _block)


def _text(content: dict[str, Any]) -> str:
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True)
