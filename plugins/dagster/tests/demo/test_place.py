from __future__ import annotations

from pathlib import Path

import pytest

from flowstone_dagster.demo.place import Place


def test_settings_of_the_user_do_not_reach_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the user keeps things is not where the demo does, and how they are kept is the default's."""
    monkeypatch.setenv("FLOWSTONE_AUDIT_URL", "postgresql://db/audit")
    monkeypatch.setenv("FLOWSTONE_AUDIT_KEY", "/secret")
    monkeypatch.delenv("FLOWSTONE_PUBSUB_URL", raising=False)
    found = Place(folder=tmp_path).environment()
    assert (str(tmp_path), f"sqlite:///{tmp_path}/audit.db") == (
        found["FLOWSTONE_HOME"],
        found["FLOWSTONE_AUDIT_URL"],
    )
    assert {"FLOWSTONE_AUDIT_KEY", "FLOWSTONE_PUBSUB_URL"}.isdisjoint(found)


def test_a_demo_that_was_killed_in_the_middle_is_mended(tmp_path: Path) -> None:
    """Dagster's runs that were away when the last demo ended are there again, with what they hold."""
    place = Place(folder=tmp_path / "demo")
    place.prepare()
    place.runs_away.mkdir()
    (place.runs_away / "runs.db").touch()
    place.prepare()
    assert (True, False) == ((place.runs / "runs.db").exists(), place.runs_away.exists())
