"""`flowstone_audit.actor`."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import flowstone
import flowstone_audit
from flowstone.testing import Capture
from flowstone_audit import actors, queries
from flowstone_audit.errors import EntryRefused


def test_log_takes_the_actor_of_its_block(audit: str) -> None:
    """What `log` leaves out is the block's; what it is given wins; outside of the block it is refused."""
    with flowstone_audit.actor("ann", client_ip="10.0.0.1", user_agent="curl/8", correlation_id="c-1"):
        entry = flowstone_audit.log("a.b")
        own = flowstone_audit.log("a.b", actor_id="bot", actor_type="api", client_ip="10.0.0.2")
    assert ("ann", "user", "10.0.0.1", "curl/8", "c-1") == (
        entry.actor_id, entry.actor_type, entry.client_ip, entry.user_agent, entry.correlation_id
    )  # fmt: skip
    assert ("bot", "api", "10.0.0.2", "curl/8") == (
        own.actor_id, own.actor_type, own.client_ip, own.user_agent
    )  # fmt: skip
    with pytest.raises(EntryRefused, match="actor_id"):
        flowstone_audit.log("a.b")


def test_blocks_inside_take_over_what_they_leave_out() -> None:
    """An inner actor has the client of the outer one; afterwards the outer one is back."""
    with flowstone_audit.actor("gateway", type="api", client_ip="10.0.0.1") as outer:
        with flowstone_audit.actor("ann", user_agent="curl/8") as inner:
            assert ("ann", "user", "10.0.0.1", "curl/8") == (
                inner.id, inner.type, inner.client_ip, inner.user_agent
            )  # fmt: skip
            assert inner == actors.current()
        assert outer == actors.current()
    assert actors.NOBODY == actors.current()


def test_tasks_and_threads_each_have_their_own() -> None:
    """Tasks that run at once do not mix; a thread has nobody, unless it is run in a copy of the context."""
    seen: dict[str, str | None] = {}

    async def act(name: str) -> None:
        with flowstone_audit.actor(name):
            await asyncio.sleep(0)
            seen[name] = actors.current().id

    async def all_of_them() -> None:
        await asyncio.gather(*(act(name) for name in ("ann", "bob", "eve")))

    def look(name: str) -> None:
        seen[name] = actors.current().id

    asyncio.run(all_of_them())
    with flowstone_audit.actor("ann"):
        bare = threading.Thread(target=look, args=("bare",))
        copied = threading.Thread(target=contextvars.copy_context().run, args=(look, "copied"))
        for thread in (bare, copied):
            thread.start()
            thread.join()
    assert {"ann": "ann", "bob": "bob", "eve": "eve", "bare": None, "copied": "ann"} == seen


def test_it_decorates_functions() -> None:
    """Each call of a decorated function, recursive ones too, is a block."""

    @flowstone_audit.actor("ann")
    def act(depth: int) -> str | None:
        return act(depth - 1) if depth else actors.current().id

    assert "ann" == act(3)
    assert actors.NOBODY == actors.current()


def test_one_object_is_shared_by_threads() -> None:
    """Of calls that overlap, the first one to begin ending first, each has the actor, and leaves nobody behind."""
    began, both, ended = (threading.Event() for _ in range(3))

    @flowstone_audit.actor("ann")
    def act(inside: threading.Event, until: threading.Event) -> str | None:
        inside.set()
        assert until.wait(10.0)
        return actors.current().id

    def first() -> tuple[str | None, str | None]:
        try:
            return act(began, both), actors.current().id
        finally:
            ended.set()

    def second() -> tuple[str | None, str | None]:
        assert began.wait(10.0)
        return act(both, ended), actors.current().id

    with ThreadPoolExecutor(2) as pool:
        calls = pool.submit(first), pool.submit(second)
        assert [("ann", None)] * 2 == [call.result() for call in calls]


def test_one_object_is_shared_by_tasks() -> None:
    """Likewise, for blocks of tasks."""
    ann = flowstone_audit.actor("ann")

    async def act(begins: int, lasts: int) -> tuple[str | None, str | None]:
        for _ in range(begins):
            await asyncio.sleep(0)
        with ann:
            for _ in range(lasts):
                await asyncio.sleep(0)
            inside = actors.current().id
        return inside, actors.current().id

    async def both() -> list[tuple[str | None, str | None]]:
        return [*await asyncio.gather(act(0, 2), act(1, 4))]

    assert [("ann", None)] * 2 == asyncio.run(both())


def test_it_decorates_coroutine_functions() -> None:
    """The actor acts while the function runs, not only while it is called; calls at once do not mix."""

    @flowstone_audit.actor("ann")
    async def act() -> str | None:
        await asyncio.sleep(0)
        return actors.current().id

    async def many() -> list[str | None]:
        return [*await asyncio.gather(*(act() for _ in range(3))), actors.current().id]

    assert ["ann", "ann", "ann", None] == asyncio.run(many())


