"""One entry into PostgreSQL in the protocol's own binary form.

psycopg looks at each of 24 values anew to find out what to make of it, and that takes longer than all else that
`log` does here. What they are is known; so one prepared statement is sent past its cursors, which is one journey.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from flowstone_audit.row import Row

if TYPE_CHECKING:
    from flowstone_audit.bounded import Bounded

_TEXT: Final = 25
_TYPES: Final = {
    "v": 21,
    "id": 2950,
    "ordinal": 20,
    "occurred_at": 1184,
    "nonce": 17,
    "commitment": 17,
    "row_hash": 17,
}
"""Object ids of the columns' types; PostgreSQL's own never change."""

TYPES: Final = tuple(_TYPES.get(name, _TEXT) for name in Row._fields)
STATEMENT: Final = (
    f"INSERT INTO flowstone_audit_log ({', '.join(Row._fields)})"  # noqa: S608
    f" VALUES ({', '.join(f'${number}' for number in range(1, len(Row._fields) + 1))})"
    " ON CONFLICT (id) DO NOTHING RETURNING seq, inserted_at"
).encode()

_NAME: Final = b"flowstone_audit_one"
_BINARY: Final = 1
_FORMATS: Final = (_BINARY,) * len(Row._fields)
_SMALL: Final = Struct(">h").pack
_LARGE: Final = Struct(">q")
_V, _ORDINAL, _OCCURRED = map(Row._fields.index, ("v", "ordinal", "occurred_at"))
_EPOCH_US: Final = 946_684_800_000_000
"""Unix microseconds of PostgreSQL's own beginning of time, 2000-01-01 UTC."""


def values_of(row: Row) -> list[bytes | None]:
    """Return the parameters of a row, each as the server keeps it."""
    made: list[Any] = [one.encode() if type(one) is str else one for one in row]
    made[_V] = _SMALL(row.v)
    made[_ORDINAL] = _LARGE.pack(row.ordinal)
    made[_OCCURRED] = _LARGE.pack(row.occurred_at - _EPOCH_US)
    return made


class Executor:
    """Runs the statements of a transaction, and entries one by one in the binary form.

    Args:
        driver: The connection.
    """

    __slots__ = ("_driver",)

    def __init__(self, driver: Bounded) -> None:
        self._driver = driver

    def __call__(self, statement: str, values: Any) -> Any:
        """Run a statement; return its cursor."""
        if type(values) is not list:
            return self._driver.execute(statement, values)
        cursor = self._driver.cursor()
        cursor.executemany(statement, values)
        return cursor

    @property
    def is_binary(self) -> bool:
        """Tell whether this connection can: texts have to be UTF-8, and statements to be prepared.

        Behind some poolers they must not be; ``prepare_threshold`` says so, as psycopg has it.
        """
        driver = self._driver
        if driver.binary is None:
            driver.binary = driver.prepare_threshold is not None and driver.info.encoding == "utf-8"
        return driver.binary

    def insert(self, row: Row) -> tuple[int, int] | None:
        """Insert *row*; return ``seq`` and ``inserted_at`` (Unix microseconds), None where it is not new.

        Raises:
            psycopg.Error: The database refused or did not answer in time.
        """
        driver = self._driver
        if not driver.prepared:
            driver.asked("send_prepare", _NAME, STATEMENT, TYPES)
            driver.prepared = True
        result = driver.asked("send_query_prepared", _NAME, values_of(row), _FORMATS, _BINARY)
        if not result.ntuples:
            return None
        seq, moment = (result.get_value(0, column) or b"" for column in range(2))
        return _LARGE.unpack(seq)[0], _LARGE.unpack(moment)[0] + _EPOCH_US
