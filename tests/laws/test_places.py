from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.laws.tree import Source, sources

# Where anything may be caught, and why. Each is the wall between our faults (or a stranger's) and the pipeline.
# A handler that ends in a bare `raise` swallows nothing and needs no entry.
FAULT_WALLS: dict[str, str] = {
    "plugins/audit/src/flowstone_audit/anchors.py": "an anchor of a plugin's may raise",
    "plugins/audit/src/flowstone_audit/chores.py": "the background thread must not end of a mistake of ours or a driver's",
    "plugins/audit/src/flowstone_audit/cli/group.py": "a mistake of ours must not end `verify` with 1, which means tampered with",
    "plugins/audit/src/flowstone_audit/database.py": "a driver may raise while a connection is given up",
    "plugins/audit/src/flowstone_audit/details.py": "a user's value may raise while it is made text",
    "plugins/audit/src/flowstone_audit/direct.py": "drivers' errors have no common base; the first one is passed on",
    "plugins/audit/src/flowstone_audit/ingest.py": "whatever is in one spool must not keep those of others waiting",
    "plugins/audit/src/flowstone_audit/middleware.py": "a user's callable that names the actor may raise",
    "plugins/dagster/src/flowstone_dagster/boot.py": "runs in every interpreter; a half-removed install breaks none",
    "plugins/dagster/src/flowstone_dagster/doorbell.py": "the import system goes on without us",
    "plugins/dagster/src/flowstone_dagster/wall.py": "between our code and the Dagster functions it is put around",
    "plugins/pubsub/src/flowstone_pubsub/coalescing.py": "the user's key function runs on the thread that delivers to all",
    "plugins/pubsub/src/flowstone_pubsub/outbox.py": "what is broadcast may be anything, and an engine a third party's",
    "plugins/pubsub/src/flowstone_pubsub/payloads.py": "a user's value may raise while it is made text",
    "plugins/pubsub/src/flowstone_pubsub/sending.py": "a foreign span processor or sampler may raise",
    "plugins/health/src/flowstone_health/board.py": "a mistake of ours must not end the looking",
    "plugins/health/src/flowstone_health/look.py": "a plugin's health check may raise",
    "src/flowstone/cli/main.py": "a plugin's fault must not take the command line away",
    "src/flowstone/dispatch/plugins.py": "a plugin's distribution may be broken",
    "src/flowstone/face/deadlines.py": "a time-out that cannot be told must not keep the others from theirs",
    "src/flowstone/face/timeline.py": "a plugin's provide_timeline may raise",
    "src/flowstone/hosting/patching.py": "the host's import must succeed whatever our patch does",
    "src/flowstone/otel/pipeline.py": "what cannot be made of one event must not cost the others of its batch",
    "src/flowstone/otel/recording.py": "what cannot be measured of one event must not cost the others of its batch",
    "src/flowstone/runtime/attended.py": "a foreign span processor or sampler may raise",
    "src/flowstone/runtime/coerce.py": "a user's value may raise while it is made text",
    "src/flowstone/runtime/decorating.py": "passes what was thrown into the user's generator, as Python does",
    "src/flowstone/runtime/delivery.py": "a plugin's batch hook may raise",
    "src/flowstone/runtime/drain.py": "a record that cannot be rendered, or a mistake of ours, must not stop the others",
    "src/flowstone/runtime/driving.py": "passes what was thrown into the user's generator, as Python does",
    "src/flowstone/runtime/elsewhere.py": "a number that is too high is better than none",
    "src/flowstone/runtime/emission.py": "what a caller gives may be anything; a foreign span processor may raise",
    "src/flowstone/runtime/engine.py": "a plugin's flush or shutdown may raise",
    "src/flowstone/runtime/export/bounded.py": "an exporter may raise while it is given up",
    "src/flowstone/runtime/export/exporters.py": "an exporter may refuse to be built",
    "src/flowstone/runtime/export/log_route.py": "a log processor of the user's may raise",
    "src/flowstone/runtime/export/periodic.py": "a metric exporter may raise",
    "src/flowstone/runtime/export/router.py": "a configuration file of OpenTelemetry may be unusable",
    "src/flowstone/runtime/export/routes.py": "an exporter behind a foreign processor may raise",
    "src/flowstone/runtime/export/scraped.py": "a port may be taken",
    "src/flowstone/runtime/export/sender.py": "a span exporter may raise",
    "src/flowstone/runtime/fields.py": "annotations of a plugin's event class may name what is not there",
    "src/flowstone/runtime/handlers.py": "an attached handler may raise",
    "src/flowstone/runtime/heartbeat.py": "a heartbeat that cannot be told must not keep the others from theirs",
    "src/flowstone/runtime/inherited.py": "a plugin that is asked for attributes, or a user's callable behind it, may raise",
    "src/flowstone/runtime/keeping.py": "a plugin that is asked whether it must keep an event may raise",
    "src/flowstone/runtime/measures.py": "a plugin's reading may raise",
    "src/flowstone/runtime/providing.py": "a plugin's provide hook may raise",
    "src/flowstone/runtime/roots.py": "a user's sampler may raise",
    "src/flowstone/runtime/running.py": "a run without heartbeats is still a run",
    "src/flowstone/telemetry.py": "names and mappings of a caller's may be anything",
    "src/flowstone/testing/forked.py": "a child tells its test whatever it met, and ends",
}

BROAD = {"Exception", "BaseException"}


def test_hooks_are_implemented_in_files_named_plugin() -> None:
    """`@hookimpl` stands in files called plugin.py only, so a reader finds every implementation."""
    assert [] == [
        source.where(node)
        for source in sources()
        if source.stem != "plugin"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        if any(_word(decorator) == "hookimpl" for decorator in node.decorator_list)
    ]


def test_only_the_cli_prints() -> None:
    """Nothing but the command line writes to the standard output on its own."""
    assert [] == [
        source.where(node)
        for source in sources()
        if "cli" not in source.path.split("/")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]


def test_broad_excepts_are_fault_walls() -> None:
    """Everything is caught only in the files that are listed with their reason."""
    assert [] == [
        place for source in sources() if source.path not in FAULT_WALLS for place in _broad(source)
    ], "a narrower except, or an entry with its reason in FAULT_WALLS"


def test_every_fault_wall_stands() -> None:
    """No file is listed as a fault wall that catches nothing broadly."""
    walls = {source.path for source in sources() if any(_broad(source))}
    assert [] == sorted(set(FAULT_WALLS) - walls)


def _broad(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler) and _is_wall(node):
            yield source.where(node)
        elif isinstance(node, ast.Call) and _word(node.func) == "suppress":
            yield from (source.where(node) for argument in node.args if BROAD & _names(argument))


def _is_wall(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    passes_on = isinstance(last, ast.Raise) and last.exc is None
    return not passes_on and (handler.type is None or bool(BROAD & _names(handler.type)))


def _names(node: ast.expr) -> set[str]:
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    return {_word(part) for part in parts}


def _word(node: ast.expr) -> str:
    """Return the last word of a dotted name or of the function that is called."""
    if isinstance(node, ast.Call):
        node = node.func
    return ast.unparse(node).rpartition(".")[2]