def test_it_decorates_generators() -> None:
    """A generator acts in its steps, with what it has entered itself; its caller keeps its own actor between them."""

    @flowstone_audit.actor("ann")
    def act() -> Generator[str | None, str, str | None]:
        yield actors.current().id
        with flowstone_audit.actor("bob"):
            yield actors.current().id
            yield actors.current().id
        return actors.current().id

    def all_of_it() -> Generator[str | None, str, None]:
        yield (yield from act())

    with flowstone_audit.actor("eve"):
        seen = [(inside, actors.current().id) for inside in all_of_it()]
    assert [("ann", "eve"), ("bob", "eve"), ("bob", "eve"), ("ann", "eve")] == seen
    assert actors.NOBODY == actors.current()


def test_it_decorates_async_generators() -> None:
    """Likewise, step by step, though other tasks step another one."""

    @flowstone_audit.actor("ann")
    async def act() -> AsyncGenerator[str | None, None]:
        for _ in range(2):
            await asyncio.sleep(0)
            yield actors.current().id

    async def look() -> list[tuple[str | None, str | None]]:
        return [(inside, actors.current().id) async for inside in act()]

    async def both() -> list[list[tuple[str | None, str | None]]]:
        return [*await asyncio.gather(look(), look())]

    assert [[("ann", None), ("ann", None)]] * 2 == asyncio.run(both())


def test_runs_of_decorated_generators_carry_the_actor(flowstone_capture: Capture) -> None:
    """A run that a step begins is the actor's, also one held over steps; one of the caller's between them is not."""

    @flowstone_audit.actor("ann")
    def act() -> Generator[None, None, None]:
        with flowstone.run("ann"):
            yield
        with flowstone.run("ann"):
            pass

    steps = act()
    next(steps)
    with flowstone.run(""):
        pass
    assert [] == list(steps)
    with flowstone.run(""):
        pass
    runs: list[Any] = flowstone_capture.events
    assert 8 == len(runs)
    assert all(event.pipeline == event.attributes.get("user.id", "") for event in runs)


def test_a_block_may_be_left_elsewhere(flowstone_capture: Capture) -> None:
    """Left in another context, or in a copy of its own, it neither raises nor acts there any longer."""
    ann = flowstone_audit.actor("ann")
    here = contextvars.Context()

    def leave() -> str | None:
        ann.__exit__(None, None, None)
        with flowstone.run("nightly"):
            return actors.current().id

    here.run(ann.__enter__)
    assert [None, None] == [contextvars.Context().run(leave), here.copy().run(leave)]
    assert [{}] * 4 == [dict(event.attributes) for event in flowstone_capture.events]


def test_blocks_may_be_left_crosswise(flowstone_capture: Capture) -> None:
    """Generators that hold blocks and are stepped in turn leave nobody behind, in whatever order they end."""

    def act(name: str) -> Generator[None, None, None]:
        with flowstone_audit.actor(name):
            yield

    one, other = act("ann"), act("bob")
    for step in (one, other, one, other):
        next(step, None)
    with flowstone.run("nightly"):
        assert actors.NOBODY == actors.current()
    assert [{}] * 2 == [dict(event.attributes) for event in flowstone_capture.events]


@pytest.mark.parametrize(("id", "kind"), [("", "user"), (None, "user"), ("ann", "robot")])
def test_malformed_actors_are_refused_at_once(id: Any, kind: Any) -> None:
    """An empty id and an unknown type are errors where they are written, not when something is logged."""
    with pytest.raises(ValueError, match="actor's"):
        flowstone_audit.actor(id, type=kind)


def test_runs_and_decisions_carry_the_actor(audit: str) -> None:
    """A run begun in the block tells who, at its start and its end; so do verdicts; other types are told apart."""
    with flowstone_audit.actor("ann"):
        with flowstone.run("nightly", correlation_id="c-1"):
            pass
        flowstone.checkpoint("publish").request().approve()
    with flowstone_audit.actor("deployer", type="api"), flowstone.run("nightly", correlation_id="c-1"):
        pass
    with flowstone.run("nightly", correlation_id="c-1"):
        pass
    assert flowstone.flush(5.0)
    ann, api, nobody = ("user", "ann"), ("api", "deployer"), ("system", "python/nightly")
    assert [ann, ann, api, api, nobody, nobody] == [
        (entry.actor_type, entry.actor_id) for entry in queries.entries(correlation_id="c-1").entries
    ]
    assert [ann, ann] == [
        (entry.actor_type, entry.actor_id)
        for entry in queries.entries(resource=("checkpoint", "publish")).entries
    ]


def test_runs_have_the_innermost_actor_whatever_its_type(audit: str) -> None:
    """Inside of a user's block an API key's is the API key's, and the other way round."""
    ann, key = flowstone_audit.actor("ann"), flowstone_audit.actor("k1", type="api")
    for outer, inner in ((ann, key), (key, ann)):
        with outer, inner, flowstone.run("nightly", correlation_id="c-1"):
            pass
    assert flowstone.flush(5.0)
    assert [("api", "k1")] * 2 + [("user", "ann")] * 2 == [
        (entry.actor_type, entry.actor_id) for entry in queries.entries(correlation_id="c-1").entries
    ]
