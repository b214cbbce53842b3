from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from flowstone_audit import checkpoint, evidence, retention
from flowstone_audit import note as notes
from flowstone_audit.errors import NotFound
from flowstone_audit.evidence import Evidence
from flowstone_audit.keys import Signer
from flowstone_audit.proof import NotProven
from flowstone_audit.selection import Filters
from flowstone_audit.verifying import files
from flowstone_audit.verifying.report import CONSISTENT, PROVEN, TAMPERED
from plugins.audit.tests.verify.story import Story, row

Line = dict[str, Any]


def write(story: Story, path: Path, filters: Filters | None = None, **given: Any) -> Evidence:
    """Write evidence of a log."""
    with retention.snapshot() as connection:
        return evidence.write(path, connection, filters or {}, [story.signer.verifier], **given)


def run(path: Path, key: str) -> tuple[int, str]:
    """Run the verifier that is in the file, as an outsider would: with nothing but Python."""
    script = path.with_suffix(".py")
    with zipfile.ZipFile(path) as file:
        script.write_bytes(file.read("standalone.py"))
    ended = subprocess.run(
        [sys.executable, "-I", "-S", script, path, key], capture_output=True, text=True, check=False
    )
    return ended.returncode, ended.stdout + ended.stderr


def forged(path: Path, change: Callable[[dict[str, str]], object]) -> Path:
    """Return a copy of evidence whose files were changed."""
    with zipfile.ZipFile(path) as file:
        held = {name: file.read(name).decode() for name in file.namelist()}
    change(held)
    made = path.with_name(f"forged-{path.name}")
    with zipfile.ZipFile(made, "w") as file:
        for name, content in held.items():
            file.writestr(name, content)
    return made


def lines(change: Callable[[list[Line]], object]) -> Callable[[dict[str, str]], None]:
    """Return what changes the entries of evidence."""

    def changed(held: dict[str, str]) -> None:
        found = [json.loads(line) for line in held["entries.jsonl"].splitlines()]
        change(found)
        held["entries.jsonl"] = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in found)

    return changed


def test_what_is_in_it(lived: Story, tmp_path: Path) -> None:
    """Evidence holds the entries that were asked for, in a form that checks itself, and is proven by the log's key."""
    lived.write(row())
    path = tmp_path / "e.zip"
    made = write(lived, path)
    assert (32, 1, 32, lived.signer.verifier.text) == made
    assert 0o600 == path.stat().st_mode & 0o777
    with zipfile.ZipFile(path) as file:
        assert {
            "entries.jsonl",
            "checkpoint.txt",
            "key.txt",
            "evidence.json",
            "README.txt",
            "standalone.py",
        } == set(file.namelist())
        assert 145 >= sum(bool(line.strip()) for line in file.read("standalone.py").decode().splitlines())
    assert (0, "proven: 32 entries were in the log when its key signed the checkpoint\n") == run(
        path, made.key
    )
    report = files.verify(path, (lived.signer.verifier,), tuple(lived.notes))
    assert ([], 32, PROVEN) == (report.findings, report.entries, report.code)
    assert CONSISTENT == files.verify(path, (lived.signer.verifier,)).code


def test_some_entries(lived: Story, tmp_path: Path) -> None:
    """Evidence of some entries proves those; what was left out on purpose, or erased, does not hinder it."""
    path = tmp_path / "e.zip"
    with lived.engine.connect() as connection:
        actor = connection.execute(
            text("SELECT actor_id FROM flowstone_audit_log WHERE seq = 5")
        ).scalar_one()
    assert 1 == write(lived, path, {"actor_id": actor}, private=False).entries
    with zipfile.ZipFile(path) as file:
        line = json.loads(file.read("entries.jsonl"))
    assert (5, None) == (line["seq"], line["private"])
    assert 0 == run(path, lived.signer.verifier.text)[0]


def test_nothing_to_prove(lived: Story, tmp_path: Path) -> None:
    """Where no entry is meant there is no evidence, and no file."""
    with pytest.raises(NotFound):
        write(lived, tmp_path / "e.zip", {"actor_id": "nobody"})
    assert not (tmp_path / "e.zip").exists()


