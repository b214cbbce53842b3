"""The way metrics take out of the process: our own cells through stock exporters, or an SDK meter provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from flowstone.runtime.export import scraped
from flowstone.runtime.export.bounded import within
from flowstone.runtime.export.config import Config
from flowstone.runtime.export.data import Metric, Scope
from flowstone.runtime.export.exporters import metric_exporters
from flowstone.runtime.export.foreign import sdk_meter_provider
from flowstone.runtime.export.meters import Record, bind
from flowstone.runtime.export.periodic import Periodic
from flowstone.runtime.export.quiet import quietly
from flowstone.runtime.export.resource import make_resource
from flowstone.runtime.export.scraped import Scraped

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import MeterProvider

Read = Callable[[], Sequence[Metric]]
_PUSHED: Final = frozenset({"otlp_proto_http", "otlp_proto_grpc", "console"})


class MetricRoute:
    """Chooses the way anew when the user has set a meter provider meanwhile.

    Args:
        config: What the environment says.
        scope: Who measures.
        catalogue: All metrics, without points.
        read: Reads the metrics for an export; begins a new interval.
        observe: Reads the metrics for a provider that asks; must outlive a fork.
        listen: Told what wants to hear each measurement of a histogram.
    """

    def __init__(
        self,
        config: Config,
        scope: Scope,
        catalogue: Sequence[Metric],
        read: Read,
        observe: Read,
        listen: Callable[[Mapping[str, Record]], None],
    ) -> None:
        self._config, self._scope, self._catalogue = config, scope, catalogue
        self._read, self._observe, self._listen = read, observe, listen
        self._provider: MeterProvider | None = None
        self._owned = False
        self._periodic: Periodic | None = None
        self._scraped: Scraped | None = None

    def prepare(self) -> None:
        """Have a way out before the first measurement, and notice a provider of the user's."""
        if self._config.disabled:
            return
        foreign = sdk_meter_provider()
        if foreign is not None:
            if foreign is not self._provider:
                self._bind(foreign)
                self._owned = False
                self._let_go(0.0)
        elif self._provider is None and self._periodic is None and self._scraped is None:
            self._open()

    def _open(self) -> None:
        """Begin to export as the environment says."""
        pushed = [name for name in self._config.metrics if name != scraped.NAME]
        if len(pushed) < len(self._config.metrics):
            self._scraped = Scraped(self._scope, self._observe)
        if pushed and (self._config.exponential or not _PUSHED.issuperset(pushed)):
            self._bind(_own_meter_provider(replace(self._config, metrics=tuple(pushed))))
            self._owned = True
        elif pushed:
            self._periodic = Periodic(replace(self._config, metrics=tuple(pushed)), self._scope, self._read)

    def _let_go(self, timeout: float) -> None:
        """End our own ways out."""
        if self._periodic is not None:
            self._periodic.close(timeout)
            self._periodic = None
        if self._scraped is not None:
            within(max(timeout, 0.2), self._scraped.close)
            self._scraped = None

    def _bind(self, provider: MeterProvider) -> None:
        self._provider = provider
        self._listen(bind(provider, self._catalogue, self._observe, self._scope))

    def ask(self) -> Callable[[float], bool]:
        """Begin to deliver; return what waits for it, at most the given seconds, and tells whether all arrived."""
        provider = self._provider
        if provider is not None:
            return lambda timeout: within(timeout, lambda: provider.force_flush(timeout * 1000))
        return self._periodic.ask() if self._periodic is not None else lambda timeout: True

    def close(self, timeout: float) -> None:
        """End what is ours, after the last delivery."""
        provider = self._provider
        if provider is not None and self._owned:
            within(timeout, lambda: provider.shutdown(timeout * 1000))
        self._let_go(timeout)


def _own_meter_provider(config: Config) -> MeterProvider:
    """Return a provider for what our cells cannot serve: pull readers and exponential histograms."""
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader

    with quietly():
        readers = [
            made
            if isinstance(made, MetricReader)
            else PeriodicExportingMetricReader(made, export_interval_millis=config.interval * 1000)
            for made in metric_exporters(config)
        ]
    return MeterProvider(metric_readers=readers, resource=make_resource(), shutdown_on_exit=False)
