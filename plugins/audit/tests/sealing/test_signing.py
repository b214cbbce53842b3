"""Whose key seals a log that several homes write to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from flowstone_audit import config, keys, sealing, signing
from flowstone_audit.cli.group import audit
from flowstone_audit.keys import KeyUnusable
from plugins.audit.tests.sealing.rows import write


@pytest.fixture(autouse=True)
def _settings(audit_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", audit_url)
    monkeypatch.setenv("FLOWSTONE_AUDIT_ANCHOR_FILE", "off")


@pytest.fixture
def move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Be another home; returns the file of its key."""

    def moved(name: str) -> Path:
        monkeypatch.setenv("FLOWSTONE_HOME", str(tmp_path / name))
        return config.load().key

    return moved


def run(*arguments: str) -> Result:
    return CliRunner().invoke(audit, arguments)


def test_one_home_seals_and_the_others_write(engine: Engine, move: Callable[[str], Path]) -> None:
    """A home without the log's key makes none, and says who has it; the log stays under one key."""
    write(engine, 3)
    assert 3 == sealing.seal_all(engine)
    first = run("key").stdout
    there = move("other")
    write(engine, 2)
    with pytest.raises(
        KeyUnusable, match=r"is sealed with the key [0-9a-f]{8}, and .*key\.pem does not exist"
    ):
        sealing.seal_all(engine)
    assert not there.exists()
    for command in ("key", "seal"):
        done = run(command)
        assert (2, True) == (done.exit_code, "leave sealing to who has it" in done.stderr)
    assert 3 == run("verify").exit_code
    move("home")
    assert 2 == sealing.seal_all(engine)
    assert first == run("key").stdout
    assert 3 == run("verify").exit_code


def test_a_home_with_a_key_of_its_own_does_not_seal(engine: Engine, move: Callable[[str], Path]) -> None:
    """Nor does it show that key for the log's."""
    write(engine, 1)
    sealing.seal_all(engine)
    keys.load_or_make(move("other"))
    write(engine, 1)
    with pytest.raises(KeyUnusable, match="holds another one"):
        sealing.seal_all(engine)
    assert 2 == run("key").exit_code


def test_a_key_is_kept_with_the_first_seal(engine: Engine) -> None:
    """Nothing to seal, or a seal that is refused, leaves no key behind."""
    path = config.load().key
    assert 0 == sealing.seal_all(engine)
    assert not path.exists()
    write(engine, 1)
    with engine.connect() as connection:
        with connection.begin():
            signer = signing.signer_of(connection)
            other = signing.signer_of(connection)
        assert sealing.seal_once(connection, signer)
        write(engine, 1)
        assert sealing.seal_once(connection, other) is None, "a second new key signs on top of the first"
    assert signer.verifier.text + "\n" == run("key").stdout


def test_a_rotated_key_goes_on(engine: Engine) -> None:
    """The new key signs on top of what the old one has sealed, and both verify it."""
    write(engine, 1)
    sealing.seal_all(engine)
    old = run("key").stdout
    new = run("key", "--rotate").stdout
    write(engine, 1)
    assert 1 == sealing.seal_all(engine)
    assert old != new == run("key").stdout
    assert 3 == run("verify").exit_code


def test_a_lost_key_is_followed_by_another(engine: Engine, move: Callable[[str], Path]) -> None:
    """Whoever says so seals from then on; both keys verify the log, the new one alone does not."""
    write(engine, 1)
    sealing.seal_all(engine)
    lost = run("key").stdout.strip()
    move("rebuilt")
    new = run("key", "--rotate").stdout.strip()
    write(engine, 1)
    assert 1 == sealing.seal_all(engine)
    assert 1 == run("verify").exit_code
    assert 3 == run("verify", "--key", lost, "--key", new).exit_code


def test_a_last_seal_without_a_note_leads_to_no_key(engine: Engine, move: Callable[[str], Path]) -> None:
    """Where nobody can tell who sealed, a home without a key seals nothing."""
    write(engine, 1)
    sealing.seal_all(engine)
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER flowstone_audit_seal_update" + _ON[engine.dialect.name]))
        connection.execute(text("UPDATE flowstone_audit_seal SET note = 'gone'"))
    move("other")
    with pytest.raises(KeyUnusable, match="cannot be read from its last seal"):
        sealing.seal_all(engine)


_ON = {"sqlite": "", "postgresql": " ON flowstone_audit_seal"}
