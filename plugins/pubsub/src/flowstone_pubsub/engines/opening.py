"""Which engine a URL names: built-in ones by their scheme, others by entry point."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from typing import Final

from flowstone_pubsub.engines.base import Engine, Retention

GROUP: Final = "flowstone_pubsub.engines"
"""Entry points of engines of third parties: the name is the URL's scheme, the object a ``Connect``."""

Connect = Callable[[str, Retention], Engine]
"""Makes the engine of a URL; connects when first needed, so that a server that is down is no error here."""

_BUILT_IN: Final = {
    "memory": "flowstone_pubsub.engines.memory",
    "sqlite": "flowstone_pubsub.engines.sqlite",
    "nats": "flowstone_pubsub.engines.nats",
    "redis": "flowstone_pubsub.engines.redis",
    "rediss": "flowstone_pubsub.engines.redis",
    "unix": "flowstone_pubsub.engines.redis",
}
_EXTRA: Final = {"nats": "nats", "redis": "redis", "rediss": "redis", "unix": "redis"}


def open_engine(url: str, retention: Retention | None = None) -> Engine:
    """Return a new engine for *url*; nothing is connected yet.

    Args:
        url: ``memory://``, ``sqlite:///path``, ``nats://...``, ``redis://...`` or another engine's.
        retention: How much of the log is kept.

    Raises:
        ValueError: There is no such engine, its extra is not installed, or the URL is malformed; the message says
            what to do and holds no password.
    """
    scheme = url.partition(":")[0].lower()
    return _connect_of(scheme)(url, retention or Retention())


def _connect_of(scheme: str) -> Connect:
    if scheme in _BUILT_IN:
        try:
            module = import_module(_BUILT_IN[scheme])
        except ImportError as error:
            extra = _EXTRA.get(scheme, scheme)
            raise ValueError(f"{scheme}:// needs: pip install 'flowstone-pubsub[{extra}]'") from error
        made: Connect = module.connect
        return made
    for found in entry_points(group=GROUP, name=scheme):
        loaded: Connect = found.load()
        return loaded
    raise ValueError(
        f"no pub/sub engine is called {scheme[:20]!r}: it is one of memory, sqlite, nats, redis, or an "
        f"entry point in the group {GROUP}"
    )
