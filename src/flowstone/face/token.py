"""The token of a checkpoint request: all that is needed to decide it elsewhere, signed.

Base64 (URL-safe, unpadded) of: version, flags, trace id, span id, parent's span id, moment of the
request, time-out; then name, run id, correlation id, pipeline and orchestrator, each behind its
length; then the first 16 bytes of an HMAC-SHA256 over all that.
"""

from __future__ import annotations

import hmac
import math
import struct
from base64 import b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from flowstone.face.errors import CheckpointInvalid
from flowstone.runtime.identity import correlation_of_trace
from flowstone.runtime.scope import Scope

_VERSION: Final = 1
_SAMPLED: Final = 1
_HEAD: Final = struct.Struct(">BB16sQQQd")
_MAC: Final = 16
_DOMAIN: Final = b"flowstone checkpoint\n"
_TEXT_LIMIT: Final = 900  # so that a token fits the 4096 characters that an event keeps of it
_LONG: Final = 0xFF
_LONGEST: Final = 8192
_DEFAULT_ORCHESTRATOR: Final = "python"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A checkpoint request, as whoever holds its token knows it.

    Attributes:
        name: The gate's name.
        scope: The run that asks.
        span_id: Span of the request.
        parent_id: Span that the request was made in; 0 where there is none.
        requested_at: Unix nanoseconds.
        timeout: Seconds, or None.
    """

    name: str
    scope: Scope
    span_id: int
    parent_id: int
    requested_at: int
    timeout: float | None

    @property
    def key(self) -> str:
        """What tells this request from all others; fit for a file name."""
        return f"{self.scope.trace_hex}-{self.span_id:016x}"

    @property
    def deadline(self) -> int | None:
        """The Unix nanosecond from which nobody may decide any more; None for never."""
        return None if self.timeout is None else self.requested_at + int(self.timeout * 1e9)


def write(request: Request, key: bytes) -> str:
    """Return the token of *request* as URL-safe text, signed with *key*."""
    scope = request.scope
    inherited = scope.correlation_id == correlation_of_trace(scope.trace_id)
    head = _HEAD.pack(
        _VERSION,
        _SAMPLED if scope.sampled else 0,
        scope.trace_id.to_bytes(16, "big"),
        request.span_id,
        request.parent_id,
        request.requested_at,
        math.nan if request.timeout is None else request.timeout,
    )
    texts = (
        request.name,
        scope.run_id,
        "" if inherited else scope.correlation_id,
        scope.pipeline,
        "" if scope.orchestrator == _DEFAULT_ORCHESTRATOR else scope.orchestrator,
    )
    body = head + b"".join(_packed(texts))
    return _text(body + _mac(body, key))


def read(token: str, keys: Iterable[bytes]) -> Request:
    """Return the request that *token* stands for.

    Args:
        token: What ``write`` returned.
        keys: The keys whose signature is trusted.

    Raises:
        CheckpointInvalid: It is no token, was changed or cut, or none of *keys* signed it.
    """
    signed = _bytes(token)
    body, mac = signed[:-_MAC], signed[-_MAC:]
    if not any(hmac.compare_digest(mac, _mac(body, key)) for key in keys):
        raise CheckpointInvalid(
            "this checkpoint token was changed, cut, or signed with another key; where machines share "
            "checkpoints, give them the same FLOWSTONE_CHECKPOINT_KEY"
        )
    if body[0] != _VERSION:
        raise CheckpointInvalid(
            f"this checkpoint token is of version {body[0]}; this flowstone knows {_VERSION}"
        )
    _, flags, trace, span_id, parent_id, requested_at, timeout = _HEAD.unpack_from(body)
    name, run_id, correlation_id, pipeline, orchestrator = _unpacked(body[_HEAD.size :])
    scope = Scope(
        int.from_bytes(trace, "big"),
        correlation_id=correlation_id,
        run_id=run_id,
        pipeline=pipeline,
        orchestrator=orchestrator or _DEFAULT_ORCHESTRATOR,
        sampled=bool(flags & _SAMPLED),
        remote=True,
    )
    return Request(
        name=name,
        scope=scope,
        span_id=span_id,
        parent_id=parent_id,
        requested_at=requested_at,
        timeout=None if math.isnan(timeout) else timeout,
    )


def _mac(body: bytes, key: bytes) -> bytes:
    return hmac.digest(key, _DOMAIN + body, "sha256")[:_MAC]


def _text(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _bytes(token: str) -> bytes:
    if not isinstance(token, str) or not token.isascii() or len(token) > _LONGEST:
        raise CheckpointInvalid("this is no checkpoint token: URL-safe text was expected")
    bare = token.strip()
    try:
        content = b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
    except (NotBase64, ValueError):
        content = b""
    # The last character has bits that mean nothing; a token has one spelling only.
    if len(content) < _HEAD.size + _MAC or _text(content) != bare:
        raise CheckpointInvalid("this is no checkpoint token, or only a part of one")
    return content


def _packed(texts: Iterable[str]) -> Iterable[bytes]:
    for text in texts:
        content = text.encode("utf-8", "replace")[:_TEXT_LIMIT]
        long = len(content) >= _LONG
        yield struct.pack(">BH", _LONG, len(content)) if long else bytes((len(content),))
        yield content


def _unpacked(content: bytes) -> Iterable[str]:
    at = 0
    while at < len(content):
        size, at = content[at], at + 1
        if size == _LONG:
            size, at = int.from_bytes(content[at : at + 2], "big"), at + 2
        yield content[at : at + size].decode("utf-8", "ignore")  # a cut may have split a character
        at += size
