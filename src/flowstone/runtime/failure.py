"""What is kept of an exception on the caller, and how the drain writes it out."""

from __future__ import annotations

import linecache
from types import CodeType
from typing import Final, NamedTuple

from flowstone.catalogue.values import Error, ExceptionKind, Status
from flowstone.runtime import coerce

_MAX_FRAMES: Final = 32
_MAX_CHAIN: Final = 5
_MAX_BELOW: Final = 8  # notes, and exceptions of a group
_MAX_DEPTH: Final = 3
_STACK_LIMIT: Final = 16_384


class _Link(NamedTuple):
    """One exception of a chain.

    Attributes:
        type: Its class.
        text: What it says, the exceptions of a group included.
        frames: Where it came along: code and line.
        below: Its notes, and the exceptions of a group, written out.
    """

    type: str
    text: str
    frames: list[tuple[CodeType, int]]
    below: str


class Failure:
    """An exception as types, texts, code and lines, along its chain of causes.

    The exception itself is not kept: its frames would keep the user's data alive.
    """

    __slots__ = ("links",)

    def __init__(self, error: BaseException, depth: int = 0) -> None:
        self.links: list[_Link] = []
        seen: set[int] = set()
        link: BaseException | None = error
        while link is not None and len(self.links) < _MAX_CHAIN and id(link) not in seen:
            seen.add(id(link))
            text, below = _told(link, depth)
            self.links.append(_Link(type_name(link), text, _frames(link), below))
            link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)

    def render(self) -> Error:
        """Write the exception out, the traceback in the interpreter's own form."""
        parts: list[str] = []
        for name, message, frames, below in reversed(self.links):
            lines = ["Traceback (most recent call last):"]
            for code, number in frames:
                lines.append(f'  File "{code.co_filename}", line {number}, in {code.co_qualname}')
                source = linecache.getline(code.co_filename, number).strip()
                if source:
                    lines.append(f"    {source}")
            lines.append(f"{name}: {message}{below}")
            parts.append("\n".join(lines))
        stack = "\n\nThe following exception came of the one above:\n\n".join(parts)
        return Error(type=self.links[0][0], message=self.links[0][1], stack=coerce.text(stack, _STACK_LIMIT))


def _told(error: BaseException, depth: int) -> tuple[str, str]:
    """Return what *error* says, and what is to stand below it in the traceback."""
    text = coerce.text(error)
    notes = getattr(error, "__notes__", None)
    below = [coerce.text(note) for note in notes[:_MAX_BELOW]] if isinstance(notes, list) else []
    if isinstance(error, BaseExceptionGroup):
        parts = error.exceptions[:_MAX_BELOW]
        text = coerce.text(f"{text}: {'; '.join(f'{type_name(one)}: {coerce.text(one)}' for one in parts)}")
        if depth < _MAX_DEPTH:
            below += [f"[{n}] {Failure(one, depth + 1).render().stack}" for n, one in enumerate(parts, 1)]
    return text, "".join(f"\n{part}" for part in below)


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
