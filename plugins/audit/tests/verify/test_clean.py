from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from flowstone_audit import insert
from flowstone_audit.verifying.report import CONSISTENT, PROVEN
from plugins.audit.tests.verify.story import Story, begun, clean, file_of, private, rewrite, row
from tests.servers.postgres import Server


def test_an_empty_log(story: Story) -> None:
    """A log without entries raises no alarm, and is not proven either: nothing of it was published."""
    report = story.verify()
    assert ({"not anchored": 1}, CONSISTENT) == (report.counts, report.code)


def test_one_entry(story: Story) -> None:
    """A log of one entry is proven."""
    story.fill(1)
    clean(story)


def test_many_seals(story: Story) -> None:
    """Stretches of many small seals, and seals of many entries, are proven by one process and by two."""
    story.fill(*([1] * 300), 3000, 4096, 2, 1500)
    clean(story)
    assert 8898 == story.verify().entries


def test_hard_values(story: Story) -> None:
    """Values that JSON libraries disagree on are hashed as they were stored."""
    texts = [
        '{"a":1e22,"b":-0.0,"c":1.5e300,"d":1E400,"e":1.0}',
        '{"big":1267650600228229401496703205376,"neg":-1267650600228229401496703205376}',
        '{"nul":"\\u0000","lone":"\\ud800","pair":"\\ud83d\\ude00","raw":"😀\u2028\u2029\x7f"}',
        '{"quotes":"\\"\\\\/\\b\\f\\n\\r\\t","raw":"\\u001f"}',
        "{}",
        '{"deep":' + "[" * 200 + "]" * 200 + "}",
        '{"long":"' + "ä" * 30000 + '"}',
    ]
    rows = [row(details=one) for one in texts]
    odd = "".join(map(chr, range(1, 0x180))) + "\u2400\ufffd\U0010ffff[]{}\",',\\\\"
    rows += [
        row(
            actor_id=odd,
            event_type=odd,
            resource_id=odd,
            writer=odd,
            run_id="",
            correlation_id="]",
            trace_id="[",
        )
    ]
    rows += [
        private(client_ip=odd, user_agent=None),
        private(client_ip=None, private=odd),
        private(private="[]"),
    ]
    rows += [row(actor_id="]", writer="[", action="null", outcome=None, resource_type=None)]
    rows += [
        row(ordinal=2**63 - 1, occurred_at=0),
        row(ordinal=0, occurred_at=1),
        row(occurred_at=4102444799999999),
    ]
    story.write(*rows)
    story.seal()
    clean(story)


def test_random_texts(story: Story) -> None:
    """The canonical form as the databases write it is Python's, for texts of any characters."""
    draw = random.Random(4)

    def any_text() -> str:
        points = (
            draw.choice(
                (draw.randrange(1, 0x80), draw.randrange(1, 0xD800), draw.randrange(0xE000, 0x110000))
            )
            for _ in range(draw.randrange(40))
        )
        return "".join(map(chr, points))

    story.write(
        *(
            row(actor_id=any_text(), details=any_text(), run_id=any_text(), span_id=any_text())
            for _ in range(500)
        )
    )
    story.seal()
    report = story.verify()
    assert [] == report.findings
    assert 500 == report.entries


def test_rolled_back(story: Story) -> None:
    """Numbers of rolled back transactions, and of entries that were there already, raise no alarm."""
    story.fill(3)
    one = row()
    for _ in range(3):
        with story.engine.connect() as connection:
            insert.rows(connection, [row(), row()])
            connection.rollback()
        story.write(one, row(), one)
        story.seal()
    with story.engine.begin() as connection:
        insert.rows(connection, [row()])
        nested = connection.begin_nested()
        insert.rows(connection, [row(), row()])
        nested.rollback()
        insert.rows(connection, [row()])
    story.seal()
    clean(story)


def test_late_commits(story: Story) -> None:
    """Entries whose transactions end after later ones were sealed raise no alarm, waiting, arrived or rolled back."""
    if story.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    story.fill(2)
    slow = [story.engine.connect() for _ in range(3)]
    for connection in slow:
        insert.rows(connection, [row(), private()])
        story.write(row())
    story.seal()
    assert [] == story.verify().findings
    slow[1].commit()
    assert [] == story.verify().alarms
    story.write(row())
    story.seal()
    slow[0].commit()
    slow[2].rollback()
    story.seal()
    story.fill(1, 2)
    for connection in slow:
        connection.close()
    clean(story)


