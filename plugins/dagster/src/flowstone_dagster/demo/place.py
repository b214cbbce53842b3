"""Where the demo keeps its files, and what its processes find in their environment."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from flowstone.plugin import home, settings


class UnusableError(Exception):
    """The demo cannot run here; the text says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The demo's folder.

    Attributes:
        folder: It has the project's files, Dagster's own, and, unless the user has a home for them, the traces.
        home: Where flowstone keeps the traces.
        own_home: Whether that home is the folder itself, so that later commands have to be told.
    """

    folder: Path
    home: Path
    own_home: bool

    @property
    def data(self) -> Path:
        """What the assets are written to."""
        return self.folder / "data"

    @property
    def lines(self) -> Path:
        """Where the log lines of the first run are."""
        return self.folder / "events.jsonl"

    @property
    def dagster(self) -> Path:
        """Dagster's home."""
        return self.folder / "dagster"

    def environment(self) -> dict[str, str]:
        """Return the environment of the demo's processes: the user's, Dagster observed, files in the folder."""
        own = {
            "FLOWSTONE_DAGSTER": "1",
            "FLOWSTONE_HOME": str(self.home),
            "DAGSTER_HOME": str(self.dagster),
            "DEMO_DATA": str(self.data),
        }
        return {**os.environ, **own}

    def prepare(self) -> None:
        """Make the folder, or find it as the last demo has left it.

        Raises:
            UnusableError: It has other people's files in it, or cannot be written.
        """
        mark = self.dagster / "dagster.yaml"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not mark.exists() and any(self.folder.iterdir()):
                raise UnusableError(
                    f"{self.folder} holds files that are not the demo's; name another with --folder"
                )
            self.data.mkdir(exist_ok=True)
            self.dagster.mkdir(exist_ok=True)
            mark.write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
        except OSError as error:
            raise UnusableError(
                f"cannot write to {self.folder} ({error.strerror}); name another with --folder"
            ) from error

    def command(self, *arguments: str) -> str:
        """Return a command of flowstone, as the user has to type it here."""
        before = [f"FLOWSTONE_HOME={shlex.quote(str(self.home))}"] if self.own_home else []
        return " ".join([*before, shlex.quote(_program()), *(shlex.quote(each) for each in arguments)])


def choose(folder: Path | None) -> Place:
    """Return the place for *folder*, by default ``demo`` in flowstone's home.

    Raises:
        UnusableError: There is no home that can be written.
    """
    given = settings().get("HOME")
    try:
        chosen = (folder if folder is not None else home() / "demo").absolute()
        return Place(folder=chosen, home=home().absolute() if given else chosen, own_home=not given)
    except (OSError, RuntimeError) as error:
        raise UnusableError(
            f"flowstone has no folder to write to ({error}); name one with --folder"
        ) from error


def _program() -> str:
    """Return ``flowstone`` if that is what a shell would find, else the path of ours."""
    ours = Path(sys.executable).with_name("flowstone")
    found = shutil.which("flowstone")
    if found and Path(found).resolve() == ours.resolve():
        return "flowstone"
    here = Path.cwd()
    return str(ours.relative_to(here)) if ours.is_relative_to(here) else str(ours)
