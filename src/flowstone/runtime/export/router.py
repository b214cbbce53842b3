"""Chooses how spans leave this process, and notices when the user has set a provider meanwhile."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from opentelemetry import trace

from flowstone.runtime.export import config as configuration
from flowstone.runtime.export.data import Scope
from flowstone.runtime.export.foreign import is_fast, processors, sdk_tracer_provider
from flowstone.runtime.export.own_route import OwnRoute
from flowstone.runtime.export.quiet import quietly, warn
from flowstone.runtime.export.routes import CompatRoute, ForeignRoute, NoRoute, Route
from flowstone.runtime.global_provider import Sight, global_provider
from flowstone.runtime.settings import settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

    from flowstone.runtime.export.compat import SdkSpans

_make_global = True


def make_global(wanted: bool) -> None:
    """Say whether a provider of ours may become the global one. Servers, Airflow and Prefect say no."""
    global _make_global
    _make_global = wanted


def wants_global() -> bool:
    """Return whether a provider of ours becomes global; ``FLOWSTONE_GLOBAL_PROVIDER`` has the last word."""
    return settings().flag("GLOBAL_PROVIDER", _make_global)


class Router:
    """The route of one process. A forked child makes its own.

    Attributes:
        config: What the environment says.
    """

    def __init__(self, scope: Scope) -> None:
        self.pid = os.getpid()
        self.config = configuration.read()
        self._scope = scope
        self._route: Route | None = None
        self._configured = False
        self._sight = Sight()

    def route(self) -> Route:
        """Return the route that is right now."""
        route = self._route
        if route is None or not self._sight.holds():
            given = global_provider()  # before: another that comes meanwhile is chosen for by the next call
            route = self._route = self._choose(None if self.config.disabled else sdk_tracer_provider())
            self._sight.take(given)  # with what was added
        return route

    def sdk_spans(self) -> SdkSpans | None:
        """Return what starts SDK spans, where the user's provider must see them."""
        route = self.route()
        return route.sdk_spans if isinstance(route, CompatRoute) else None

    def prepare(self) -> Route:
        """Return the route; first make a provider of ours global, if one is wanted and none is set."""
        trace.get_tracer_provider()  # which makes the one that the environment may name
        if not self.config.disabled and sdk_tracer_provider() is None:
            if self.config.file:
                if not self._configured:
                    self._configured = True  # a file without a tracer provider is not read again and again
                    _configure_from(self.config.file)
            elif self.config.traces and wants_global() and _nobody_set_one():
                from flowstone.runtime.export.own_provider import OwnProvider

                trace.set_tracer_provider(OwnProvider(self.config))
        return self.route()

    def _choose(self, provider: TracerProvider | None) -> Route:
        if self.config.disabled:
            return NoRoute(sampled=False)
        if provider is None:
            return OwnRoute(self.config, self._scope, None) if self.config.traces else NoRoute()
        from flowstone.runtime.export.own_provider import OwnProvider
        from flowstone.runtime.export.processors import StampIds

        if isinstance(provider, OwnProvider):
            return OwnRoute(self.config, self._scope, provider)
        if not any(type(processor) is StampIds for processor in processors(provider) or ()):
            provider.add_span_processor(StampIds())
        found = processors(provider)
        if found is not None and is_fast(provider):
            return ForeignRoute(provider, found, self._scope)
        return CompatRoute(provider, self._scope)


def _nobody_set_one() -> bool:
    """Tell whether the global provider is still the API's placeholder."""
    return type(trace.get_tracer_provider()) is trace.ProxyTracerProvider


def _configure_from(path: str) -> None:
    """Fault wall: let the declarative configuration build the providers, which then count as the user's."""
    try:
        from opentelemetry.configuration import configure_sdk, load_config_file  # the extra `config`

        with quietly():
            configure_sdk(load_config_file(path))
    except ImportError:
        warn("OTEL_CONFIG_FILE=%s needs: pip install 'flowstone[config]'", path)
    except Exception as error:
        warn("OTEL_CONFIG_FILE=%s cannot be used: %s: %s", path, type(error).__name__, error)