def test_two_phase_commits(story: Story, postgres: Server) -> None:
    """Entries of prepared transactions raise no alarm, before and after they are committed or rolled back."""
    if story.is_sqlite:
        pytest.skip("SQLite has no two-phase commit")
    story.fill(2)
    for name in ("kept", "lost"):
        with story.engine.connect() as connection:
            insert.rows(connection, [row(), row()])
            connection.exec_driver_sql(f"PREPARE TRANSACTION '{name}'")
            connection.rollback()
        story.fill(1)
    assert [] == story.verify().findings
    database = str(make_url(story.url).database)
    postgres.sql("COMMIT PREPARED 'kept'", database)
    assert [] == story.verify().alarms
    story.seal()
    postgres.sql("ROLLBACK PREPARED 'lost'", database)
    story.fill(2)
    clean(story)


def test_many_writers(story: Story) -> None:
    """A log of writers that overlap, sealed while they write, is proven."""
    open_ones = []
    draw = random.Random(1)
    for _ in range(60):
        if story.is_sqlite:
            story.write(row())
        else:
            connection = story.engine.connect()
            insert.rows(connection, [row() for _ in range(draw.randrange(1, 4))])
            open_ones.append(connection)
            if len(open_ones) > 4:
                ended = open_ones.pop(draw.randrange(len(open_ones)))
                (ended.rollback if draw.random() < 0.2 else ended.commit)()
                ended.close()
        if draw.random() < 0.3:
            story.seal()
    for connection in open_ones:
        connection.commit()
        connection.close()
    story.seal()
    clean(story)


def test_dump_and_restore(told: Story, postgres: Server, tmp_path: Path) -> None:
    """A dump that was restored elsewhere is proven, and goes on."""
    if told.is_sqlite:
        import sqlite3

        path = tmp_path / "restored.db"
        source, copy = sqlite3.connect(file_of(told)), sqlite3.connect(path)
        copy.executescript("\n".join(source.iterdump()))
        copy.close()
        source.close()
        url = f"sqlite:///{path}"
    else:
        url = postgres.database()
        arguments = ["-h", "127.0.0.1", "-p", str(postgres.port), "-U", "owner"]
        dump = subprocess.run(
            [postgres.programs / "pg_dump", *arguments, str(make_url(told.url).database)],
            capture_output=True,
            check=True,
        )
        subprocess.run(
            [postgres.programs / "psql", *arguments, "-q", "-v", "ON_ERROR_STOP=1", str(make_url(url).database)],
            input=dump.stdout, capture_output=True, check=True,
        )  # fmt: skip
    restored = begun(url)
    restored.signer, restored.notes = told.signer, told.notes
    clean(restored)
    restored.fill(3, 1)
    clean(restored)
    restored.engine.dispose()


def test_unsealed_entries(told: Story) -> None:
    """Entries that wait for their seal raise no alarm; longer than they should, the log is not proven."""
    told.write(row(), private())
    report = told.verify()
    assert ([], 2, PROVEN) == (report.findings, report.unsealed, report.code)
    report = told.verify(lag_s=-1)
    assert ({"unsealed": 1}, CONSISTENT) == (report.counts, report.code)


def test_not_anchored(told: Story) -> None:
    """Without a checkpoint from outside, or without a key, a log is consistent and never proven."""
    assert CONSISTENT == told.verify(notes=()).code
    assert CONSISTENT == told.verify(notes=(), near=tuple(told.notes)).code
    assert CONSISTENT == told.verify(keys=()).code
    assert (13, CONSISTENT) == (
        told.verify(notes=told.notes[:2]).anchored,
        told.verify(notes=told.notes[:2]).code,
    )


def test_since_a_checkpoint(told: Story) -> None:
    """From a checkpoint on only what came after it is verified; a checkpoint of another history is a fork."""
    report = told.verify(since=told.notes[1])
    assert ([], 19, PROVEN) == (report.findings, report.entries, report.code)
    with told.attacking() as connection:
        connection.execute(text("UPDATE flowstone_audit_log SET actor_id = 'x' WHERE seq IN (5, 30)"))
        connection.commit()
    assert [30] == [one.seq for one in told.verify(since=told.notes[1]).findings]
    rewrite(told, told.signer)
    assert "forked" in told.verify(notes=(), since=told.notes[1]).counts


def test_a_rotated_key(told: Story) -> None:
    """A log whose key was changed is proven by both keys."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from flowstone_audit.keys import Signer

    old = told.signer
    told.signer = Signer(old.name, Ed25519PrivateKey.generate())
    told.fill(4)
    assert [] == told.verify(keys=(old.verifier, told.signer.verifier)).findings
    assert {"key swapped"} == {one.kind for one in told.verify(keys=(told.signer.verifier,)).alarms}
