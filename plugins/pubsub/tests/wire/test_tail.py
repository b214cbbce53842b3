from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flowstone.plugin import MaterializationStop
from flowstone_pubsub.bus import Bus
from flowstone_pubsub.cli.tail import tail
from flowstone_pubsub.engines.base import Retention
from flowstone_pubsub.engines.opening import open_engine
from flowstone_pubsub.testing.reading import outgoing
from tests.servers.nats import NatsServer
from tests.servers.ports import free_port

PATIENCE = 10.0
FLOWSTONE = str(Path(sys.executable).with_name("flowstone"))


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"sqlite:///{tmp_path}/events.db"
    monkeypatch.setenv("FLOWSTONE_PUBSUB_URL", url)
    return url


@pytest.fixture
def bus(url: str) -> Iterator[Bus]:
    made = Bus(open_engine(url, Retention(records=100)))
    yield made
    made.close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(tail, list(arguments), catch_exceptions=False)


def test_it_shows_what_happened(bus: Bus) -> None:
    """A line for each message of the topics: time of day, place, topic, what happened."""
    bus.broadcast("asset:orders", MaterializationStop(asset="orders", run_id="r1", time=0, status="failure"))
    bus.broadcast("other", {"n": 1})
    bus.broadcast("b", {"n": 2})
    assert bus.flush(PATIENCE)
    result = run("asset:*", "b", "--since", "earliest", "--limit", "2")
    first, second = result.output.splitlines()
    assert 0 == result.exit_code
    assert [
        "1",
        "asset:orders",
        "materialization.stop",
        "asset=orders",
        "status=failure",
        "run_id=r1",
    ] == first.split()[1:]
    assert ["3", "b", "broadcast", '{"n":2}'] == second.split()[1:]


def test_json_is_one_document_a_line(bus: Bus) -> None:
    """For programs: the place, the topic and the envelope."""
    bus.broadcast("a", "text\nwith a line end")
    assert bus.flush(PATIENCE)
    (line,) = run("--json", "--since", "0", "--limit", "1").output.splitlines()
    told = json.loads(line)
    assert (1, "a", "flowstone.broadcast") == (told["seq"], told["topic"], told["event"]["type"])


@pytest.mark.parametrize("data", [b"hello\nworld", b"\xff", b"", b'{"x": NaN}', b'{"a":\n1}'])
def test_what_is_a_strangers_is_json_too(bus: Bus, data: bytes) -> None:
    """A message that is none of ours comes as the JSON that it is, or as its text."""
    bus.engine.publish([outgoing(0, "a")._replace(data=data)])
    (line,) = run("--json", "--since", "0", "--limit", "1").output.splitlines()
    told = json.loads(line)["event"]
    assert told == {"a": 1} if data.startswith(b'{"a"') else data.decode("utf-8", "replace") == told


def test_gaps_are_shown(bus: Bus) -> None:
    """What is no longer kept is told in its place, also in JSON."""
    for _ in range(6):
        bus.engine.publish([outgoing(n) for n in range(100)])
    oldest = bus.engine.bounds()[0]
    assert f"-- 4 to {oldest - 1} missing: retention" == run("--since", "3", "--limit", "1").output.strip()
    told = json.loads(run("--since", "3", "--limit", "1", "--json").output)
    assert {"gap": {"first": 4, "last": oldest - 1, "reason": "retention"}} == told


def test_nothing_moves_the_cursor(bus: Bus) -> None:
    """Control characters in names and texts do not reach the terminal."""
    bus.broadcast("asset:\x1b[2J\r", {"x": "\x1b]0;title\x07"})
    assert bus.flush(PATIENCE)
    line = run("--since", "0", "--limit", "1").output.rstrip("\n")
    assert line.isprintable()


@pytest.mark.parametrize("since", ["x", "10y", "-1", "1.5", ""])
def test_a_place_that_is_none_is_refused(url: str, since: str) -> None:
    """Wrong usage is exit status 2."""
    assert 2 == run("--since", since, "--limit", "1").exit_code


@pytest.mark.parametrize(
    "engine", ["gopher://x", "off", "redis://127.0.0.1:{port}/0", "nats://127.0.0.1:{port}"]
)
def test_a_log_that_cannot_be_reached_is_told(url: str, engine: str) -> None:
    """It is said in one line, with exit status 2."""
    result = run("--engine", engine.format(port=free_port()))
    assert 2 == result.exit_code
    assert 1 == len(result.stderr.splitlines())
    assert result.stderr.startswith("flowstone tail: ")


def test_a_file_that_is_no_log_is_left_alone(url: str, tmp_path: Path) -> None:
    """Pointed at a file of the user's, it says so and touches nothing; so it does at a damaged log."""
    for name, text in (("customers.csv", b"id,name\n" * 100), ("events.db", _damaged(tmp_path))):
        file = tmp_path / name
        file.write_bytes(text)
        result = run("--engine", f"sqlite:///{file}")
        assert 2 == result.exit_code
        assert str(file) in result.stderr
        assert text == file.read_bytes()
    assert {"customers.csv", "events.db"} == {each.name for each in tmp_path.iterdir()} - {"bells"}


def _damaged(folder: Path) -> bytes:
    engine = open_engine(f"sqlite:///{folder}/events.db")
    engine.publish([outgoing(1)])
    engine.close()
    return (folder / "events.db").read_bytes()[:100] + b"\xff" * 8000


def test_it_follows_another_process(nats_server: NatsServer) -> None:
    """Over NATS, the command as people call it shows what another process broadcasts, and ends at its limit."""
    url = nats_server.url("tailed")
    command = [FLOWSTONE, "tail", "--engine", url, "--since", "earliest", "--limit", "3", "a"]
    bus = Bus(open_engine(url))
    bus.broadcast("a", 0)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline().rstrip().endswith("broadcast  0")
        bus.broadcast("a", 1)
        bus.broadcast("a", 2)
        assert ["1", "2"] == [line.split()[-1] for line in running.stdout]
        assert 0 == running.wait(PATIENCE)
    bus.close()
