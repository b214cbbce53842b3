"""Files that commands write."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from flowstone_audit.cli.draft import draft
from flowstone_audit.cli.group import audit


def test_two_that_write_to_one_place(tmp_path: Path) -> None:
    """Each writes a file of its own, the last to end is what stands there, and nothing else is left."""
    output = tmp_path / "out"
    with draft(output, force=False) as first:
        first.write_text("first")
        with draft(output, force=False) as second:
            second.write_text("second")
        assert ("first", "second") == (first.read_text(), output.read_text())
    assert [("out", "first")] == [(one.name, one.read_text()) for one in tmp_path.iterdir()]


@pytest.mark.parametrize("command", ["evidence", "prune"])
def test_what_is_no_stream_is_refused(
    command: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither is written to standard output, nor into a file that is called ``-``."""
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())
    done = CliRunner().invoke(audit, [command, "-o", "-"])
    assert (2, True) == (done.exit_code, "name a file" in done.output)
    assert before == set(tmp_path.iterdir())


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    """Neither half a file, nor one in the place of what was there."""
    output = tmp_path / "out"
    output.write_text("before")
    with pytest.raises(ZeroDivisionError), draft(output, force=True) as path:  # noqa: PT012
        path.write_text("half")
        raise ZeroDivisionError
    with pytest.raises(FileExistsError), draft(output, force=False):
        pass
    assert [("out", "before")] == [(one.name, one.read_text()) for one in tmp_path.iterdir()]
