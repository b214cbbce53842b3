"""Variables that are read often, each time anew."""

from __future__ import annotations

import os

import pytest

from flowstone.plugin import Variables

NAMES = ("FLOWSTONE_TEST_ONE", "FLOWSTONE_TEST_TWO")


@pytest.mark.parametrize("replaced", [False, True])
def test_a_change_is_seen(monkeypatch: pytest.MonkeyPatch, replaced: bool) -> None:
    """What is set, changed and taken away is seen at once; also where somebody replaced ``os.environ`` by a dict."""
    if replaced:
        monkeypatch.setattr(os, "environ", dict(os.environ))
    variables = Variables(*NAMES)
    assert (None, None) == variables.read()
    os.environ[NAMES[1]] = "ä"
    first = variables.read()
    os.environ[NAMES[1]] = "b"
    second = variables.read()
    del os.environ[NAMES[1]]
    assert (None, None) == variables.read()
    assert first[0] is None
    assert second[0] is None
    assert None not in {first[1], second[1]}
    assert first != second


def test_one_made_before_the_environment_was_replaced_sees_the_new_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It looks where ``os.environ`` is when it reads."""
    variables = Variables(*NAMES)
    monkeypatch.setattr(os, "environ", {NAMES[0]: "there"})
    assert ("there", None) == variables.read()
