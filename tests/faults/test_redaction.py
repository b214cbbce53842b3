"""Secrets stay in (law 8): over every output there is by now."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import flowstone
from flowstone.catalogue import codec
from flowstone.cli.main import main
from flowstone.face.log_handler import JsonLines
from flowstone.otel.spans import Spans
from flowstone.otel.templates import Encoder
from flowstone.runtime import coerce, mistakes, redaction
from flowstone.testing.capture import capture
from tests.faults.growth import growth

SECRET = st.text("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", min_size=12, max_size=24)

Place = Callable[[str], None]


def _raise(text: str) -> None:
    with pytest.raises(ValueError), flowstone.materialization("raises"):  # noqa: PT011  # the text is the secret
        raise ValueError(text)


def _survive(text: str) -> None:
    with flowstone.materialization("survives") as m:
        m.record_exception(RuntimeError(text))
        m.add_event("retry", {"why": text})
        m.update_name(f"renamed {text}")


def _status(text: str) -> None:
    from opentelemetry.trace import Status, StatusCode

    with flowstone.materialization("status") as m:
        m.set_status(Status(StatusCode.ERROR, text))


def _named(text: str) -> None:
    with flowstone.materialization(text, partition=text), flowstone.io_load(text, io_manager=text):
        pass


def _attribute(text: str) -> None:
    with flowstone.materialization("a", attributes={"url": text}) as m:
        m.set_attribute("other", [text, text])
        m.set_attribute("nested", {"deep": [{"er": text}]})


def _points(text: str) -> None:
    gate = flowstone.checkpoint("publish").request()
    gate.reject(actor="ann", reason=text)
    flowstone.resource_health("warehouse", healthy=False, error=ConnectionError(text))
    flowstone.telemetry.execute("my.event", {}, {"note": text})
    flowstone.logger.log_materialization_failed("a", error=OSError(text))


PLACES: list[Place] = [_raise, _survive, _status, _named, _attribute, _points]
TEXTS = [
    "postgresql://reader:{}@db.internal/sales",
    "could not connect: password={} host=db",
    '{{"api_key": "{}"}}',
    "Authorization: Bearer {}",
    "Proxy-Authorization: Basic {}==",
    "curl -H 'bearer *{}'",
    "AWS_SECRET_ACCESS_KEY='{}'",
    "https://x:{}@example.com/path and more",
]


def outputs(folder: Path, tell: Callable[[], None]) -> Iterator[tuple[str, bytes]]:
    """Run *tell* with everything on that writes; return name and content of each output."""
    from flowstone_console.plugin import ConsolePlugin

    stream = folder / "lines.log"
    handler = logging.FileHandler(stream)
    logger = logging.getLogger("flowstone.events")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        with capture(ConsolePlugin()) as captured:
            flowstone.telemetry.attach("lines", [], JsonLines())
            with flowstone.run("p", correlation_id="look-here"):
                tell()
            events = captured.events
            encode = Encoder(Spans())
            yield "events", b"\n".join(codec.encode(event) for event in events)
            yield "otlp", b"\n".join(made for event in events if (made := encode.of(event)) is not None)
            for arguments in (["trace", "look-here"], ["trace", "look-here", "--json"]):
                yield " ".join(arguments), CliRunner().invoke(main, arguments).output.encode()
    finally:
        logger.removeHandler(handler)
        handler.close()
    for written in sorted(folder.rglob("*")):
        if written.is_file():
            yield written.name, written.read_bytes()


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__.strip("_"))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(secret=SECRET, text=st.sampled_from(TEXTS))
def test_no_output_holds_a_secret(
    place: Place,
    secret: str,
    text: str,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Wherever a secret comes in, it is in no event, span, line, store or answer."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("FLOWSTONE_HOME", str(folder))
    found = dict(outputs(folder, lambda: place(text.format(secret))))
    assert any(b"[redacted]" in content for content in found.values())
    assert [] == [name for name, content in found.items() if secret.encode() in content]


@pytest.mark.parametrize(
    "key",
    ["password", "db_password", "dbPassword", "api_key", "apiKey", "X-Api-Key", "client.secret", "access_token",
     "AWS_SECRET_ACCESS_KEY", "Authorization", "set-cookie", "private_key", "dsn", "connectionString"],
)  # fmt: skip
def test_keys_of_secrets_are_known(key: str) -> None:
    """The usual names of secrets are known in their usual spellings."""
    assert redaction.is_secret(key)


@pytest.mark.parametrize(
    "key", ["tokens", "max_tokens", "token_count", "partition_key", "asset.key", "key", "primary_key", "author", "cookie_free"]
)  # fmt: skip
def test_other_keys_are_left_alone(key: str) -> None:
    """What only resembles a secret's name is not one; when in doubt it is."""
    assert (key == "cookie_free") == redaction.is_secret(key)


