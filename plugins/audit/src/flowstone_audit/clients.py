"""Where a request came from, as far as one's own proxies can be believed."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

_MOST: Final = 64
"""Hops that are looked at; a longer list is somebody's play."""

Address = IPv4Address | IPv6Address


class Proxies:
    """The proxies that are believed.

    Args:
        trusted: Addresses and networks, such as ``10.0.0.0/8``; ``unix`` for a socket file.

    Raises:
        ValueError: One is neither.
    """

    def __init__(self, trusted: Iterable[str]) -> None:
        if isinstance(trusted, str):
            raise ValueError("trusted proxies are a list of addresses and networks, not one text")
        names = [name.strip() for name in trusted]
        self._unix = "unix" in names
        self._networks = [ip_network(name, strict=False) for name in names if name != "unix"]

    def client(self, peer: str | None, forwarded: str) -> str | None:
        """Return the address of the client, None where it is not known.

        The list is read from its end: each hop was written by the one after it, so it is believed as long as that
        one is a trusted proxy. Whatever a client writes at the beginning is never reached.

        Args:
            peer: Who is connected.
            forwarded: What ``X-Forwarded-For`` says, several headers joined by commas.
        """
        at = _address(peer or "")
        if at is None and not self._unix:
            return peer or None  # no address, such as the name that a test client has
        if at is not None and not self._trusts(at):
            return str(at)
        for hop in reversed([hop for hop in forwarded.split(",") if hop.strip()][-_MOST:]):
            before = _address(hop)
            if before is None:
                break  # not an address: what stands before it has nobody to vouch for it
            at = before
            if not self._trusts(at):
                break
        return None if at is None else str(at)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _address(text: str) -> Address | None:
    """Return the address in a text, with or without port and brackets; an IPv4 one inside IPv6 as itself."""
    bare = text.strip().strip('"')
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        found = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
