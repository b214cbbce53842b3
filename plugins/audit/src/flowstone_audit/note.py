"""Signed notes as C2SP has them (https://c2sp.org/signed-note): a text, a blank line, signature lines."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Final, NamedTuple

from flowstone_audit.errors import AuditError
from flowstone_audit.keys import Signer, VerifierKey, is_name

_LARGEST: Final = 1_000_000  # characters
_MOST_SIGNATURES: Final = 100
_CONTROL: Final = re.compile("[\x00-\x09\x0b-\x1f]")


class NoteError(AuditError, ValueError):
    """A note is not to be believed."""


class Malformed(NoteError):
    """A note, or the checkpoint in it, does not have the form it must have."""


class BadSignature(NoteError):
    """A signature in the name of a known key is not that key's."""


class NotSigned(NoteError):
    """No known key has signed the note."""


class Signature(NamedTuple):
    """One signature line.

    Attributes:
        name: Name of the key.
        id: Id of the key, 4 bytes.
        signature: What the key made; of an Ed25519 key 64 bytes.
    """

    name: str
    id: bytes
    signature: bytes


class Note(NamedTuple):
    """A note taken apart; whether it is signed by the right one, ``verify`` tells.

    Attributes:
        text: What is signed, its last line end included.
        signatures: All of them, also those of unknown keys.
    """

    text: str
    signatures: tuple[Signature, ...]


def write(text: str, *signers: Signer) -> str:
    """Return *text* with a signature line of each signer.

    Raises:
        Malformed: The text does not end in a line end, or holds control characters.
    """
    if not text.endswith("\n") or _CONTROL.search(text):
        raise Malformed("a note's text ends in a line end and has no control characters")
    lines = [
        f"— {signer.name} {b64encode(signer.verifier.id + signer.sign(text.encode())).decode()}\n"
        for signer in signers
    ]
    return "\n".join((text, "".join(lines)))


def parse(note: str) -> Note:
    """Return a note's text and signatures, believing none of them.

    Raises:
        Malformed: It is no note.
    """
    text, blank, lines = note.rpartition("\n\n")
    if not blank or not lines.endswith("\n") or len(note) > _LARGEST or _CONTROL.search(note):
        raise Malformed("not a signed note: text, blank line, signature lines")
    found = lines.removesuffix("\n").split("\n")
    if len(found) > _MOST_SIGNATURES:
        raise Malformed(f"a note with {len(found)} signatures")
    return Note(text + "\n", tuple(map(_signature, found)))


def _signature(line: str) -> Signature:
    parts = line.split(" ")
    try:
        dash, name, encoded = parts
        made = b64decode(encoded, validate=True)
    except ValueError as error:  # also what is no base64
        raise Malformed(f"not a signature line: {line[:80]!r}") from error
    if dash != "—" or not is_name(name) or len(made) < 5:
        raise Malformed(f"not a signature line: {line[:80]!r}")
    return Signature(name, made[:4], made[4:])


def verify(note: str, keys: Iterable[VerifierKey]) -> Note:
    """Return a note that at least one of *keys* has signed; signatures of other keys are ignored.

    Raises:
        Malformed: It is no note.
        BadSignature: A signature in the name of one of *keys* is not its.
        NotSigned: None of *keys* has signed it.
    """
    parsed = parse(note)
    known = {(key.name, key.id): key for key in keys}
    signed = False
    for one in parsed.signatures:
        key = known.get((one.name, one.id))
        if key is None:
            continue
        if not key.accepts(one.signature, parsed.text.encode()):
            raise BadSignature(f"the signature of {key.name} ({key.id.hex()}) does not fit the text")
        signed = True
    if not signed:
        raise NotSigned("signed by none of the known keys")
    return parsed
