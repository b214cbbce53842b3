"""The command line."""

from __future__ import annotations

from collections.abc import Iterable

import click
import orjson
import pytest
from click.testing import CliRunner

import flowstone
from flowstone.cli.main import main
from flowstone.plugin import hookimpl
from flowstone.testing import Capture


def test_events_lists_the_catalogue(flowstone_capture: Capture) -> None:
    """Every event is there, with its hook and its fields."""
    result = CliRunner().invoke(main, ["events", "--json"])
    assert 0 == result.exit_code
    rows = {row["name"]: row for row in orjson.loads(result.output)}
    assert set(flowstone.telemetry.events()) == set(rows)
    assert "on_io_load_stop" == rows["io.load.stop"]["hook"]
    assert "size_bytes" in rows["io.load.stop"]["fields"]


def test_plugins_tells_who_listens(flowstone_capture: Capture) -> None:
    """A registered plugin is listed with its hooks."""
    result = CliRunner().invoke(main, ["plugins", "--json"])
    assert 0 == result.exit_code
    assert [("capture", "active", ["on_events"])] == [
        (row["name"], row["state"], row["hooks"]) for row in orjson.loads(result.output)
    ]


def test_a_missing_command_says_what_to_install(
    flowstone_capture: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands of plugins that are not installed end with the way to get them."""
    monkeypatch.setattr("flowstone.cli.main.find_spec", lambda name: None)
    result = CliRunner().invoke(main, ["tail"])
    assert 2 == result.exit_code
    assert "pip install 'flowstone[pubsub]'" in result.output


def test_plugins_add_commands(flowstone_capture: Capture) -> None:
    """A plugin's command is there; one that fails to provide is a warning."""

    @click.command()
    def hello() -> None:
        click.echo("hello")

    class Good:
        @hookimpl
        def provide_commands(self) -> Iterable[click.Command]:
            return [hello]

    class Bad:
        @hookimpl
        def provide_commands(self) -> Iterable[click.Command]:
            raise RuntimeError("no")

    for plugin in (Good(), Bad()):
        flowstone_capture.engine.plugins.register(plugin, type(plugin).__name__)
    result = CliRunner().invoke(main, ["hello"])
    assert 0 == result.exit_code
    assert "warning: plugin Bad provides no commands: no" in result.output
    assert result.output.endswith("hello\n")


def test_help_needs_no_plugin() -> None:
    """The command line explains itself."""
    result = CliRunner().invoke(main, ["--help"])
    assert 0 == result.exit_code
    assert "plugins" in result.output
