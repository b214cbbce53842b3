from __future__ import annotations

from flowstone.catalogue import reference
from flowstone.catalogue.codec import to_dict
from flowstone.catalogue.event import Process
from flowstone.catalogue.materialization import MaterializationStart, MaterializationStop

DOC = """Something happened.

    When: now and
        then.
    Guarantees: ``none``.
    Not emitted: at night.

    Attributes:
        first: What it is,
            told in two lines.
        second: One line.
    """


def test_parse_reads_summary_clauses_and_attributes() -> None:
    """A docstring in the house's form is read whole, continued lines joined."""
    assert reference.Docstring(
        summary="Something happened.",
        clauses={"When": "now and then.", "Guarantees": "`none`.", "Not emitted": "at night."},
        attributes={"first": "What it is, told in two lines.", "second": "One line."},
    ) == reference.parse(DOC)


def test_parse_takes_nothing_from_an_empty_docstring() -> None:
    """A missing docstring has no summary, clauses or attributes."""
    assert reference.Docstring(summary="", clauses={}, attributes={}) == reference.parse("")


def test_meanings_come_from_the_bases_too() -> None:
    """A field is explained where it is declared, whichever base that is."""
    found = reference.meanings(MaterializationStop)
    assert "Rows, where known." == found["rows"]
    assert "32 hex digits." == found["trace_id"]


def test_page_shows_own_fields_before_inherited_ones() -> None:
    """An event's table begins with what is particular to it."""
    section = reference.page().partition("### materialization.stop\n")[2].partition("\n### ")[0]
    rows = [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")]
    assert ["asset", "partition", "attempt", "size_bytes"] == rows[:4]
    assert "trace_id" not in rows


def test_page_names_the_keys_that_the_codec_writes() -> None:
    """Every key of an event's JSON form, apart from the version, is in a JSON column."""
    process = Process(host="h", boot_id="b", pid=1, start_time=2)
    written = to_dict(MaterializationStart(asset="a", partition="p", attempt=2, time=1, process=process))
    columns = {line.rsplit("`", 2)[1] for line in reference.page().splitlines() if line.startswith("| `")}
    assert set() == set(written) - {"v"} - columns
