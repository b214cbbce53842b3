"""Health reporting: a truthful answer for operators, load balancers and Kubernetes.

``app`` is an ASGI application, ``wsgi_app`` a WSGI one, ``serve`` listens on a port of its own;
``drain`` says that this process is about to end.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from flowstone_health.asgi import HealthApp, app
    from flowstone_health.reporting import drain
    from flowstone_health.server import Server, serve
    from flowstone_health.wsgi import HealthWsgiApp, wsgi_app

__all__ = ["HealthApp", "HealthWsgiApp", "Server", "app", "drain", "serve", "wsgi_app"]

# Late: the plugin is loaded in every process of a pipeline, and most of them serve nobody.
_PLACES: Final = {
    "HealthApp": "asgi",
    "HealthWsgiApp": "wsgi",
    "Server": "server",
    "app": "asgi",
    "drain": "reporting",
    "serve": "server",
    "wsgi_app": "wsgi",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
