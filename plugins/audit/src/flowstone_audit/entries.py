"""Rows that are no lifecycle events: their ids, and their drafts."""

from __future__ import annotations

import os
from random import Random
from typing import Final

from flowstone_audit.privacy import nonce_for
from flowstone_audit.row import VERSION, Row

_generator: Final = Random(os.urandom(32))  # noqa: S311 - ids, not secrets
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _generator.seed(os.urandom(32)))


def new_id(now: int) -> bytes:
    """Return 16 bytes: 48 bits of Unix milliseconds, 80 random ones.

    Args:
        now: Unix nanoseconds.
    """
    milliseconds = now // 1_000_000 & 0xFFFFFFFFFFFF
    return (milliseconds << 80 | _generator.getrandbits(80)).to_bytes(16, "big")


BLANK: Final = Row(
    v=VERSION,
    id=b"",
    event_type="",
    actor_id="",
    actor_type="",
    resource_type=None,
    resource_id=None,
    action=None,
    outcome=None,
    details="{}",
    correlation_id=None,
    trace_id=None,
    span_id=None,
    run_id=None,
    writer="",
    ordinal=0,
    occurred_at=0,
    client_ip=None,
    user_agent=None,
    private=None,
    nonce=None,
    commitment=None,
    row_hash=b"",
)
"""What drafts begin with: ``BLANK._replace(event_type=...)``."""


def draft(filled: Row) -> Row:
    """Return a row that has no place yet: its ordinal is 0, its hashes are missing, its nonce is there."""
    return filled._replace(nonce=nonce_for(filled.client_ip, filled.user_agent, filled.private))
