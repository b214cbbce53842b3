from __future__ import annotations

import pytest

from flowstone_dagster.demo.part import Part, broken, skipped


def test_a_plugin_that_is_there_is_not_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed plugin that is on shows its part."""
    monkeypatch.delenv("FLOWSTONE_DISABLED_PLUGINS", raising=False)
    assert skipped("dagster", "Title") is None


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("dagster", "  switched off by FLOWSTONE_DISABLED_PLUGINS"),
        ("nowhere", "  not installed; run: pip install 'flowstone[nowhere]'"),
    ],
)
def test_a_plugin_that_is_not_there_says_in_one_line_what_to_do(
    monkeypatch: pytest.MonkeyPatch, name: str, told: str
) -> None:
    """A part that cannot be shown is one line, and no failure."""
    monkeypatch.setenv("FLOWSTONE_DISABLED_PLUGINS", "dagster")
    found = skipped(name, "Title")
    assert found is not None
    assert ([told], []) == (list(found.lines()), list(found.problems))


def test_a_part_that_fails_is_a_problem_in_its_place() -> None:
    """The text has the first line of the reason, the problem all of it."""
    found = broken("audit", "Title", "no database\nat all")
    assert (["  failed: no database"], ["audit: no database\nat all"]) == (
        list(found.lines()),
        found.problems,
    )


def test_what_came_of_a_step_stands_below_it() -> None:
    """Steps and what came of them are told apart by their indent."""
    assert ["  done", "      one", "      two"] == list(
        Part(name="a", title="A", steps=[("done", ["one", "two"])]).lines()
    )
