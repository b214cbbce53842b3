"""`flowstone_audit.actor`."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any

import pytest

import flowstone
import flowstone_audit
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
