"""One section, in its own process: ``python -m benchmarks.section NAME [--quick]`` prints JSON."""

from __future__ import annotations

import json
import sys
from importlib import import_module

from benchmarks.sections import SECTIONS


def main(arguments: list[str]) -> None:
    """Measure the section that *arguments* name."""
    found = next(section for section in SECTIONS if section.name == arguments[0])
    report = getattr(import_module(found.module), found.function)("--quick" in arguments)
    told = {"rows": [row.as_json() for row in report.rows], "notes": report.notes, "why": report.why}
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
