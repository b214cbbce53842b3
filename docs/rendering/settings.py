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
            "A regular expression; what stands under a key it finds is redacted too. While it is malformed, what stands under any key.",
        ),
        Setting(
            "FLOWSTONE_REDACT_VALUES",
            "",
            "A regular expression; what it finds in a text is redacted too. While it is malformed, every text, names among them.",
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
    "Collector": (
        Setting(
            "FLOWSTONE_OTLP_HEALTH",
            "`127.0.0.1:13133`",
            "Where `flowstone doctor --send` asks the collector for its health; the collector's own configuration reads it too.",
        ),
        Setting(
            "FLOWSTONE_OTLP_SELF_HOST",
            "`127.0.0.1`",
            "The host on which it asks for the collector's own metrics.",
        ),
        Setting("FLOWSTONE_OTLP_SELF_PORT", "`8888`", "The port of the same."),
    ),
    "Dagster": (
        Setting(
            "FLOWSTONE_DAGSTER",
            "`0`",
            "`1` observes Dagster in every process of the environment. Read from the environment only.",
        ),
    ),
    "Audit": (
        Setting(
            "FLOWSTONE_AUDIT_URL",
            "`sqlite:///$FLOWSTONE_HOME/audit.db`",
            "The audit database: SQLite or `postgresql://user@host/database`; `off` keeps nothing.",
        ),
        Setting(
            "FLOWSTONE_AUDIT_POLICY",
            "`io.*=off`, decisions `durable`, else `batched`",
            "Which events are audited: `name=mode` or `name.*=mode`, by commas, the first that fits; modes `durable`, `batched`, `off`.",
        ),
        Setting(
            "FLOWSTONE_AUDIT_ON_FAILURE",
            "`raise` to who waits, else `spool`",
            "What becomes of entries that even the spool cannot take, in the same form: `raise`, `spool` (wait in memory), `drop`.",
        ),
        Setting(
            "FLOWSTONE_AUDIT_SPOOL_MAX_BYTES", "`256 MiB`", "What all spools of the home may take together."
        ),
        Setting(
            "FLOWSTONE_AUDIT_PRIVATE",
            "",
            "Keys of details that are held privately, so that they can be erased; separated by commas.",
        ),
        Setting(
            "FLOWSTONE_AUDIT_KEY",
            "`$FLOWSTONE_HOME/audit/key.pem`",
            "The file of the key that signs checkpoints, made with the log's first seal; a home without it leaves sealing to who has it.",
        ),
        Setting(
            "FLOWSTONE_AUDIT_ANCHOR_FILE",
            "`$FLOWSTONE_HOME/audit/checkpoints`",
            "The file that each checkpoint is appended to; `off` for none.",
        ),
        Setting("FLOWSTONE_AUDIT_SEAL_INTERVAL", "`1`", "Seconds between two seals, at least."),
        Setting("FLOWSTONE_AUDIT_RETAIN_DAYS", "`365`", "Days that entries are kept, at least."),
        Setting(
            "FLOWSTONE_AUDIT_TRACE_SQL",
            "`0`",
            "`1` traces the audit log's own SQL; needs `flowstone-audit[tracing]`.",
        ),
    ),
    "Pub/sub": (
        Setting(
            "FLOWSTONE_PUBSUB_URL",
            "`sqlite:///$FLOWSTONE_HOME/events.db`",
            "Where live events go: `sqlite:///path`, `memory://`, `nats://host`, `redis://host`; `off` sends nothing.",
        ),
        Setting(
            "FLOWSTONE_PUBSUB_RETENTION",
            "`100000, 7 d`",
            "How much of it can be read again: a number of records, an age, or both.",
        ),
        Setting(
            "FLOWSTONE_PUBSUB_SPANS",
            "`1`",
            "`0` sends what is broadcast without a span of its own; messages then name the span around the call.",
        ),
    ),
    "Health": (
        Setting(
            "FLOWSTONE_HEALTH_PORT",
            "`8086`",
            "The port of `flowstone_health.serve()` and `flowstone health --serve`.",
        ),
        Setting("FLOWSTONE_HEALTH_HOST", "`127.0.0.1`", "The address that they listen on."),
        Setting("FLOWSTONE_HEALTH_TOKEN", "", "Who shows it (`Authorization: Bearer`) may see details."),
        Setting("FLOWSTONE_HEALTH_LOOPBACK", "`1`", "`0`: callers on this machine need the token too."),
        Setting("FLOWSTONE_HEALTH_INTERVAL", "each check's own", "Seconds between two looks of every check."),
        Setting(
            "FLOWSTONE_HEALTH_GRACE",
            "`5`",
            "Seconds that `flowstone health --serve` goes on after SIGTERM, draining.",
        ),
        Setting(
            "FLOWSTONE_HEALTH_DATABASE_URL",
            "",
            "SQLAlchemy's URL of a database to look at as `database`; needs `flowstone-health[sql]`.",
        ),
        Setting(
            "FLOWSTONE_HEALTH_RESOURCE_TTL",
            "`600`",
            "Seconds for which a resource that the pipeline saw unhealthy is shown as such.",
        ),
        Setting(
            "FLOWSTONE_HEALTH_DISK_MIN",
            "`1073741824`",
            "Bytes free below which the disk is degraded; below a tenth of it, unhealthy.",
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
An empty text counts as not set.
A relative `FLOWSTONE_HOME`, and a relative path of the audit log, is meant from the working directory at the first look; `os.chdir` later moves nothing.

One that cannot be used, and a file that cannot be read, is told once in the log of the process, and the default holds.
The settings of the audit log and of pub/sub are stricter: with one that cannot be used they keep, or send, nothing.
`flowstone doctor` names all of them, and ends with 1."""

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
