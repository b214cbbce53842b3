from __future__ import annotations

import asyncio
import os

import httpx
import pytest

from flowstone_pubsub.bus import Bus
from flowstone_pubsub.engines.opening import open_engine
from flowstone_pubsub.sse import create_app


def _answered(peer: str, headers: dict[str, str]) -> int:
    bus = Bus(open_engine(f"memory://{os.urandom(8).hex()}"))
    transport = httpx.ASGITransport(create_app(bus, hosts=["Mine.test"]), client=(peer, 4711))

    async def ask() -> int:
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as asking:
            return (await asking.head("/events", headers=headers)).status_code

    try:
        return asyncio.run(ask())
    finally:
        bus.close()


@pytest.mark.parametrize("host", ["127.0.0.1:80", "[::1]:80", "LOCALHOST", "mine.test:8000"])
def test_this_machine_has_its_own_names(host: str) -> None:
    """Straight from the loopback they are answered, as are those that were given."""
    assert 200 == _answered("127.0.0.1", {"host": host})


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "localhost.evil.example"])
def test_a_page_that_calls_this_machine_its_own_is_refused(peer: str, host: str) -> None:
    """A name that somebody made to point to the loopback is none of this machine's."""
    assert 403 == _answered(peer, {"host": host})


def test_a_proxy_vouches_for_other_names() -> None:
    """One that says that it is one, and whoever comes from elsewhere, may ask for any host."""
    assert 200 == _answered("127.0.0.1", {"host": "events.example", "x-forwarded-for": "10.0.0.7"})
    assert 200 == _answered("10.0.0.7", {"host": "events.example"})
