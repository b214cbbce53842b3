from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flowstone.plugin import (
    CheckpointApproved,
    CheckpointRequested,
    MaterializationStart,
    MaterializationStop,
    Process,
    RunStart,
    terminal,
)
from flowstone_console.command import trace
from flowstone_console.measures import duration_text, rows_text, size_text
from flowstone_console.plugin import ConsolePlugin
from flowstone_console.rows import trace_number
from flowstone_console.writer import Writer
from plugins.console.tests.story import BEGIN, SECOND, Story

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(autouse=True)
def place(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWSTONE_STORE_URL", f"sqlite:///{path}")
    monkeypatch.setenv("FLOWSTONE_STORE_MAX_AGE", "9999 w")
    monkeypatch.setenv("TZ", "UTC")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(trace, list(arguments), catch_exceptions=False)


def test_a_good_run_is_a_tree(writer: Writer) -> None:
    """Header, tree, amounts and completeness of a run that went well; exit status 0."""
    writer.write(Story(1).success())
    result = run("order-1", "--width", "80")
    assert 0 == result.exit_code
    lines = result.output.splitlines()
    assert [
        "✔ run nightly                                                             12.0 s",
        "└─ ✔ materialize daily_report [2025-01-15]                 1,234 rows     8.00 s",
        "   └─ ✔ load orders (s3)                            1.5 KiB · 10 rows     125 ms",
        "",
        "3 spans · 0 dropped · 0 abandoned",
    ] == lines[6:]
    assert "nightly  ✔ success" + "12.0 s".rjust(62) == lines[0]
    assert {"run         r-42", "correlation order-1", f"trace       {1:032x}"} == {
        line[2:] for line in lines[1:4]
    }


def test_a_failed_run_says_why_once(writer: Writer) -> None:
    """The error stands under the operation that raised it, not under those it passed through; exit status 1."""
    writer.write(Story(1).failure())
    result = run("order-1", "--ascii")
    assert 1 == result.exit_code
    assert 1 == result.output.count("ValueError: no such bucket")
    assert result.output.isascii()


def test_json_is_the_documented_document(writer: Writer) -> None:
    """The document of a fixed trace equals the golden file, byte for byte."""
    process = Process(host="h", boot_id="b", pid=7, start_time=8)
    story = Story(1, process=process)
    points = [
        story.event(CheckpointRequested, 40, 2, 1.0, checkpoint="publish"),
        story.event(CheckpointApproved, 41, 2, 4.0, checkpoint="publish", actor="ann", duration=3 * SECOND),
    ]
    writer.write([*story.failure(), *points])
    result = run("order-1", "--json")
    assert 1 == result.exit_code
    assert (GOLDEN / "trace.json").read_text(encoding="utf-8") == result.output
    json.loads(result.output)


def test_every_form_of_an_id_leads_to_the_trace(writer: Writer) -> None:
    """Correlation id, run id, trace id as hex, in capitals, as UUID, and the beginnings of all find it."""
    story = Story(0xABCDEF0123456789ABCDEF0123456789, run="run-7")
    story.correlation_id = "abcdef01-2345-6789-abcd-ef0123456789"
    writer.write(story.success())
    uuid, plain = story.correlation_id, story.trace_id
    for text in (uuid, plain, plain.upper(), uuid.upper(), uuid[:13], plain[:4], "run-7", "run-"):
        assert 0 == run(text).exit_code, text


def test_one_correlation_id_may_cover_several_traces(writer: Writer) -> None:
    """Its traces are shown one after another, the earliest first; one failed one makes exit status 1."""
    for number, events in ((1, Story(1).failure()), (2, Story(2, begin=BEGIN - SECOND).success())):
        writer.write([replace(event, correlation_id="both", run_id=f"r{number}") for event in events])
    result = run("both")
    assert 1 == result.exit_code
    assert 0 < result.output.index("r2") < result.output.index("r1")
    assert 0 == run("r2").exit_code


def test_traces_with_one_number_are_told_apart(writer: Writer) -> None:
    """Two traces of one millisecond that get the same number in the store each show their own events only."""
    one, other = Story(1), Story(1 + (1 << 20))
    assert trace_number(one.trace_id) == trace_number(other.trace_id)
    writer.write([*one.success(), *other.failure()])
    assert [0, 1] == [run(each.correlation_id).exit_code for each in (one, other)]
    assert [0, 1] == [run(each.trace_id).exit_code for each in (one, other)]


def test_one_trace_may_have_several_runs(writer: Writer) -> None:
    """Each of its run ids leads to the whole trace."""
    writer.write([replace(event, run_id="r-a") for event in Story(1).success()[:3]])
    writer.write([replace(event, run_id="r-b") for event in Story(1).success()[3:]])
    assert "r-a, r-b" in run("r-a").output
    assert run("r-a").output == run("r-b").output


def test_an_ambiguous_beginning_lists_the_candidates(writer: Writer) -> None:
    """A beginning of ids of different traces: exit status 4, and each of them named."""
    writer.write([*Story(1, run="").success(), *Story(2, run="").success()])
    result = run("orde")
    assert 4 == result.exit_code
    assert "order-1" in result.stderr
    assert "order-2" in result.stderr


@pytest.mark.parametrize("text", ["nothing-like-it", "ord", "0000"])
def test_what_is_not_there_says_how_to_look(writer: Writer, text: str) -> None:
    """No match, and beginnings that are too short: exit status 3 and the way to the list."""
    writer.write([replace(event, trace_id="f" * 32) for event in Story(1).success()])
    result = run(text)
    assert 3 == result.exit_code
    assert "flowstone trace --list" in result.stderr


def test_no_store_yet_is_nothing_found(path: Path) -> None:
    """Before the first run: exit status 3, and no file made by looking."""
    assert 3 == run("--last").exit_code
    assert not path.exists()


def test_a_store_that_is_off_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the store switched off there is nothing to read: exit status 2."""
    monkeypatch.setenv("FLOWSTONE_STORE_URL", "off")
    result = run("--list")
    assert (2, True) == (result.exit_code, "FLOWSTONE_STORE_URL" in result.stderr)


def test_the_newest_traces_are_listed(writer: Writer, dead: Process) -> None:
    """Newest first, each with how it stands; --last shows the first of them."""
    writer.write(Story(1).success())
    writer.write(Story(2, begin=BEGIN + SECOND).failure())
    writer.write(Story(3, begin=BEGIN + 2 * SECOND, process=dead).success()[:3])
    writer.write(Story(4, begin=BEGIN + 3 * SECOND).success()[:4])
    listed = json.loads(run("--list", "--json", "--limit", "4").output)
    assert "flowstone.traces/1" == listed["schema"]
    assert ["running", "abandoned", "failure", "success"] == [each["state"] for each in listed["traces"]]
    table = run("--list").output.splitlines()
    assert (5, True) == (len(table), "order-4" in table[1])
    assert "order-4" in run("--last").output


def test_hostile_names_steer_nothing(writer: Writer) -> None:
    """Control characters, colours, turned text and line ends in names are written out."""
    story = Story(1)
    name = "evil\x1b[31m\u202e\nname\x9b"
    writer.write(
        [
            story.event(RunStart, 1, 0, 0.0),
            story.event(MaterializationStop, 2, 1, 1.0, asset=name, duration=1),
        ]
    )
    result = run("order-1")
    assert r"materialize evil\x1b[31m\u202e\nname\x9b".replace(r"\n", r"\x0a") in result.output
    assert not {"\x1b", "\u202e", "\x9b"} & set(result.output)


def test_every_line_keeps_the_width(writer: Writer) -> None:
    """No line is wider than asked for, however long or wide the names are."""
    story = Story(1)
    for span, asset in enumerate(("x" * 500, "表" * 100, "short"), 2):
        writer.write([story.event(MaterializationStart, span, 1, 1.0, asset=asset)])
    for columns in (20, 40, 79):
        assert columns >= max(
            map(terminal.width, run("order-1", "--width", str(columns)).output.splitlines())
        )


def test_usage_is_checked() -> None:
    """Neither or several of ID, --last and --list: exit status 2."""
    assert [2, 2, 2] == [run().exit_code, run("abcd", "--last").exit_code, run("--last", "--list").exit_code]


def test_the_plugin_writes_tells_and_shows(path: Path) -> None:
    """What goes in by on_events comes out of provide_timeline and of the command."""
    plugin = ConsolePlugin()
    events = Story(1).success()
    plugin.on_events(events)
    assert plugin.flush(1.0)
    assert events == list(plugin.provide_timeline("order-1") or [])
    assert plugin.provide_timeline("nothing") is None
    assert ["trace"] == [command.name for command in plugin.provide_commands()]
    assert plugin.shutdown(1.0)
    assert path.exists()


def test_a_plugin_that_is_off_does_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With FLOWSTONE_STORE_URL=off no file is made."""
    monkeypatch.setenv("FLOWSTONE_STORE_URL", "off")
    plugin = ConsolePlugin()
    plugin.on_events(Story(1).success())
    assert plugin.shutdown(1.0)
    assert not path.parent.exists()


def test_an_abandoned_run_counts_as_failed(writer: Writer, dead: Process) -> None:
    """Exit status 1, and when it was last seen."""
    writer.write(Story(1).success())
    writer.write(Story(2, process=dead).success()[:3])
    result = run("order-2")
    assert 1 == result.exit_code
    assert "abandoned, last seen" in result.output


def test_amounts_are_read_easily() -> None:
    """Three digits and a unit."""
    expected = ["950 ns", "1.50 µs", "12.3 ms", "1.00 s", "59.9 s", "1 m 05 s", "2 h 00 m", "3 d 01 h"]
    values = [950, 1500, 12_345_678, 10**9, 59_900_000_000, 65 * 10**9, 7200 * 10**9, 73 * 3600 * 10**9]
    assert expected == [duration_text(value) for value in values]
    assert ["0 B", "1023 B", "1.0 KiB", "2.5 GiB"] == [size_text(n) for n in (0, 1023, 1024, 5 << 29)]
    assert ["1 row", "1,234,567 rows"] == [rows_text(n) for n in (1, 1_234_567)]


def test_text_is_cut_by_columns() -> None:
    """Wide characters count twice, and what is cut is marked."""
    assert ("表…", "abc", r"a\x07") == (
        terminal.clip("表表表", 4),
        terminal.clip("abc", 3),
        terminal.escape("a\x07"),
    )
