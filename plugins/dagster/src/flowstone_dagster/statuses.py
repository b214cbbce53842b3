"""The catalogue's statuses."""

from __future__ import annotations

from typing import Literal

Status = Literal["success", "failure", "error", "skip", "timeout", "cancellation"]
