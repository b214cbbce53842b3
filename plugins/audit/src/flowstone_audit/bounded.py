"""A connection to PostgreSQL that gives up at a deadline: a server that was stopped answers nothing, not even no."""

from __future__ import annotations

from collections.abc import Generator
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import errors, generators
from psycopg.pq import ExecStatus

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

_INTERVAL_S: Final = 0.1


class Bounded(psycopg.Connection[Any]):
    """psycopg's connection, whose waits end at ``deadline``.

    Attributes:
        deadline: Monotonic seconds; None where waits may last.
        late: Whether a wait was given up; the connection is of no more use then.
        binary: Whether entries can be sent in the binary form; None where nobody has asked.
        prepared: Whether the statement for that is.
    """

    deadline: float | None = None
    late: bool = False
    binary: bool | None = None
    prepared: bool = False

    def wait(self, gen: Any, interval: float = _INTERVAL_S, *args: Any, **named: Any) -> Any:
        """Consume what the driver waits with.

        Raises:
            psycopg.OperationalError: The deadline has passed.
        """
        if self.deadline is None:
            return super().wait(gen, interval, *args, **named)
        return super().wait(self._until(gen, self.deadline), interval, *args, **named)

    def _until(self, gen: Any, deadline: float) -> Generator[Any, Any, Any]:
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and monotonic() >= deadline:  # the driver looks up every interval
                    self.late = True
                    raise psycopg.OperationalError("the server did not answer in time")
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value

    def asked(self, send: str, *args: Any) -> PGresult:
        """Send by a method of libpq, past cursors, and return the one answer.

        Raises:
            psycopg.Error: The server refused, or did not answer before the deadline.
        """
        with self.lock:
            getattr(self.pgconn, send)(*args)
            result: PGresult = self.wait(generators.execute(self.pgconn))[0]
        if result.status not in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
            raise errors.error_from_result(result, encoding=self.info.encoding)
        return result
