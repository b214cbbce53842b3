from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

import flowstone_audit
from flowstone_audit import health, migrating
from flowstone_audit.cli.group import audit
from flowstone_audit.file_anchor import FileAnchor
from plugins.audit.tests.verify.story import Story, begun


def run(*arguments: Any) -> Result:
    """Run a command of the group."""
    return CliRunner().invoke(audit, [str(one) for one in arguments], catch_exceptions=False)


@pytest.fixture
def anchored(lived: Story, tmp_path: Path) -> Path:
    """A file of what was published, outside of the home."""
    anchor = FileAnchor(tmp_path / "elsewhere")
    for note in lived.notes:
        anchor.publish(note)
    return anchor.path


def test_proven(lived: Story, anchored: Path) -> None:
    """A log under published checkpoints is proven: exit code 0."""
    done = run("verify", "--anchor", anchored, "--key", lived.signer.verifier.text)
    assert 0 == done.exit_code, done.output
    assert "PROVEN: nothing was changed, up to leaf 32" in done.output
    done = run("verify", "--anchor", anchored, "--jobs", 2, "--json")
    assert (0, "proven", 32) == (
        done.exit_code,
        json.loads(done.output)["verdict"],
        json.loads(done.output)["entries"],
    )


def test_an_archive_under_the_anchor_of_the_setting(
    lived: Story, anchored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files are held against the file anchor too, where that is outside of the home."""
    archive, proof = tmp_path / "a.jsonl", tmp_path / "proof.txt"
    assert 0 == run("export", "--format", "archive", "-o", archive).exit_code
    proof.write_text(run("prove", "5").stdout)
    files = (("--archive", archive), ("--proof", proof))
    assert [3, 3] == [run("verify", *one).exit_code for one in files]
    monkeypatch.setenv("FLOWSTONE_AUDIT_ANCHOR_FILE", str(anchored))
    assert [0, 0] == [run("verify", *one).exit_code for one in files]
    (tmp_path / "home" / "beside").write_bytes(anchored.read_bytes())
    monkeypatch.setenv("FLOWSTONE_AUDIT_ANCHOR_FILE", str(tmp_path / "home" / "beside"))
    assert [3, 3] == [run("verify", *one).exit_code for one in files]


def test_an_anchor_outside_by_its_setting(
    lived: Story, anchored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file anchor counts as outside where the setting puts it outside of the home, and not inside of it."""
    monkeypatch.setenv("FLOWSTONE_AUDIT_ANCHOR_FILE", str(anchored))
    assert 0 == run("verify").exit_code


def test_not_anchored(lived: Story, home: Path) -> None:
    """A log alone, or with its checkpoints beside it, is consistent and never proven: exit code 3."""
    done = run("verify")
    assert (3, True) == (done.exit_code, "CONSISTENT, NOT PROVEN" in done.output)
    assert "not anchored: no checkpoint from outside" in done.output
    anchor = FileAnchor(home / "audit" / "checkpoints")
    for note in lived.notes:
        anchor.publish(note)
    done = run("verify")
    assert (3, True) == (done.exit_code, "lie beside the database" in done.output)


def test_a_rollback_is_found_by_the_local_anchor(lived: Story, home: Path) -> None:
    """Checkpoints beside the database tell of a database that was restored alone."""
    anchor = FileAnchor(home / "audit" / "checkpoints")
    for note in lived.notes:
        anchor.publish(note)
    with lived.attacking() as connection:
        connection.execute(text("DELETE FROM flowstone_audit_seal WHERE first_leaf >= 13"))
        connection.execute(text("DELETE FROM flowstone_audit_log WHERE seq > 13"))
        connection.commit()
    done = run("verify")
    assert 1 == done.exit_code
    assert "rolled back" in done.output


def test_tampered(lived: Story, anchored: Path) -> None:
    """A changed entry is named with what was done to it: exit code 1."""
    with lived.attacking() as connection:
        connection.execute(text("UPDATE flowstone_audit_log SET outcome = NULL WHERE seq = 5"))
        connection.commit()
    done = run("verify", "--anchor", anchored)
    assert 1 == done.exit_code
    assert "modified: outcome of entry 5 was changed" in done.output
    assert "TAMPERED WITH: first modified at entry 5" in done.output
    document = json.loads(run("verify", "--anchor", anchored, "--json").output)
    assert {
        "kind": "modified",
        "seq": 5,
        "fields": ["outcome"],
        "message": "outcome of entry 5 was changed",
    } == document["first"]
    assert 1 == run("verify", "--entry", 5, "--anchor", anchored).exit_code
    assert 0 == run("verify", "--entry", 6, "--anchor", anchored).exit_code
    assert 0 == run("verify", "--allow", "modified", "--anchor", anchored).exit_code


def test_dropped_tables(lived: Story, anchored: Path) -> None:
    """A log without tables that was published once is a roll-back; one that never was is unusable."""
    tables = [f"flowstone_audit_{name}" for name in ("log", "seal", "meta", "erasure", "floor")]
    with lived.engine.begin() as connection:
        for table in tables:
            connection.execute(text(f"DROP TABLE {table}" + ("" if lived.is_sqlite else " CASCADE")))
    done = run("verify", "--anchor", anchored)
    assert (1, True) == (done.exit_code, "rolled back" in done.output)
    assert 2 == run("verify").exit_code


def fresh(folder: Path, key: Ed25519PrivateKey | None = None) -> Story:
    """Return a log that was begun anew."""
    url = f"sqlite:///{folder}/anew.db"
    migrating.upgrade(create_engine(url, poolclass=NullPool))
    return begun(url, key)


def test_a_log_in_the_place_of_another(
    lived: Story, anchored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log that was deleted and begun anew is a roll-back by its key's own checkpoints; a known one is not."""
    anew = fresh(tmp_path, lived.signer._key)
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", anew.url)
    anew.fill(3)
    FileAnchor(anchored).publish(anew.notes[-1])
    done = run("verify", "--anchor", anchored)
    assert (1, True) == (done.exit_code, "signed another one too" in done.output), done.output
    assert lived.signer.name in done.output
    assert 1 == run("verify", "--anchor", anchored, "--entry", 1).exit_code
    done = run("verify", "--anchor", anchored, "--key", lived.signer.verifier.text)
    assert (1, True) == (done.exit_code, "rolled back" in done.output), done.output
    known = [argument for one in (anew, lived) for argument in ("--key", one.signer.verifier.text)]
    assert 0 == run("verify", "--anchor", anchored, *known).exit_code
    anew.engine.dispose()


def test_a_log_and_its_key_in_the_place_of_others(
    lived: Story, anchored: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the key was made anew as well, the log is not proven, unless its key was noted elsewhere."""
    anew = fresh(tmp_path)
    key = home / "audit" / "key.pem"
    key.unlink()
    key.write_bytes(
        anew.signer._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", anew.url)
    anew.fill(3)
    FileAnchor(anchored).publish(anew.notes[-1])
    done = run("verify", "--anchor", anchored)
    assert (3, True) == (done.exit_code, "another log was published here" in done.output), done.output
    assert 0 == run("verify", "--anchor", anchored, "--key", anew.signer.verifier.text).exit_code
    anew.engine.dispose()


def test_entries_that_are_kept_out(lived: Story, anchored: Path) -> None:
    """A log that does not take an entry is not proven: what waits is told of, and what keeps it out."""
    with lived.engine.begin() as connection:
        if lived.is_sqlite:
            connection.exec_driver_sql(
                "CREATE TRIGGER few BEFORE INSERT ON flowstone_audit_log WHEN NEW.actor_id = 'mallory'"
                " BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        else:
            connection.exec_driver_sql(
                "ALTER TABLE flowstone_audit_log ADD CONSTRAINT few CHECK (actor_id <> 'mallory') NOT VALID"
            )
    flowstone_audit.log("rule.updated", actor_id="mallory", actor_type="user")
    done = run("verify", "--anchor", anchored)
    assert (1, True, True) == (done.exit_code, "wait in the spool" in done.output, "few" in done.output)
    done = run("verify", "--anchor", anchored, "--allow", "guards missing")
    assert 3 == done.exit_code, done.output


@pytest.mark.parametrize("done", ["DELETE FROM", "DROP TABLE"])
def test_a_version_that_is_gone(lived: Story, anchored: Path, done: str) -> None:
    """Tables without their version are told apart from no tables: nothing is written, and everything says why."""
    with lived.engine.begin() as connection:
        connection.exec_driver_sql(f"{done} flowstone_audit_version")
    flowstone_audit.log("rule.updated", actor_id="ann", actor_type="user")
    made = run("verify", "--anchor", anchored)
    assert (1, True) == (made.exit_code, "flowstone_audit_version is gone" in made.output), made.output
    assert "wait in the spool" in made.output
    made = run("migrate", "--check")
    assert (1, True) == (made.exit_code, "has audit tables, and nothing says" in made.output), made.output
    for command in ("seal", "migrate"):
        made = run(command)
        assert (2, True) == (made.exit_code, "flowstone_audit_version" in made.output), made.output
    assert "unhealthy" == health.database().status


def test_one_entry(lived: Story, anchored: Path) -> None:
    """One entry is proven by its number or id; a deleted one is missed, and one that never was is not known."""
    with lived.engine.connect() as connection:
        column = "lower(hex(id))" if lived.is_sqlite else "id"
        id = str(
            connection.execute(text(f"SELECT {column} FROM flowstone_audit_log WHERE seq = 20")).scalar_one()
        )
    for name in ("20", id, id[:22]):
        assert 0 == run("verify", "--entry", name, "--anchor", anchored).exit_code
    assert 3 == run("verify", "--entry", 20).exit_code
    assert 2 == run("verify", "--entry", 99, "--anchor", anchored).exit_code
    with lived.attacking() as connection:
        connection.execute(text("DELETE FROM flowstone_audit_log WHERE seq = 20"))
        connection.commit()
    done = run("verify", "--entry", 20, "--anchor", anchored)
    assert (1, True) == (done.exit_code, "entry 20 was deleted" in done.output)


def test_since(lived: Story, anchored: Path, tmp_path: Path) -> None:
    """From a checkpoint on, given as a file or as text."""
    (tmp_path / "since").write_text(lived.notes[1])
    for since in (tmp_path / "since", lived.notes[1]):
        done = run("verify", "--since", since, "--anchor", anchored, "--json")
        assert (0, 19) == (done.exit_code, json.loads(done.output)["entries"])


def test_evidence(lived: Story, anchored: Path, tmp_path: Path) -> None:
    """Evidence is written, and verified without the database."""
    path = tmp_path / "e.zip"
    done = run("evidence", "-o", path, "--resource", "kind-1:r-1", "--json")
    if done.exit_code == 3:
        done = run("evidence", "-o", path, "--json")
    assert 0 == done.exit_code, done.output
    assert 2 == run("evidence", "-o", path).exit_code
    assert 0 == run("evidence", "-o", path, "--force").exit_code
    assert 0 == run("verify", "--archive", path, "--anchor", anchored).exit_code
    assert 3 == run("evidence", "-o", tmp_path / "n.zip", "--actor", "nobody").exit_code


def test_unusable(lived: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be verified ends with exit code 2, and says why."""
    (tmp_path / "no").write_text("no checkpoint")
    assert 2 == run("verify", "--anchor", tmp_path / "no").exit_code
    assert 2 == run("verify", "--key", "no+key").exit_code
    assert 2 == run("verify", "--key", "other+00000000+AAAA").exit_code
    assert 2 == run("verify", "--archive", tmp_path / "no").exit_code
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", f"sqlite:///{tmp_path}/none/none.db")
    assert 2 == run("verify").exit_code
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", "off")
    assert 2 == run("verify").exit_code
