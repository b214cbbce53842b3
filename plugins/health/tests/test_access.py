"""Who may see details."""

from __future__ import annotations

import pytest

from flowstone_health.access import may_see_details
from flowstone_health.config import Config
from flowstone_health.exchange import Request

TOKEN = "t0ken-of-the-operators"
OPEN = Config(token=TOKEN)


def _asked(peer: str = "203.0.113.9", **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method="GET", path="/health", headers={"host": "localhost:8086", **named}, peer=peer)


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_callers_on_this_machine_see_details(peer: str) -> None:
    """A loopback address of either family is let in."""
    assert may_see_details(_asked(peer), Config())


@pytest.mark.parametrize("peer", ["203.0.113.9", "10.0.0.1", "::2", "", "testclient", "127.0.0.1.example"])
def test_others_do_not(peer: str) -> None:
    """Any other address, or none, is not."""
    assert not may_see_details(_asked(peer), Config())


@pytest.mark.parametrize(
    "header", ["x_forwarded_for", "forwarded", "x_real_ip", "via", "x_forwarded_proto", "x_envoy_internal"]
)
def test_a_proxy_on_this_machine_is_no_caller_on_it(header: str) -> None:
    """What a proxy hands on comes from a loopback address, and is still a stranger's."""
    assert not may_see_details(_asked("127.0.0.1", **{header: "127.0.0.1"}), Config())


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8086", "10.0.0.1:8086", "[2001:db8::1]:80"])
def test_a_page_under_another_name_sees_nothing(host: str) -> None:
    """A web page that reaches us by a name of its own (DNS rebinding) is not a caller on this machine."""
    assert not may_see_details(_asked("127.0.0.1", host=host), Config())


def test_the_token_opens_from_anywhere() -> None:
    """Whoever shows the token is let in, through a proxy too."""
    shown = {"authorization": f"Bearer {TOKEN}", "x_forwarded_for": "198.51.100.1"}
    assert may_see_details(_asked(**shown), OPEN)


@pytest.mark.parametrize(
    "shown", ["Bearer", "Bearer ", f"Basic {TOKEN}", f"Bearer {TOKEN}x", TOKEN, "Bearer tökén"]
)
def test_anything_else_does_not(shown: str) -> None:
    """A wrong token, a wrong scheme or none opens nothing."""
    assert not may_see_details(_asked(authorization=shown), OPEN)


def test_without_a_token_no_token_opens() -> None:
    """Where no token is set, an empty one is not it."""
    assert not may_see_details(_asked(authorization="Bearer "), Config())


def test_the_loopback_can_be_closed() -> None:
    """With FLOWSTONE_HEALTH_LOOPBACK=0 the token alone opens."""
    closed = Config(token=TOKEN, loopback=False)
    assert not may_see_details(_asked("127.0.0.1"), closed)
    assert may_see_details(_asked("127.0.0.1", authorization=f"bearer {TOKEN}"), closed)
