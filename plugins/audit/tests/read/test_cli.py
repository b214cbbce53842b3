"""``flowstone audit log | show | history | export | erase | prune``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import flowstone
import flowstone_audit
from flowstone.plugin import terminal
from flowstone_audit import queries, sealing
from flowstone_audit.cli import group
from flowstone_audit.database import engine
from plugins.audit.tests.read.test_archive import without_guard

WHO: dict[str, Any] = {"actor_id": "ann", "actor_type": "user"}
HOSTILE = "\x1b[2J\x07\u202eevil\nline"


def run(cli: CliRunner, *words: str, code: int = 0) -> Result:
    ended = cli.invoke(group.audit, list(words), catch_exceptions=False)
    assert code == ended.exit_code, ended.output
    return ended


def test_log_lists_newest_first_with_filters(audit: str, cli: CliRunner) -> None:
    """Each filter of the command line reaches the query."""
    flowstone_audit.log("rule.updated", **WHO, resource_type="rule", resource_id="r:1", outcome="denied")
    flowstone_audit.log("a.b", actor_id="bot", actor_type="api", correlation_id="c-1")
    lines = run(cli, "log", "--width", "200").stdout.splitlines()
    assert ["a.b", "rule.updated"] == [line.split()[3] for line in lines[1:]]
    assert "user ann" in lines[2]
    assert "rule:r:1" in lines[2]
    assert "denied" in lines[2]
    for words in (["--resource", "rule:r:1"], ["--event", "rule.*"], ["--actor", "ann"], ["--outcome", "denied"], ["--actor-type", "user"]):  # fmt: skip
        document = json.loads(run(cli, "log", "--json", *words).stdout)
        assert ["rule.updated"] == [entry["event_type"] for entry in document["entries"]], words
    assert 2 == len(json.loads(run(cli, "log", "--json", "--since", "1h").stdout)["entries"])
    run(cli, "log", "--until", "2020-01-01", code=3)
    run(cli, "log", "--since", "yesterday", code=2)
    run(cli, "log", "--resource", "rule", code=2)


def test_log_goes_on_where_it_stopped(audit: str, cli: CliRunner) -> None:
    """The cursor of one page leads to the next."""
    ids = [flowstone_audit.log("a.b", **WHO).id for _ in range(5)]
    first = json.loads(run(cli, "log", "--json", "--limit", "3").stdout)
    rest = json.loads(run(cli, "log", "--json", "--limit", "3", "--after", str(first["next"])).stdout)
    assert ids[::-1] == [entry["id"] for entry in first["entries"] + rest["entries"]]
    assert None is rest["next"]


def test_show_finds_ids_beginnings_and_numbers(audit: str, cli: CliRunner) -> None:
    """One entry with everything in it; what is ambiguous or unknown says so by its exit code."""
    entry = flowstone_audit.log("a.b", **WHO, details={"why": HOSTILE, "big": 1 << 100}, client_ip="10.0.0.1")
    flowstone_audit.log("a.b", **WHO)
    for text in (entry.id, entry.id[:20], str(entry.seq), f"#{entry.seq}"):
        shown = run(cli, "show", text).stdout
        assert entry.id in shown
        assert "10.0.0.1" in shown
        assert str(1 << 100) in shown
    assert entry.to_dict() == json.loads(run(cli, "show", entry.id, "--json").stdout)
    assert "several" in run(cli, "show", entry.id[:8], code=4).stderr
    run(cli, "show", "0" * 32, code=3)
    run(cli, "show", entry.id[:7], code=3)
    run(cli, "show", "no id", code=3)


def test_history_takes_assets_and_resources(audit: str, cli: CliRunner) -> None:
    """The name of an asset, also one with a colon in it, and TYPE:ID; oldest first."""
    for kind, id in (("asset", "orders"), ("asset", "s3:orders"), ("run", "r1")):
        for action in ("start", "stop"):
            flowstone_audit.log(f"x.{action}", **WHO, resource_type=kind, resource_id=id, action=action)
    for text, kind, id in (
        ("orders", "asset", "orders"),
        ("asset:orders", "asset", "orders"),
        ("s3:orders", "asset", "s3:orders"),
        ("run:r1", "run", "r1"),
    ):
        document = json.loads(run(cli, "history", text, "--json").stdout)
        assert {"type": kind, "id": id} == document["resource"]
        assert ["start", "stop"] == [entry["action"] for entry in document["entries"]]
    assert 3 == len(run(cli, "history", "orders").stdout.splitlines())
    end = json.loads(run(cli, "history", "orders", "--json", "--limit", "1").stdout)
    assert ["stop"] == [entry["action"] for entry in end["entries"]]
    start = json.loads(run(cli, "history", "orders", "--json", "--before", str(end["before"])).stdout)
    assert ["start"] == [entry["action"] for entry in start["entries"]]
    run(cli, "history", "nothing", code=3)


@pytest.mark.parametrize(
    "words", [["log"], ["log", "--ascii"], ["log", "--width", "40"], ["history", "run:" + HOSTILE]]
)
def test_hostile_text_steers_no_terminal(audit: str, cli: CliRunner, words: list[str]) -> None:
    """Control characters and changes of direction come out written, whatever column they are in."""
    flowstone_audit.log(
        f"a.{HOSTILE}", actor_id=HOSTILE, actor_type="user", resource_type="run", resource_id=HOSTILE,
        action=HOSTILE, correlation_id=HOSTILE, user_agent=HOSTILE, details={HOSTILE: HOSTILE},
    )  # fmt: skip
    for command in (words, ["show", "1"], [*words, "--json"]):
        shown = run(cli, *command).stdout
        assert not set("\x1b\x07\u202e") & set(shown)
    assert terminal.escape(HOSTILE) in run(cli, "show", "1").stdout


def test_export_writes_whole_files_or_none(audit: str, cli: CliRunner, tmp_path: Path) -> None:
    """JSON lines oldest first, readable by the owner alone; a file that is there is not written over."""
    entries = [
        flowstone_audit.log("a.b", **WHO, client_ip="10.0.0.1", details={"n": 1 << 80}) for _ in range(3)
    ]
    path = tmp_path / "out.jsonl"
    run(cli, "export", "-o", str(path))
    assert [entry.to_dict() for entry in entries] == [
        json.loads(line) for line in path.read_bytes().splitlines()
    ]
    assert 0o600 == path.stat().st_mode & 0o777
    run(cli, "export", "-o", str(path), code=2)
    run(cli, "export", "-o", str(path), "--force", "--without-private")
    assert b"10.0.0.1" not in path.read_bytes()
    assert b"row_hash" in path.read_bytes()
    for words in ([], ["-o", "-"]):
        lines = run(cli, "export", "--event", "a.b", *words).stdout.splitlines()
        assert [entry.id for entry in entries] == [json.loads(line)["id"] for line in lines]
    run(cli, "export", "-o", "-", "--json", code=2)
    run(cli, "export", "-o", str(tmp_path / "none.jsonl"), "--event", "c.d", code=3)
    assert [path] == [each for each in tmp_path.iterdir() if "jsonl" in each.name]


def test_export_as_cloudevents_and_archive(audit: str, cli: CliRunner, tmp_path: Path) -> None:
    """The other two forms; an archive takes no filters and needs a file."""
    entry = flowstone_audit.log("a.b", **WHO)
    (line,) = run(cli, "export", "--format", "cloudevents").stdout.splitlines()
    assert ("1.0", entry.id, "flowstone.audit.a.b") == tuple(
        json.loads(line)[k] for k in ("specversion", "id", "type")
    )
    sealing.seal_all(engine())
    run(cli, "export", "--format", "archive", "-o", str(tmp_path / "a.jsonl"))
    assert b"flowstone-audit-archive" in (tmp_path / "a.jsonl").read_bytes()
    run(cli, "export", "--format", "archive", code=2)
    run(cli, "export", "--format", "archive", "-o", str(tmp_path / "b.jsonl"), "--actor", "ann", code=2)


def test_erase_asks_tells_and_erases(audit: str, cli: CliRunner) -> None:
    """A dry run changes nothing and says what stays; without a yes nothing happens; then it is gone."""
    entry = flowstone_audit.log("a.b", **WHO, client_ip="10.0.0.1")
    dry = run(cli, "erase", "--actor", "ann", "--dry-run").stdout
    assert "1 entries" in dry
    assert "backups" in dry
    words = ["erase", "--entry", entry.id, "--request", "T-1", "--by", "dpo"]
    run(cli, *words, code=1)
    run(cli, "erase", "--entry", entry.id, code=2)
    run(cli, "erase", "--request", "T-1", "--by", "dpo", code=2)
    assert "10.0.0.1" == queries.entry(entry.id).client_ip
    assert 1 == json.loads(run(cli, *words, "--yes", "--json").stdout)["erased"]
    assert queries.entry(entry.id).erased
    assert "erased" in run(cli, "show", entry.id).stdout
    run(cli, *words, "--yes", code=3)
    run(cli, "erase", "--actor", "nobody", "--dry-run", code=3)


def test_erase_takes_what_show_takes(audit: str, cli: CliRunner) -> None:
    """Numbers and beginnings of ids; what several ids begin with erases nothing, nor does a document without a yes."""
    first, second = (flowstone_audit.log("a.b", **WHO, client_ip="10.0.0.1") for _ in range(2))
    words = ["--request", "T-1", "--by", "dpo", "--yes", "--json"]
    assert "2 ids" in run(cli, "erase", "--entry", first.id[:8], *words, code=4).stderr
    assert "--json needs --yes" in run(cli, "erase", "--actor", "ann", *words[:4], "--json", code=2).stderr
    assert "--json needs --yes" in run(cli, "prune", "--json", code=2).stderr
    assert not queries.entry(first.id).erased
    both = ["--entry", f"#{first.seq}", "--entry", second.id[:20], "--entry", first.id]
    assert 2 == len(json.loads(run(cli, "erase", *both, "--dry-run", "--json").stdout)["to_erase"])
    assert 2 == json.loads(run(cli, "erase", *both, *words).stdout)["erased"]
    assert queries.entry(first.id).erased


@pytest.mark.parametrize("text", ["not json", "[1]", "[" * 100_000, '{"a":"\\ud800"}'])
def test_an_entry_that_was_tampered_with_hides_no_other(audit: str, cli: CliRunner, text: str) -> None:
    """Details that are no JSON object any more are shown as what stands there, and marked; Python names the entry."""
    flowstone_audit.log("a.b", **WHO, client_ip="10.0.0.1", details={"n": 1})
    without_guard(audit, "update", f"UPDATE flowstone_audit_log SET details = '{text}', private = '{text}'")
    good = flowstone_audit.log("a.b", **WHO).id
    marked = "surrogate" if text.startswith("{") else "malformed"
    for words in (["log", "--oldest-first", "--json"], ["export"], ["export", "--format", "cloudevents"]):
        told = run(cli, *words).stdout
        assert good in told
        assert ("malformed" in told) == (marked == "malformed")
    assert text[-8:].strip('"}') in run(cli, "show", "1").stdout
    if marked == "malformed":
        entry = queries.at(1)
        assert {"details_malformed", "private_malformed"} <= entry.to_dict().keys()
        assert "private_malformed" not in entry.to_dict(private=False)
        for name in ("details", "private"):
            with pytest.raises(
                flowstone_audit.AuditError, match=rf"{name} of entry 1 .*flowstone audit verify"
            ):
                getattr(entry, name)


def test_prune_says_when_nothing_is_old(audit: str, cli: CliRunner) -> None:
    """Young entries are not pruned, and there is no archive of nothing."""
    flowstone_audit.log("a.b", **WHO)
    assert "365 days" in run(cli, "prune", "--yes", code=3).stderr


def test_an_unusable_database_is_said(home: Path, cli: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    """No log yet, switched off, out of reach or malformed: exit status 2 and a line that says which."""
    assert "no audit log" in run(cli, "log", code=2).stderr
    for url, told in (
        ("off", "switched off"),
        ("postgresql://ann:secret@127.0.0.1:1/x", "cannot reach"),
        ("mysql://x", "FLOWSTONE_AUDIT_URL"),
    ):
        monkeypatch.setenv("FLOWSTONE_AUDIT_URL", url)
        shown = run(cli, "log", code=2).stderr
        assert told in shown
        assert "secret" not in shown


def test_lifecycle_events_are_shown_by_their_history(audit: str, cli: CliRunner) -> None:
    """What a run did is in the history of its asset and of itself, with who began it."""
    with (
        flowstone_audit.actor("ann"),
        flowstone.run("nightly", run_id="r1"),
        flowstone.materialization("orders"),
    ):
        pass
    assert flowstone.flush(5.0)
    told = json.loads(run(cli, "history", "orders", "--json").stdout)["entries"]
    assert [("start", "started"), ("stop", "success")] == [(each["action"], each["outcome"]) for each in told]
    runs = json.loads(run(cli, "history", "run:r1", "--json").stdout)["entries"]
    assert [("user", "ann")] * 2 == [(each["actor_type"], each["actor_id"]) for each in runs]


def test_every_command_has_help() -> None:
    """All commands can be imported, and each says what its exit status means."""
    told = CliRunner().invoke(group.audit, ["--help"])
    assert 0 == told.exit_code, told.output
    for name in group.COMMANDS:
        assert name in told.output
        shown = CliRunner().invoke(group.audit, [name, "--help"])
        assert 0 == shown.exit_code
        assert "--json" in shown.output
        assert "Exit status" in shown.output
