"""Who acts: what `log()` takes for granted inside of a block, by context variable.

Tasks of asyncio inherit it. A thread does not, as with every context variable: run its target by
``contextvars.copy_context().run``, or enter `actor` inside of it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ContextDecorator
from contextvars import ContextVar, Token
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Final, Literal, get_args

from flowstone.plugin import root_attributes

ActorType = Literal["system", "user", "api"]
ACTOR_TYPES: Final[tuple[str, ...]] = get_args(ActorType)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts, from where and with what; None is what is not known.

    Attributes:
        id: The actor's id; best an opaque one, for it is hashed and cannot be erased.
        type: ``system``, ``user`` or ``api``.
        client_ip: Where the request came from.
        user_agent: With what.
        correlation_id: Finds what belongs to the request.
        who: Asked for the actor where *id* is not known yet, such as before a framework authenticates.
    """

    id: str | None = None
    type: str = "user"
    client_ip: str | None = None
    user_agent: str | None = None
    correlation_id: str | None = None
    who: Callable[[], Actor | None] | None = None


NOBODY: Final = Actor()
_current: ContextVar[Actor] = ContextVar("flowstone_audit_actor", default=NOBODY)


def current() -> Actor:
    """Return what is known of the actor here; `NOBODY` outside of every block."""
    found = _current.get()
    if found.id is None and found.who is not None:
        late = found.who()
        if late is not None:
            return replace(found, id=late.id, type=late.type)
    return found


class actor(ContextDecorator):  # noqa: N801 - users write it as a word, as they do flowstone.run
    """Name who acts in a block, or in a function that it decorates.

    What is left out is taken from the block around it. Runs that begin inside, and events without a
    run, carry the actor as well: attribute ``user.id``, for other types than ``user``
    ``flowstone.actor.id`` and ``flowstone.actor.type``.

    Args:
        id: The actor's id.
        type: ``system``, ``user`` or ``api``.
        client_ip: Where the request came from.
        user_agent: With what.
        correlation_id: Finds what belongs together; where it is left out, that of the operation around.

    Raises:
        ValueError: *id* is empty, or *type* is none of the three.
    """

    def __init__(
        self,
        id: str,
        *,
        type: ActorType = "user",  # noqa: A002 - the face calls it so
        client_ip: str | None = None,
        user_agent: str | None = None,
        correlation_id: str | None = None,
    ) -> None:
        if not isinstance(id, str) or not id:
            raise ValueError(f"an actor's id is a text that is not empty, not {id!r}")
        if type not in ACTOR_TYPES:
            raise ValueError(f"an actor's type is one of {', '.join(ACTOR_TYPES)}, not {type!r}")
        self._given = Actor(
            id=id, type=type, client_ip=client_ip, user_agent=user_agent, correlation_id=correlation_id
        )
        self._entered: list[acting] = []

    def __enter__(self) -> Actor:
        block = acting(self._given)
        self._entered.append(block)
        return block.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._entered.pop().__exit__(kind, error, traceback)


class acting:  # noqa: N801 - as actor
    """The block of `actor` for an `Actor` that is at hand; of one use."""

    def __init__(self, given: Actor) -> None:
        self._given = given
        self._token: Token[Actor] | None = None
        self._attributes: AbstractContextManager[None] | None = None

    def __enter__(self) -> Actor:
        outer, given = _current.get(), self._given
        inside = replace(
            given,
            client_ip=given.client_ip or outer.client_ip,
            user_agent=given.user_agent or outer.user_agent,
            correlation_id=given.correlation_id or outer.correlation_id,
        )
        self._token = _current.set(inside)
        if inside.id is not None:
            self._attributes = root_attributes(attributes_of(inside))
            self._attributes.__enter__()
        return inside

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._attributes is not None:
            self._attributes.__exit__(kind, error, traceback)
        if self._token is not None:
            _current.reset(self._token)


def attributes_of(given: Actor) -> dict[str, str]:
    """Return the attributes by which events tell an actor; the client stays out of them."""
    if given.id is None:
        return {}
    if given.type == "user":
        return {"user.id": given.id}
    return {"flowstone.actor.id": given.id, "flowstone.actor.type": given.type}
