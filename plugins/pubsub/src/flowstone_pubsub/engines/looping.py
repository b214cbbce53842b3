"""An asyncio loop in a thread of its own, for clients that know no other way; harmless to a forked child."""

from __future__ import annotations

import asyncio
import os
import selectors
import threading
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Overdue
from typing import Any, Final, TypeVar

T = TypeVar("T")
_END_WAIT_S: Final = 3.0
_loops: Final[weakref.WeakSet[LoopThread]] = weakref.WeakSet()
_inherited: Final[list[LoopThread]] = []


class LoopThread:
    """A loop that runs until it is stopped.

    It waits by ``poll``: an ``epoll`` would be shared with forked children, and what a child takes out of it when it
    tidies up would be gone for the parent, too.
    """

    def __init__(self, name: str) -> None:
        self.loop = asyncio.SelectorEventLoop(_selector())
        self.loop.set_exception_handler(_ignore)
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()
        _loops.add(self)

    def _work(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
            left = asyncio.all_tasks(self.loop)
            for task in left:
                task.cancel()
            self.loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        finally:
            asyncio.set_event_loop(None)
            self.loop.close()

    @property
    def is_current(self) -> bool:
        """Whether the caller runs in this very loop's thread."""
        return threading.current_thread() is self._thread

    def run(self, work: Coroutine[Any, Any, T], timeout: float) -> T:
        """Run *work* in the loop and return its result.

        Raises:
            TimeoutError: It took longer than *timeout* seconds, and was cancelled.
        """
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return future.result(timeout)
        except Overdue:
            future.cancel()
            raise

    def soon(self, work: Callable[[], object]) -> None:
        """Have *work* called in the loop, if it still runs."""
        try:
            self.loop.call_soon_threadsafe(work)
        except RuntimeError:  # it was closed
            return

    def stop(self) -> None:
        """Cancel what runs in it, and end it; not waited for where the caller is the loop's own thread."""
        self.soon(self.loop.stop)
        if not self.is_current:
            self._thread.join(_END_WAIT_S)

    def inherited(self) -> None:
        """Be left alone in a forked child, where its thread does not run: nothing is closed, nothing reported."""
        for task in asyncio.all_tasks(self.loop):
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # what asyncio.gather does, too
        self.loop.close = _nothing  # type: ignore[method-assign]
        _inherited.append(self)


def _selector() -> selectors.BaseSelector:
    return selectors.PollSelector() if hasattr(selectors, "PollSelector") else selectors.SelectSelector()


def _ignore(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Say nothing of what a client's background task met: the next use of the connection tells it."""


def _nothing() -> None:
    """Do nothing."""


def _leave_alone() -> None:
    for one in tuple(_loops):
        one.inherited()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_alone)
