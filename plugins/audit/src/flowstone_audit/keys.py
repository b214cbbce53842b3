"""The keys of checkpoints: Ed25519, named as C2SP signed notes name them."""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from flowstone_audit.errors import AuditError

_ED25519: Final = b"\1"  # the signature type of C2SP signed notes


class KeyUnusable(AuditError, ValueError):
    """A key cannot be read, or is no Ed25519 key."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public half, for those who verify.

    Attributes:
        name: Whose key: the origin of the checkpoints that it signs.
        public: 32 bytes.
    """

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """First four bytes of SHA-256 over name, type and key; finds the key, proves nothing."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    @property
    def text(self) -> str:
        """The key as it is passed on: ``name+id+base64``."""
        return f"{self.name}+{self.id.hex()}+{b64encode(_ED25519 + self.public).decode()}"

    def accepts(self, signature: bytes, data: bytes) -> bool:
        """Tell whether *signature* is this key's over *data*."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, data)
        except InvalidSignature:
            return False
        return True

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Return the key that *text* spells.

        Raises:
            KeyUnusable: It is malformed, of another type, or its id is not that of its name and key.
        """
        try:
            name, id, encoded = text.strip().split("+", 2)
            material = b64decode(encoded, validate=True)
        except (ValueError, NotBase64) as error:
            raise KeyUnusable(f"not a verifier key (name+id+base64): {text[:80]!r}") from error
        made = cls(name, material[1:])
        if material[:1] != _ED25519 or len(material) != 33 or not is_name(name):
            raise KeyUnusable(f"not an Ed25519 verifier key: {text[:80]!r}")
        if made.id.hex() != id:
            raise KeyUnusable(f"the key's id is {made.id.hex()}, not {id[:80]!r}")
        return made


class Signer:
    """The private half, under the name of the log that it signs for.

    Args:
        name: Origin of the checkpoints.
        key: The private key.
        file: Where it is to be kept, if it is not yet.

    Raises:
        KeyUnusable: The name has spaces, control characters or a plus sign.
    """

    def __init__(self, name: str, key: Ed25519PrivateKey, file: Path | None = None) -> None:
        if not is_name(name):
            raise KeyUnusable(f"no name for a key: {name[:80]!r}")
        self.name = name
        self._key = key
        self._file = file
        self.verifier = VerifierKey(name, key.public_key().public_bytes_raw())

    def sign(self, data: bytes) -> bytes:
        """Return the signature over *data*, 64 bytes."""
        return self._key.sign(data)

    @property
    def is_kept(self) -> bool:
        """Whether its key is in its file."""
        return self._file is None

    def keep(self) -> None:
        """Write a new key into its file.

        Raises:
            KeyUnusable: It cannot be made, or another one came meanwhile.
        """
        if self._file is not None:
            if not _store(self._file, self._key):
                raise KeyUnusable(f"{self._file} came while another key was made; try again")
            self._file = None


def is_name(text: str) -> bool:
    """Tell whether *text* may name a key: not empty, no spaces, no control characters, no plus sign."""
    return bool(text) and "+" not in text and not any(one.isspace() or one < " " for one in text)


def load(path: Path) -> Ed25519PrivateKey:
    """Return the private key in *path* (PEM, PKCS #8, not encrypted).

    Raises:
        FileNotFoundError: There is none.
        KeyUnusable: It cannot be read, or is another kind of key.
    """
    from cryptography.hazmat.primitives import serialization  # dear to import; who verifies needs none

    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except FileNotFoundError:
        raise
    except (OSError, TypeError, ValueError) as error:
        raise KeyUnusable(f"{path}: {type(error).__name__}: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable(f"{path} holds no Ed25519 key")
    return key


def new(name: str, path: Path) -> Signer:
    """Return a signer with a new key, which is written into *path* when it is kept."""
    return Signer(name, Ed25519PrivateKey.generate(), path)


def load_or_make(path: Path) -> Ed25519PrivateKey:
    """Return the private key in *path*; make one there (mode 0600) where there is none.

    Of several processes that make one at once, one wins, and all get its key.

    Raises:
        KeyUnusable: It cannot be read, made, or is another kind of key.
    """
    try:
        return load(path)
    except FileNotFoundError:
        _store(path, Ed25519PrivateKey.generate())
    return load(path)


def _store(path: Path, key: Ed25519PrivateKey) -> bool:
    """Write a key (mode 0600); return False where there is one."""
    from cryptography.hazmat.primitives import serialization

    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    draft = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(draft)  # unlike a rename, never over a key that came meanwhile
        except FileExistsError:
            return False
        finally:
            draft.unlink()
    except OSError as error:
        raise KeyUnusable(f"no key can be made at {path}: {error}") from error
    return True
