"""Ids: random ones from our own generator, and derived ones that two processes make alike."""

from __future__ import annotations

import os
import random
import zlib
from hashlib import blake2b
from time import time_ns

# Our own generator: ``random.seed(42)`` in user code must not repeat our ids, and it is 10x
# cheaper than ``secrets``. Never replaced, so that callers may bind ``getrandbits`` once.
_generator = random.Random(os.urandom(32))  # noqa: S311  # ids, not secrets
random_bits = _generator.getrandbits

_RANDOM_TRACE_BITS = 80
_codes: dict[str, str] = {}


def reseed() -> None:
    """Diverge from the parent after a fork."""
    _generator.seed(os.urandom(32))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=reseed)


def new_trace_id() -> int:
    """Return 48 bits of Unix milliseconds followed by 80 random bits.

    The low 64 bits, which ratio samplers test, are uniform.
    """
    return (time_ns() // 1_000_000 & 0xFFFFFFFFFFFF) << _RANDOM_TRACE_BITS | random_bits(_RANDOM_TRACE_BITS)


def new_span_id() -> int:
    """Return 64 random bits, never zero."""
    return random_bits(64) or 1


def derive_trace_id(orchestrator: str, deployment: str, run_id: str) -> int:
    """Return the trace id of a host's run: the same in each of its processes.

    A hash, never the bits of the run's UUID: its version and variant bits bias ratio samplers.
    """
    return int.from_bytes(_digest(16, "trace", orchestrator, deployment, run_id), "big") or 1


def derive_span_id(*key: str | int) -> int:
    """Return the span id that belongs to a host's own unique key.

    Args:
        key: What makes the operation unique in its host: run id, step key, attempt, ...
    """
    return int.from_bytes(_digest(8, "span", *key), "big") or 1


def _digest(size: int, *parts: str | int) -> bytes:
    # Lengths are part of what is hashed, so that ("a", "bc") and ("ab", "c") differ.
    texts = [str(part).encode("utf-8", "surrogatepass") for part in parts]
    return blake2b(b"".join(b"%d:%s" % (len(text), text) for text in texts), digest_size=size).digest()


def correlation_of_trace(trace_id: int) -> str:
    """Return the default correlation id: the trace id as UUID text."""
    return correlation_of_hex(f"{trace_id:032x}")


def correlation_of_hex(text: str) -> str:
    """Return the same of a trace id as 32 hex digits."""
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def event_id(time: int, span_id: str, name: str) -> str:
    """Return the id of an event: 12 hex digits of milliseconds, the span id, 4 of the name.

    Args:
        time: Unix nanoseconds; two observers of one host fact use the host's.
        span_id: 16 hex digits.
        name: The event's name, with an ordinal behind it where a span has several.
    """
    code = _codes.get(name)
    if code is None:
        code = code_of(name)
        if len(_codes) < 1024:
            _codes[name] = code
    return f"{time // 1_000_000 & 0xFFFFFFFFFFFF:012x}{span_id}{code}"


def code_of(name: str) -> str:
    """Return the 4 hex digits that stand for an event's name in its id."""
    return f"{zlib.crc32(name.encode('utf-8', 'replace')) & 0xFFFF:04x}"
