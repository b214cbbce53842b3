from __future__ import annotations

import os

import hypothesis.strategies as st
import pytest
from hypothesis import assume, given, settings

from flowstone.plugin import (
    CheckpointRequested,
    CustomEvent,
    Event,
    IoLoadStart,
    MaterializationStart,
    PluginFailed,
    ResourceHealthCheck,
    RunStart,
    SensorPoll,
)
from flowstone_pubsub import Bus, Message, asset_topic, open_engine, run_topic
from flowstone_pubsub.topics import checked, is_topic, is_wildcard, name_in, template_of, topics_of

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=80) | st.sampled_from(
    ["*", ":*", "%", "%2A", "%25", "a:*", "**", "a%*", ">", ".", "*.>", "[a]?"]
)


@given(names)
def test_an_assets_name_comes_back(name: str) -> None:
    """Any name makes a topic that is one, no wildcard, and gives the name again."""
    for topic in (asset_topic(name), run_topic(name)):
        assert is_topic(topic)
        assert not is_wildcard(topic)
        assert name == name_in(topic)


@given(st.text(max_size=2000), st.text(max_size=2000))
def test_two_names_make_two_topics(one: str, other: str) -> None:
    """Names that differ have topics that differ, however long they are."""
    assume(one.encode("utf-8", "backslashreplace") != other.encode("utf-8", "backslashreplace"))
    assert asset_topic(one) != asset_topic(other)
    assert is_topic(asset_topic(one))


@settings(max_examples=40, deadline=None)
@given(st.lists(names, min_size=2, max_size=6, unique=True))
def test_names_of_any_kind_are_kept_apart(found: list[str]) -> None:
    """Each subscriber to an asset hears of that asset alone, whatever its name."""
    bus = Bus(open_engine(f"memory://{os.urandom(8).hex()}"))
    subscriptions = [bus.subscribe(asset_topic(name)) for name in found]
    for name in found:
        bus.broadcast(asset_topic(name), name)
    assert bus.flush(5)
    for name, subscription in zip(found, subscriptions, strict=True):
        item = subscription.next_item(5)
        assert isinstance(item, Message)
        assert (name, None) == (item.event, subscription.next_item(0))
    bus.close()


@pytest.mark.parametrize(
    ("event", "topics"),
    [
        (MaterializationStart(asset="a", run_id="r"), ("materializations", "asset:a", "run:r")),
        (IoLoadStart(asset="a", io_manager="s3"), ("asset:a",)),
        (CheckpointRequested(checkpoint="c", run_id="r"), ("checkpoints", "run:r")),
        (RunStart(run_id="r"), ("run:r",)),
        (ResourceHealthCheck(resource="w"), ("health",)),
        (SensorPoll(sensor="s"), ("sensors",)),
        (CustomEvent(name="audit.logged"), ("audit",)),
        (CustomEvent(name="health.changed", run_id="r"), ("health", "run:r")),
        (CustomEvent(name="quality.check", run_id="r*"), ("run:r%2A",)),
        (PluginFailed(plugin="p"), ("events",)),
    ],
)
def test_which_topics_an_event_has(event: Event, topics: tuple[str, ...]) -> None:
    """Each event has the topics of its kind, its asset and its run, and one at least."""
    assert topics == topics_of(event)


@pytest.mark.parametrize("topic", ["", "x" * 513, "\ud800", "*", "asset:*", None, 7])
def test_what_is_no_topic_is_not_broadcast_to(topic: object) -> None:
    """What cannot be a topic is refused without an exception."""
    assert not is_topic(topic)


@pytest.mark.parametrize("topic", ["", "x" * 513, "\ud800", None, 7])
def test_what_is_no_topic_cannot_be_subscribed_to(topic: object) -> None:
    """Whoever subscribes to what is no topic is told so."""
    with pytest.raises(ValueError, match="topic"):
        checked(topic)


def test_templates_are_few() -> None:
    """Metrics see what kind a topic is of, never which one."""
    found = {
        template_of(topic) for topic in ("run:1", "asset:a", "x:y", "z:y", "materializations", "mine", "*")
    }
    assert {"run:{id}", "asset:{id}", "{prefix}:{id}", "materializations", "{topic}", "*"} == found
