"""What is kept of an exception on the caller, and how the drain writes it out."""

from __future__ import annotations

import linecache
from types import CodeType
from typing import Final

from flowstone.catalogue.values import Error, ExceptionKind, Status
from flowstone.runtime import coerce

_MAX_FRAMES: Final = 32
_MAX_CHAIN: Final = 5
_STACK_LIMIT: Final = 16_384


class Failure:
    """An exception as (type, text, code and line pairs), along its chain of causes.

    The exception itself is not kept: its frames would keep the user's data alive.
    """

    __slots__ = ("links",)

    def __init__(self, error: BaseException) -> None:
        self.links: list[tuple[str, str, list[tuple[CodeType, int]]]] = []
        seen: set[int] = set()
        link: BaseException | None = error
        while link is not None and len(self.links) < _MAX_CHAIN and id(link) not in seen:
            seen.add(id(link))
            self.links.append((type_name(link), coerce.text(link), _frames(link)))
            link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)

    def render(self) -> Error:
        """Write the exception out, the traceback in the interpreter's own form."""
        parts: list[str] = []
        for name, message, frames in reversed(self.links):
            lines = ["Traceback (most recent call last):"]
            for code, number in frames:
                lines.append(f'  File "{code.co_filename}", line {number}, in {code.co_qualname}')
                source = linecache.getline(code.co_filename, number).strip()
                if source:
                    lines.append(f"    {source}")
            lines.append(f"{name}: {message}")
            parts.append("\n".join(lines))
        stack = "\n\nThe following exception came of the one above:\n\n".join(parts)
        return Error(type=self.links[0][0], message=self.links[0][1], stack=coerce.text(stack, _STACK_LIMIT))


def _frames(error: BaseException) -> list[tuple[CodeType, int]]:
    frames: list[tuple[CodeType, int]] = []
    tb = error.__traceback__
    while tb is not None:
        frames.append((tb.tb_frame.f_code, tb.tb_lineno))
        tb = tb.tb_next
    return frames if len(frames) <= _MAX_FRAMES else frames[:8] + frames[-(_MAX_FRAMES - 8) :]


def cleaned(error: Error) -> Error:
    """Return an error that a host has told, bounded and without secrets."""
    return Error(
        type=coerce.text(error.type, coerce.NAME_LIMIT),
        message=coerce.text(error.message),
        stack=coerce.text(error.stack, _STACK_LIMIT),
    )


def type_name(error: BaseException) -> str:
    """Return the qualified name of an exception's class; built-in ones without their module."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return coerce.text(name, coerce.NAME_LIMIT)


def outcome(error: BaseException) -> tuple[Status, ExceptionKind]:
    """Return how an operation ended that *error* left.

    CancelledError and KeyboardInterrupt are cancellations; GeneratorExit and ``SystemExit(0)``
    are success; every other exception is a failure.
    """
    if isinstance(error, Exception):
        return "failure", "exception"
    if isinstance(error, GeneratorExit):
        return "success", "exit"
    if isinstance(error, SystemExit):
        return ("success" if not error.code else "failure"), "exit"
    # asyncio.CancelledError is a BaseException; named here without importing asyncio.
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "CancelledError":
        return "cancellation", "cancellation"
    return "failure", "exception"
