"""What ``flowstone doctor`` says of the settings: what is set, where, and what cannot be used."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import urlsplit

from flowstone.cli.findings import STORE_URL, Finding
from flowstone.runtime import engine, mistakes, redaction
from flowstone.runtime.providing import provided
from flowstone.runtime.settings import settings
from flowstone.runtime.severities import level_of

_SETTINGS: Final = {
    "ENABLED": "1",
    "HOME": "the user's state directory",
    "DISABLED_PLUGINS": "",
    "HEARTBEAT": "60",
    "REDACT_KEYS": "",
    "REDACT_VALUES": "",
    "DAGSTER": "0",
    "GLOBAL_PROVIDER": "by host",
    "OTEL_LOG_LEVEL": "info",
    "STORE_URL": STORE_URL,
    "STORE_MAX_BYTES": "256 MiB",
    "STORE_MAX_AGE": "30 d",
}
_CHECKS: Final[tuple[Callable[[], object], ...]] = (
    lambda: settings().flag("ENABLED", True),
    lambda: settings().number("HEARTBEAT", 60.0),
    lambda: settings().flag("DAGSTER", False),
    lambda: settings().flag("GLOBAL_PROVIDER", True),
    lambda: settings("FLOWSTONE_OTEL").parsed("LOG_LEVEL", "info", level_of),
    lambda: redaction.is_secret(""),
    lambda: redaction.redact(""),
)
"""Each reads a setting as the core reads it, so that a mistake in it is noted; plugins read their own."""

_SECRET: Final = ("HEADERS", "KEY", "TOKEN", "SECRET", "PASSWORD", "REDACT")


def configured() -> Iterator[Finding]:
    """Say what is set, and where."""
    for key, default in _SETTINGS.items():
        name, value = f"FLOWSTONE_{key}", settings().get(key)
        if os.environ.get(name):
            origin = "environment"
        else:
            origin = "default" if value is None else "flowstone.toml or pyproject.toml"
        yield Finding(area="settings", state="ok", text=f"{name}={_shown(name, value or default)} ({origin})")
    for name in sorted(name for name in os.environ if name.startswith("OTEL_")):
        text = f"{name}={_shown(name, os.environ[name])} (environment)"
        yield Finding(area="settings", state="ok", text=text)


def _shown(name: str, value: str) -> str:
    """Return a value as it may be shown: no secrets, no user and password in an address."""
    if value and any(word in name for word in _SECRET):
        return "(set, not shown)"
    try:
        parts = urlsplit(value) if "://" in value else None
    except ValueError:
        return "(set, not shown)"
    if parts is not None and "@" in parts.netloc:
        return parts._replace(netloc="***@" + parts.netloc.rpartition("@")[2], query="").geturl()
    return value


def unusable() -> Iterator[Finding]:
    """Say which settings, and which files of settings, cannot be used."""
    for check in _CHECKS:
        check()
    told = [str(text) for text in provided("check_settings")]
    for text in (*mistakes.found().values(), *told):
        how = "correct it, or take it out"
        yield Finding(area="settings", state="problem", text=text, advice=how)
    known = {info.name for info in engine.for_reading().plugins.infos()}
    for name in settings().words("DISABLED_PLUGINS"):
        if name not in known:
            text = f"FLOWSTONE_DISABLED_PLUGINS names {name!r}, and no such plugin is installed"
            yield Finding(area="settings", state="note", text=text)
