from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, text

from flowstone_audit import checkpoint, note, proof, sealing
from flowstone_audit.cli.key import key
from flowstone_audit.cli.prove import prove
from flowstone_audit.cli.seal import seal
from flowstone_audit.errors import NotFound
from flowstone_audit.keys import Signer, VerifierKey
from flowstone_audit.tree import consistency
from plugins.audit.tests.sealing.rows import write


def stand_alone(document: dict[str, Any]) -> bytes:
    """Return the root that a proof leads to, with nothing of ours: RFC 9162 §2.1.3.2 in a few lines."""
    entry, index, last = document["entry"], document["index"], document["size"] - 1
    row_hash = hashlib.sha256(entry["row"].encode()).digest()
    given = b"".join(entry[name].to_bytes(8, "big") for name in ("seq", "inserted_at"))
    reached = hashlib.sha256(b"\0" + row_hash + given).digest()
    for one in map(b64decode, document["hashes"]):
        assert last > 0
        if index & 1 or index == last:
            reached = hashlib.sha256(b"\1" + one + reached).digest()
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            reached = hashlib.sha256(b"\1" + reached + one).digest()
        index, last = index >> 1, last >> 1
    assert last == 0
    return reached


def test_every_entry_is_proven(engine: Engine, signer: Signer) -> None:
    """Whatever the batches were, the proof of each entry leads an outsider to the root of the checkpoint."""
    for size in (1, 4, 3, 9, 1):
        write(engine, size)
        sealing.seal_all(engine, signer)
    for seq in range(1, 19):
        with engine.begin() as connection:
            document = json.loads(json.dumps(proof.of_entry(connection, seq).document()))
        said = checkpoint.parse(note.verify(document["checkpoint"], [signer.verifier]))
        assert (18, said.root) == (document["size"], stand_alone(document))


def test_an_entry_that_was_late_is_found_too(postgresql: Engine, signer: Signer) -> None:
    """The leaf of an entry that was sealed behind greater numbers is found."""
    with postgresql.connect() as slow:
        slow.begin()
        write(slow, 1)
        for _ in range(5):
            write(postgresql, 2)
            sealing.seal_all(postgresql, signer)
        slow.commit()
    sealing.seal_all(postgresql, signer)
    with postgresql.begin() as connection:
        assert [10, *range(10)] == [proof.leaf_of(connection, seq) for seq in range(1, 12)]
        assert proof.leaf_of(connection, 12) is None
        assert 10 == proof.of_entry(connection, 1).leaf


def test_what_is_not_sealed_is_not_proven(engine: Engine, signer: Signer) -> None:
    """An entry that is not there, or not sealed yet, has no proof, and the message says which."""
    with engine.begin() as connection, pytest.raises(NotFound, match="no entry"):
        proof.of_entry(connection, 1)
    write(engine, 1)
    with engine.begin() as connection, pytest.raises(NotFound, match="not sealed yet"):
        proof.of_entry(connection, 1)


def test_a_changed_entry_is_not_proven(engine: Engine, signer: Signer) -> None:
    """An entry that was changed behind the guards, with a row hash to fit, has no proof any more."""
    write(engine, 3)
    sealing.seal_all(engine, signer)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE flowstone_audit_log DISABLE TRIGGER USER"))
        else:
            connection.execute(text("DROP TRIGGER flowstone_audit_log_update"))
        connection.execute(text("UPDATE flowstone_audit_log SET actor_id = 'eve' WHERE seq = 2"))
    with engine.begin() as connection:
        assert 1 == proof.of_entry(connection, 1).seq
        with pytest.raises(proof.NotProven, match="entry 2 is not what was sealed"):
            proof.of_entry(connection, 2)


def test_growth_is_proven_between_all_checkpoints(engine: Engine, signer: Signer) -> None:
    """Each checkpoint is the beginning of each later one, and of none of another history."""
    notes = []
    for size in (1, 1, 3, 5):
        write(engine, size)
        sealing.seal_all(engine, signer, told=lambda made: notes.append(made.note))
    said = [checkpoint.parse(note.parse(one)) for one in notes]
    with engine.begin() as connection:
        for old in said:
            for new in said[said.index(old) :]:
                path = proof.of_growth(connection, old, new)
                assert consistency.verify(old.root, old.size, new.root, new.size, path)
        forged = said[1]._replace(root=bytes(32))
        with pytest.raises(proof.NotProven, match="history was changed"):
            proof.of_growth(connection, forged, said[3])
        with pytest.raises(proof.NotProven, match="different logs"):
            proof.of_growth(connection, said[0]._replace(origin="other"), said[3])
        assert notes[1] == proof.checkpoint_at(connection, 2)
        assert notes[3] == proof.checkpoint_at(connection)


