"""What the tests of processes run in an interpreter of their own: ``python -m ... NAME FILE``."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor

import flowstone
from tests.processes.sink import install

CHILDREN = 4


def child(n: int) -> int:
    """Do a little in a child."""
    with flowstone.materialization(f"child{n}"), flowstone.io_store(f"out{n}"):
        pass
    return os.getpid()


def spawned(n: int, path: str) -> None:
    """Do a little in a child that inherited nothing."""
    install(path)
    child(n)


def fork(path: str) -> None:
    """Children of multiprocessing by fork, inside a run."""
    context = multiprocessing.get_context("fork")
    with flowstone.run("p"):
        processes = [context.Process(target=child, args=(n,)) for n in range(CHILDREN)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()


def spawn(path: str) -> None:
    """Children of multiprocessing by spawn."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=spawned, args=(n, path)) for n in range(CHILDREN)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()


def pool(path: str) -> None:
    """A pool of forked workers."""
    context = multiprocessing.get_context("fork")
    with flowstone.run("p"), ProcessPoolExecutor(2, mp_context=context) as workers:
        list(workers.map(child, range(CHILDREN)))


def os_exit(path: str) -> None:
    """Forked children that flush, then leave by os._exit."""
    with flowstone.run("p"):
        for n in range(CHILDREN):
            pid = os.fork()
            if pid == 0:
                child(n)
                os._exit(0 if flowstone.flush(5) else 3)
            assert os.waitpid(pid, 0)[1] == 0


def unwinding(path: str) -> None:
    """A child that unwinds the parent's block."""
    with flowstone.run("p"), flowstone.materialization("parents"):
        pid = os.fork()
        if pid == 0:
            child(0)
            sys.exit(0)
        os.waitpid(pid, 0)


def busy(path: str, forks: str) -> None:
    """Many forks beside threads that emit all the time."""
    stop = threading.Event()

    def emit() -> None:
        while not stop.is_set():
            with flowstone.materialization("busy"):
                time.sleep(0.0005)

    threads = [threading.Thread(target=emit, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    with flowstone.run("p"):
        for n in range(int(forks)):
            pid = os.fork()
            if pid == 0:
                child(n)
                os._exit(0 if flowstone.flush(10) else 3)
            assert os.waitpid(pid, 0)[1] == 0, n
    stop.set()
    for thread in threads:
        thread.join()


def killed(path: str) -> None:
    """Killed in the middle of a materialization, after the bound of law 3."""
    with flowstone.run("p"), flowstone.materialization("doomed"):
        time.sleep(0.5)
        os.kill(os.getpid(), 9)


if __name__ == "__main__":
    install(sys.argv[2])
    globals()[sys.argv[1]](*sys.argv[2:])
