"""What the plugins answer to a hook that asks for things."""

from __future__ import annotations

from flowstone.runtime import engine


def provided(hook: str) -> list[object]:
    """Return what the plugins provide under the hook *hook*, such as ``provide_audit_anchor``, in calling order.

    A plugin that fails is counted and left out; one in quarantine is not asked. A hook that takes an
    argument is given None.

    Args:
        hook: A hook that returns an iterable, or None.
    """
    running = engine.current()
    found: list[object] = []
    for one in running.plugins.implementations(hook):
        try:
            found += one.call(None) or ()
        except Exception as error:  # the fault wall of provide_...
            running.wall.failed(one.plugin, hook, error)
    return found
