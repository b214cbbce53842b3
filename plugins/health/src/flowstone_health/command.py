"""``flowstone health``: how everything is, for people, containers and cron; and the standalone server."""

from __future__ import annotations

import signal
import threading
from types import FrameType

import click
import orjson

from flowstone_health import asking, config, reporting, server, table


@click.command("health")
@click.option(
    "--exit-code", is_flag=True, help="End with status 1 when unhealthy (for Docker's HEALTHCHECK)."
)
@click.option("--url", help="Ask this server instead of looking from here.")
@click.option("--json", "as_json", is_flag=True, help="Print the JSON document.")
@click.option("--verbose", is_flag=True, help="Show every check, and what it measured.")
@click.option(
    "--timeout",
    default=10.0,
    show_default=True,
    type=click.FloatRange(0.1, 600),
    help="Seconds to wait, in all.",
)
@click.option("--serve", is_flag=True, help="Serve health over HTTP until SIGTERM.")
@click.option("--host", help="With --serve: address to listen on; FLOWSTONE_HEALTH_HOST.")
@click.option("--port", type=click.IntRange(0, 65535), help="With --serve: the port; FLOWSTONE_HEALTH_PORT.")
@click.pass_context
def health(
    context: click.Context,
    *,
    exit_code: bool,
    url: str | None,
    as_json: bool,
    verbose: bool,
    timeout: float,
    serve: bool,
    host: str | None,
    port: int | None,
) -> None:
    """Tell how everything is: databases, queues, telemetry, disk.

    Exit status: 0, or with --exit-code 1 when unhealthy; 1 when the server of --url does not answer.
    """
    if serve:
        _serve(context, host, port)
        return
    try:
        document = asking.ask(url, timeout, verbose=verbose) if url else asking.look_here(timeout)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    except asking.UnreachableError as error:
        click.echo(str(error), err=True)
        context.exit(1)
    if as_json:
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
    else:
        for line in table.lines(document, verbose=verbose):
            click.echo(line)
    context.exit(1 if exit_code and document["status"] == "unhealthy" else 0)


def _serve(context: click.Context, host: str | None, port: int | None) -> None:
    """Serve until SIGTERM or SIGINT; after the first, say that it ends, and go on for the time of grace."""
    ended = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT or ended.is_set():
            context.exit(0)
        reporting.drain()
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    try:
        running = server.serve(port, host)
    except OSError as error:
        click.echo(f"cannot listen: {error.strerror or error}", err=True)
        context.exit(1)
    with running:
        click.echo(f"health on http://{running.host}:{running.port}/health")
        ended.wait()
        threading.Event().wait(config.load().grace)
