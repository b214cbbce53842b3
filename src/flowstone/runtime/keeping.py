"""Whether those that must keep an event have it, as far as that can be known when its caller stops waiting."""

from __future__ import annotations

from flowstone.dispatch.plugins import Plugins


def doubt(plugins: Plugins, name: str, *, reached: bool) -> str:
    """Return why it is not known that the event is kept; empty where it is, or nobody has to keep it.

    Args:
        plugins: Who is asked: ``must_keep``.
        name: The event's name.
        reached: Whether all plugins that are not in quarantine have settled it.
    """
    for one in plugins.implementations("must_keep", quarantined=True):
        why = plugins.wall.conduct(one.plugin).quarantined
        if reached and not why:
            continue
        try:
            must = one.call(name)
        except Exception as error:  # the fault wall of a question
            plugins.wall.failed(one.plugin, "must_keep", error)
            continue
        if must:
            return f"the plugin {one.plugin} " + (
                f"is in quarantine ({why})" if why else "does not have it yet"
            )
    return ""
