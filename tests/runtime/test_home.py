"""The home folder: one for the whole life of a process, and an error that says what to do where there is none."""

from __future__ import annotations

import pwd
from pathlib import Path

import pytest

from flowstone.runtime.home import home, placed


def nobody(uid: int) -> None:
    raise KeyError(f"getpwuid(): uid not found: {uid}")


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container whose user has no entry in passwd."""
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    for name in ("FLOWSTONE_HOME", "HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)


def test_a_relative_home_does_not_move_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`os.chdir` after the first look leaves everything where it was begun."""
    monkeypatch.setenv("FLOWSTONE_HOME", f"{tmp_path.name}-state")
    (tmp_path / "one").mkdir()
    monkeypatch.chdir(tmp_path / "one")
    first = home()
    assert tmp_path / "one" / f"{tmp_path.name}-state" == first
    monkeypatch.chdir(tmp_path)
    assert first == home()


def test_a_user_without_a_home_is_told_what_to_set(
    homeless: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is an OSError, as for a folder that cannot be made; a state folder needs no home of the user's."""
    for value in (None, ""):
        if value is not None:
            monkeypatch.setenv("HOME", value)
        with pytest.raises(OSError, match="set FLOWSTONE_HOME"):
            home()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert tmp_path / "flowstone" == home()


def test_a_tilde_that_stands_for_nobody_is_an_oserror() -> None:
    """So that whoever makes do without a folder does so here too."""
    with pytest.raises(OSError, match="no-such-user"):
        placed("~no-such-user/x")
