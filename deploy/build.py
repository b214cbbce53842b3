"""Find or build the programs that flowstone's telemetry goes through: the OpenTelemetry Collector and Jaeger.

    python deploy/build.py collector|jaeger [--print]

Prints the program's path; with ``--print`` only where it is there already, else the exit code is 1. Built from source with Go, at the versions below, into a cache outside of the
repository (``$FLOWSTONE_CACHE``, else ``~/.cache/flowstone``) that is used the next time. A program of your
own is used instead where ``FLOWSTONE_COLLECTOR`` or ``FLOWSTONE_JAEGER`` names it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

COLLECTOR = "0.159.0"
JAEGER = "1.76.0"  # the module version that holds Jaeger 2.13; later ones cannot be had from a Go proxy
HERE = Path(__file__).resolve().parent
IMAGES = {
    "collector": f"otel/opentelemetry-collector-contrib:{COLLECTOR}",
    "jaeger": "jaegertracing/jaeger:2.13.0",
}


def main() -> int:
    """Find or build what is asked for; exit code 1 where that cannot be."""
    if len(sys.argv) < 2 or sys.argv[1] not in IMAGES:
        print(__doc__, file=sys.stderr)
        return 2
    what = sys.argv[1]
    try:
        found = find(what) or (None if "--print" in sys.argv else build(what))
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"the {what} could not be built: {error}", file=sys.stderr)
        return 1
    if found is None:
        return 1
    print(found)
    return 0


def cached(what: str) -> Path:
    """Return where the program is kept."""
    folder = Path(os.environ.get("FLOWSTONE_CACHE") or Path.home() / ".cache" / "flowstone")
    if what == "jaeger":
        return folder / f"jaeger-{JAEGER}"
    # With other components it is another program.
    parts = hashlib.sha256((HERE / "collector" / "builder.yaml").read_bytes()).hexdigest()[:8]
    return folder / f"otelcol-{COLLECTOR}-{parts}"


def find(what: str) -> Path | None:
    """Return the program that is there already, if any."""
    named = os.environ.get(f"FLOWSTONE_{what.upper()}")
    if named:
        return Path(named)
    place = cached(what)
    return place if place.exists() else None


def build(what: str) -> Path | None:
    """Build the program; None, with what to do instead, where Go is missing."""
    if shutil.which("go") is None:
        print(
            f"the {what} is built with Go (1.25 or later), which is not here. Install it (https://go.dev/dl),\n"
            f"or run the container image {IMAGES[what]} with the same configuration.",
            file=sys.stderr,
        )
        return None
    place = cached(what)
    place.parent.mkdir(parents=True, exist_ok=True)
    print(f"building the {what} into {place}: some minutes, the first time only", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="flowstone-build-") as scratch:
        made = (_collector if what == "collector" else _jaeger)(Path(scratch))
        partial = place.with_name(f"{place.name}.{os.getpid()}")
        shutil.copy2(made, partial)
        partial.replace(place)  # whole or not at all
    return place


def _collector(scratch: Path) -> Path:
    _run("go", "install", f"go.opentelemetry.io/collector/cmd/builder@v{COLLECTOR}", gobin=scratch)
    manifest = (HERE / "collector" / "builder.yaml").read_text(encoding="utf-8")
    own = scratch / "builder.yaml"
    own.write_text(
        manifest.replace("dist:\n", f"dist:\n  output_path: {scratch / 'made'}\n", 1), encoding="utf-8"
    )
    _run(str(scratch / "builder"), f"--config={own}")
    return scratch / "made" / "otelcol-flowstone"


def _jaeger(scratch: Path) -> Path:
    # Its go.mod has replace lines, which `go install` refuses: it is built in a copy of the module.
    module = f"github.com/jaegertracing/jaeger@v{JAEGER}"
    asked = ["go", "mod", "download", "-json", module]
    told = subprocess.run(asked, check=True, capture_output=True, text=True, cwd=scratch, env=_environment())
    source = scratch / "source"
    shutil.copytree(json.loads(told.stdout)["Dir"], source)
    for one in (source, *source.rglob("*")):
        one.chmod(one.stat().st_mode | 0o200)
    _run("go", "build", "-trimpath", "-o", str(scratch / "jaeger"), "./cmd/jaeger", cwd=source)
    return scratch / "jaeger"


def _run(*command: str, gobin: Path | None = None, cwd: Path | None = None) -> None:
    environment = _environment() | ({"GOBIN": str(gobin)} if gobin else {})
    subprocess.run(command, check=True, env=environment, cwd=cwd, stdout=sys.stderr)


def _environment() -> dict[str, str]:
    flags = f"{os.environ.get('GOFLAGS', '')} -buildvcs=false".strip()
    return {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": flags}


if __name__ == "__main__":
    sys.exit(main())
