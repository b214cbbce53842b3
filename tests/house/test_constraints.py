from __future__ import annotations

import re
import tomllib
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.laws.tree import ROOT

PINS = {
    canonicalize_name(name): version
    for name, version in re.findall(
        r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE
    )
}


def test_every_line_is_a_pin() -> None:
    """The constraints hold pins and comments only: no address, no path, no option."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert [] == [line for line in lines if line and not re.fullmatch(r"#.*|[\w.-]+==[\w.+!]+", line)]


def test_every_direct_dependency_is_pinned_within_its_bounds() -> None:
    """Each dependency that a manifest declares has a pin that the manifest allows."""
    assert [] == [
        f"{text}: {PINS.get(canonicalize_name(Requirement(text).name), 'no pin')}"
        for text in sorted(_declared())
        if not Requirement(text).specifier.contains(PINS.get(canonicalize_name(Requirement(text).name), "0"))
    ]


def _declared() -> set[str]:
    found: set[str] = set()
    for manifest in (ROOT / "pyproject.toml", *ROOT.glob("plugins/*/pyproject.toml")):
        content: dict[str, Any] = tomllib.loads(manifest.read_text(encoding="utf-8"))
        lists = [
            content["project"]["dependencies"],
            *content["project"].get("optional-dependencies", {}).values(),
            *content.get("dependency-groups", {}).values(),
        ]
        found.update(item for items in lists for item in items if isinstance(item, str))
    return {text for text in found if not Requirement(text).name.startswith("flowstone")}
