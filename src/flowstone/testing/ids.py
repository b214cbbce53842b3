"""Ids that count."""

from __future__ import annotations

import itertools
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from flowstone.runtime import identity, running
from flowstone.testing.seams import replaced


class CountingIds:
    """Trace ids 1, 2, 3, ..., span ids 1, 2, 3, ... and run ids 1, 2, 3, ... in the order of their making.

    As a context manager it takes the place of flowstone's generator. Ids that are given by a host
    or a user, or derived from them, stay what they are.
    """

    def __init__(self) -> None:
        self._traces = itertools.count(1)
        self._spans = itertools.count(1)
        self._runs = itertools.count(1)
        self._blocks = ExitStack()

    def new_trace_id(self) -> int:
        """Return the next trace id."""
        return next(self._traces)

    def random_bits(self, bits: int) -> int:
        """Return the next span id, in the place of *bits* random bits."""
        return next(self._spans)

    def _run_bits(self, bits: int) -> int:
        return next(self._runs)

    def __enter__(self) -> Self:
        bits, trace_id = identity.random_bits, identity.new_trace_id
        self._blocks.enter_context(
            replaced({"random_bits": (bits, self.random_bits), "new_trace_id": (trace_id, self.new_trace_id)})
        )
        running.__dict__["random_bits"] = self._run_bits  # put back with the others
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._blocks.close()
