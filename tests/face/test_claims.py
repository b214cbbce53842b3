"""Claims of verdicts, and how long they are kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import flowstone
from flowstone.face import claims
from flowstone.testing import Capture

DAY = 86_400 * 10**9
NOW = 1_767_000_000 * 10**9  # 2025-12-29
DECEMBER = NOW + DAY

CLAIMS = """
    import json, sys
    from flowstone.face import claims
    now, old, fresh = map(int, sys.argv[1:4])
    claims.time_ns = lambda: now
    sys.stdin.readline()
    won = []
    for number in range(150):
        for kind, deadline in (("old", old), ("fresh", fresh)):
            if not claims.claim(f"{kind}-{number}", "approved", deadline, lambda: now):
                won.append(f"{kind}-{number}")
    print(json.dumps(won))
"""


def stored(home: Path) -> list[str]:
    return sorted(
        path.relative_to(home / "checkpoints").as_posix() for path in home.rglob("*-*") if path.is_file()
    )


def fill(home: Path, month: str, number: int) -> Path:
    folder = home / "checkpoints" / "until" / month
    folder.mkdir(parents=True)
    for one in range(number):
        (folder / f"trace-{one}").write_text("approved")
    return folder


def test_a_claim_lies_by_the_month_of_its_deadline(home: Path) -> None:
    """With a deadline a claim lies in its month, without one beside the months; both are found again."""
    assert ("", "") == (
        claims.claim("a-1", "approved", DECEMBER, lambda: NOW),
        claims.claim("b-1", "rejected", None, lambda: NOW),
    )
    assert ["b-1", "until/2025-12/a-1"] == stored(home)
    assert ("approved", "rejected") == (claims.found("a-1", DECEMBER), claims.found("b-1"))
    assert "approved" == claims.claim("a-1", "rejected", DECEMBER, lambda: NOW)


def test_old_claims_are_pruned_a_few_at_a_time(home: Path) -> None:
    """A call deletes at most its bound, the oldest month first, and the folder once it is empty."""
    older, old = fill(home, "2025-01", claims.PRUNED_AT_ONCE + 1), fill(home, "2025-06", 1)
    assert [claims.PRUNED_AT_ONCE, 1, 1, 0] == [claims.prune(NOW) for _ in range(4)]
    assert (False, False) == (older.exists(), old.exists())


def test_what_may_still_be_asked_for_is_kept(home: Path) -> None:
    """The months that ended within the time that claims are kept, later ones and strange names stay."""
    for month in ("2025-09", "2025-10", "2025-12", "2031-01", "notes"):
        fill(home, month, 1)
    (home / "checkpoints" / "b-1").write_text("approved")  # without a deadline
    assert 0 == claims.prune(NOW)
    assert 6 == len(stored(home))


def test_a_month_is_kept_until_its_last_claim_is_old_enough(home: Path) -> None:
    """The folder goes when the last moment of its month is as old as claims are kept, not before."""
    folder = fill(home, "2025-11", 1)
    ended = 1_764_547_200 * 10**9  # 2025-12-01T00:00Z
    assert 0 == claims.prune(ended + claims.KEPT_S * 10**9 - 1)
    assert 1 == claims.prune(ended + claims.KEPT_S * 10**9)
    assert not folder.exists()


def test_each_claim_prunes(home: Path) -> None:
    """Nobody has to call the pruning: whoever claims does a piece of it."""
    folder = fill(home, "2020-01", 3)
    assert "" == claims.claim("a-1", "approved", 2**62, lambda: NOW)
    assert not folder.exists()


def test_long_after_the_deadline_nobody_claims(home: Path) -> None:
    """What is so old that its claim may be gone is timed out for everybody, and nothing is written."""
    over = DECEMBER + (claims.KEPT_S - 86_400) * 10**9 + 1
    assert claims.EXPIRED == claims.claim("a-1", "approved", DECEMBER, lambda: over)
    assert [] == stored(home)
    assert "" == claims.claim("a-1", "approved", DECEMBER, lambda: over - 1)
    assert "approved" == claims.claim("a-1", claims.EXPIRED, DECEMBER, lambda: over)


def test_a_claimant_that_slept_does_not_win() -> None:
    """Between its look at the clock and its file, the claim of somebody else may have been pruned."""
    clock = iter((DECEMBER, DECEMBER + claims.KEPT_S * 10**9))  # once before, once after
    assert claims.EXPIRED == claims.claim("a-1", "approved", DECEMBER, lambda: next(clock))


def test_processes_that_claim_and_prune_at_once_do_not_harm_one_another(home: Path) -> None:
    """While all prune the same old months, each claim has exactly one winner, and what is over has none."""
    for month in range(1, 7):
        fill(home, f"2024-{month:02}", 100)
    old, fresh = NOW - (claims.KEPT_S + 40 * 86_400) * 10**9, NOW - (claims.KEPT_S - 2 * 86_400) * 10**9
    command = [sys.executable, "-c", textwrap.dedent(CLAIMS), str(NOW), str(old), str(fresh)]
    pipe = subprocess.PIPE
    workers = [
        subprocess.Popen(command, env=os.environ.copy(), stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        for _ in range(4)
    ]
    said = [worker.communicate("\n", timeout=60) for worker in workers]
    assert [""] * 4 == [errors for _, errors in said]
    won = [key for output, _ in said for key in json.loads(output)]
    assert sorted(f"fresh-{number}" for number in range(150)) == sorted(won)
    assert 150 == len(stored(home))


def test_a_token_of_long_ago_is_timed_out_and_nothing_is_told(home: Path, flowstone_capture: Capture) -> None:
    """Whatever was decided then and is pruned by now: no second verdict, only the error that it is too late."""
    moment = [NOW]
    gate = flowstone.checkpoint("publish", timeout=60, now=lambda: moment[0]).request()
    gate.approve()
    moment[0] += (claims.KEPT_S + 40 * 86_400) * 10**9
    while claims.prune(moment[0]):
        pass
    assert [] == stored(home)
    again = flowstone.resume_checkpoint(gate.id, now=lambda: moment[0])
    assert "timed out" == again.verdict
    again.expire()
    with pytest.raises(flowstone.CheckpointExpired):
        again.approve()
    told = [event.name for event in flowstone_capture.events if event.name.startswith("checkpoint.")]
    assert ["checkpoint.requested", "checkpoint.approved"] == told
