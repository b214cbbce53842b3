"""The audit log of the demo's runs: an entry, its proof, the whole log's, and a forgery that is found."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from flowstone_dagster.demo import agreement
from flowstone_dagster.demo.forgery import Forgery, forge
from flowstone_dagster.demo.jobs import FAULTY
from flowstone_dagster.demo.part import Part
from flowstone_dagster.demo.place import Place, UnusableError
from flowstone_dagster.demo.processes import COMMANDS, run, told

NAME: Final = "audit"
TITLE: Final = "Audit log: who did what, kept so that nobody can change it unseen"

_APPROVED: Final = "checkpoint.approved"
_FORGED: Final = "mallory"
_TAMPERED, _NOT_PROVEN = 1, 3  # exit codes of `flowstone audit verify`
_AT_ONCE: Final = 2
_NO_TRACE: Final = {"FLOWSTONE_STORE_URL": "off"}  # that somebody sealed or verified is no part of the runs

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """What the commands of the audit log told.

    Attributes:
        entry: The entry of the approval.
        proof: That it is in the log.
        verified: What the log is worth.
        forgery: What was done to a copy.
        caught: What the copy is worth.
        after: What the real entry is worth afterwards.
        history: What happened to the asset that failed.
        entries: All entries of the demo's runs.
    """

    entry: Document
    proof: Document
    verified: Document
    forgery: Forgery
    caught: Document
    after: Document
    history: list[Document]
    entries: list[Document]


def audited(place: Place, correlation_id: str, trace: Document) -> Part:
    """Seal the log, prove it, forge a copy, and hold the log against the trace.

    Raises:
        UnusableError: A command of the audit log failed.
    """
    found = _look(place, correlation_id)
    document = {
        "entry": found.entry,
        "proof": found.proof,
        "verified": found.verified,
        "forgery": {**asdict(found.forgery), "verified": found.caught},
        "verified_after_forgery": found.after,
        "history": found.history,
    }
    apart = [
        *agreement.disagreements(trace, found.entries),
        *agreement.disagreements(trace, found.history, FAULTY),
    ]
    return Part(
        name=NAME,
        title=TITLE,
        steps=list(_steps(found, agree=not apart)),
        commands=_commands(place, found),
        document=document,
        problems=[*_broken_promises(found), *apart],
    )


def _look(place: Place, correlation_id: str) -> Audited:
    _done(place, "seal")
    under = ("log", "--correlation", correlation_id, "--limit", "10000")
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        listed = pool.submit(_ask, place, *under)
        verified = pool.submit(_ask, place, "verify", *_outside(place))
        asked = pool.submit(_ask, place, "history", FAULTY, "--limit", "2")
        entries = listed.result()["entries"]
        entry = next((one for one in entries if one["event_type"] == _APPROVED), None)
        if entry is None:
            raise UnusableError(f"the audit log has no {_APPROVED}")
        before = verified.result()
        place.key.write_text("".join(f"{one}\n" for one in before["keys"][-1:]), encoding="utf-8")
        forgery = _forge(place, entry["seq"])
        proof = pool.submit(_ask, place, "prove", entry["id"])
        outsider = ("verify", *_outside(place), "--key", str(place.key))
        caught = pool.submit(_ask, place, *outsider, home=place.forgery)
        after = pool.submit(_ask, place, *outsider, "--entry", entry["id"])
        return Audited(
            entry=entry,
            proof=proof.result(),
            verified=before,
            forgery=forgery,
            caught=caught.result(),
            after=after.result(),
            history=asked.result()["entries"],
            entries=entries,
        )


def _outside(place: Place) -> tuple[str, str]:
    return "--anchor", str(place.checkpoints)


def _forge(place: Place, seq: int) -> Forgery:
    try:
        return forge(place.folder / "audit.db", place.forgery / "audit.db", seq, _FORGED)
    except (sqlite3.Error, OSError) as error:
        raise UnusableError(f"the audit database cannot be copied and forged: {error}") from error


def _done(place: Place, *arguments: str) -> None:
    done = run(place, COMMANDS, NAME, *arguments, settings=_NO_TRACE)
    if done.returncode:
        raise UnusableError(f"flowstone audit {' '.join(arguments)}: {done.stderr.strip()}")


def _ask(place: Place, *arguments: str, home: Path | None = None) -> Any:
    there = place.settings(home) if home is not None else {}
    done = run(place, COMMANDS, NAME, *arguments, "--json", settings={**there, **_NO_TRACE})
    return told(done, _TAMPERED, _NOT_PROVEN)


def _broken_promises(found: Audited) -> Iterator[str]:
    seq, verdict = found.forgery.seq, found.verified["verdict"]
    if verdict != "proven":
        yield f"the audit log was to be proven, and is {verdict}: {_findings(found.verified)}"
    if not found.forgery.refusal:
        yield "the audit database let an entry be rewritten while its guards stood"
    first = found.caught["first"] or {}
    if found.caught["verdict"] != "tampered" or (first.get("kind"), first.get("seq")) != ("modified", seq):
        yield f"the forgery of entry {seq} was to be found, and the copy is {found.caught['verdict']}: {_findings(found.caught)}"
    if found.after["verdict"] != "proven":
        yield f"the log's own entry {seq} is {found.after['verdict']} after the forgery: {_findings(found.after)}"


def _findings(document: Document) -> str:
    return "; ".join(f"{one['kind']}: {one['message']}" for one in document["findings"]) or "no finding"


def _steps(found: Audited, *, agree: bool) -> Iterator[tuple[str, list[str]]]:
    entry, proof, seq = found.entry, found.proof, found.entry["seq"]
    when = entry["occurred_at"][:19].replace("T", " ")
    who = f"{entry['actor_type']} {entry['actor_id']!r}"
    yield (
        f"flowstone audit log --correlation {entry['correlation_id']}, its entry {seq}",
        [
            f"{entry['event_type']} of {entry['resource_id']!r} by the {who} at {when} UTC",
            f"reason: {entry['details'].get('reason', '')}",
        ],
    )
    yield (
        f"flowstone audit prove {seq}",
        [
            f"its hash and {len(proof['hashes'])} others make the root {proof['checkpoint'].splitlines()[2]}",
            f"of all {proof['size']} entries, which is signed and published outside of the database",
        ],
    )
    yield "flowstone audit verify --anchor published/checkpoints", [_verdict(found.verified)]
    yield "An attacker with every right, on a copy of the database", _attack(found.forgery)
    yield "flowstone audit verify, of the copy", [_verdict(found.caught)]
    yield f"flowstone audit verify --entry {seq}, of the log itself", [_verdict(found.after)]
    yield f"flowstone audit history {FAULTY}", _history(found, agree=agree)


def _commands(place: Place, found: Audited) -> dict[str, str]:
    seq, outside = found.entry["seq"], _outside(place)
    return {
        place.command("audit", "show", str(seq)): "the approval",
        place.command("audit", "verify", *outside): "the audit log",
        place.command(
            "audit", "verify", *outside, "--key", str(place.key), home=place.forgery
        ): "its forged copy",
    }


def _attack(forgery: Forgery) -> list[str]:
    return [
        f"rewrites who decided entry {forgery.seq}: {f'refused ({forgery.refusal})' if forgery.refusal else 'done'}",
        f"drops the {forgery.guards} guards, writes {forgery.forged!r} for {forgery.was!r}, puts the guards back: done",
    ]


def _verdict(document: Document) -> str:
    if document["verdict"] == "proven":
        number = document["entries"]
        return f"PROVEN: {number} entr{'y' if number == 1 else 'ies'} as written, under a checkpoint from outside"
    if document["verdict"] == "tampered":
        return f"TAMPERED WITH: {_findings(document)}"
    return f"CONSISTENT, NOT PROVEN: {_findings(document)}"


def _history(found: Audited, *, agree: bool) -> list[str]:
    kept = len(agreement.audited(found.entries))
    return [
        *(
            f"{one['occurred_at'][11:23]}  {one['event_type']:<25}  {one['outcome'] or ''}"
            for one in found.history
        ),
        *(
            [f"trace and audit log tell of the same {kept} materializations, with the same ends"]
            if agree
            else []
        ),
    ]
