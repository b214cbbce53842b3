"""``python -m benchmarks [--quick] [--json] [SECTION...]``: the table; exit 1 where a bound is missed."""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from time import monotonic

from benchmarks import table
from benchmarks.rows import Report
from benchmarks.sections import SECTIONS, Section, measure


def main() -> int:
    """Measure what is asked for; return the exit code."""
    asked = _arguments()
    chosen = [section for section in SECTIONS if not asked.sections or section.name in asked.sections]
    if not asked.json:
        print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}.")
        print("A verdict goes by the median of the rounds' own values; best is the best round of one side")
        print("against the best of the other. Details: best (median).\n")
    reports: dict[str, Report | None] = {}
    for section in chosen:
        reports[section.name] = report = _measured(section, asked.quick)
        if report is not None and not asked.json:
            print(table.of(f"{section.name}: {section.title}", report), flush=True)
    failed = [name for name, report in reports.items() if report is None]
    missed = [
        row.what for report in reports.values() if report for row in report.rows if row.verdict == "MISSED"
    ]
    if asked.json:
        print(json.dumps(_document(reports), indent=2))
    elif missed:
        print(f"MISSED: {'; '.join(missed)}.")
    elif all(reports.values()):
        print("All that must hold is held.")
    for name in failed:
        print(f"{name} could not be measured", file=sys.stderr)
    return 1 if missed or failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="The numbers of the house.")
    parser.add_argument(
        "--quick", action="store_true", help="fewer and shorter rounds: minutes, not a quarter of an hour"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    names = [section.name for section in SECTIONS]
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(names))
    asked = parser.parse_args()
    unknown = [name for name in asked.sections if name not in names]
    if unknown:
        parser.error(f"no such section: {', '.join(unknown)} (there are {', '.join(names)})")
    return asked


def _measured(section: Section, quick: bool) -> Report | None:
    began = monotonic()
    print(f"{section.name} ...", file=sys.stderr, flush=True)
    try:
        return measure(section, quick)
    except (subprocess.SubprocessError, ValueError) as error:
        print(f"{section.name}: {error}", file=sys.stderr)
        return None
    finally:
        print(f"{section.name} took {monotonic() - began:.1f} s", file=sys.stderr)


def _document(reports: dict[str, Report | None]) -> dict[str, object]:
    told = {
        name: {"rows": [row.as_json() for row in report.rows], "notes": report.notes, "why": report.why}
        for name, report in reports.items()
        if report is not None
    }
    return {"schema": "flowstone.benchmarks/1", "python": platform.python_version(), "sections": told}


if __name__ == "__main__":
    sys.exit(main())
