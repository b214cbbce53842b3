"""The page of the settings. The table stands here; a test holds that it names every setting that the code reads."""

from __future__ import annotations

from typing import Final, NamedTuple


class Setting(NamedTuple):
    """One setting.

    Attributes:
        name: Its environment variable.
        default: What holds where it is not set.
        meaning: What it does.
    """

    name: str
    default: str
    meaning: str


TABLES: Final[dict[str, tuple[Setting, ...]]] = {
    "Everywhere": (
        Setting("FLOWSTONE_ENABLED", "`1`", "`0` switches everything off; the command line still reads."),
        Setting(
            "FLOWSTONE_HOME", "the user's state folder", "Where flowstone keeps files; made with mode 0700."
        ),
        Setting(
            "FLOWSTONE_DISABLED_PLUGINS", "", "Names of plugins that are not loaded, separated by commas."
        ),
        Setting("FLOWSTONE_HEARTBEAT", "`60`", "Seconds between two heartbeats of a run; `0` for none."),
        Setting(
            "FLOWSTONE_REDACT_KEYS",
            "",
            "A regular expression; what stands under a key it finds is redacted too.",
        ),
        Setting(
            "FLOWSTONE_REDACT_VALUES", "", "A regular expression; what it finds in a text is redacted too."
        ),
        Setting(
            "FLOWSTONE_CHECKPOINT_KEY",
            "a file in `FLOWSTONE_HOME`",
            "The key that signs the tokens of checkpoints; hosts that decide each other's need the same.",
        ),
    ),
    "OpenTelemetry": (
        Setting(
            "FLOWSTONE_GLOBAL_PROVIDER",
            "by host",
            "Whether flowstone's tracer provider becomes the global one: by default in plain Python and in step processes.",
        ),
        Setting(
            "FLOWSTONE_OTEL_LOG_LEVEL", "`info`", "The least severity of the log events that are exported."
        ),
    ),
    "Dagster": (
        Setting(
            "FLOWSTONE_DAGSTER",
            "`0`",
            "`1` observes Dagster in every process of the environment. Read from the environment only.",
        ),
    ),
    "Console": (
        Setting(
            "FLOWSTONE_STORE_URL",
            "`sqlite:///$FLOWSTONE_HOME/traces.db`",
            "The embedded store; `off` keeps nothing.",
        ),
        Setting(
            "FLOWSTONE_STORE_MAX_BYTES", "`256 MiB`", "Above it the oldest traces go, running ones last."
        ),
        Setting("FLOWSTONE_STORE_MAX_AGE", "`30 d`", "Traces older than this go."),
    ),
}

_INTRODUCTION = """\
# Settings

`make docs` writes this page from the table in `docs/rendering/settings.py`.

A setting is an environment variable, or a key in `flowstone.toml`, or a key in `[tool.flowstone]` of `pyproject.toml`.
In a file `FLOWSTONE_STORE_URL` is written `store_url`.
The file is the nearest one at or above the working directory.
The environment wins.
An empty text counts as not set."""

_OTEL = """\
## OTEL_*

The variables of OpenTelemetry are honoured as OpenTelemetry defines them, with these differences:

- Nothing is sent before an endpoint, an `OTEL_*_EXPORTER` or `OTEL_CONFIG_FILE` is set; OpenTelemetry would assume a collector on this host.
- One export may take 3 s where `OTEL_EXPORTER_OTLP_TIMEOUT` does not say otherwise; OpenTelemetry allows 10 s.
- `OTEL_SDK_DISABLED=true` stops spans, metrics and log events; plugins that keep events on this machine go on."""


def page() -> str:
    """Return the page as Markdown."""
    parts = [_INTRODUCTION]
    for title, rows in TABLES.items():
        lines = ["| setting | default | what it does |", "|---|---|---|"]
        lines += [f"| `{row.name}` | {row.default} | {row.meaning} |" for row in rows]
        parts += [f"## {title}", "\n".join(lines)]
    return "\n\n".join([*parts, _OTEL]) + "\n"
