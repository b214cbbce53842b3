"""Which address is the client's."""

from __future__ import annotations

import pytest

from flowstone_audit.clients import Proxies

TRUSTED = ["10.0.0.0/8", "fd00::/8", "192.0.2.7"]


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.5", "", "203.0.113.5"),
        ("203.0.113.5", "198.51.100.1", "203.0.113.5"),  # a client's own word is not believed
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),  # forged at the beginning
        ("10.0.0.1", "6.6.6.6, 198.51.100.1, 192.0.2.7, 10.9.9.9", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2"),  # all of it is one's own
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "6.6.6.6, unknown", "10.0.0.1"),
        ("10.0.0.1", "6.6.6.6, unknown, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.1", '"[2001:db8::1]:4711"', "2001:db8::1"),
        ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("fd00::1%eth0", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "<script>, 1.2.3.4.5", "10.0.0.1"),
        ("10.0.0.1", " , ,198.51.100.1, ", "198.51.100.1"),
        ("testclient", "198.51.100.1", "testclient"),
        (None, "198.51.100.1", None),
    ],
)
def test_only_the_word_of_trusted_proxies_counts(
    peer: str | None, forwarded: str, client: str | None
) -> None:
    """The list is read from its end, as long as trusted proxies vouch for it."""
    assert client == Proxies(TRUSTED).client(peer, forwarded)


def test_a_socket_file_is_trusted_when_asked_for() -> None:
    """Behind a socket file there is no peer; the proxy's word counts only where `unix` is listed."""
    assert "198.51.100.1" == Proxies(["unix"]).client(None, "6.6.6.6, 198.51.100.1")
    assert None is Proxies(["unix"]).client(None, "")


def test_a_long_list_costs_little() -> None:
    """What stands more than 64 hops away is not looked at."""
    assert "10.0.0.1" == Proxies(TRUSTED).client("10.0.0.1", ",".join(["6.6.6.6", *["10.0.0.1"] * 100_000]))


@pytest.mark.parametrize("trusted", [["10.0.0.0/40"], ["proxy.example"], "10.0.0.0/8"])
def test_malformed_proxies_are_refused_at_once(trusted: list[str]) -> None:
    """A network that is none is an error where the middleware is made."""
    with pytest.raises(ValueError, match=r"network|proxies"):
        Proxies(trusted)
