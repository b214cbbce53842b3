"""One stem, four spellings: event class, event name, hook and heading, each derived from another by rule.

``MaterializationStart`` · ``materialization.start`` · ``on_materialization_start``.
A name is ``subject.verb``; the subject may itself be dotted (``io.load``), a verb of several
words joins them with ``_`` (``resource.health_check``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

PREFIX = "flowstone."
_WORD = re.compile(r"[A-Z][a-z0-9]*")
_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")


def name_of_class(class_name: str, subject: str) -> str:
    """Return the event name of a class called *class_name* whose subject is *subject*.

    Raises:
        ValueError: The class name does not begin with the subject's words, or has no verb.
    """
    words = [word.lower() for word in _WORD.findall(class_name)]
    subject_words = re.split(r"[._]", subject)
    verb = words[len(subject_words) :]
    if words[: len(subject_words)] != subject_words or not verb:
        raise ValueError(
            f"event class {class_name!r} must be called {class_of_name(subject)}<Verb>: "
            f"its name has to begin with the words of its subject {subject!r}"
        )
    return f"{subject}.{'_'.join(verb)}"


def class_of_name(name: str) -> str:
    """Return the class name that belongs to the event *name*."""
    return "".join(word.capitalize() for word in re.split(r"[._]", name))


def hook_of_name(name: str) -> str:
    """Return the hook name that belongs to the event *name*."""
    return "on_" + name.replace(".", "_")


def is_name(name: str) -> bool:
    """Tell whether *name* is a well-formed event name."""
    return _NAME.fullmatch(name) is not None


def normalise(name: str | Sequence[str]) -> str:
    """Return the canonical event name for any accepted spelling.

    Accepted are ``"io.load.start"``, ``"flowstone.io.load.start"`` and sequences such as
    ``["flowstone", "io", "load", "start"]``.
    """
    text = name if isinstance(name, str) else ".".join(str(part) for part in name)
    return text.removeprefix(PREFIX)
