"""Files for outsiders that are damaged, or made to keep their reader busy."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from flowstone_audit import archive, archive_check, archive_form, retention, standalone
from flowstone_audit.archive_form import ArchiveBroken, TooLong
from flowstone_audit.cli.verify import verify
from flowstone_audit.verifying import files
from flowstone_audit.verifying.report import PROVEN, TAMPERED
from plugins.audit.tests.verify.story import Story, row
from plugins.audit.tests.verify.test_evidence import run, write

pytestmark = pytest.mark.parametrize("told", ["sqlite"], indirect=True)
DEEP = b"[" * 100_000


def test_damaged_evidence(lived: Story, tmp_path: Path) -> None:
    """Whatever byte of the deflated entries is changed, evidence is told of as changed."""
    path, key = tmp_path / "e.zip", lived.signer.verifier
    write(lived, path)
    script, content = standalone.check, path.read_bytes()
    begin = content.index(b"entries.jsonl") + len("entries.jsonl")
    for at in range(begin + 5, begin + 200, 7):
        path.write_bytes(content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :])
        assert TAMPERED == files.verify(path, (key,)).code
        with pytest.raises(standalone.FAULTS):
            script(str(path), key.text)


def test_evidence_of_one_endless_line(lived: Story, tmp_path: Path) -> None:
    """A line is read up to a bound, and so is each file beside the entries."""
    path, made, key = tmp_path / "e.zip", tmp_path / "f.zip", lived.signer.verifier
    write(lived, path)
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, DEEP if name == "entries.jsonl" else old.read(name))
    ended, told = run(made, key.text)
    assert (1, True) == (ended, told.startswith("NOT PROVEN"))
    assert TAMPERED == files.verify(made, (key,)).code


def test_an_archive_nested_too_deep(lived: Story, tmp_path: Path) -> None:
    """A row, a header and a proof that are nested too deep are none."""
    path = tmp_path / "a.jsonl"
    with retention.snapshot() as connection:
        archive.write(path, connection)
    head, *lines = path.read_bytes().splitlines(keepends=True)
    for content in (b"".join([head, DEEP + b"\n", *lines[1:]]), b'{"a":' + DEEP + b"\n"):
        path.write_bytes(content)
        with pytest.raises(ArchiveBroken):
            archive_check.check(path)
    path.write_bytes(b'{"a":' + DEEP)
    done = CliRunner().invoke(verify, ["--proof", str(path), "--key", lived.signer.verifier.text])
    assert (2, True) == (done.exit_code, "holds no proof" in done.output)


def test_an_archive_of_long_entries(lived: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the database holds comes back from its archive; what is too long for one is refused as it is written."""
    lived.write(row(details=f'{{"a":"{"x" * 2_000_000}"}}'))
    lived.seal()
    with retention.snapshot() as connection:
        archive.write(tmp_path / "a.jsonl", connection)
        report = files.verify(tmp_path / "a.jsonl", (lived.signer.verifier,), tuple(lived.notes))
        assert (33, PROVEN) == (report.entries, report.code)
        monkeypatch.setattr(archive_form, "LONGEST", 1 << 20)
        with pytest.raises(TooLong, match="entry 33 takes"):
            archive.write(tmp_path / "b.jsonl", connection)
