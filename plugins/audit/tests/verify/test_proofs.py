"""The proof of an entry, verified from a file alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool

from flowstone_audit import migrating, proof, sealing, signing
from flowstone_audit.cli.verify import verify
from flowstone_audit.proof import EntryProof
from plugins.audit.tests.sealing.rows import write


@dataclass
class Told:
    """A log of five entries, the proof of the second, and its key."""

    proof: EntryProof
    key: str
    folder: Path

    def verify(self, content: str, *options: str) -> tuple[int, str]:
        """Return exit status and output of verifying a file with *content*."""
        file = self.folder / "proof.txt"
        file.write_text(content)
        done = CliRunner().invoke(verify, ["--proof", str(file), "--key", self.key, *options])
        return done.exit_code, done.output


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Told:
    """The proof in question; its database is gone when it is verified."""
    monkeypatch.setenv("FLOWSTONE_HOME", str(tmp_path / "home"))
    path = tmp_path / "audit.db"
    engine: Engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    migrating.upgrade(engine)
    write(engine, 5)
    with engine.connect() as connection:
        with connection.begin():
            signer = signing.signer_of(connection)
        sealing.seal_all(connection, signer)
        with connection.begin():
            made = proof.of_entry(connection, 2)
    engine.dispose()
    path.unlink()
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", f"sqlite:///{path}")
    return Told(made, signer.verifier.text, tmp_path)


def test_both_forms_are_read(told: Told) -> None:
    """Text and JSON are verified alike; without a checkpoint from outside the answer is consistent, not proven."""
    for content in (told.proof.text(), json.dumps(told.proof.document())):
        code, output = told.verify(content)
        assert (3, True) == (code, "CONSISTENT" in output)


def test_a_published_checkpoint_proves_it(told: Told) -> None:
    """With a checkpoint of the same size from outside the answer is proven."""
    published = told.folder / "published"
    published.write_text(told.proof.note + "\n")
    assert told.verify(told.proof.text(), "--anchor", str(published))[0] == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"seq": 3},
        {"inserted_at": 1},
        {"row": b"[]"},
        {"leaf": 2},
        {"leaf": 1 << 62},
        {"hashes": ()},
        {"hashes": (b"\0" * 32,) * 3},
        {"hashes": (b"\0",) * 3},
    ],
)
def test_whatever_was_changed_is_found(told: Told, changed: dict[str, object]) -> None:
    """A proof with anything in it changed is no proof."""
    code, output = told.verify(told.proof._replace(**changed).text())  # type: ignore[arg-type]
    assert (1, True) == (code, "TAMPERED WITH: first modified" in output)


def test_a_checkpoint_of_another_root_is_found(told: Told) -> None:
    """A checkpoint that was changed has a signature that does not fit."""
    origin, size, root, rest = told.proof.note.split("\n", 3)
    other = "\n".join([origin, size, f"{'B' if root[0] == 'A' else 'A'}{root[1:]}", rest])
    code, output = told.verify(told.proof._replace(note=other).text())
    assert (1, True) == (code, "bad signature" in output)


@pytest.mark.parametrize("content", ["", "hello", "{}", '{"format": 1}', "c2sp.org/tlog-proof@v1\n\n"])
def test_what_is_no_proof_is_wrong_usage(told: Told, content: str) -> None:
    """A file that holds no proof is told of, and is no verdict."""
    code, output = told.verify(content)
    assert (2, True) == (code, "holds no proof" in output)
