"""Write dashboards and alerts: ``python -m deploy.generate [--runbooks URL] [FOLDER]``."""

from __future__ import annotations

import argparse
from pathlib import Path

from deploy.generate.files import files
from deploy.generate.rules import RUNBOOKS


def main() -> None:
    """Write every file."""
    asked = argparse.ArgumentParser(prog="python -m deploy.generate", description=__doc__)
    asked.add_argument("folder", nargs="?", type=Path, default=Path(__file__).resolve().parents[1])
    asked.add_argument(
        "--runbooks", default=RUNBOOKS, help="where the runbooks are served, for the links of the alerts"
    )
    told = asked.parse_args()
    for name, text in files(told.runbooks).items():
        place = told.folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
