"""Who acts: what `log()` takes for granted inside of a block, by context variable.

Tasks of asyncio inherit it. A thread does not, as with every context variable: run its target by
``contextvars.copy_context().run``, or enter `actor` inside of it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Final, Literal, NamedTuple, Self, TypeVar, get_args

from opentelemetry import context as otel
from opentelemetry.context import Context

from flowstone.plugin import decorate, get_context, root_attributes

F = TypeVar("F", bound=Callable[..., Any])

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


class _Entered(NamedTuple):
    """A block that is entered here."""

    by: object
    actor: Actor
    attributes: root_attributes | None


_entered: ContextVar[tuple[_Entered, ...]] = ContextVar("flowstone_audit_actors", default=())
"""The blocks around, the innermost last. Never reset by token, so that a block may be left in any context."""


def current() -> Actor:
    """Return what is known of the actor here; `NOBODY` outside of every block."""
    blocks = _entered.get()
    return _known(blocks[-1].actor) if blocks else NOBODY


def _known(found: Actor) -> Actor:
    if found.id is not None or found.who is None:
        return found
    blocks = _entered.get()
    # Whoever is asked may log as well, and must not be asked again by that.
    _entered.set((*blocks, _Entered(found, replace(found, who=None), None)))
    try:
        late = found.who()
    finally:
        _entered.set(blocks)
    return found if late is None else over(found, late)


def over(below: Actor, given: Actor) -> Actor:
    """Return *given* with what it leaves out of the client taken from *below*."""
    return replace(
        given,
        client_ip=given.client_ip or below.client_ip,
        user_agent=given.user_agent or below.user_agent,
        correlation_id=given.correlation_id or below.correlation_id,
    )


class acting:  # noqa: N801 - as actor
    """The block of `actor` for an `Actor` that is at hand; may be entered often, and in several contexts at once."""

    timed = False

    def __init__(self, given: Actor) -> None:
        self._given = given

    def __enter__(self) -> Actor:
        blocks = _entered.get()
        inside = over(blocks[-1].actor if blocks else NOBODY, self._given)
        attributes = None
        if inside.id is not None:
            attributes = root_attributes(attributes_of(inside))
        elif inside.who is not None:
            attributes = root_attributes(lambda: attributes_of(_known(inside)))
        _entered.set((*blocks, _Entered(self, inside, attributes)))
        if attributes is not None:
            attributes.__enter__()
        return inside

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        blocks = _entered.get()
        for at in reversed(range(len(blocks))):
            if blocks[at].by is self:
                _entered.set((*blocks[:at], *blocks[at + 1 :]))
                if (attributes := blocks[at].attributes) is not None:
                    attributes.__exit__(kind, error, traceback)
                return

    def begin(self) -> Self:
        """Do nothing: a generator acts during its steps."""
        return self

    def finish(self, error: BaseException | None = None) -> None:
        """Do nothing either."""


class _Steps:
    """The block of a generator: there during its steps only, and then with what the generator has entered itself."""

    def __init__(self, block: acting) -> None:
        self._block = block
        self._inside: tuple[tuple[_Entered, ...], Context] | None = None

    def __enter__(self) -> None:
        self._outside = _entered.get()
        if self._inside is None:
            self._token = otel.attach(get_context())
            self._block.__enter__()
        else:
            _entered.set(self._inside[0])
            self._token = otel.attach(self._inside[1])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._inside = _entered.get(), get_context()
        _entered.set(self._outside)
        otel.detach(self._token)


class actor(acting):  # noqa: N801 - users write it as a word, as they do flowstone.run
    """Name who acts in a block, or in a function that it decorates.

    What is left out is taken from the block around. Runs that begin inside, and events without a
    run, carry the actor as well: attribute ``user.id``, for other types than ``user``
    ``flowstone.actor.id`` and ``flowstone.actor.type``.

    One object may be shared by threads and tasks. Coroutine functions and generators are decorated
    as functions are; a generator acts during its steps, and not in its caller between them.

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
        super().__init__(
            Actor(
                id=id,
                type=type,
                client_ip=client_ip,
                user_agent=user_agent,
                correlation_id=correlation_id,
            )
        )

    def __call__(self, function: F) -> F:
        """Decorate *function*: in each call, or each iteration of a generator, this actor acts."""
        return decorate(function, lambda: acting(self._given), _Steps)


def attributes_of(given: Actor) -> dict[str, str | None]:
    """Return the attributes by which events tell an actor, those of other types taken away; the client stays out."""
    if given.id is None:
        return {}
    if given.type == "user":
        return {"user.id": given.id, "flowstone.actor.id": None, "flowstone.actor.type": None}
    return {"user.id": None, "flowstone.actor.id": given.id, "flowstone.actor.type": given.type}
