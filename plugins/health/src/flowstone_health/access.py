"""Who may see details: whoever shows the token, and callers on this machine."""

from __future__ import annotations

import hmac
import ipaddress
from typing import Final

from flowstone_health.config import Config
from flowstone_health.exchange import Request

_PROXIES: Final = frozenset(
    {"forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip", "x-request-id"}
)
_PROXY_PREFIXES: Final = ("x-forwarded", "x-envoy-", "x-original-", "x-b3-", "x-amzn-", "x-cloud-")


def may_see_details(request: Request, config: Config) -> bool:
    """Tell whether *request* comes with the token, or from this machine without a proxy in between."""
    if config.token and _shows(request.headers.get("authorization", ""), config.token):
        return True
    if not config.loopback or not _is_loopback(request.peer):
        return False
    if any(name in _PROXIES or name.startswith(_PROXY_PREFIXES) for name in request.headers):
        return False
    # A page in a browser on this machine can reach us under a name of its own; then that name is the host.
    return _names_this_machine(request.headers.get("host", ""))


def _shows(authorization: str, token: str) -> bool:
    scheme, _, shown = authorization.partition(" ")
    same = hmac.compare_digest(shown.strip().encode("utf-8", "replace"), token.encode("utf-8", "replace"))
    return same and scheme.lower() == "bearer"


def _is_loopback(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return bool((mapped or found).is_loopback)


def _names_this_machine(host: str) -> bool:
    name = host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    return name.lower() in ("", "localhost") or _is_loopback(name)