def test_changed_entries_are_no_evidence(lived: Story, tmp_path: Path) -> None:
    """An entry that is not what was sealed gets into no evidence."""
    with lived.attacking() as connection:
        connection.execute(text("UPDATE flowstone_audit_log SET actor_id = 'x' WHERE seq = 7"))
        connection.commit()
    with pytest.raises(NotProven, match="entry 7"):
        write(lived, tmp_path / "e.zip")
    assert not (tmp_path / "e.zip").exists()


COLUMNS = [
    "v",
    "id",
    "event_type",
    "actor_id",
    "actor_type",
    "resource_type",
    "resource_id",
    "action",
    "outcome",
    "details",
    "correlation_id",
    "trace_id",
    "span_id",
    "run_id",
    "writer",
    "ordinal",
    "occurred_at",
    "commitment",
]


def _edited(value: Any) -> Any:
    if isinstance(value, int):
        return value + 1
    return "x" if value is None else value + "x"


def _edit(name: str, *, empty: bool) -> Callable[[dict[str, str]], None]:
    """Return what changes a column of one entry."""

    def change(found: list[Line]) -> None:
        entry = found[4]["entry"]
        entry[name] = None if empty else _edited(entry[name])

    return lines(change)


FORGERIES: dict[str, Callable[[dict[str, str]], object]] = {
    **{f"edit-{name}": _edit(name, empty=False) for name in COLUMNS},
    **{f"null-{name}": _edit(name, empty=True) for name in COLUMNS},
    "seq": lines(lambda found: found[4].update(seq=6)),
    "inserted-at": lines(lambda found: found[4].update(inserted_at=1)),
    "negative": lines(lambda found: found[4].update(inserted_at=-1)),
    "leaf": lines(lambda found: found[4].update(leaf=5)),
    "leaf-beyond": lines(lambda found: found[4].update(leaf=4 + 32)),
    "leaf-negative": lines(lambda found: found[4].update(leaf=4 - 32)),
    "private": lines(lambda found: found[4]["private"].update(client_ip="x")),
    "private-order": lines(
        lambda found: found[4].update(private=dict(reversed(found[4]["private"].items())))
    ),
    "nonce": lines(lambda found: found[4]["private"].update(nonce="00" * 32)),
    "private-made-up": lines(lambda found: found[0].update(private=found[4]["private"])),
    "more-columns": lines(lambda found: found[4]["entry"].update(note="innocent")),
    "more-beside": lines(lambda found: found[4].update(note="innocent")),
    "order": lines(lambda found: found[4].update(entry=dict(sorted(found[4]["entry"].items())))),
    "twice": lines(lambda found: found.append(found[4])),
    "in-place-of-another": lines(lambda found: found.__setitem__(3, found[4])),
    "left-out": lines(lambda found: found.pop()),
    "proof-cut": lines(lambda found: found[4]["proof"].pop()),
    "proof-longer": lines(lambda found: found[4]["proof"].append("00" * 32)),
    "proof-empty": lines(lambda found: found[4].update(proof=[])),
    "proof-short-hash": lines(lambda found: found[4]["proof"].__setitem__(0, "00")),
    "proof-swapped": lines(lambda found: found[4]["proof"].reverse()),
    "proof-of-another": lines(lambda found: found[4].update(proof=found[5]["proof"])),
    "proof-missing": lines(lambda found: found[4].pop("proof")),
    "no-json": lambda held: held.update({"entries.jsonl": "{"}),
    "no-object": lambda held: held.update({"entries.jsonl": "1\n"}),
    "a-name-twice": lambda held: held.update(
        {"entries.jsonl": held["entries.jsonl"].replace('"action":', '"action":"x","action":', 1)}
    ),
    "lone-surrogate": lambda held: held.update(
        {"entries.jsonl": held["entries.jsonl"].replace('"entry":{', '"entry":{"\\ud800":1,', 1)}
    ),
    "no-checkpoint": lambda held: held.pop("checkpoint.txt"),
    "no-entries": lambda held: held.pop("entries.jsonl"),
    "checkpoint-size": lambda held: held.update(
        {"checkpoint.txt": held["checkpoint.txt"].replace("\n32\n", "\n33\n")}
    ),
    "checkpoint-time": lambda held: held.update(
        {"checkpoint.txt": held["checkpoint.txt"].replace("time 1", "time 2")}
    ),
    "checkpoint-unsigned": lambda held: held.update(
        {"checkpoint.txt": held["checkpoint.txt"].partition("—")[0]}
    ),
    "checkpoint-empty": lambda held: held.update({"checkpoint.txt": ""}),
}


