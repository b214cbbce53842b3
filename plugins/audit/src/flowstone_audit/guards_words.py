"""What a constraint or index says, word by word, for PostgreSQL does not keep the text that it was made by.

It writes its own: more parentheses, the type behind each text, ``= ANY (ARRAY[...])`` for ``IN (...)``. What
is not PostgreSQL's own it names with its schema, as long as that is not on the search_path.
"""

from __future__ import annotations

import re
from typing import Final

_WORD: Final = re.compile(r"('(?:[^']|'')*')(?:::text\b(?!\[))?|[^\s\w()\[\],'\"]+|[\w.]+|\"[^\"]*\"|[\[\],]")
_LIST: Final = ["=", "ANY", "ARRAY", "["]


def said(text: str) -> list[str]:
    """Return the words, numbers and operators of a condition, the same for each way to write it."""
    words = [found[1] or found[0] for found in _WORD.finditer(text)]
    made: list[str] = []
    while words:
        if words[: len(_LIST)] == _LIST:
            made.append("IN")
            del words[: len(_LIST)]
            continue
        if words[0] != "]":
            made.append(words[0])
        del words[0]
    return made
