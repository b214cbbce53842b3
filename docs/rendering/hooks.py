"""The page of the hooks, rendered from their specifications."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

from flowstone.catalogue import names
from flowstone.catalogue.registry import builtin_events, name_of
from flowstone.dispatch.contention import PATIENCE
from flowstone.dispatch.specs import Hooks
from flowstone.dispatch.wall import BATCH_BUDGET_S, CALLER_BUDGET_NS, FAILURES_IN_A_ROW

_CLAUSE = re.compile(r"^(When|Guarantees|Not called): ", re.MULTILINE)

_INTRODUCTION = f"""\
# Hooks

This page is rendered from the hook specifications; `make docs` writes it.

A plugin implements any of these, marked with `flowstone.plugin.hookimpl`; [Write a plugin](../how-to/write-a-plugin.md) shows how.
Every hook takes at most one argument, and an implementation may leave it out.
A hook that raises, or takes longer than its budget, is counted and told by `plugin.failed`; the other plugins go on.
After {FAILURES_IN_A_ROW} failures in a row, or when it hangs, a plugin is in quarantine: it is no longer called in that process, and `plugin.quarantined` tells of it.

| hook | budget |
|---|---|
| `on_events` and `settle` | {BATCH_BUDGET_S} s a batch |
| `on_<event>` | {CALLER_BUDGET_NS // 1_000_000} ms on the user's thread; measured from the first time on that all of an event take longer |
| `flush` and `shutdown` | what they are given |

Beside Python code that keeps the interpreter busy, or C code that holds it, a budget is {PATIENCE} times as long, or more: whoever lets go of the interpreter, as each step of SQLite does, gets it back 5 ms later, or when the C code is done."""


def page() -> str:
    """Return the page as Markdown."""
    hooks = [name for name in vars(Hooks) if not name.startswith("_")]
    parts = [_INTRODUCTION, *(part for name in hooks for part in _hook(name)), *_events()]
    return "\n\n".join(parts) + "\n"


def _hook(name: str) -> Iterator[str]:
    function = getattr(Hooks, name)
    signature = inspect.signature(function)
    shown = [p for p in signature.parameters.values() if p.name != "self"]
    parameters = ", ".join(f"{p.name}: {p.annotation}" for p in shown)
    summary, _, rest = (inspect.getdoc(function) or "").partition("\n\n")
    yield f"## {name}"
    yield f"`{name}({parameters}) -> {signature.return_annotation}`"
    yield " ".join(summary.split()).replace("``", "`")
    pieces = [" ".join(piece.split()).replace("``", "`") for piece in _CLAUSE.split(rest)[1:]]
    clauses = zip(pieces[::2], pieces[1::2], strict=True)
    yield "\n".join(f"- {title}: {text}" for title, text in clauses)


def _events() -> Iterator[str]:
    yield "## One hook for each event"
    yield (
        "`on_<event>(event)` is called at once, on the thread of the user's code, before the pipeline goes on.\n"
        "It is for plugins that must change the context; everything else belongs into `on_events`.\n"
        "Events that plugins add get such a hook too."
    )
    rows = [f"| `{names.hook_of_name(name_of(cls))}` | {_link(name_of(cls))} |" for cls in builtin_events()]
    yield "\n".join(["| hook | event |", "|---|---|", *rows])


def _link(name: str) -> str:
    return f"[`{name}`](events.md#{name.replace('.', '')})"
