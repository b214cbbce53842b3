from __future__ import annotations

import pytest

from flowstone.plugin import provided
from flowstone.runtime.measures import readings
from flowstone.testing.capture import capture
from flowstone.testing.contract import PluginContract
from flowstone_pubsub import broadcast, current, flush, subscribe, tally
from flowstone_pubsub.plugin import PubSubPlugin


class TestPubSub(PluginContract):
    plugin = PubSubPlugin


@pytest.mark.usefixtures("at_home")
def test_metrics_tell_what_was_sent_and_taken() -> None:
    """Sent, consumed, dropped, gaps and depth are series of this process, by template and never by topic."""
    before = tally.of("sent").get("run:{id}", 0)
    with capture(PubSubPlugin()), subscribe("run:*", maxlen=2) as subscription:
        for n in range(5):
            broadcast(f"run:{n}", n)
        assert flush(5)
        assert subscription.next_item(5) is not None
        found = {(name, *labels): value for name, labels, value in readings()}
        assert 5 == found["messaging.client.sent.messages", "sqlite", "run:{id}"] - before
        assert 1 == found["flowstone.pubsub.subscribers", "sqlite"]
        assert 0 == found["flowstone.pubsub.outbox.depth", "sqlite"]
        assert not [key for key in found if "run:4" in key]


@pytest.mark.usefixtures("at_home")
def test_its_health_is_a_round_trip() -> None:
    """The check publishes a record that no wildcard covers, reads it back, and says how long it took."""
    tally.reset()  # what other tests of this process have lost, this one has not
    with capture(PubSubPlugin()), subscribe("*") as subscription:
        [check] = provided("provide_health_checks")
        found = check.answer()  # type: ignore[attr-defined]
        assert ("healthy", "") == (found.status, found.message)
        assert 0 < found.observed["round_trip"][0] < 5
        assert None is subscription.next_item(0.2)


@pytest.mark.usefixtures("at_home")
def test_switched_off_it_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """With ``FLOWSTONE_PUBSUB_URL=off`` nothing is sent, nobody can subscribe, and health says so."""
    monkeypatch.setenv("FLOWSTONE_PUBSUB_URL", "off")
    with capture(PubSubPlugin()):
        broadcast("a", 1)
        assert flush(1)
        with pytest.raises(current.SwitchedOff):
            subscribe("a")
        [check] = provided("provide_health_checks")
        assert "healthy" == check.answer().status  # type: ignore[attr-defined]


@pytest.mark.parametrize("url", ["nonsense", "ftp://x", "sqlite://", "http://user:secret@host"])
@pytest.mark.usefixtures("at_home")
def test_a_malformed_url_is_told_to_who_subscribes_only(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Broadcasting into nowhere raises nothing; subscribing says what is wrong, and shows no password."""
    monkeypatch.setenv("FLOWSTONE_PUBSUB_URL", url)
    broadcast("a", 1)
    with pytest.raises(ValueError, match=r"engine|sqlite") as told:
        subscribe("a")
    assert "secret" not in str(told.value)
