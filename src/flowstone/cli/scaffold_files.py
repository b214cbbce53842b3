"""The files of a new plugin, as templates."""

from __future__ import annotations

from collections.abc import Mapping
from string import Template
from typing import Final

_PYPROJECT: Final = """\
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "flowstone-$name"
version = "0.1.0"
description = "A plugin for flowstone."
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["click>=8.1", "flowstone>=0.1"]

[project.entry-points.flowstone]
$name = "$package.plugin:${stem}Plugin"

[dependency-groups]
test = ["pytest>=8.3"]

[tool.hatch.build.targets.wheel]
packages = ["src/$package"]

[tool.pytest.ini_options]
testpaths = ["tests"]
"""

_README: Final = """\
# flowstone-$name

A plugin for flowstone.

    pip install -e . --group test
    flowstone plugins
    flowstone $name
    pytest

`src/$package/plugin.py` holds its hooks: a listener and a command, to begin with.
`tests/test_plugin.py` holds it to the contract of plugins, and tests what it adds.
"""

_INIT: Final = '"""A plugin for flowstone."""\n'

_PLUGIN: Final = '''\
"""The plugin ``$name``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from flowstone.plugin import Event, count, hookimpl


class ${stem}Plugin:
    """Found by its entry point; made once in each process."""

    @hookimpl
    def on_events(self, batch: Sequence[Event]) -> None:
        """Count what went wrong. Called from a background thread, with at most 64 events."""
        for event in batch:
            if event.name.endswith(".exception"):
                count("$identifier.exceptions")

    @hookimpl
    def provide_commands(self) -> Iterable[click.Command]:
        """Add ``flowstone $name``."""
        return [hello]


@click.command("$name")
def hello() -> None:
    """Say that the plugin is there."""
    click.echo("flowstone-$name is installed")
'''

_TEST: Final = '''\
from __future__ import annotations

import pytest
from click.testing import CliRunner

import flowstone
from flowstone.plugin import stats
from flowstone.testing import Capture, PluginContract
from $package.plugin import ${stem}Plugin, hello


class Test${stem}(PluginContract):
    """What every plugin promises."""

    plugin = ${stem}Plugin


def test_it_counts_what_went_wrong(flowstone_capture: Capture) -> None:
    """An operation that raises is counted once."""
    flowstone_capture.engine.plugins.register(${stem}Plugin(), "$name")
    before = stats().get("$identifier.exceptions", 0)
    with pytest.raises(ValueError), flowstone.materialization("orders"):
        raise ValueError("no rows")
    flowstone_capture.one("materialization.exception")
    assert stats().get("$identifier.exceptions", 0) == before + 1


def test_its_command_answers() -> None:
    """The command says that the plugin is there."""
    assert CliRunner().invoke(hello).output == "flowstone-$name is installed\\n"
'''

_FILES: Final[Mapping[str, str]] = {
    "pyproject.toml": _PYPROJECT,
    "README.md": _README,
    "src/$package/__init__.py": _INIT,
    "src/$package/plugin.py": _PLUGIN,
    "src/$package/py.typed": "",
    "tests/test_plugin.py": _TEST,
}


def files(name: str) -> dict[str, str]:
    """Return the files of the plugin *name*: text by path.

    Args:
        name: Words of lower-case letters and digits, joined by hyphens.
    """
    identifier = name.replace("-", "_")
    words = {
        "name": name,
        "identifier": identifier,
        "package": f"flowstone_{identifier}",
        "stem": "".join(word.capitalize() for word in name.split("-")),
    }
    return {
        Template(path).substitute(words): Template(text).substitute(words) for path, text in _FILES.items()
    }
