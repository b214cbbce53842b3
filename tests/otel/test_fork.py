from __future__ import annotations

from tests.otel.receivers import Sink, run

FORKING = """
    import os, sys, flowstone
    with flowstone.run("parent", run_id="r1"):
        with flowstone.materialization("before"):
            pass
        pid = os.fork()
        if pid == 0:
            with flowstone.materialization("child"):
                pass
            flowstone.flush(5)
            os._exit(0)
        os.waitpid(pid, 0)
        with flowstone.materialization("after"):
            pass
"""


def test_a_child_exports_its_own_once_and_starts_from_zero() -> None:
    """After a fork each span arrives once, and the child counts only its own, under its own instance id."""
    sink = Sink()
    done = run(FORKING, OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint)
    sink.close()
    assert (0, "") == (done.returncode, done.stderr)
    assert ["materialize after", "materialize before", "materialize child", "run parent"] == sorted(
        span.name for span in sink.spans()
    )
    by_instance: dict[str, float] = {}
    for instance, count in sink.points("flowstone.materialization.duration"):
        by_instance[instance] = max(by_instance.get(instance, 0), count)
    assert 2 == len(by_instance)
    assert {1} == set(by_instance.values())


def test_a_forked_child_reaches_the_receiver_on_its_own_connection() -> None:
    """A fork in the midst of exporting leaves both processes able to export."""
    sink = Sink()
    code = """
        import os, flowstone
        for number in range(5):
            with flowstone.materialization("m"):
                pass
            flowstone.flush(5)
            if os.fork() == 0:
                with flowstone.materialization(f"child{number}"):
                    pass
                os._exit(0 if flowstone.flush(5) else 1)
            assert os.wait()[1] == 0
    """
    done = run(code, OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint)
    sink.close()
    assert (0, "") == (done.returncode, done.stderr)
    assert 10 == len(sink.spans())