@pytest.mark.parametrize("name", FORGERIES)
@pytest.mark.parametrize("told", ["sqlite"], indirect=True)
def test_forged_evidence(lived: Story, tmp_path: Path, name: str) -> None:
    """Whatever is forged in evidence, its own verifier refuses it, and so does ours."""
    path = tmp_path / "e.zip"
    write(lived, path)
    made = forged(path, FORGERIES[name])
    code, told = run(made, lived.signer.verifier.text)
    if code == 0:
        same = forged(path, lines(lambda _: None))
        with zipfile.ZipFile(made) as one, zipfile.ZipFile(same) as other:
            assert one.read("entries.jsonl") == other.read("entries.jsonl"), (
                "a forgery that changed something"
            )
        return
    assert (1, "NOT PROVEN") == (code, told[:10])
    if name not in ("no-checkpoint", "checkpoint-empty", "checkpoint-unsigned"):
        assert TAMPERED == files.verify(made, (lived.signer.verifier,)).code


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("told", ["sqlite"], indirect=True)
def test_a_file_that_is_in_evidence_twice(lived: Story, tmp_path: Path) -> None:
    """Evidence with entries of which programs read the one or the other is refused."""
    path, made = tmp_path / "e.zip", tmp_path / "twice.zip"
    write(lived, path)
    with zipfile.ZipFile(path) as true, zipfile.ZipFile(made, "w") as file:
        file.writestr("entries.jsonl", true.read("entries.jsonl").replace(b"actor-", b"other-"))
        for name in true.namelist():
            file.writestr(name, true.read(name))
    code, told = run(made, lived.signer.verifier.text)
    assert (1, True) == (code, "twice" in told)
    assert TAMPERED == files.verify(made, (lived.signer.verifier,)).code


@pytest.mark.parametrize("told", ["sqlite"], indirect=True)
def test_evidence_by_another_key(lived: Story, tmp_path: Path) -> None:
    """Evidence under a checkpoint and a key of the forger's own is refused by who has the key from elsewhere."""
    stranger = Signer(lived.signer.name, Ed25519PrivateKey.generate())

    def sign(held: dict[str, str]) -> None:
        said = checkpoint.parse(notes.parse(held["checkpoint.txt"]))
        held["checkpoint.txt"] = notes.write(said.text, stranger)
        held["key.txt"] = stranger.verifier.text

    path = tmp_path / "e.zip"
    write(lived, path)
    made = forged(path, sign)
    assert 1 == run(made, lived.signer.verifier.text)[0]
    assert TAMPERED == files.verify(made, (lived.signer.verifier,)).code
    assert 0 == run(made, stranger.verifier.text)[0]  # so the key has to come another way
    altered = stranger.verifier.text.replace(stranger.verifier.id.hex(), lived.signer.verifier.id.hex())
    assert 1 == run(made, altered)[0]


@pytest.mark.parametrize("told", ["sqlite"], indirect=True)
def test_evidence_against_published_checkpoints(lived: Story, tmp_path: Path) -> None:
    """Evidence from a history that was made anew with the log's own key does not fit what was published."""
    from plugins.audit.tests.verify.story import rewrite

    rewrite(lived, lived.signer)
    path = tmp_path / "e.zip"
    write(lived, path)
    assert CONSISTENT == files.verify(path, (lived.signer.verifier,)).code
    assert {"forked": 1} == files.verify(path, (lived.signer.verifier,), tuple(lived.notes)).counts