@pytest.fixture
def run(audit_url: str, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """Commands on the test's database."""
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", audit_url)
    return CliRunner()


def test_the_commands_prove_what_they_sealed(run: CliRunner, audit_engine: Engine, home: Path) -> None:
    """`seal`, `key` and `prove` together give an outsider all that a proof takes, as text and as JSON."""
    write(audit_engine, 5)
    sealed = run.invoke(seal, ["--json"])
    assert 0 == sealed.exit_code, sealed.output
    assert [5] == [json.loads(line)["size"] for line in sealed.stdout.splitlines()]
    assert "nothing to seal\n" == run.invoke(seal, []).stdout
    public = VerifierKey.parse(run.invoke(key, []).stdout)
    document = json.loads(run.invoke(prove, ["2", "--json"]).stdout)
    assert checkpoint.parse(note.verify(document["checkpoint"], [public])).root == stand_alone(document)
    head, blank, signed = run.invoke(prove, ["2"]).stdout.partition("\n\n")
    lines = head.split("\n")
    assert ["c2sp.org/tlog-proof@v1", "index 1", *document["hashes"]] == [lines[0], *lines[2:]]
    assert document["entry"] == json.loads(b64decode(lines[1].removeprefix("extra ")))
    assert (document["checkpoint"], "\n\n") == (signed, blank)


def test_the_command_proves_growth(run: CliRunner, audit_engine: Engine, home: Path, tmp_path: Path) -> None:
    """`prove --from` takes what an anchor published, or a size; a forged checkpoint ends it with status 1."""
    for size in (2, 3):
        write(audit_engine, size)
        run.invoke(seal, [])
    published = home / "audit" / "checkpoints"
    kept = tmp_path / "kept"
    kept.write_text("\n\n".join(published.read_text().split("\n\n")[:2]) + "\n")
    for old in (str(kept), "2"):
        document = json.loads(run.invoke(prove, ["--from", old, "--json"]).stdout)
        roots = [checkpoint.parse(note.parse(document[end])).root for end in ("from", "to")]
        path = [b64decode(one) for one in document["hashes"]]
        assert (2, 5) == (document["old_size"], document["new_size"])
        assert consistency.verify(roots[0], 2, roots[1], 5, path)
    kept.write_text(kept.read_text().replace("\n2\n", "\n3\n"))
    assert 1 == run.invoke(prove, ["--from", str(kept)]).exit_code


def test_rotation_keeps_the_old_key(run: CliRunner, audit_engine: Engine, home: Path) -> None:
    """After `key --rotate` seals are under the new key, older ones under the old one, which is told."""
    write(audit_engine, 1)
    run.invoke(seal, [])
    old = VerifierKey.parse(run.invoke(key, []).stdout)
    told = json.loads(run.invoke(key, ["--rotate", "--json"]).stdout)
    assert old.text == told["retired"]
    write(audit_engine, 1)
    sealed = run.invoke(seal, ["--json"])
    new = VerifierKey.parse(told["key"])
    assert note.verify(json.loads(sealed.stdout)["checkpoint"], [new])
    with audit_engine.begin() as connection:
        assert note.verify(proof.checkpoint_at(connection, 1), [old])
    assert 2 == len(list((home / "audit").glob("key.pem*")))


@pytest.mark.parametrize(
    ("expected", "command", "arguments"),
    [
        (3, prove, ["7"]),
        (3, prove, ["zz"]),
        (2, prove, []),
        (2, prove, ["1", "--from", "1"]),
        (3, prove, ["--from", "1"]),
        (2, prove, ["--from", "/no/such/file"]),
        (2, seal, ["--once", "--watch"]),
    ],
)
def test_what_cannot_be_done_has_its_exit_status(
    run: CliRunner, audit_engine: Engine, expected: int, command: Any, arguments: list[str]
) -> None:
    """Wrong usage is 2, what is not there 3, each with a message and no traceback."""
    ended = run.invoke(command, arguments)
    assert expected == ended.exit_code
    assert ended.stderr
    assert isinstance(ended.exception, SystemExit)
