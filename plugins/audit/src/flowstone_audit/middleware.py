"""Who asks, in web applications: a pure ASGI middleware, for every framework and for none.

    app = flowstone_audit.AuditMiddleware(app, actor=lambda scope: scope["user"].name, trusted_proxies=["10.0.0.0/8"])

What is logged while a request is answered carries its client, its user agent, its correlation id and its actor.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import replace
from inspect import isawaitable
from typing import Any, Final
from uuid import UUID

from opentelemetry import baggage, context

from flowstone.plugin import CORRELATION_ID, count
from flowstone_audit.actors import Actor, acting, over
from flowstone_audit.clients import Proxies

Scope = MutableMapping[str, Any]
Asgi = Callable[[Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]
Who = Callable[[Scope], Any]
"""From a request's scope to its actor: an id (a text, an int or a UUID), an `Actor`, None where there is none, or an
awaitable of these."""

LOGGER: Final = logging.getLogger("flowstone.audit")
_LONGEST: Final = 128
_USER_AGENT: Final = 1024


class AuditMiddleware:
    """Puts what is known of a request around its handling.

    Where *actor* does not know the actor yet when the request comes in, for the framework authenticates
    further in, it is asked again by each ``log()``, and by each run that begins, unless it is a coroutine
    function. What an `Actor` that it returns says about the client goes before what the request says.

    Args:
        app: The application.
        actor: Asked for the actor, with the request's scope.
        trusted_proxies: Addresses and networks of one's own proxies; only what they say about the client is
            believed. ``unix`` stands for whoever connects through a socket file.
        forwarded: The header in which the proxies say it.
        correlation: The header with the request's correlation id; the response carries it as well.

    Raises:
        ValueError: A proxy is no address or network.
    """

    def __init__(
        self,
        app: Asgi,
        *,
        actor: Who | None = None,
        trusted_proxies: Iterable[str] = (),
        forwarded: str = "x-forwarded-for",
        correlation: str = "x-correlation-id",
    ) -> None:
        self._app = app
        self._who = actor
        self._proxies = Proxies(trusted_proxies)
        self._forwarded = forwarded.lower().encode("latin-1")
        self._correlation = correlation.lower().encode("latin-1")
        self._told: set[type] = set()

    async def __call__(
        self, scope: Scope, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        """Answer a request."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        known = await self._known(scope)
        inside = context.get_current()
        if known.correlation_id is not None:
            inside = baggage.set_baggage(CORRELATION_ID, known.correlation_id, inside)
        token = context.attach(inside)
        try:
            with acting(known):
                await self._app(scope, receive, self._sending(send, known.correlation_id))
        finally:
            context.detach(token)

    async def _known(self, scope: Scope) -> Actor:
        headers: list[tuple[bytes, bytes]] = [
            (name.lower(), value) for name, value in scope.get("headers", ())
        ]
        said = [value.decode("latin-1") for name, value in headers if name == self._forwarded]
        peer = scope.get("client")
        asked = Actor(
            client_ip=self._proxies.client(peer[0] if peer else None, ",".join(said)),
            user_agent=_first(headers, b"user-agent", _USER_AGENT),
            correlation_id=_printable(_first(headers, self._correlation, _LONGEST)),
            who=self._later(scope),
        )
        found = await self._actor(scope)
        return asked if found is None else over(asked, found)

    async def _actor(self, scope: Scope) -> Actor | None:
        if self._who is None:
            return None
        try:
            found = self._who(scope)
            return self._as_actor(await found if isawaitable(found) else found)
        except Exception:  # such as KeyError: the framework has not authenticated yet
            count("audit.actor.unknown")
            return None

    def _later(self, scope: Scope) -> Callable[[], Actor | None] | None:
        who = self._who
        if who is None:
            return None

        def ask() -> Actor | None:
            try:
                found = who(scope)
                if not isawaitable(found):
                    return self._as_actor(found)
                if (close := getattr(found, "close", None)) is not None:
                    close()  # nobody can wait for it here
            except Exception:  # a request must be answered whatever is wrong with the one who asks
                count("audit.actor.unknown")
            return None

        return ask

    def _as_actor(self, found: Any) -> Actor | None:
        given = found if isinstance(found, Actor) else Actor(id=found)
        id = _id(given.id)
        if id is None:
            if given.id is not None and given.id != "":
                self._tell(type(given.id))
            return None
        return replace(
            given,
            id=id,
            user_agent=(given.user_agent or "")[:_USER_AGENT] or None,
            correlation_id=_printable((given.correlation_id or "")[:_LONGEST] or None),
            who=None,
        )

    def _tell(self, kind: type) -> None:
        """Say once of a type that it names nobody; not the value, which may be anything."""
        count("audit.actor.unusable")
        if kind not in self._told:
            self._told.add(kind)
            LOGGER.warning(
                "the actor that AuditMiddleware was told is of type %s, and names nobody:"
                " an id is a text, an int or a UUID",
                kind.__name__,
            )

    def _sending(
        self, send: Callable[[Any], Awaitable[None]], correlation_id: str | None
    ) -> Callable[[Any], Awaitable[None]]:
        if correlation_id is None:
            return send
        header = (self._correlation, correlation_id.encode("ascii"))

        async def sending(message: Any) -> None:
            if message["type"] in {"http.response.start", "websocket.accept"}:
                headers: list[tuple[bytes, bytes]] = list(message.get("headers") or ())
                if all(bytes(name).lower() != header[0] for name, _ in headers):
                    message = {**message, "headers": [*headers, header]}
            await send(message)

        return sending


def _first(headers: list[tuple[bytes, bytes]], name: bytes, longest: int) -> str | None:
    found = next((value for key, value in headers if key == name), b"")
    return found.decode("latin-1")[:longest] or None


def _printable(text: str | None) -> str | None:
    """Return a correlation id; None where it is none: it comes from outside, and goes into every record."""
    return text if text is not None and text.isascii() and text.isprintable() else None


def _id(given: object) -> str | None:
    """Return an actor's id as text; keys of databases are numbers and UUIDs as well."""
    if isinstance(given, (int, UUID)) and not isinstance(given, bool):
        return str(given)
    return given if isinstance(given, str) and given else None
