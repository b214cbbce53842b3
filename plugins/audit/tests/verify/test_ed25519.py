from __future__ import annotations

import os
import random

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from flowstone_audit.standalone import L, is_signed

# RFC 8032 §7.1: public key, message, signature.
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        (
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        ),
        (
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
            "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"
        ),
    ),
]


@pytest.mark.parametrize(("public", "message", "signature"), VECTORS)
def test_vectors_of_the_rfc(public: str, message: str, signature: str) -> None:
    """The signatures of RFC 8032 are right, and none of them is with one bit changed."""
    key, text, made = (bytes.fromhex(one) for one in (public, message, signature))
    assert is_signed(key, made, text)
    for bit in range(0, 512, 7):
        wrong = bytearray(made)
        wrong[bit // 8] ^= 1 << bit % 8
        assert not is_signed(key, bytes(wrong), text)


def test_agrees_with_openssl() -> None:
    """Right and wrong signatures are told apart as OpenSSL does."""
    draw = random.Random(8032)
    for _ in range(60):
        private = Ed25519PrivateKey.generate()
        public, text = private.public_key().public_bytes_raw(), os.urandom(draw.randrange(200))
        made = private.sign(text)
        tries = [(public, made, text), (public, made, text + b"x"), (public, _flipped(made, draw), text)]
        tries += [
            (_flipped(public, draw), made, text),
            (public, made[:63], text),
            (public, made + b"\0", text),
        ]
        tries += [(os.urandom(32), made, text), (public, os.urandom(64), text)]
        assert [_openssl(*one) for one in tries] == [is_signed(*one) for one in tries]


def test_a_signature_has_one_form() -> None:
    """The same signature with a number beyond the order of the group is refused, as the RFC asks."""
    private = Ed25519PrivateKey.generate()
    made = private.sign(b"x")
    more = int.from_bytes(made[32:], "little") + L
    assert not is_signed(
        private.public_key().public_bytes_raw(), made[:32] + more.to_bytes(32, "little"), b"x"
    )


@pytest.mark.parametrize("y", [0, 1, 2**255 - 19, 2**255 - 18, 2**255 - 1, 2**255, 2**256 - 1])
def test_odd_points_sign_nothing_they_should_not(y: int) -> None:
    """Keys that are no point, small ones and such as are not written the one right way are judged as OpenSSL does."""
    public = y.to_bytes(32, "little")
    for signature in (b"\0" * 64, public + b"\0" * 32, b"\1" + b"\0" * 63):
        assert not is_signed(public, signature, b"x") or _openssl(public, signature, b"x")


def _flipped(value: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(value))
    return value[:at] + bytes([value[at] ^ 1 << draw.randrange(8)]) + value[at + 1 :]


def _openssl(public: bytes, signature: bytes, text: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
    except (InvalidSignature, ValueError):
        return False
    return True
