"""A request and its answer, whichever server carries them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked.

    Attributes:
        method: Such as ``GET``.
        path: Below where we are mounted; decoded.
        query: As it came, without the question mark.
        headers: By lower-case name.
        peer: Address of the other end of the connection; empty where unknown.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    peer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What is answered.

    Attributes:
        status: Such as 200.
        headers: Names and values; ``content-length`` is that of the body also where none is sent.
        body: Empty for HEAD.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
