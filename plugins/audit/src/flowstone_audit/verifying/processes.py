"""Stretches verified by several processes: entries and leaves do not depend on one another, only trees do."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

from flowstone_audit.errors import Unavailable
from flowstone_audit.verifying import stretch
from flowstone_audit.verifying.opened import Target
from flowstone_audit.verifying.pieces import Stretch, Verified
from flowstone_audit.verifying.sealcheck import Base, Trust
from flowstone_audit.verifying.source import Source

_WORKER = "flowstone_audit.verifying.worker"


def one_by_one(source: Source, stretches: Iterable[Stretch], trust: Trust) -> Iterator[Verified]:
    """Verify stretches in this process, each on the tree of the one before."""
    base: Base | None = None
    for one in stretches:
        made = stretch.verify(source, one if base is None else one._replace(base=base), trust)
        yield made
        base = made.after


class Workers:
    """Processes that verify stretches beside this one.

    They are programs of their own, not forks, which would inherit whatever locks threads of this process hold.
    This process verifies as well, from the beginning on, while they start.

    Args:
        target: The database.
        jobs: How many processes, this one counted.
    """

    def __init__(self, target: Target, jobs: int) -> None:
        self._helpers = [_Helper(target) for _ in range(jobs - 1)]
        self._free: SimpleQueue[_Helper] = SimpleQueue()
        for one in self._helpers:
            self._free.put(one)
        self._threads = ThreadPoolExecutor(jobs - 1, "flowstone-verify")

    def verify(self, source: Source, stretches: Iterable[Stretch], trust: Trust) -> Iterator[Verified]:
        """Verify stretches; results come in order.

        Each takes the tree before it from what the last seal says, which the stretch before verifies. Where
        that was not true, the stretch is verified again here, on the true one.

        Raises:
            Unavailable: The database cannot be read, or a process ended.
        """
        before: Base | None = None
        for one, made in self._in_order(source, iter(stretches), trust):
            true = made
            if before is not None and not _same(made.base, before):
                true = stretch.verify(source, one._replace(base=before), trust)
            yield true
            before = true.after

    def _in_order(
        self, source: Source, given: Iterator[Stretch], trust: Trust
    ) -> Iterator[tuple[Stretch, Verified]]:
        """Yield stretches and what came of each; the helpers always have two ahead, and this process takes turns.

        At the end it takes back what no helper has begun, rather than wait for it.
        """
        line: deque[tuple[Stretch, Future[Verified]]] = deque()
        ended = False
        while True:
            while not ended and sum(not future.done() for _, future in line) < 2 * len(self._helpers):
                one = next(given, None)
                ended = one is None
                if one is not None:
                    line.append((one, self._threads.submit(self._ask, one, trust)))
            while line and (line[0][1].done() or len(line) > 16 * len(self._helpers)):
                head, future = line.popleft()
                yield head, future.result()
            one = None if ended else next(given, None)
            if one is not None:
                line.append((one, _done(stretch.verify(source, one, trust))))
                continue
            ended = True
            at = _not_begun(line)
            if at is None:
                yield from ((one, future.result()) for one, future in line)
                return
            line[at] = line[at][0], _done(stretch.verify(source, line[at][0], trust))

    def _ask(self, one: Stretch, trust: Trust) -> Verified:
        helper = self._free.get()
        try:
            return helper.verify(one, trust)
        finally:
            self._free.put(helper)

    def close(self) -> None:
        """End the processes."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for one in self._helpers:
            one.close()


class _Helper:
    """One process, and the pipes to it."""

    def __init__(self, target: Target) -> None:
        command = [sys.executable, "-P", "-m", _WORKER]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603
        self._send(target)

    def verify(self, one: Stretch, trust: Trust) -> Verified:
        """Have a stretch verified.

        Raises:
            Unavailable: The database cannot be read, or the process ended.
        """
        self._send((one, trust))
        assert self._process.stdout is not None
        try:
            answer: Any = pickle.load(self._process.stdout)  # noqa: S301
        except (EOFError, pickle.UnpicklingError) as error:
            raise Unavailable("a process that verifies has ended") from error
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Verified)
        return answer

    def _send(self, what: object) -> None:
        assert self._process.stdin is not None
        try:
            pickle.dump(what, self._process.stdin)
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise Unavailable("a process that verifies has ended") from error

    def close(self) -> None:
        """End it, and wait until it has."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self._process.kill()  # it only reads
        self._process.wait()


def _not_begun(line: deque[tuple[Stretch, Future[Verified]]]) -> int | None:
    """Return the place of a stretch that no helper has begun, and now none will."""
    return next((at for at in reversed(range(len(line))) if line[at][1].cancel()), None)


def _done(made: Verified) -> Future[Verified]:
    future: Future[Verified] = Future()
    future.set_result(made)
    return future


def _same(taken: Base, true: Base) -> bool:
    return taken._replace(time=0, given_up=0) == true._replace(time=0, given_up=0)
