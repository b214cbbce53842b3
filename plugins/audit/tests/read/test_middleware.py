"""The ASGI middleware, driven by bare messages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

import flowstone
import flowstone_audit
from flowstone.plugin import stats
from flowstone_audit import actors, queries
from flowstone_audit.actors import Actor

HEADERS = [
    (b"X-Forwarded-For", b"6.6.6.6, 198.51.100.1"),
    (b"user-agent", b"curl/8"),
    (b"x-correlation-id", b"request-1"),
]


def scope(**more: Any) -> dict[str, Any]:
    return {"type": "http", "client": ("10.0.0.1", 4711), "headers": HEADERS, **more}


def ask(given: dict[str, Any], handle: Callable[[dict[str, Any]], Any], **options: Any) -> list[Any]:
    """Send a request through the middleware; return what it sent back."""
    sent: list[Any] = []

    async def app(inner: Any, receive: Any, send: Any) -> None:
        handle(inner)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(flowstone_audit.AuditMiddleware(app, **options)(given, receive, send))
    return sent


def test_what_is_logged_in_a_request_carries_it(audit: str) -> None:
    """Client, user agent, actor and correlation id are the request's; the response has the correlation id."""
    logged: list[Any] = []
    sent = ask(
        scope(user="ann"),
        lambda _: logged.append(flowstone_audit.log("a.b")),
        actor=lambda given: given["user"],
        trusted_proxies=["10.0.0.0/8"],
    )
    (entry,) = logged
    assert ("ann", "user", "198.51.100.1", "curl/8", "request-1") == (
        entry.actor_id, entry.actor_type, entry.client_ip, entry.user_agent, entry.correlation_id
    )  # fmt: skip
    assert [(b"a", b"b"), (b"x-correlation-id", b"request-1")] == sent[0]["headers"]
    assert actors.NOBODY == actors.current()


def test_an_actor_that_is_known_later_is_asked_for_later() -> None:
    """Where the framework authenticates further in, the actor is known from then on."""
    seen: list[str | None] = []

    def handle(given: dict[str, Any]) -> None:
        seen.append(actors.current().id)
        given["user"] = "ann"
        seen.append(actors.current().id)

    ask(scope(), handle, actor=lambda given: given["user"])
    assert [None, "ann"] == seen


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ("ann", ("ann", "user")),
        (Actor(id="k1", type="api"), ("k1", "api")),
        (7, ("7", "user")),
        (0, ("0", "user")),
        (UUID(int=1), ("00000000-0000-0000-0000-000000000001", "user")),
        (Actor(id=7, type="api"), ("7", "api")),  # type: ignore[arg-type]
        (None, (None, "user")),
        ("", (None, "user")),
        (True, (None, "user")),
        (7.5, (None, "user")),
        (Actor(id="ann", user_agent=7), (None, "user")),  # type: ignore[arg-type]
    ],
)
def test_the_callable_may_give_what_it_has(found: Any, expected: tuple[str | None, str]) -> None:
    """A text, a number, a UUID, an Actor, nothing, or an awaitable of these; anything else is nobody."""

    async def later(_: Any) -> Any:
        return found

    for who in (lambda _: found, later):
        seen: list[Actor] = []
        ask(scope(), lambda _, seen=seen: seen.append(actors.current()), actor=who)  # type: ignore[misc]
        assert expected == (seen[0].id, seen[0].type)


@pytest.mark.parametrize("late", [False, True])
def test_what_an_actor_says_of_its_client_goes_first(late: bool) -> None:
    """At once and later: what the Actor gives is taken, the rest is the request's."""
    seen: list[Actor] = []

    def handle(given: dict[str, Any]) -> None:
        given["user"] = Actor(id="ann", client_ip="192.0.2.7", correlation_id="ticket-1")
        seen.append(actors.current())

    before = {} if late else {"user": Actor(id="ann", client_ip="192.0.2.7", correlation_id="ticket-1")}
    sent = ask(scope(**before), handle, actor=lambda given: given["user"])
    assert ("ann", "192.0.2.7", "curl/8", "ticket-1") == (
        seen[0].id, seen[0].client_ip, seen[0].user_agent, seen[0].correlation_id
    )  # fmt: skip
    assert (b"x-correlation-id", b"request-1" if late else b"ticket-1") == sent[0]["headers"][-1]


