from __future__ import annotations

import threading

import pytest
from sqlalchemy import Engine, event, text

from flowstone_audit import checkpoint, heads, note, sealing
from flowstone_audit.keys import Signer
from plugins.audit.tests.sealing.rows import all_sealed, truth, write


def test_nothing_is_sealed_where_nothing_is(engine: Engine, signer: Signer) -> None:
    """An empty log has no seal."""
    with engine.connect() as connection:
        assert sealing.seal_once(connection, signer) is None
    assert 0 == sealing.seal_all(engine, signer)
    assert [] == truth(engine, [signer.verifier]).notes


def test_what_is_committed_is_sealed_once(engine: Engine, signer: Signer) -> None:
    """Rows are sealed batch for batch, each once, and a seal with nothing new makes none."""
    for size in (1, 2, 255, 256, 257, 3):
        write(engine, size)
        assert size == sealing.seal_all(engine, signer)
        assert 0 == sealing.seal_all(engine, signer)
    found = all_sealed(engine, [signer.verifier])
    assert 6 == len(found.notes)
    assert "[]" == found.gaps


def test_a_batch_has_its_bound(engine: Engine, signer: Signer) -> None:
    """One seal takes at most as many rows as it is told, in the order of their numbers."""
    write(engine, 25)
    with engine.connect() as connection:
        sizes = [sealing.seal_once(connection, signer, limit=10) for _ in range(4)]
    assert [10, 10, 5, None] == [one and one.leaves for one in sizes]
    assert list(range(1, 26)) == all_sealed(engine, [signer.verifier]).sealed


def test_the_checkpoint_is_the_logs(engine: Engine, signer: Signer) -> None:
    """A seal's note names the log, the size, the root and the time, signed by the key of the home."""
    write(engine, 3)
    with engine.connect() as connection:
        made = sealing.seal_once(connection, signer)
        assert made is not None
        with connection.begin():
            origin = checkpoint.origin(heads.log_id(connection))
    said = checkpoint.parse(note.verify(made.note, [signer.verifier]))
    assert (origin, 3, made.root) == (said.origin, said.size, said.root)
    assert said.time is not None


def test_sealing_costs_few_statements(engine: Engine, signer: Signer) -> None:
    """A thousand rows are one seal, read and written by at most a dozen statements."""
    write(engine, 1000)
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *of: statements.append(of[2]))
    with engine.connect() as connection:
        made = sealing.seal_once(connection, signer)
    assert made is not None
    assert 1000 == made.leaves
    assert len(statements) <= 12, statements


def test_sealers_at_once_seal_each_row_once(engine: Engine, signer: Signer) -> None:
    """Four sealers that race over small batches make one tree between them."""
    write(engine, 300)
    start = threading.Barrier(4)
    made: list[int] = []

    def seal() -> None:
        start.wait()
        with engine.connect() as connection:
            for _ in range(60):
                one = sealing.seal_once(connection, signer, limit=7)
                made.append(one.leaves if one else 0)

    racing = [threading.Thread(target=seal) for _ in range(4)]
    for one in racing:
        one.start()
    for one in racing:
        one.join()
    sealing.seal_all(engine, signer)
    assert 300 >= sum(made) > 0
    assert 300 == len(all_sealed(engine, [signer.verifier]).sealed)


@pytest.mark.parametrize("column", ["root", "frontier", "note", "gaps"])
def test_nothing_is_signed_on_top_of_a_seal_that_was_altered(
    engine: Engine, signer: Signer, column: str
) -> None:
    """A last seal that does not fit itself or its signature is refused, and the log stays as it is."""
    write(engine, 3)
    sealing.seal_all(engine, signer)
    forged = {"root": bytes(32), "frontier": bytes(64), "note": "no note", "gaps": "7"}[column]
    _force(engine, f"UPDATE flowstone_audit_seal SET {column} = :value", forged)
    write(engine, 1)
    with engine.connect() as connection, pytest.raises(heads.SealBroken, match="altered"):
        sealing.seal_once(connection, signer)
    with engine.begin() as connection:
        assert 3 == heads.size(connection)


def test_a_forged_tree_is_not_signed(engine: Engine, signer: Signer) -> None:
    """Root, frontier and checkpoint changed alike still lack the signature, so nothing is built on them."""
    write(engine, 2)
    sealing.seal_all(engine, signer)
    forged = checkpoint.Checkpoint(signer.name, 2, bytes(32)).text  # of a frontier of one node
    _force(engine, "UPDATE flowstone_audit_seal SET root = :value, frontier = :value", bytes(32))
    with engine.begin() as connection:
        signed = str(connection.execute(text("SELECT note FROM flowstone_audit_seal")).scalar())
    signature = signed.partition("\n\n")[2]
    _force(engine, "UPDATE flowstone_audit_seal SET note = :value", f"{forged}\n{signature}")
    write(engine, 1)
    with engine.connect() as connection, pytest.raises(heads.SealBroken, match="signature"):
        sealing.seal_once(connection, signer)


def _force(engine: Engine, statement: str, value: object) -> None:
    """Change the seal as its owner can, with the guards off."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE flowstone_audit_seal DISABLE TRIGGER USER"))
        else:
            connection.execute(text("DROP TRIGGER IF EXISTS flowstone_audit_seal_update"))
        connection.execute(text(statement), {"value": value})
