"""Server-sent events to many clients: ours against sse-starlette, each in a server process of its own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter_ns

MESSAGES = 1000
PATIENCE_S = 60


@contextmanager
def serving(which: str) -> Iterator[int]:
    """Run the server *which*; give its port."""
    command = [sys.executable, "-m", "benchmarks.pubsub_sse_server", which]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            yield int(running.stdout.readline())
        finally:
            running.terminate()
            try:
                running.wait(5)
            except subprocess.TimeoutExpired:
                running.kill()


async def measure(port: int, clients: int) -> float:
    """Return microseconds an event until *clients* have it."""
    mark = os.urandom(8).hex()
    readers = [await _ask(port, "/events?topics=numbers") for _ in range(clients)]
    tasks = [asyncio.create_task(_until(reader, mark.encode())) for reader, _ in readers]
    while True:  # until all are subscribed
        reader, writer = await _ask(port, "/readers")
        told = await reader.read()
        writer.close()
        if told.endswith(b"\n%d" % clients):
            break
        await asyncio.sleep(0.02)
    began = perf_counter_ns()
    _, writer = await _ask(port, f"/go?count={MESSAGES}&mark={mark}")
    await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE_S)
    took = (perf_counter_ns() - began) / 1000 / MESSAGES
    for _, one in (*readers, (None, writer)):
        one.close()
    while True:  # until all have gone
        reader, writer = await _ask(port, "/readers")
        told = await reader.read()
        writer.close()
        if told.endswith(b"\n0"):
            return took
        await asyncio.sleep(0.02)


async def _ask(port: int, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    close = "" if path.startswith("/events") else "Connection: close\r\n"
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{close}\r\n".encode())
    return reader, writer


async def _until(reader: asyncio.StreamReader, mark: bytes) -> None:
    tail = b""
    while piece := await reader.read(1 << 17):
        if mark in tail + piece:
            return
        tail = piece[-64:]
    raise ValueError("a server ended a stream")
