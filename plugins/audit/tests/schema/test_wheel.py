from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from flowstone_audit import frozen

PLUGIN = Path(__file__).parents[2]


def test_the_wheel_carries_the_migrations(tmp_path: Path) -> None:
    """The wheel holds every file of the migrations, and they run from it without the repository."""
    wheel = _built(tmp_path, "wheel", "*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if name.startswith("flowstone_audit/migrations/")}
        archive.extractall(tmp_path / "installed")
    expected = {
        path.relative_to(frozen.MIGRATIONS)
        for path in frozen.MIGRATIONS.rglob("*")
        if path.suffix in {".py", ".sql"}
    }
    assert {f"flowstone_audit/migrations/{path}" for path in expected} <= names
    assert {f"{revision}.up.sql" for revision in frozen.REVISIONS} <= {path.name for path in expected}
    script = (
        "from sqlalchemy import create_engine\n"
        "from flowstone_audit import frozen, migrating\n"
        "assert not frozen.MIGRATIONS.is_symlink()\n"
        f"migrating.upgrade(create_engine('sqlite:///{tmp_path}/audit.db'))\n"
        "print(frozen.MIGRATIONS)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path / 'installed')!r})\n{script}"],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert str(tmp_path / "installed" / "flowstone_audit" / "migrations") == ran.stdout.strip()


def test_the_source_distribution_carries_them_too(tmp_path: Path) -> None:
    """A wheel built from the source distribution needs no link."""
    import tarfile

    archive = _built(tmp_path, "sdist", "*.tar.gz")
    with tarfile.open(archive) as found:
        files = {member.name: member for member in found.getmembers()}
    for revision in frozen.REVISIONS:
        name = next(
            name for name in files if name.endswith(f"flowstone_audit/migrations/versions/{revision}.py")
        )
        assert files[name].isfile()


def _built(folder: Path, target: str, pattern: str) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    subprocess.run(command, check=True, cwd=PLUGIN, capture_output=True)
    return next(folder.glob(pattern))
