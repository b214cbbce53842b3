from __future__ import annotations

from base64 import b64decode, b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from flowstone_audit import checkpoint, note
from flowstone_audit.checkpoint import Checkpoint
from flowstone_audit.keys import KeyUnusable, Signer, VerifierKey

# Examples of the C2SP specification of signed notes, and of Go's golang.org/x/mod/sumdb/note that it came from.
SPEC_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_NOTE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETER_SIGNED = (
    "— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ENOCH_SIGNED = (
    "— EnochRoot "
    "rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
)


def key(*texts: str) -> list[VerifierKey]:
    return [VerifierKey.parse(text) for text in texts]


@pytest.fixture
def peter() -> Signer:
    seed = b64decode(PETER_PRIVATE.split("+", 4)[4])[1:]
    return Signer("PeterNeumann", Ed25519PrivateKey.from_private_bytes(seed))


def test_the_specifications_note_verifies() -> None:
    """C2SP's own note is accepted under C2SP's own key, whose text comes back as it was."""
    assert "This is an example message.\n" == note.verify(SPEC_NOTE, key(SPEC_KEY)).text
    assert SPEC_KEY == VerifierKey.parse(SPEC_KEY).text


def test_what_we_sign_is_what_go_signs(peter: Signer) -> None:
    """With the key of Go's documentation our note is that of Go's documentation, byte for byte."""
    assert f"{TEXT}\n{PETER_SIGNED}" == note.write(TEXT, peter)
    assert PETER == peter.verifier.text


def test_a_note_may_have_several_signatures() -> None:
    """Of several signatures those of unknown keys are ignored, and one known one is enough."""
    both = f"{TEXT}\n{PETER_SIGNED}{ENOCH_SIGNED}"
    for known in (key(PETER), key(ENOCH), key(PETER, ENOCH)):
        assert TEXT == note.verify(both, known).text


def test_a_wrong_signature_of_a_known_key_spoils_the_note() -> None:
    """A known key's signature that does not fit is refused, even beside one that does."""
    wrong = PETER_SIGNED.replace("x08go/ZJ", "x08go/ZK")
    with pytest.raises(note.BadSignature):
        note.verify(f"{TEXT}\n{wrong}{ENOCH_SIGNED}", key(PETER, ENOCH))
    with pytest.raises(note.BadSignature):
        note.verify(f"{TEXT.replace('your', 'my')}\n{PETER_SIGNED}", key(PETER))


def test_a_note_nobody_known_signed_is_not_believed() -> None:
    """Without a signature of a known key nothing is believed."""
    with pytest.raises(note.NotSigned):
        note.verify(f"{TEXT}\n{ENOCH_SIGNED}", key(PETER))
    with pytest.raises(note.NotSigned):
        note.verify(f"{TEXT}\n{PETER_SIGNED}", [])


MALFORMED = {
    "no signature": TEXT,
    "blank line missing": TEXT + PETER_SIGNED,
    "no line end": f"{TEXT}\n{PETER_SIGNED}"[:-1],
    "no dash": f"{TEXT}\n{PETER_SIGNED.replace('—', '-')}",
    "no base64": f"{TEXT}\n— PeterNeumann x08go_ZJ\n",
    "no name": f"{TEXT}\n—  x08go/ZJkuBS\n",
    "plus in the name": f"{TEXT}\n— Peter+Neumann x08go/ZJkuBS\n",
    "too short": f"{TEXT}\n— PeterNeumann x08goA==\n",
    "control characters": f"a\x07{TEXT}\n{PETER_SIGNED}",
    "carriage return": f"{TEXT}\n{PETER_SIGNED}".replace("\n", "\r\n"),
    "text behind": f"{TEXT}\n{PETER_SIGNED}more\n",
    "too many": f"{TEXT}\n{PETER_SIGNED * 101}",
    "two in a line by a Unicode line end": f"{TEXT}\n{PETER_SIGNED[:-1]}\u2028{ENOCH_SIGNED}",
    "nothing": "",
}


@pytest.mark.parametrize("which", MALFORMED)
def test_what_is_no_note_is_refused(which: str) -> None:
    """Text that departs from the form of a note is malformed, whoever signed it."""
    with pytest.raises(note.Malformed):
        note.verify(MALFORMED[which], key(PETER, ENOCH))


@pytest.mark.parametrize("text", ["no line end", "bell\x07\n", ""])
def test_only_proper_text_is_signed(text: str, peter: Signer) -> None:
    """Text without a line end or with control characters is not signed."""
    with pytest.raises(note.Malformed):
        note.write(text, peter)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PeterNeumann",
        PETER.replace("c74f20a3", "c74f20a4"),
        PETER.replace("PeterNeumann", "Peter Neumann"),
        PETER[:-4],
        f"PeterNeumann+c74f20a3+{b64encode(bytes([4]) + bytes(32)).decode()}",
    ],
)
def test_a_key_that_is_not_right_is_refused(text: str) -> None:
    """A verifier key of another type, length or id is refused."""
    with pytest.raises(KeyUnusable):
        VerifierKey.parse(text)


@given(st.integers(0, 2**62), st.binary(min_size=32, max_size=32), st.none() | st.integers(0, 2**62))
def test_checkpoints_come_back_as_they_were(size: int, root: bytes, time: int | None) -> None:
    """What a checkpoint's text says is what it was made of."""
    said = Checkpoint("flowstone/audit/x", size, root, time)
    assert said == checkpoint.parse(said.text)


def test_a_checkpoint_has_the_published_form() -> None:
    """The checkpoint of the C2SP specification is read; unknown extension lines are ignored."""
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\nmore\n"
    said = checkpoint.parse(text)
    assert ("example.com/behind-the-sofa", 20852163, None) == (said.origin, said.size, said.time)
    assert "0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62" == said.root.hex()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "o\n1\n",
        "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "o\n01\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "o\n-1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "o\n٣\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I\n",
        "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n",
        "o\n1\nAAAA\n",
        "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=",
        "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\nmore\n",
        "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\ntime x\n",
        "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\ntime 1\ntime 2\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    """Origin, size without leading zeroes, root of 32 bytes, no empty line: anything else is refused."""
    with pytest.raises(note.Malformed):
        checkpoint.parse(text)
