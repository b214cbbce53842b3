from __future__ import annotations

import time
from pathlib import Path

import pytest
from sqlalchemy import Engine

from flowstone.plugin import hookimpl, stats
from flowstone.testing import Capture
from flowstone_audit import anchors, file_anchor, sealing
from flowstone_audit.events import AuditSealed
from flowstone_audit.file_anchor import FileAnchor
from flowstone_audit.keys import Signer
from plugins.audit.tests.sealing.rows import truth, write


class Collecting:
    """Keeps what it gets; fails or hangs when told to."""

    def __init__(self, name: str, way: str = "") -> None:
        self.name = name
        self.way = way
        self.notes: list[str] = []

    def publish(self, note: str) -> None:
        if self.way == "fails":
            raise OSError("no such bucket")
        if self.way == "hangs":
            time.sleep(anchors.WAIT_S * 2)
        if self.way == "is slow":
            time.sleep(anchors.WAIT_S / 4)
        self.notes.append(note)


class Providing:
    """A plugin with anchors."""

    def __init__(self, *given: object) -> None:
        self.given = given

    @hookimpl
    def provide_audit_anchor(self) -> tuple[object, ...]:
        return self.given


def _seal(engine: Engine, signer: Signer, many: int) -> None:
    for _ in range(many):
        write(engine, 2)
        sealing.seal_all(engine, signer)


def test_every_anchor_gets_every_checkpoint(
    engine: Engine, signer: Signer, home: Path, flowstone_capture: Capture
) -> None:
    """The file, the event and the anchors of plugins get each checkpoint, in order."""
    mine = Collecting("mine")
    flowstone_capture.engine.plugins.register(Providing(mine, "no anchor"), "providing")
    _seal(engine, signer, 3)
    notes = truth(engine, [signer.verifier]).notes
    assert notes == mine.notes
    assert notes == file_anchor.read(home / "audit" / "checkpoints")
    told = [event for event in flowstone_capture.events if isinstance(event, AuditSealed)]
    assert [(2, notes[0]), (4, notes[1]), (6, notes[2])] == [(event.size, event.note) for event in told]


def test_an_anchor_that_failed_gets_what_it_missed(
    engine: Engine, signer: Signer, flowstone_capture: Capture
) -> None:
    """A failing anchor keeps neither sealing nor the others back, is counted, and catches up in order."""
    poor, good = Collecting("poor"), Collecting("good")
    flowstone_capture.engine.plugins.register(Providing(poor, good), "providing")
    _seal(engine, signer, 1)
    poor.way = "fails"
    before = stats().get("audit.anchor.failed.poor", 0)
    _seal(engine, signer, 2)
    notes = truth(engine, [signer.verifier]).notes
    assert (notes, notes[:1]) == (good.notes, poor.notes)
    assert before + 2 == stats()["audit.anchor.failed.poor"]
    poor.way = ""
    sealing.seal_all(engine, signer)
    assert notes == poor.notes


def test_an_anchor_that_hangs_is_left_behind(
    engine: Engine, signer: Signer, flowstone_capture: Capture
) -> None:
    """A hanging anchor costs its bound once; sealing goes on without it."""
    hanging = Collecting(f"hanging {engine.dialect.name}", "hangs")
    flowstone_capture.engine.plugins.register(Providing(hanging), "providing")
    began = time.monotonic()
    _seal(engine, signer, 3)
    assert time.monotonic() - began < anchors.WAIT_S * 2 + 2
    assert 3 == len(truth(engine, [signer.verifier]).notes)


def test_an_anchor_that_is_slow_gets_the_rest_the_next_time(
    engine: Engine, signer: Signer, flowstone_capture: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much it has missed, it keeps a seal no longer than its bound; in the end it has all, in order."""
    slow = Collecting("slow")
    flowstone_capture.engine.plugins.register(Providing(slow), "providing")
    _seal(engine, signer, 1)
    slow.way = "fails"
    _seal(engine, signer, 12)
    monkeypatch.setattr(anchors, "WAIT_S", 0.4)
    slow.way = "is slow"
    began = time.monotonic()
    sealing.seal_all(engine, signer)
    assert time.monotonic() - began < 1.1
    assert 1 < len(slow.notes) < 13
    assert anchors.has_more()
    slow.way = ""
    sealing.seal_all(engine, signer)
    assert truth(engine, [signer.verifier]).notes == slow.notes
    assert not anchors.has_more()


def test_an_anchor_new_in_a_home_begins_with_the_newest(
    engine: Engine, signer: Signer, flowstone_capture: Capture
) -> None:
    """What an anchor is told first speaks for all before it; from there on it gets everything."""
    _seal(engine, signer, 3)
    late = Collecting("late")
    flowstone_capture.engine.plugins.register(Providing(late), "providing")
    _seal(engine, signer, 2)
    assert truth(engine, [signer.verifier]).notes[3:] == late.notes


@pytest.mark.parametrize("torn", ["", "half a no", "o\n1\nAAAA\n\n", "o\n1\nAAAA\n\n— o AA"])
def test_a_torn_file_keeps_what_follows(tmp_path: Path, torn: str) -> None:
    """Whatever a crash left at the end of the file, the checkpoints written afterwards are read."""
    path = tmp_path / "sub" / "checkpoints"
    path.parent.mkdir()
    path.write_text(torn)
    notes = ["a\n1\nx=\n\n— a AAAA\n", "b\n2\ny=\n\n— b BBBB\n— c CCCC\n"]
    for one in notes:
        FileAnchor(path).publish(one)
    assert notes == file_anchor.read(path)[-2:]
    assert len(file_anchor.read(path)) <= 3


@pytest.mark.parametrize(
    "told", ["[1]", "{%s: 7}", "{%s: {%s: 1000000}}", '{%s: {%s: "a"}}', "{%s: {%s: -1}}"]
)
def test_a_place_that_is_none_begins_anew(
    told: str, engine: Engine, signer: Signer, home: Path, flowstone_capture: Capture
) -> None:
    """Whatever stands where it is kept how far an anchor is, sealing goes on, and publishing too."""
    mine = Collecting("mine")
    flowstone_capture.engine.plugins.register(Providing(mine), "providing")
    _seal(engine, signer, 1)
    log_id = signer.name.rpartition("/")[2]
    path = home / "audit" / "anchored.json"
    path.write_text(told.replace("%s", f'"{log_id}"', 1).replace("%s", '"mine"'))
    _seal(engine, signer, 2)
    notes = truth(engine, [signer.verifier]).notes
    assert notes == mine.notes
