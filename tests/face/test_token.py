"""The token of a request, and the key that signs it."""

from __future__ import annotations

import multiprocessing
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowstone.face import keys, token
from flowstone.face.errors import CheckpointInvalid
from flowstone.face.token import Request
from flowstone.runtime.scope import Scope

KEY = b"k" * 32
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def request(name: str = "publish", **scope: str) -> Request:
    held = {"run_id": "2b9f1d3a5c7e9f01", "pipeline": "nightly", **scope}
    return Request(
        name=name,
        scope=Scope(0x0AF7651916CD43DD8448EB211C80319C, **held),  # type: ignore[arg-type]
        span_id=0xB7AD6B7169203331,
        parent_id=3,
        requested_at=1_736_906_400_000_000_001,
        timeout=3600.0,
    )


def told(one: Request) -> tuple[object, ...]:
    held = one.scope
    identity = (
        held.trace_id,
        held.correlation_id,
        held.run_id,
        held.pipeline,
        held.orchestrator,
        held.sampled,
    )
    return (one.name, one.span_id, one.parent_id, one.requested_at, one.timeout, *identity)


@settings(max_examples=100, deadline=None)
@given(*[st.text(st.characters(exclude_categories=["Cs"]), max_size=200)] * 3)
def test_a_token_holds_the_request(name: str, run_id: str, pipeline: str) -> None:
    """Whatever the names are, the request comes out as it went in."""
    made = request(name, run_id=run_id, pipeline=pipeline, orchestrator="dagster", correlation_id="order-7")
    assert told(made) == told(token.read(token.write(made, KEY), [b"other", KEY]))


def test_a_token_is_short() -> None:
    """A usual one fits two lines of a terminal; the longest fits an event's field."""
    assert len(token.write(request(), KEY)) < 150
    longest = request("ü" * 1024, run_id="ü" * 1024, pipeline="ü" * 1024, correlation_id="c" * 128)
    assert len(token.write(longest, KEY)) <= 4096
    assert "ü" * 450 == token.read(token.write(longest, KEY), [KEY]).name


def test_every_changed_character_is_noticed() -> None:
    """No single character can be another one."""
    made = token.write(request(), KEY)
    for at, was in enumerate(made):
        for other in {ALPHABET[(ALPHABET.index(was) + step) % 64] for step in (1, 2, 16, 33)}:
            with pytest.raises(CheckpointInvalid):
                token.read(made[:at] + other + made[at + 1 :], [KEY])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda made: made[:-1],
        lambda made: made[:20],
        lambda made: made + "A",
        lambda made: made + "=",
        lambda made: made[:30] + "\n" + made[30:],
        lambda made: "",
        lambda made: "ü" + made,
        lambda made: "A" * 100_000,
        lambda made: None,
    ],
)
def test_what_is_no_token_is_invalid(spoil: Callable[[str], str]) -> None:
    """Cut, prolonged, broken over lines or something else: a clear error."""
    with pytest.raises(CheckpointInvalid, match="checkpoint token"):
        token.read(spoil(token.write(request(), KEY)), [KEY])


def test_a_token_of_another_key_is_invalid() -> None:
    """The error says what to do."""
    with pytest.raises(CheckpointInvalid, match="FLOWSTONE_CHECKPOINT_KEY"):
        token.read(token.write(request(), KEY), [b"another"])
    with pytest.raises(CheckpointInvalid):
        token.read(token.write(request(), KEY), [])


def test_the_key_is_kept_for_its_owner_only(home: Path) -> None:
    """Made with mode 0600 on first use, and put right where somebody widened it."""
    made = keys.signing()
    assert [made] == keys.known()
    (home / keys.FILE).chmod(0o644)
    assert made == keys.signing()
    assert 0o600 == stat.S_IMODE((home / keys.FILE).stat().st_mode)
    assert [keys.FILE] == [path.name for path in home.iterdir()]


def test_reading_makes_no_key(home: Path) -> None:
    """Whoever only resumes leaves no key behind."""
    assert [] == keys.known()
    assert not (home / keys.FILE).exists()


def _signing(_: int) -> bytes:
    return keys.signing()


def test_all_processes_make_one_key() -> None:
    """Of many that need the first key at once, all get the same."""
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert 1 == len(set(pool.map(_signing, range(16), chunksize=1)))


def test_a_setting_is_the_key_of_several_machines(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is set, no file counts and none is made."""
    monkeypatch.setenv("FLOWSTONE_CHECKPOINT_KEY", "shared by all of us")
    assert b"shared by all of us" == keys.signing()
    assert [b"shared by all of us"] == keys.known()
    assert not home.exists()


def test_without_a_home_the_key_lasts_as_long_as_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pipeline goes on; its tokens are good in this process."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FLOWSTONE_HOME", str(tmp_path / "file" / "below"))
    assert [keys.signing()] == keys.known()
