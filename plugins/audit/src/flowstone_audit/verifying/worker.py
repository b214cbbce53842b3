"""A process that verifies stretches: it is told which on its standard input, and answers on its output."""

from __future__ import annotations

import os
import pickle
import sys
from typing import Any

from flowstone_audit.errors import AuditError
from flowstone_audit.verifying import stretch
from flowstone_audit.verifying.opened import open_source
from flowstone_audit.verifying.source import Damaged, Source


def main() -> None:
    """Serve until the input ends, which it does with the process that asks."""
    # What anything else prints must not get among the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    target = pickle.load(sys.stdin.buffer)  # noqa: S301
    source: Source | None = None
    while True:
        try:
            one, trust = pickle.load(sys.stdin.buffer)  # noqa: S301
        except EOFError:
            return
        answer: Any
        try:
            source = source or open_source(target)
            answer = stretch.verify(source, one, trust)
        except (AuditError, Damaged) as error:
            answer = error
        pickle.dump(answer, answers)
        answers.flush()


if __name__ == "__main__":
    main()
