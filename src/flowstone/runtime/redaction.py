"""Secrets stay in: what counts as one, by the key it stands under and by what it looks like.

Part of making values clean, so that nothing leaves the process without it. Decisions on keys are
kept; values are searched only where they are strings, and thoroughly only where a quick look
finds something that secrets begin with.
"""

from __future__ import annotations

import re
from typing import Final

from flowstone.runtime.mistakes import mistaken
from flowstone.runtime.settings import settings
from flowstone.runtime.stats import count

MARK: Final = "[redacted]"

_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET_KEY: Final = re.compile(
    r"(?:^|_)(?:passwords?|passwds?|pwd|passphrases?|secrets?|credentials?|authorization|cookies?|dsn"
    r"|connection_(?:string|url|uri)|(?:private|api|access|account|encryption|signing|ssh)_?keys?)(?:_|$)"
    r"|(?:^|_)(?:token|bearer|jwt|apikey)$"
)
_GITHUB: Final = re.compile("gh[oprsu]_")
_KEY_WORD: Final = (
    r"(?:passw(?:or)?d|passwd|pwd|passphrase|secret|credential|authorization|api[_-]?key|access[_-]?key"
    r"|private[_-]?key|account[_-]?key|token)"
)
_SCHEME: Final = "(?:basic|bearer|digest|negotiate|token)"
_PEM: Final = "-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----"
_BEARER: Final = r"(?<=[Bb]earer )[^\s'\",;]{8,}"
# Both take time that grows with the text, not with its square, whatever the text: no part may scan ahead from
# each of many places to the same end. They run with the interpreter held, so all threads would stand still.
_SECRET_NAMED: Final = re.compile(
    "(?i:"
    # an Authorization header: the scheme may be seen, what follows it may not
    rf"authorization['\"]?\s*[:=]\s*['\"]?{_SCHEME}\s+(?P<credentials>[^\s'\",;]+)"
    # password=..., "api_key": "...", and the like, as they stand in texts and in source lines
    rf"|{_KEY_WORD}[\w-]{{0,64}}+['\"]?\s*[:=]\s*['\"]?(?!{_PEM})(?P<held>[^\s'\",;&}}\])]+)"
    rf")|(?P<shown>{_BEARER})"  # here too: in `token: Bearer ...` the word before it goes
)
_SECRET_VALUE: Final = re.compile(
    "|".join(
        (
            rf"{_PEM}[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
            r"(?<=://)[^/\s:@'\"]*:[^/\s@'\"]+(?=@)",  # user and password of a URL
            r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
            # a JSON web token, with what it hangs on: one try for each run of its characters
            r"(?<![\w-])(?>(?:\w*+-)*?eyJ)[\w-]++\.[\w-]++\.[\w-]+",
            r"\b(?:gh[oprsu]_|github_pat_|glpat-)\w{16,}",
            r"\bxox[abprs]-[\w-]{8,}",
            r"\bsk-[\w-]{16,}",
            _BEARER,
        )
    )
)
_KEPT: Final = 4096
_EVERYTHING: Final = re.compile(r"[\s\S]+")
_ALL: Final = {"REDACT_KEYS": "what stands under any key", "REDACT_VALUES": "every text"}


class _Decisions(dict[str, bool]):
    """Which keys name secrets, decided when a key is first seen."""

    def __missing__(self, key: str) -> bool:
        if len(self) >= _KEPT:
            self.clear()
        plain = "_".join(_WORDS.findall(key)).lower()
        own = _own("REDACT_KEYS")
        made = self[key] = bool(_SECRET_KEY.search(plain) or (own is not None and own.search(key)))
        return made


def _own(setting: str) -> re.Pattern[str] | None:
    """Return the user's own expression; one that finds everything where theirs cannot be used.

    Nobody knows then what it was to find, and a secret that got out is out.
    """
    given = settings().get(setting)
    if given:
        try:
            return re.compile(given, re.IGNORECASE)
        except (re.error, OverflowError, RecursionError) as error:
            name = settings().name(setting)
            mistaken(name, f"{name} is no regular expression, so {_ALL[setting]} is redacted: {error}")
            return _EVERYTHING
    return _EVERYTHING if settings().is_hidden(setting) else None


_decisions: Final = _Decisions()
_own_values: list[re.Pattern[str] | None] = []


def is_secret(key: str) -> bool:
    """Tell whether what stands under *key* is a secret: ``db_password``, ``apiKey``, ``access.token``, ..."""
    return _decisions[key]


def redact(text: str) -> str:
    """Return *text* with what looks like a secret replaced by ``[redacted]``."""
    if _is_suspect(text):
        if "=" in text or ":" in text:  # first: a name may itself look like a secret, and its value is one
            text = _SECRET_NAMED.sub(_replace, text)
        text = _SECRET_VALUE.sub(_redacted, text)
    if not _own_values:
        _own_values.append(_own("REDACT_VALUES"))
    own = _own_values[0]
    if own is not None and own.search(text) is not None:
        count("value.redacted")
        text = own.sub(MARK, text)
    return text


def _is_suspect(text: str) -> bool:
    """Tell whether *text* has what secrets begin with; three to eight times faster than one expression for all."""
    return (
        "=" in text
        or ":" in text
        or ("-" in text and ("sk-" in text or "glpat-" in text or "-----BEGIN" in text))
        or ("_" in text and ("github_pat_" in text or _GITHUB.search(text) is not None))
        or "eyJ" in text
        or "xox" in text
        or "AKIA" in text
        or "ASIA" in text
        or "earer " in text
    )


def _replace(found: re.Match[str]) -> str:
    held = found.group(str(found.lastgroup))
    if held == MARK.rstrip("]"):
        return found.group()  # redacted before
    count("value.redacted")
    return found.group()[: -len(held)] + MARK


def _redacted(found: re.Match[str]) -> str:
    count("value.redacted")
    return MARK


def forget() -> None:
    """Read the settings again when next needed. For tests."""
    _decisions.clear()
    _own_values.clear()
