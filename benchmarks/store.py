"""The embedded store beside the other signals: what writing every event to SQLite adds."""

from __future__ import annotations

from benchmarks import stages, subject
from benchmarks.anchor import Anchor
from benchmarks.rounds import interleave, rounds_of
from benchmarks.rows import Report, ratio


def run(quick: bool) -> Report:
    """Measure emission with the plugin ``console`` on."""
    try:
        import flowstone_console  # noqa: F401
    except ImportError:
        return Report(notes=("flowstone-console is not installed: pip install -e plugins/console",))
    subject.set_up()
    count = 500 if quick else 1000
    anchor = Anchor()
    found = interleave(
        {"anchor": lambda: anchor.cost(count), "ours": lambda: subject.measure(count)}, rounds_of(quick)
    )
    costs = {name: [cost.cpu for cost in each] for name, each in found.items()}
    callers = {name: [cost.caller for cost in each] for name, each in found.items()}
    spent = stages.measure(500 if quick else 2000)
    return Report(
        rows=(
            ratio("caller with store and OTLP logs / bare SDK span", callers["ours"], callers["anchor"]),
            ratio("process CPU with store and OTLP logs / bare SDK span's", costs["ours"], costs["anchor"]),
        ),
        notes=(
            (
                "The same as emission, with the plugin console on: every event in SQLite, one transaction"
                " a round; no bound."
            ),
            *stages.lines(spent),
        ),
    )
