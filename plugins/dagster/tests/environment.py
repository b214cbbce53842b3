"""An environment with the adapter and a plugin that writes events to a file, and what comes of runs in it."""

from __future__ import annotations

import subprocess
import sysconfig
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
_SINK: Final = "[flowstone]\ntest_sink = plugins.dagster.tests.sink.plugin:SinkPlugin\n"


Run = Callable[..., "Told"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came of a process.

    Attributes:
        output: Its standard output.
        errors: Its standard error.
        events: What flowstone told, in the order of arrival.
    """

    output: str
    errors: str
    events: list[dict[str, object]]

    def under(self, correlation_id: str, *names: str) -> list[dict[str, object]]:
        """Return the events of a correlation id, of the given names if any."""
        return [
            event
            for event in self.events
            if event["correlation_id"] == correlation_id and (not names or event["name"] in names)
        ]

    def one(self, correlation_id: str, name: str, **fields: object) -> dict[str, object]:
        """Return the single event that has these fields."""
        found = [
            event
            for event in self.under(correlation_id, name)
            if all(event.get(key) == value for key, value in fields.items())
        ]
        assert len(found) == 1, f"{len(found)} of {name} {fields} in {self.under(correlation_id)}"
        return found[0]


def only(found: object) -> dict[str, object]:
    """Return the single item of a list."""
    assert isinstance(found, list)
    assert len(found) == 1, found
    item: dict[str, object] = found[0]
    return item


def purelib(python: Path) -> str:
    """Return the site-packages of an interpreter."""
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.strip()


def make(home: Path, outer: str = "") -> Path:
    """Make an environment that carries the adapter's ``.pth`` and the sink.

    Args:
        home: Where.
        outer: The site-packages whose packages it sees; this interpreter's if not given.
    """
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    site = Path(purelib(python))
    outer = outer or sysconfig.get_path("purelib")
    paths = f"{HERE.parent / 'src'}\n{HERE.parents[2]}\nimport site; site.addsitedir({outer!r})\n"
    (site / "a_outer.pth").write_text(paths, encoding="utf-8")
    info = site / "test_sink-0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: test-sink\nVersion: 0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(_SINK, encoding="utf-8")
    subprocess.run(
        [python, "-m", "flowstone_dagster", "pth", "--install"], check=True, stdout=subprocess.DEVNULL
    )
    return python
