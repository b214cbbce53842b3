"""Write the pages that are rendered from the code: ``python docs/write.py [FOLDER]``.

Tests hold that the committed pages equal the rendered ones.
"""

from __future__ import annotations

import sys
from pathlib import Path

from rendering import cli, hooks, settings, telemetry

from flowstone.catalogue import reference

PAGES = {
    "cli.md": cli.page,
    "events.md": reference.page,
    "hooks.md": hooks.page,
    "settings.md": settings.page,
    "telemetry.md": telemetry.page,
}


def write(folder: Path) -> None:
    """Write all pages into *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "reference")
