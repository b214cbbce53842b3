"""What the URLs of servers say beside where the server is: the log's name, and a few settings."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

DEFAULT_PREFIX: Final = "flowstone"
_PREFIX: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def split(url: str, own: Collection[str]) -> tuple[str, dict[str, str]]:
    """Return *url* without those of its query's settings that are ours, and these.

    Args:
        url: Of a server.
        own: Names of settings that are ours; ``prefix`` is one in any case.

    Raises:
        ValueError: It is malformed; the message holds neither user nor password.
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # read for what it raises
    except ValueError:
        raise ValueError(
            f"the URL of the pub/sub server is malformed: {url.partition(':')[0]}://..."
        ) from None
    asked = parse_qs(parts.query, keep_blank_values=True)
    mine = {name: asked.pop(name)[-1] for name in {"prefix", *own} if name in asked}
    mine.setdefault("prefix", DEFAULT_PREFIX)
    if not _PREFIX.fullmatch(mine["prefix"]):
        raise ValueError("the prefix of a log is 1 to 64 letters, digits, - and _")
    return urlunsplit(parts._replace(query=urlencode(asked, doseq=True), fragment="")), mine
