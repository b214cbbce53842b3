"""Whether a request comes from where it says: a page in a browser here may reach us under a name of its own."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import Final

from starlette.requests import Request

_PROXIES: Final = frozenset(
    {"forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip"}
)
_PROXY_PREFIXES: Final = ("x-forwarded", "x-envoy-", "x-original-")


def is_rebound(request: Request, hosts: Collection[str]) -> bool:
    """Tell whether *request* comes straight from this machine, and asks for a host that is not this machine.

    A page whose name was made to point to the loopback (DNS rebinding) reads what is served there, and then its name
    is the host. Behind a proxy, which says so in a header, the name is the proxy's affair.

    Args:
        request: The request.
        hosts: Further names of this machine.
    """
    if request.client is None or not _is_loopback(request.client.host):
        return False
    if any(name in _PROXIES or name.startswith(_PROXY_PREFIXES) for name in request.headers):
        return False
    host = request.headers.get("host", "")
    name = host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    return not (name.lower() in ("", "localhost", *hosts) or _is_loopback(name))


def _is_loopback(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return bool((mapped or found).is_loopback)
