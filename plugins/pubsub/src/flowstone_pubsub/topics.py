"""The topics: how they are called, which ones an event has, what a wildcard covers.

A topic is any text of 1-512 characters. ``*`` and what ends with ``:*`` are wildcards when subscribed to, and no
topics. In ``asset:NAME`` and ``run:ID`` a ``*`` or ``%`` of the name is written ``%2A`` and ``%25``, so that an
asset called ``*`` is no wildcard.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from flowstone.plugin import Event

LIMIT: Final = 512
EVERYTHING: Final = "*"
FALLBACK: Final = "events"
"""The topic of events that have no other."""

_DIGEST: Final = 32
_BY_SUBJECT: Final = {
    "materialization": "materializations",
    "checkpoint": "checkpoints",
    "resource": "health",
    "health": "health",
    "audit": "audit",
    "sensor": "sensors",
}
_OF_ASSETS: Final = frozenset({"materialization", "io"})


def materialization_topic() -> str:
    """Return the topic of all materializations."""
    return "materializations"


def checkpoint_topic() -> str:
    """Return the topic of all checkpoints."""
    return "checkpoints"


def asset_topic(asset: str) -> str:
    """Return the topic of an asset: its materializations, loads and stores."""
    return _named("asset:", asset)


def run_topic(run_id: str) -> str:
    """Return the topic of everything under a run."""
    return _named("run:", run_id)


def name_in(topic: str) -> str:
    """Return the asset's name, run id or whatever else stands behind the topic's prefix, as it was given.

    Names that were too long for a topic come back cut.
    """
    _, colon, name = topic.partition(":")
    return (name if colon else topic).replace("%2A", "*").replace("%25", "%")


def template_of(topic: str) -> str:
    """Return what a topic has in common with others of its kind, for metrics: ``run:{id}`` for ``run:4711``."""
    prefix, colon, _ = topic.partition(":")
    if not colon:
        return topic if topic in _KNOWN else "{topic}"
    return f"{prefix}:{{id}}" if prefix in {"asset", "run"} else "{prefix}:{id}"


_KNOWN: Final = frozenset({*_BY_SUBJECT.values(), FALLBACK, EVERYTHING})


def _named(prefix: str, name: str) -> str:
    if not name.isascii():
        # As events have it: what is no text (lone surrogates) is written out.
        name = name.encode("utf-8", "backslashreplace").decode("utf-8")
    if "%" in name or "*" in name:
        name = name.replace("%", "%25").replace("*", "%2A")
    if len(prefix) + len(name) > LIMIT:
        digest = blake2b(name.encode(), digest_size=_DIGEST // 2).hexdigest()
        name = f"{name[: LIMIT - len(prefix) - _DIGEST - 1]}~{digest}"
    return prefix + name


def topics_of(event: Event) -> tuple[str, ...]:
    """Return the topics that an event has of itself, the broadest first; one at least."""
    key = event.name, getattr(event, "asset", ""), event.run_id
    found = _topics.get(key)
    if found is None:
        if len(_topics) >= _TOPICS_KEPT:
            _topics.clear()
        found = _topics[key] = _topics_of(*key)
    return found


_TOPICS_KEPT: Final = 4096
_topics: Final[dict[tuple[str, str, str], tuple[str, ...]]] = {}


def _topics_of(name: str, asset: object, run_id: str) -> tuple[str, ...]:
    subject, _, _ = name.partition(".")
    found = []
    if subject in _BY_SUBJECT:
        found.append(_BY_SUBJECT[subject])
    if subject in _OF_ASSETS and asset:
        found.append(asset_topic(str(asset)))
    if run_id:
        found.append(run_topic(run_id))
    return tuple(found) or (FALLBACK,)


def is_topic(topic: object) -> bool:
    """Tell whether something may be broadcast to."""
    return isinstance(topic, str) and 0 < len(topic) <= LIMIT and not is_wildcard(topic) and _is_text(topic)


def is_wildcard(topic: str) -> bool:
    """Tell whether a topic that is subscribed to stands for several."""
    return topic == EVERYTHING or topic.endswith(":*")


def checked(topic: object) -> str:
    """Return a topic, or wildcard, to subscribe to.

    Raises:
        ValueError: It is none; the message says why.
    """
    if not isinstance(topic, str) or not 0 < len(topic) <= LIMIT:
        raise ValueError(f"a topic is a text of 1 to {LIMIT} characters, not {str(topic)[:40]!r}")
    if not _is_text(topic):
        raise ValueError("a topic is text that can be written in UTF-8; this one has lone surrogates")
    return topic


def _is_text(topic: str) -> bool:
    if topic.isascii():
        return True
    try:
        topic.encode()
    except UnicodeEncodeError:
        return False
    return True
