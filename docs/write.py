"""Write the pages that are rendered from the code; a law test holds that the committed ones equal them."""

from __future__ import annotations

from pathlib import Path

from flowstone.catalogue import reference

if __name__ == "__main__":
    target = Path(__file__).parent / "reference" / "events.md"
    target.write_text(reference.page(), encoding="utf-8")
