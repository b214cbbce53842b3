"""Callers compiled from pluggy's registrations.

Pluggy's own call costs 2.3 us for 5 implementations, and the first that raises ends the call for
all. A generated function calls each implementation with just the arguments it asks for, each
inside its own ``try``, for a tenth. It is rebuilt when registrations change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any

import pluggy

from flowstone.dispatch.contention import is_slow
from flowstone.dispatch.wall import CALLER_BUDGET_NS, Overrun

Function = Callable[..., Any]  # a hook implementation: its signature is its own affair
OnFailure = Callable[[str, str, BaseException], object]


@dataclass(frozen=True, slots=True)
class Implementation:
    """One plugin's implementation of one hook.

    Attributes:
        plugin: The plugin's name.
        function: The bound implementation.
        takes: Whether it asks for the hook's argument.
    """

    plugin: str
    function: Function
    takes: bool

    def call(self, argument: object) -> Any:
        """Call the implementation with the hook's argument, if it asks for it."""
        return self.function(argument) if self.takes else self.function()


def implementations(hook: pluggy.HookCaller, skip: Callable[[str], bool]) -> list[Implementation]:
    """Return the implementations of *hook* in calling order, without those of plugins to *skip*.

    Wrappers are left out: a wrapper that fails would take the others with it.
    """
    found = [
        Implementation(impl.plugin_name, impl.function, bool(impl.argnames))
        for impl in reversed(hook.get_hookimpls())
        if not (impl.hookwrapper or impl.wrapper)
    ]
    return [impl for impl in found if not skip(impl.plugin)]


def notifier(
    hook: str, impls: Sequence[Implementation], on_failure: OnFailure, *, timed: bool = False
) -> Callable[[object], None] | None:
    """Compile a function that passes one argument to all of *impls*; None where there are none.

    What an implementation raises goes to ``on_failure(plugin, hook, error)``; only
    KeyboardInterrupt, which is the user's, passes through.

    Args:
        hook: The hook's name.
        impls: Who is called, in order.
        on_failure: Told of each failure.
        timed: Whether each is held to its budget; two clocks a call cost as much as the call.
    """
    if not impls:
        return None
    namespace: dict[str, object] = {"fail": on_failure, "hook": hook, "clock": perf_counter_ns}
    namespace |= {"budget": CALLER_BUDGET_NS, "is_slow": is_slow, "Overrun": Overrun}
    lines = ["def notify(argument):"]
    for index, impl in enumerate(impls):
        namespace[f"f{index}"] = impl.function
        namespace[f"p{index}"] = impl.plugin
        lines += _call(index, impl, timed=timed)
    exec("\n".join(lines), namespace)  # noqa: S102  # generated from our own names only
    made: Callable[[object], None] = namespace["notify"]  # type: ignore[assignment]
    return made


def _call(index: int, impl: Implementation, *, timed: bool) -> list[str]:
    """Return the lines that call one implementation inside its own wall."""
    call = f"f{index}({'argument' if impl.takes else ''})"
    lines = [
        "    try:",
        f"        began = clock(); {call}; took = clock() - began" if timed else f"        {call}",
        "    except KeyboardInterrupt:",
        "        raise",
        "    except BaseException as error:",
        f"        fail(p{index}, hook, error)",
    ]
    if timed:
        lines += [
            "    else:",
            "        if is_slow(took, budget):",
            f"            fail(p{index}, hook, Overrun(f'{{took / 1e6:.1f}} ms on the caller'))",
        ]
    return lines
