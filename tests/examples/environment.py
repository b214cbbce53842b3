"""An environment of its own that sees the packages of this one, without a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

_TIMEOUT_S = 180


class Environment:
    """A virtual environment in which distributions are installed from folders.

    What is installed here stands in a `.pth` file, so that nothing is downloaded; what is
    installed there stands there alone.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        venv.create(folder / "env", with_pip=False, symlinks=os.name != "nt")
        self.python = folder / "env" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        here = sysconfig.get_path("purelib")
        # addsitedir, because editable installs are themselves .pth files
        site = Path(self.run("-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip())
        (site / "shared.pth").write_text(f"import site; site.addsitedir({here!r})\n", encoding="utf-8")

    def install(self, source: Path) -> None:
        """Build and install the distribution in *source*, from a copy: nothing is left behind there."""
        copy = self.folder / "source" / source.name
        shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__", "build", "dist"))
        offline = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "-q")
        done = self.run("-m", "pip", "install", *offline, str(copy))
        assert done.returncode == 0, done.stdout + done.stderr

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run its Python, away from the sources of the repository."""
        kept = {
            key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTEST_ADDOPTS")
        }
        return subprocess.run(
            [str(self.python), *arguments],
            cwd=self.folder,
            env={**kept, "FLOWSTONE_HOME": str(self.folder / "home"), **settings},
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )

    def flowstone(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run the command line."""
        return self.run("-m", "flowstone.cli.main", *arguments, **settings)

    def test(self, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run the tests in *folder*."""
        return self.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, str(folder))


def is_installed_here(package: str) -> bool:
    """Tell whether *package* can be imported by the tests themselves."""
    probe = [sys.executable, "-c", f"import {package}"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0
