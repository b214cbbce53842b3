"""CloudEvents, held against the rules of the specification."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from flowstone_audit import cloudevents
from flowstone_audit.canonical import sealed
from flowstone_audit.entry import AuditEntry, of_row
from flowstone_audit.row import VERSION, Row

LOG = "2f0d8c1a-5b0f-4f6e-9a53-0a5c6ef0d9a1"
ROW = Row(
    VERSION, bytes(range(16)), "rule.updated", "ann", "user", "rule", "r1", "update", "denied", '{"a":[1e22,-0.0]}',
    "c-1", "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "run-1", "h/1/00000000", 7,
    1_736_899_200_000_001, "10.0.0.1", "curl/8", '{"mail":"x"}', b"n" * 32, None, b"",
)  # fmt: skip
ENTRY = of_row(sealed(ROW), 42, datetime(2025, 1, 15, 0, 0, 1, tzinfo=UTC))
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")


def holds(event: dict[str, Any]) -> None:
    """Assert what the specification asks of every event."""
    assert {"specversion", "id", "source", "type"} <= event.keys()
    for name, value in event.items():
        assert re.fullmatch("[a-z0-9]{1,20}", name)
        if name == "data":
            continue
        assert isinstance(value, str)
        assert value
        value.encode()
        assert not re.search("[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff\U0010ffff]", value)
    assert RFC3339.fullmatch(event["time"])


def test_the_mapping_is_the_documented_one() -> None:
    """Every attribute and extension has the value that the table says."""
    event = cloudevents.of(ENTRY, LOG)
    holds(event)
    data = event.pop("data")
    assert {
        "specversion": "1.0",
        "id": "000102030405060708090a0b0c0d0e0f",
        "source": f"urn:flowstone:audit:{LOG}",
        "type": "flowstone.audit.rule.updated",
        "time": "2025-01-15T00:00:00.000001+00:00",
        "subject": "rule/r1",
        "datacontenttype": "application/json",
        "sequence": "0000000000000000042",
        "recordedtime": "2025-01-15T00:00:01.000000+00:00",
        "authtype": "user",
        "authid": "ann",
        "correlationid": "c-1",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
    } == event
    assert {"a": [1e22, -0.0]} == data["details"]
    assert ("update", "denied", "10.0.0.1", {"mail": "x"}) == tuple(
        data[name] for name in ("action", "outcome", "client_ip", "private")
    )


def test_what_is_not_known_is_left_out() -> None:
    """No nulls, no empty attributes; nothing private where that is asked for."""
    nothing = dict.fromkeys(Row._fields)
    row: Any = {
        **nothing,
        "v": VERSION,
        "id": bytes(16),
        "event_type": "a.b",
        "actor_id": "x",
        "actor_type": "api",
    }
    bare = of_row(
        sealed(
            Row(**{**row, "details": "{}", "writer": "w", "ordinal": 1, "occurred_at": 0, "row_hash": b""})
        )
    )
    event = cloudevents.of(bare, LOG)
    holds(event)
    assert not {"subject", "sequence", "recordedtime", "correlationid", "traceparent"} & event.keys()
    assert "api_key" == event["authtype"]
    assert (
        not {"client_ip", "user_agent", "private"} & cloudevents.of(ENTRY, LOG, private=False)["data"].keys()
    )


@given(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=40))
def test_any_text_makes_a_valid_event(first: str, second: str) -> None:
    """Control characters, noncharacters and lone surrogates are written out, and no two texts become one."""
    made = [_with(text) for text in (first, second)]
    for event in made:
        holds(event)
    assert (first == second) == (made[0]["correlationid"] == made[1]["correlationid"]) or "\ud800" <= max(
        first + second
    )


def _with(text: str) -> dict[str, Any]:
    changed: AuditEntry = replace(
        ENTRY, event_type=text, actor_id=text, correlation_id=text, resource_type=text, resource_id=text
    )
    return cloudevents.of(changed, LOG)
