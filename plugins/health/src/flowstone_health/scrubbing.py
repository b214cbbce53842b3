"""No text leaves health reporting with a secret in it, nor with control characters."""

from __future__ import annotations

import os
import re
from typing import Final
from urllib.parse import unquote, unquote_plus, urlsplit

from flowstone.plugin import is_secret, redact

MARK: Final = "[redacted]"
_LONGEST: Final = 500
_READ: Final = 4096  # what is beyond is not shown, whatever goes before it
_FAR: Final = 1 << 16
_SHORTEST_SECRET: Final = 4  # what is shorter would take every other word with it
# As in the core's redaction, no part may scan ahead from each of many places to the same end.
_USER: Final = re.compile(r"://(?P<user>[^\s'\"<>]*@)?+(?P<rest>[^\s'\"<>]*)")
_NAMED: Final = re.compile(
    r"(?i)((?:passw(?:or)?d|passwd|pwd|passphrase|secret|credential|signature|api[_-]?key"
    r"|access[_-]?key|account[_-]?key|private[_-]?key|token|\bsig)[\w.-]{0,64}+['\"]?\s*[=:]\s*)"
    r"('(?:[^'\\]|\\.|'')*'?|\"(?:[^\"\\]|\\.|\"\")*\"?|\{[^}]*\}?|[^\s;&,]+)"
)
_SHOWN: Final = re.compile(r"(?i)(\bauthorization['\"]?\s*[=:]\s*['\"]?(?:\w+\s+)?|\bbearer\s+)[^\s'\",;]+")
# Without a sign between name and value: any value behind an option; behind a word only what is no plain word,
# for "password authentication failed" is to be read.
_OPTION: Final = re.compile(
    r"(?i)((?<![\w-])--?[\w-]{0,32}?(?:passw(?:or)?d|passwd|passphrase|secret|credential|token|api-?key"
    r"|access-?key|private-?key)[\w-]{0,32}\s+)(?!-)('[^']*'?|\"[^\"]*\"?|\S+)"
)
_SPOKEN: Final = re.compile(
    r"(?i)(\b(?:passw(?:or)?d|passwd|passphrase|token|api[ _-]?key)['\"]?\s{1,4}(?:(?:is|was)\s{1,4})?)"
    r"(?=[^\s;,]{0,64}[0-9!#$%&*+=^~@])[^\s;,]{4,}"
)
_LOGIN: Final = re.compile(r"((?<![\w-])(?:-u\s*|--(?:proxy-)?user[\s=]\s*)['\"]?)[^\s:'\"]{1,128}:[^\s'\"]+")
_BARE_USER: Final = re.compile(r"(?<![\w.+%:@/-])[\w.+%-]{1,64}+:[^\s/'\"<>]{1,128}@(?!sha\d)(?=[\w(\[])")
_HOOK: Final = re.compile(
    r"(?i)(hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/|discord(?:app)?\.com/api/(?:v\d+/)?webhooks/"
    r"|\.webhook\.office\.com/|api\.telegram\.org/bot)[^\s'\"<>]+"
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


def scrub(text: str) -> str:
    """Return *text* as it may be shown: one bounded line, without secrets.

    What this process was given as a secret, by its environment, goes wherever it stands; what looks like
    one goes too.
    """
    text = text[:_FAR]
    for secret in _known():
        text = text.replace(secret, MARK)
    if len(text) > _READ:  # whole words only: half a secret would not be known for one
        text = "".join(text[:_READ].rsplit(None, 1)[:1]) + " …"
    text = _USER.sub(_without_user, text)
    text = _BARE_USER.sub(f"{MARK}@", text)
    for expression in (_SHOWN, _NAMED, _OPTION, _SPOKEN, _LOGIN, _HOOK):
        text = expression.sub(rf"\1{MARK}", text)
    text = _CONTROL.sub(" ", redact(text))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _without_user(found: re.Match[str]) -> str:
    return found.group() if found["user"] is None else f"://{MARK}@{found['rest']}"


def _known() -> list[str]:
    """Return the secrets of the environment, the longest first."""
    found: set[str] = set()
    for key, value in os.environ.items():
        if is_secret(key):
            found.add(value)
        if "://" in value:
            found |= _of_url(value)
    return sorted((one for one in found if len(one) >= _SHORTEST_SECRET), key=len, reverse=True)


def _of_url(url: str) -> set[str]:
    """Return the password that *url* holds, in each of its spellings."""
    try:
        userinfo, at, _ = urlsplit(url).netloc.rpartition("@")
    except ValueError:
        userinfo, at = "", ""
    if not at:  # a password with a slash ends the network location early
        userinfo, at, _ = url.partition("://")[2].rpartition("@")
    user, colon, password = userinfo.partition(":")
    secret = password if colon else user
    return {secret, unquote(secret), unquote_plus(secret)} if at and secret else set()
