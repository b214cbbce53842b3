"""Links of the README and the documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.laws.tree import ROOT

DOCS = ROOT / "docs"
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted(DOCS.rglob("*.md")),
    *sorted(ROOT.glob("plugins/*/README.md")),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    """Each relative link leads to a file of the repository, and to a heading where it names one."""
    assert [] == [target for target in _links(page) if not _leads(page, target)]


def test_every_page_is_on_the_map() -> None:
    """Each page of the documentation is linked from its index, decisions from their own."""
    linked = {(DOCS / target.partition("#")[0]).resolve() for target in _links(DOCS / "index.md")}
    pages = {path for path in DOCS.rglob("*.md") if not path.match("decisions/0*")} - {DOCS / "index.md"}
    assert set() == {path.relative_to(DOCS).as_posix() for path in pages if path.resolve() not in linked}


def _links(page: Path) -> Iterator[str]:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"(?<!`)\[[^\]\n]+\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", target):
            yield target


def _leads(page: Path, target: str) -> bool:
    path, _, heading = target.partition("#")
    found = (page.parent / path).resolve() if path else page
    return found.exists() and (not heading or heading in _anchors(found))


def _anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