def test_what_stands_under_a_secret_key_is_never_told() -> None:
    """Under a secret's name any value is redacted, whatever its type."""
    with capture() as captured:
        with flowstone.materialization("a", attributes={"password": 12345678, "token": ["a", "b"], "ok": 1}):
            pass
        told: Any = captured.one("materialization.stop")
    assert {"password": "[redacted]", "token": "[redacted]", "ok": 1} == told.attributes


@pytest.mark.parametrize(
    "text",
    [
        "rows=10 size=1024",
        "s3://bucket/key=1/part",
        "http://example.com:8080/a",
        "time: 12:30",
        "sk-short",
        "a@b.c",
    ],
)
def test_ordinary_texts_stay_as_they_are(text: str) -> None:
    """Redaction does not eat what is no secret."""
    assert text == redaction.redact(text)


def test_redacting_again_changes_nothing() -> None:
    """What is clean stays clean."""
    once = redaction.redact("password=hunter2hunter2 and postgres://u:p@h/d")
    assert once == redaction.redact(once)


@pytest.fixture
def anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """What was read before is forgotten, before and afterwards."""
    for forget in (redaction.forget, mistakes.forget, coerce.names.clear):
        forget()
    yield monkeypatch
    monkeypatch.undo()
    for forget in (redaction.forget, mistakes.forget, coerce.names.clear):
        forget()


def test_with_a_malformed_pattern_no_text_gets_out(
    anew: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody knows what it was to find: every text is redacted, one line says so and does not show the pattern."""
    anew.setenv("FLOWSTONE_REDACT_VALUES", r"(SECRET-\d+")
    with capture() as captured:
        with flowstone.run("p"), flowstone.materialization("a", partition="SECRET-1") as m:
            m.set_attribute("note", "see SECRET-2")
            m.set_attribute("rows", 3)
        told: Any = captured.one("materialization.stop")
    assert {"note": "[redacted]", "rows": 3} == told.attributes
    assert not any(b"SECRET" in codec.encode(event) for event in captured.events)
    assert ["FLOWSTONE_REDACT_VALUES"] == [record.message.split()[0] for record in caplog.records]
    assert "SECRET" not in caplog.text


def test_with_a_malformed_expression_for_keys_no_value_gets_out(
    anew: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What stands under any key is redacted; texts without a key are not."""
    anew.setenv("FLOWSTONE_REDACT_KEYS", "patient[")
    with capture() as captured:
        with flowstone.materialization("a", attributes={"patient": "Ann", "ward": 4}):
            pass
        told: Any = captured.one("materialization.stop")
    assert ("a", {"patient": "[redacted]", "ward": "[redacted]"}) == (told.asset, told.attributes)
    assert ["FLOWSTONE_REDACT_KEYS"] == [record.message.split()[0] for record in caplog.records]


def test_a_pattern_in_a_file_that_cannot_be_read_counts_as_malformed(
    anew: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A slip elsewhere in the file lets no secret out either; what the environment says wins as always."""
    (tmp_path / "flowstone.toml").write_text('redact-values = "SECRET"\nstore_url = off\n', encoding="utf-8")
    anew.chdir(tmp_path)
    assert "[redacted]" == redaction.redact("see SECRET-1")
    redaction.forget()
    anew.setenv("FLOWSTONE_REDACT_VALUES", r"SECRET-\d")
    assert "see [redacted]" == redaction.redact("see SECRET-1")


@pytest.mark.parametrize(
    "piece",
    ["a.", "x=", "://", "://a:", "A", "9", "A-9_", "Ab9+/", "eyJ", "-eyJ", "eyJa.", "token", "token ", "password=", "authorization: basic ", "-----BEGIN ", " "],
)  # fmt: skip
def test_a_text_takes_time_that_grows_with_its_length(piece: str) -> None:
    """No text makes redaction stand still, for it holds the interpreter: eight times the length is no 64 times the time."""
    assert growth(redaction.redact, piece) < 24


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("token: Bearer abcdefgh1234", "token: [redacted] [redacted]"),
        ("sk-live-0123456789abcdef-token=hunter2", "[redacted]=[redacted]"),
        ("x-eyJhbGci.eyJzdWIi.c2ln end", "[redacted] end"),
        ("key_id-eyJhbGci-eyJ.eyJzdWIi.c2ln", "[redacted]"),
        (
            "private_key='-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----'",
            "private_key='[redacted]'",
        ),
        ("my_db_password_of_old = 'hunter2'", "my_db_password_of_old = '[redacted]'"),
    ],
)
def test_no_secret_hides_behind_another(text: str, expected: str) -> None:
    """A secret goes also where its name, or what stands before it, looks like one itself."""
    assert expected == redaction.redact(text)


def test_own_expressions_are_added(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own keys and patterns count too."""
    monkeypatch.setenv("FLOWSTONE_REDACT_KEYS", "^patient")
    monkeypatch.setenv("FLOWSTONE_REDACT_VALUES", r"\bMRN-\d+")
    redaction.forget()
    try:
        assert redaction.is_secret("patient_name")
        assert "see [redacted]" == redaction.redact("see MRN-12345")
    finally:
        monkeypatch.undo()
        redaction.forget()
