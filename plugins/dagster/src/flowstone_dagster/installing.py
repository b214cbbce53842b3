"""Put the seams in, and take them out again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flowstone.hosting import after_import
from flowstone.plugin import count, settings
from flowstone_dagster import doorbell, names, observer, roles, seams
from flowstone_dagster.switch import switched_off
from flowstone_dagster.wall import walled, warn_once

MISSING: Final = "dagster.seam.missing"
"""Counter of seams that the installed Dagster does not have."""

_restore: list[Callable[[], None]] = []
_wanted = False


def install() -> bool:
    """Observe Dagster, now or as soon as it is imported; see :func:`flowstone_dagster.install`."""
    global _wanted
    if switched_off() or not settings().flag("ENABLED", True):
        return False
    if _wanted:
        return True
    _wanted = True
    roles.tell_server()
    doorbell.wait(_await_dagster)
    return True


@walled
def _await_dagster() -> None:
    after_import("dagster", _patch)


def uninstall() -> None:
    """Put everything back; see :func:`flowstone_dagster.uninstall`."""
    global _wanted
    _wanted = False
    doorbell.remove()
    while _restore:
        _restore.pop()()
    observer.lost.clear()


@walled
def _patch(_module: object) -> None:
    doorbell.remove()
    if not _wanted or _restore:
        return
    for name in names.SEAMS:
        if not _replace(name):
            observer.lost.add(name.key)
            count(MISSING)
            warn_once(f"missing {name.key}", f"this Dagster has no {name.module}.{name.path}: {name.without}")


@walled
def _replace(name: names.Name) -> bool:
    if not name.found():
        return False
    owner, attribute = name.owner(), name.attribute
    original = getattr(owner, attribute)
    inherited = attribute not in vars(owner)
    ours = seams.AROUND[name.key](original)
    setattr(owner, attribute, ours)

    def restore() -> None:
        if vars(owner).get(attribute) is not ours:
            return  # somebody has patched over us, and would call us in vain
        if inherited:
            delattr(owner, attribute)
        else:
            setattr(owner, attribute, original)

    _restore.append(restore)
    return True
