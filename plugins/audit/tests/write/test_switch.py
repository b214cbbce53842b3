"""Settings or a home that cannot be used: who waits is told, what is lost is counted, and `off` needs neither."""

from __future__ import annotations

from pathlib import Path

import pytest

import flowstone
import flowstone_audit
from flowstone.plugin import stats
from flowstone.testing.capture import capture
from flowstone_audit import config
from flowstone_audit.plugin import AuditPlugin
from flowstone_audit.policy import Policy


@pytest.fixture(params=["home", "policy", "number"])
def unusable(
    request: pytest.FixtureRequest, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """What cannot be used."""
    if request.param == "home":
        (tmp_path / "file").touch()
        monkeypatch.setenv("FLOWSTONE_HOME", str(tmp_path / "file" / "home"))
    elif request.param == "policy":
        monkeypatch.setenv("FLOWSTONE_AUDIT_POLICY", "run.*=durabel")
    else:
        monkeypatch.setenv("FLOWSTONE_AUDIT_RETAIN_DAYS", "many")
    return str(request.param)


def test_every_decision_is_told(unusable: str) -> None:
    """Whoever decides is told each time, not the first only, and each event that is lost is counted."""
    before = stats().get("audit.dropped", 0)
    with capture(AuditPlugin()) as captured:
        for _ in range(3):
            gate = flowstone.checkpoint("publish").request()
            with pytest.raises(flowstone.CheckpointNotRecorded, match="audit"):
                gate.approve(actor="ann")
        captured.engine.flush(2.0)
        kept = [name for name in captured.names() if Policy()[name] != "off"]
    assert len(kept) == stats()["audit.dropped"] - before


def test_the_policy_says_who_is_told(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it does not ask for decisions to be kept they are made as if there were no audit log."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("FLOWSTONE_HOME", str(tmp_path / "file" / "home"))
    monkeypatch.setenv("FLOWSTONE_AUDIT_ON_FAILURE", "checkpoint.*=spool")
    plugin = AuditPlugin()
    assert not plugin.must_keep("checkpoint.approved")
    with capture(plugin):
        flowstone.checkpoint("publish").request().approve(actor="ann")


def test_what_is_off_needs_no_home(unusable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is to be kept, so nothing is missing."""
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", "off")
    assert not AuditPlugin().must_keep("checkpoint.approved")
    with capture(AuditPlugin()):
        flowstone.checkpoint("publish").request().approve(actor="ann")
    assert flowstone_audit.log("a.b", actor_id="ann", actor_type="user").seq is None


def test_log_says_it_in_its_own_words(unusable: str) -> None:
    """Who calls `log()` is told with the error that it names, and of what is malformed in it first."""
    with pytest.raises(flowstone_audit.NotRecorded, match="the audit log cannot be used"):
        flowstone_audit.log("a.b", actor_id="ann", actor_type="user")
    with pytest.raises(flowstone_audit.EntryRefused, match="actor_id"):
        flowstone_audit.log("a.b", actor_id="", actor_type="user")


def test_log_loses_aloud_where_the_policy_asks_for_no_more(
    unusable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody wants to be told it returns an entry that is nowhere, and counts it."""
    monkeypatch.setenv("FLOWSTONE_AUDIT_ON_FAILURE", "*=drop")
    before = stats().get("audit.dropped", 0)
    entry = flowstone_audit.log("a.b", actor_id="ann", actor_type="user", details={"a": 1})
    assert (None, {"a": 1}) == (entry.seq, entry.details)
    assert 1 == stats()["audit.dropped"] - before


def test_relative_paths_do_not_move_along(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`os.chdir` after the first entry does not begin another log, key or list of checkpoints."""
    name = tmp_path.name
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", f"sqlite:///{name}.db")
    monkeypatch.setenv("FLOWSTONE_AUDIT_KEY", f"{name}.pem")
    monkeypatch.setenv("FLOWSTONE_AUDIT_ANCHOR_FILE", f"{name}.txt")
    monkeypatch.chdir(tmp_path)
    config.load()
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    found = config.load()
    assert f"sqlite:///{tmp_path / name}.db" == found.url
    assert [tmp_path / f"{name}.pem", tmp_path / f"{name}.txt"] == [found.key, found.anchor_file]
