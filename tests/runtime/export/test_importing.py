from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from flowstone.runtime.export import importing

HALF = ImportError("cannot import name 'Meter' from partially initialized module 'metrics'")


@pytest.fixture(autouse=True)
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the seconds that were waited, without waiting them."""
    made: list[float] = []
    monkeypatch.setattr(importing, "sleep", made.append)
    return made


def failing(times: int, error: Exception) -> Callable[[], str]:
    """Return what raises *error* so many times, as while another thread is at the import."""
    left = [error] * times

    def load() -> str:
        if left:
            raise left.pop()
        return "imported"

    return load


@pytest.mark.parametrize("error", [HALF, AttributeError(f"{HALF}"), KeyError("opentelemetry.sdk.metrics")])
def test_a_module_that_is_half_made_is_waited_for(naps: list[float], error: Exception) -> None:
    """What another thread is half through is asked for again."""
    assert "imported" == importing.patient(failing(3, error))
    assert 3 == len(naps)


@pytest.mark.parametrize(
    "error", [ImportError("x"), ModuleNotFoundError("x"), AttributeError("x"), KeyError("x"), OSError("x")]
)
def test_another_error_is_raised_at_once(naps: list[float], error: Exception) -> None:
    """What is not installed, or broken, is not waited for."""
    with pytest.raises(type(error)):
        importing.patient(failing(1, error))
    assert [] == naps


def test_the_patience_ends(naps: list[float]) -> None:
    """A module that imports itself in a circle raises its error after two seconds."""
    with pytest.raises(ImportError):
        importing.patient(failing(importing.TRIES, HALF))
    assert 1.9 < sum(naps) <= 2


def test_one_at_a_time(naps: list[float]) -> None:
    """Two threads of ours are never at an import together, which is where modules are seen half made."""
    inside: list[int] = []
    most: list[int] = []

    def load() -> None:
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.02)
        inside.pop()

    threads = [threading.Thread(target=importing.patient, args=[load]) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(20)
    assert [1] * 8 == most
