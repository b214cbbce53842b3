"""What an alert is, and how its rule is written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, Literal

from deploy.generate.metrics import ENVIRONMENT, prometheus_label

_ENVIRONMENT: Final = f"{{{{ with $labels.{prometheus_label(ENVIRONMENT)} }}}} ({{{{ . }}}}){{{{ end }}}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One comparison of an alert.

    Attributes:
        value: PromQL of what is looked at; has series while all is well.
        bound: What follows it, such as ``> 3``.
        absent: The alert is about having no series of *value* instead.
        unless: A comparison of another metric; while it holds, this one does not.
    """

    value: str
    bound: str = ""
    absent: bool = False
    unless: str = ""

    @property
    def expr(self) -> str:
        """The comparison as PromQL."""
        told = f"absent({self.value})" if self.absent else f"{_bracketed(self.value)} {self.bound}"
        return f"{told}\nunless on() ({self.unless})" if self.unless else told


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert; all its conditions must hold.

    Attributes:
        name: Its name; the page of its runbook is called so too, in kebab case.
        conditions: What must hold.
        wait: For how long, before it fires.
        severity: ``critical`` wakes somebody, ``warning`` waits for the morning.
        summary: One sentence, with labels as ``{{ $labels.x }}``.
        description: What it means, with the value.
    """

    name: str
    conditions: tuple[Condition, ...]
    wait: str
    severity: Literal["critical", "warning"]
    summary: str
    description: str

    @property
    def page(self) -> str:
        """The file of its runbook, in ``docs/runbooks``."""
        return f"{re.sub(r'(?<!^)(?=[A-Z])', '-', self.name).lower()}.md"

    def rule(self, runbooks: str) -> dict[str, Any]:
        """Return the alerting rule; *runbooks* is where the runbooks are served."""
        return {
            "alert": self.name,
            "expr": "\nand\n".join(one.expr for one in self.conditions),
            "for": self.wait,
            "labels": {"severity": self.severity},
            "annotations": {
                "summary": f"{self.summary}{_ENVIRONMENT}",
                "description": self.description,
                "runbook_url": f"{runbooks.rstrip('/')}/{self.page}",
            },
        }


def _bracketed(value: str) -> str:
    return f"({value})" if " / " in value or " or " in value else value
