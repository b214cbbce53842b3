"""Where the demo keeps its files, and what its processes find in their environment."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flowstone.plugin import home, settings

_DATABASES: Final = {"AUDIT_URL": "audit.db", "PUBSUB_URL": "events.db", "STORE_URL": "traces.db"}
_LEFT_OUT: Final = ("FLOWSTONE_AUDIT_", "FLOWSTONE_PUBSUB_", "FLOWSTONE_STORE_", "FLOWSTONE_HEALTH_")


class UnusableError(Exception):
    """The demo cannot run here; the text says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The demo's folder.

    Attributes:
        folder: It has the project's files and Dagster's own, and is flowstone's home: entries of a demo do not
            belong into anybody's audit log.
    """

    folder: Path

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

    @property
    def runs(self) -> Path:
        """Where Dagster keeps its runs."""
        return self.dagster / "history"

    @property
    def runs_away(self) -> Path:
        """Where they are while the demo takes them away."""
        return self.dagster / "history.away"

    @property
    def published(self) -> Path:
        """Stands for a place that whoever owns the audit database cannot write to."""
        return self.folder / "published"

    @property
    def checkpoints(self) -> Path:
        """Where the audit log's signed checkpoints are published."""
        return self.published / "checkpoints"

    @property
    def key(self) -> Path:
        """The public key of the audit log, published as well."""
        return self.published / "key"

    @property
    def forgery(self) -> Path:
        """The home of the forged copy of the audit log."""
        return self.folder / "forgery"

    def settings(self, home: Path | None = None) -> dict[str, str]:
        """Return what commands have to be told: the home, by default the folder, and what else was set otherwise."""
        chosen = home or self.folder
        others = {name: file for name, file in _DATABASES.items() if settings().get(name)}
        return {
            "FLOWSTONE_HOME": str(chosen),
            **{f"FLOWSTONE_{name}": f"sqlite:///{chosen / file}" for name, file in others.items()},
        }

    def environment(self) -> dict[str, str]:
        """Return the environment of the demo's processes: the user's, Dagster observed, files in the folder."""
        own = {
            "FLOWSTONE_DAGSTER": "1",
            "FLOWSTONE_AUDIT_ANCHOR_FILE": str(self.checkpoints),
            "DAGSTER_HOME": str(self.dagster),
            "DEMO_DATA": str(self.data),
        }
        theirs = {name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)}
        return {**theirs, **self.settings(), **own}

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
            self.published.mkdir(exist_ok=True)
            self.dagster.mkdir(exist_ok=True)
            if self.runs_away.exists() and not self.runs.exists():  # the last demo was killed in the middle
                self.runs_away.rename(self.runs)
            mark.write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
        except OSError as error:
            raise UnusableError(
                f"cannot write to {self.folder} ({error.strerror}); name another with --folder"
            ) from error

    def command(self, *arguments: str, home: Path | None = None) -> str:
        """Return a command of flowstone, as the user has to type it here."""
        before = [f"{name}={shlex.quote(value)}" for name, value in self.settings(home).items()]
        return " ".join([*before, shlex.quote(_program()), *(shlex.quote(each) for each in arguments)])


def choose(folder: Path | None) -> Place:
    """Return the place for *folder*, by default ``demo`` in flowstone's home.

    Raises:
        UnusableError: There is no home that can be written.
    """
    try:
        return Place(folder=(folder if folder is not None else home() / "demo").absolute())
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