def test_what_names_nobody_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """An id of another type is counted each time, and told of once, without its value."""
    before = stats().get("audit.actor.unusable", 0)
    ask(scope(), lambda _: (actors.current(), actors.current()), actor=lambda _: b"secret")
    assert 3 == stats()["audit.actor.unusable"] - before
    (told,) = [record.getMessage() for record in caplog.records if record.name == "flowstone.audit"]
    assert "bytes" in told
    assert "secret" not in told


def test_a_callable_that_raises_does_not_break_the_request() -> None:
    """The request is answered, by nobody."""

    def fail(_: Any) -> str:
        raise RuntimeError("session store is down")

    async def fail_later(_: Any) -> str:
        raise RuntimeError("session store is down")

    for who in (fail, fail_later):
        seen: list[str | None] = []
        assert 1 == len(ask(scope(), lambda _, seen=seen: seen.append(actors.current().id), actor=who))  # type: ignore[misc]
        assert [None] == seen


def test_hostile_headers_do_not_pass() -> None:
    """A correlation id with control characters is none; a user agent is cut; nothing breaks."""
    headers = [(b"x-correlation-id", b"a\x1b[2Jb"), (b"user-agent", b"\xff" * 5000)]
    seen: list[Actor] = []
    sent = ask(scope(headers=headers), lambda _: seen.append(actors.current()))
    assert (None, "ÿ" * 1024, "10.0.0.1") == (seen[0].correlation_id, seen[0].user_agent, seen[0].client_ip)
    assert [(b"a", b"b")] == sent[0]["headers"]


def test_runs_in_a_request_have_its_correlation_id_and_actor(audit: str) -> None:
    """A run begun while a request is answered is found by the request's correlation id."""

    def handle(_: Any) -> None:
        with flowstone.run("export"):
            pass

    ask(scope(), handle, actor=lambda _: "ann")
    assert flowstone.flush(5.0)
    assert [("run.start", "user", "ann"), ("run.stop", "user", "ann")] == [
        (entry.event_type, entry.actor_type, entry.actor_id)
        for entry in queries.entries(correlation_id="request-1").entries
    ]


def test_runs_in_a_request_have_the_actor_that_is_known_later(audit: str) -> None:
    """A run begun after authentication further in is audited as that user's, from its start to its stop."""

    def handle(given: dict[str, Any]) -> None:
        with flowstone.run("early"):
            given["user"] = "ann"
        with flowstone.run("export"):
            pass
        flowstone.checkpoint("publish").request().approve()

    ask(scope(), handle, actor=lambda given: given["user"])
    assert flowstone.flush(5.0)
    nobody, ann = ("system", "python/early"), ("user", "ann")
    assert [nobody, nobody, ann, ann, ann, ann] == [
        (entry.actor_type, entry.actor_id) for entry in queries.entries(correlation_id="request-1").entries
    ]


def test_who_is_asked_may_use_flowstone_itself(audit: str) -> None:
    """A callable that begins a run and logs by itself is asked by these once more at most, not for ever."""
    asked: list[str | None] = []

    def who(given: dict[str, Any]) -> Any:
        asked.append(given.get("user"))
        with flowstone.run("look-up"):
            flowstone_audit.log("user.looked_up", actor_id="gate", actor_type="system")
        return given.get("user")

    def handle(given: dict[str, Any]) -> None:
        given["user"] = "ann"
        with flowstone.run("export"):
            flowstone_audit.log("a.b")

    ask(scope(), handle, actor=who)
    assert [
        None,
        "ann",
        "ann",
        "ann",
    ] == asked  # by the request, the run, the log, and the run of that answer
    assert flowstone.flush(5.0)
    assert ["ann"] == [entry.actor_id for entry in queries.entries(event_type="a.b").entries]


def test_requests_at_once_do_not_mix() -> None:
    """Of interleaved requests each has its own actor."""
    seen: set[tuple[str, str | None]] = set()

    async def app(given: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0)
        seen.add((given["user"], actors.current().id))

    middleware = flowstone_audit.AuditMiddleware(app, actor=lambda given: given["user"])

    async def nothing(*_: Any) -> Any:
        return None

    async def many() -> None:
        await asyncio.gather(*(middleware(scope(user=name), nothing, nothing) for name in "abcdef"))

    asyncio.run(many())
    assert {(name, name) for name in "abcdef"} == seen


def test_other_scopes_pass_untouched() -> None:
    """`lifespan` goes through as it is."""
    given = {"type": "lifespan"}
    seen: list[Any] = []
    ask(given, seen.append)
    assert seen[0] is given
