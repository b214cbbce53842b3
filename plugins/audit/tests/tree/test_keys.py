from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from flowstone_audit import keys
from flowstone_audit.keys import Signer

RSA = """-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
"""


def _text(path: Path) -> str:
    return Signer("log", keys.load_or_make(path)).verifier.text


def test_a_key_is_made_once_and_kept_to_its_owner(tmp_path: Path) -> None:
    """The first asks makes the key, mode 0600 in a folder 0700; later ones get the same."""
    path = tmp_path / "audit" / "key.pem"
    first = _text(path)
    assert first == _text(path)
    assert (0o600, 0o700) == (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777)
    assert [path] == list(path.parent.iterdir())


def test_processes_that_make_a_key_at_once_agree(tmp_path: Path) -> None:
    """Of eight processes that find no key one makes it, and all sign with that."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(4) as pool:
        assert 1 == len(set(pool.map(_text, [tmp_path / "key.pem"] * 8)))


@pytest.mark.parametrize("content", ["", "no key", RSA])
def test_a_file_without_a_key_of_ours_is_refused(tmp_path: Path, content: str) -> None:
    """A file that holds no Ed25519 private key is refused by name, and not written over."""
    path = tmp_path / "key.pem"
    path.write_text(content)
    with pytest.raises(keys.KeyUnusable, match=r"key\.pem"):
        keys.load_or_make(path)
    assert content == path.read_text()


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u2003b"])
def test_keys_have_names_that_notes_can_carry(tmp_path: Path, name: str) -> None:
    """A name with spaces, line ends or a plus sign is refused."""
    with pytest.raises(keys.KeyUnusable):
        Signer(name, keys.load_or_make(tmp_path / "key.pem"))
