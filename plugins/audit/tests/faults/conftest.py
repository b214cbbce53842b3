from __future__ import annotations

from plugins.audit.tests.write.conftest import audit_log, home

__all__ = ["audit_log", "home"]
