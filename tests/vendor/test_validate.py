"""The real collector accepts the configuration that we ship."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from tests.laws.tree import ROOT
from tests.servers.collector import NOWHERE, OVERLAYS, validate


@pytest.mark.parametrize("overlay", ["", *OVERLAYS])
def test_the_base_is_valid_with_each_overlay(overlay: str) -> None:
    """The collector finds nothing wrong with the base alone, nor with one overlay."""
    done = validate(*filter(None, [overlay]))
    assert (0, "") == (done.returncode, done.stderr)


def test_all_overlays_go_together() -> None:
    """One collector may send to all backends, in whichever order they are named."""
    for order in (OVERLAYS, OVERLAYS[::-1]):
        done = validate(*order)
        assert (0, "") == (done.returncode, done.stderr)


@pytest.mark.parametrize(
    ("overlay", "variable"),
    [
        ("jaeger", "FLOWSTONE_JAEGER_OTLP"),
        ("otlp", "FLOWSTONE_OTLP_BACKEND"),
        ("datadog", "DD_API_KEY"),
        ("datadog", "DD_OTLP_TRACES_ENDPOINT"),
    ],
)
def test_what_must_be_told_is_missed(overlay: str, variable: str) -> None:
    """An overlay that is not told where to is refused: it does not send to a default."""
    told = {key: value for key, value in NOWHERE.items() if key != variable}
    assert 0 != validate(overlay, env=told).returncode


@pytest.mark.parametrize("isolated", ["", "batch/isolated"])
@pytest.mark.parametrize(
    "headers", ["", "authorization: Basic dTpw", "{authorization: Basic dTpw, x-scope-orgid: one}"]
)
def test_choices_go_together(isolated: str, headers: str) -> None:
    """Backends may be isolated, and any OTLP backend may be told none, one or several headers."""
    told = {**NOWHERE, "FLOWSTONE_BACKEND_PROCESSORS": isolated}
    done = validate(*OVERLAYS, env=told | ({"FLOWSTONE_OTLP_HEADERS": headers} if headers else {}))
    assert (0, "") == (done.returncode, done.stderr)


def test_pairs_of_overlays_do_not_touch_each_other() -> None:
    """No two overlays define the same component or pipeline."""
    for one, other in itertools.combinations(OVERLAYS, 2):
        assert 0 == validate(one, other).returncode


@pytest.mark.parametrize("page", ["deploy/README.md", "docs/how-to/tempo-loki.md"])
def test_overlays_written_out_on_pages_are_valid(page: str, tmp_path: Path) -> None:
    """What a page has a user lay over the base is accepted."""
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for number, block in enumerate(blocks):
        overlay = tmp_path / f"{number}.yaml"
        overlay.write_text(block, encoding="utf-8")
        done = validate(more=(overlay,))
        assert (0, "") == (done.returncode, done.stderr), block
