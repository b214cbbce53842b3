"""PostgreSQL hands out numbers before it shows rows; none of that may be sealed twice, or never."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, Engine, text

from flowstone.plugin import stats
from flowstone_audit import gaps, heads, sealing, sweep
from flowstone_audit.harvest import Late
from flowstone_audit.keys import Signer
from plugins.audit.tests.sealing.rows import all_sealed, next_number, truth, write
from tests.servers.postgres import Server


@contextmanager
def begun(engine: Engine) -> Iterator[Connection]:
    """A transaction that has written a row and is not at its end."""
    with engine.connect() as connection:
        connection.begin()
        write(connection, 1)
        yield connection


def test_a_late_commit_is_waited_for(postgresql: Engine, signer: Signer) -> None:
    """A row whose transaction ends after those with greater numbers are sealed is sealed when it ends."""
    with begun(postgresql) as slow:
        write(postgresql, 2)
        assert 2 == sealing.seal_all(postgresql, signer)
        assert [(1, 1)] == [gap[:2] for gap in gaps.decode(truth(postgresql, [signer.verifier]).gaps)]
        slow.commit()
    assert 1 == sealing.seal_all(postgresql, signer)
    assert [2, 3, 1] == all_sealed(postgresql, [signer.verifier]).sealed


def test_a_roll_back_is_waited_for_no_more(postgresql: Engine, signer: Signer) -> None:
    """The number of a row that was rolled back is given up at the next seal, and nothing is missing."""
    with begun(postgresql) as doomed:
        write(postgresql, 1)
        sealing.seal_all(postgresql, signer)
        doomed.rollback()
    write(postgresql, 1)
    sealing.seal_all(postgresql, signer)
    assert ("[]", [2, 3]) == (all_sealed(postgresql, [signer.verifier]).gaps, [2, 3])


def test_a_prepared_transaction_is_waited_for(postgresql: Engine, signer: Signer) -> None:
    """A two-phase commit may take as long as it likes: its row is sealed when it commits."""
    with begun(postgresql) as first:
        first.execute(text("PREPARE TRANSACTION 'audit'"))
        first.commit()
    for _ in range(3):
        write(postgresql, 1)
        assert 1 == sealing.seal_all(postgresql, signer)
    with postgresql.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("COMMIT PREPARED 'audit'"))
    assert 1 == sealing.seal_all(postgresql, signer)
    assert [2, 3, 4, 1] == all_sealed(postgresql, [signer.verifier]).sealed


def test_a_transaction_without_rows_keeps_a_gap_open_but_nothing_back(
    postgresql: Engine, postgres: Server, signer: Signer
) -> None:
    """While a transaction of another database runs, gaps stay; sealing goes on, and they go when it ends."""
    other = postgresql.url.set(database="postgres").render_as_string()
    from sqlalchemy import create_engine

    elsewhere = create_engine(other)
    with elsewhere.connect() as pinning:
        pinning.execute(text("SELECT pg_current_xact_id()"))
        with begun(postgresql) as doomed:
            write(postgresql, 1)
            sealing.seal_all(postgresql, signer)
            doomed.rollback()
        write(postgresql, 1)
        assert 1 == sealing.seal_all(postgresql, signer)
        assert "[]" != truth(postgresql, [signer.verifier]).gaps
    elsewhere.dispose()
    write(postgresql, 1)
    sealing.seal_all(postgresql, signer)
    assert "[]" == all_sealed(postgresql, [signer.verifier]).gaps


def test_a_number_is_taken_only_by_a_transaction_that_has_its_id(postgresql: Engine) -> None:
    """Whoever holds a number has an id by then, however long it takes to write its row: what gaps rest on."""
    with postgresql.connect() as connection:
        body = connection.execute(
            text("SELECT prosrc FROM pg_proc WHERE proname = 'flowstone_audit_stamp'")
        ).scalar()
    assert body is not None
    assert body.index("pg_current_xact_id()") < body.index("nextval(")


def test_rows_in_gaps_count_for_the_bound_too(postgresql: Engine, signer: Signer) -> None:
    """More rows in gaps than one seal takes are sealed by several, and none is given up."""
    with postgresql.connect() as slow:
        slow.begin()
        write(slow, 25)
        write(postgresql, 1)
        sealing.seal_all(postgresql, signer)
        slow.commit()
    with postgresql.connect() as connection:
        sizes = [sealing.seal_once(connection, signer, limit=10) for _ in range(4)]
    assert [10, 10, 5, None] == [one and one.leaves for one in sizes]
    assert 26 == len(all_sealed(postgresql, [signer.verifier]).sealed)


def test_what_no_gap_waits_for_is_found_by_the_sweep_and_sealed_late(
    postgresql: Engine, signer: Signer
) -> None:
    """A row whose gap was given up, of too many, is no row of an unsealed rest, but the sweep finds it."""
    with begun(postgresql) as slow:
        with postgresql.begin() as connection:
            for _ in range(gaps.MOST + 1):
                next_number(connection)
                write(connection, 1)
        assert gaps.MOST + 1 == sealing.seal_all(postgresql, signer)
        slow.commit()
    assert 0 == sealing.seal_all(postgresql, signer)
    with postgresql.begin() as connection:
        assert Late(gaps.MOST + 1, (1,)) == sweep.find(connection)
        assert Late(gaps.MOST + 1, (1,)) == sweep.find(connection, gaps.MOST + 1)
        assert sweep.find(connection, 10) is None or heads.size(connection) > 10
    before = stats().get("audit.sealed_late", 0)
    assert 1 == sealing.seal_all(postgresql, signer, swept=True)
    assert before + 1 == stats()["audit.sealed_late"]
    assert 1 == all_sealed(postgresql, [signer.verifier]).sealed[-1]
    with postgresql.begin() as connection:
        assert sweep.find(connection) is None


def test_what_the_sweep_found_is_not_sealed_twice(postgresql: Engine, signer: Signer) -> None:
    """Of two sealers that know of the same late row one seals it; the other's finding does not hold any more."""
    write(postgresql, 3)
    sealing.seal_all(postgresql, signer)
    late = Late(3, (4,))
    write(postgresql, 1)
    with postgresql.connect() as connection:
        sealing.seal_once(connection, signer)
        write(postgresql, 1)
        sealing.seal_once(connection, signer, late=late)
    assert [1, 2, 3, 4, 5] == all_sealed(postgresql, [signer.verifier]).sealed


def test_a_sweep_over_a_clean_log_finds_nothing(engine: Engine, signer: Signer) -> None:
    """Where all is sealed, or waits above the last seal, the sweep finds nothing, whatever it looks back on."""
    for size in (3, 1, 4):
        write(engine, size)
        sealing.seal_all(engine, signer)
    write(engine, 2)
    with engine.begin() as connection:
        assert [None] * 5 == [sweep.find(connection, span) for span in (None, 1, 3, 4, 100)]


@pytest.mark.parametrize("held", [True, False])
def test_a_sealer_that_is_at_work_is_left_alone(postgresql: Engine, signer: Signer, held: bool) -> None:
    """While another holds the lock of sealers nothing is sealed by us, and nothing waits."""
    write(postgresql, 1)
    with postgresql.connect() as other, postgresql.connect() as connection:
        if held:
            other.execute(text(f"SELECT pg_advisory_xact_lock({sealing.LOCK})"))
        assert held == (sealing.seal_once(connection, signer) is None)
