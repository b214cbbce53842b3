from __future__ import annotations

import pytest

from flowstone.catalogue import Event, builtin_events, names, reference
from flowstone.catalogue.registry import name_of
from flowstone.dispatch.specs import event_specs


@pytest.mark.parametrize("cls", builtin_events(), ids=lambda cls: cls.__name__)
def test_one_stem_makes_every_spelling(cls: type[Event]) -> None:
    """Class and name of a built-in event are derived from each other by rule."""
    name = name_of(cls)
    assert cls.__name__ == names.class_of_name(name)
    assert name == names.name_of_class(cls.__name__, cls.subject)
    assert names.is_name(name)


@pytest.mark.parametrize("cls", builtin_events(), ids=lambda cls: cls.__name__)
def test_every_event_has_a_hook(cls: type[Event]) -> None:
    """Each built-in event has a hook specification under the name that its rule derives."""
    assert callable(getattr(event_specs([cls]), names.hook_of_name(name_of(cls))))


def test_no_two_events_share_a_spelling() -> None:
    """Names, classes and hooks of the built-in events are each unique."""
    known = [name_of(cls) for cls in builtin_events()]
    assert len(known) == len(set(known))
    assert len(known) == len({names.class_of_name(name) for name in known})
    assert len(known) == len({names.hook_of_name(name) for name in known})


def test_the_reference_page_has_a_heading_for_every_event() -> None:
    """Each event's heading on the reference page is its name, so the fourth spelling is derived too."""
    headings = {
        line.removeprefix("### ") for line in reference.page().splitlines() if line.startswith("### ")
    }
    assert set() == {name_of(cls) for cls in builtin_events()} - headings
