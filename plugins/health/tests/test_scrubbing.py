"""Secrets stay in, whatever text they come in."""

from __future__ import annotations

import os
import string
from unittest.mock import patch
from urllib.parse import quote

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstone.plugin import HealthCheck, HealthResult
from flowstone_health import body, text, verdict
from flowstone_health.look import look_at
from flowstone_health.scrubbing import scrub
from flowstone_health.state import CheckState
from tests.faults.growth import growth

# Long enough that it does not stand in the text around it by chance.
SECRET = st.text(string.ascii_letters + string.digits + "-_.~!*", min_size=8, max_size=24).map("Zq9".__add__)
WILD = st.text(string.ascii_letters + string.digits + "@/:#?&= '%+$\"", min_size=8, max_size=24).map(
    "Zq9".__add__
)
FORMS = st.sampled_from(
    [
        "postgresql+psycopg://app:{}@db.example:5432/x",
        "could not connect to amqp://:{}@mq/vhost: refused",
        "https://{}@api.example/v1 answers 500",
        "redis://default:{}@cache:6379/0?ssl=1",
        "host=db password={} dbname=x",
        "host=db password='{}' dbname=x",
        "Driver=x;Server=y;UID=sa;PWD={{{}}};",
        "Server=y;Password={};Encrypt=no",
        "GET https://s3.example/b?X-Amz-Signature={}&x=1",
        "{{'api_key': '{}', 'region': 'eu'}}",
        '{{"access_token": "{}"}}',
        "Authorization: Bearer {}",
        "AccountKey={};EndpointSuffix=core",
        "root:{}@tcp(db:3306)/x",
        "the password {} is wrong",
        "the api key is {}",
        "token {}, expired",
        "mysqldump --password {} x",
        "tool --db-password '{} and more' x",
        "curl -u admin:{} https://api.example",
        "curl --user admin:{} https://api.example",
        "https://hooks.slack.com/services/T000/B000/{} answers 404",
        "https://discord.com/api/webhooks/1/{}",
        "https://api.telegram.org/bot{}/sendMessage",
    ]
)


@given(SECRET, FORMS)
def test_what_looks_like_a_secret_goes(secret: str, form: str) -> None:
    """Passwords and keys of addresses, connection strings and headers are not in the scrubbed text."""
    assert secret not in scrub(form.format(secret))


@given(WILD)
def test_what_the_environment_holds_as_secret_goes(secret: str) -> None:
    """A secret of this process's environment goes from any text, however odd its characters are."""
    with patch.dict(os.environ, {"WAREHOUSE_PASSWORD": secret}):
        assert secret not in scrub(f"no login with {secret} as we were told")


@given(WILD)
def test_the_password_of_a_url_in_the_environment_goes(secret: str) -> None:
    """The password of an address in the environment goes, quoted and as it is."""
    url = f"postgresql://app:{quote(secret, safe='')}@db.example/x"
    with patch.dict(os.environ, {"DATABASE_URL": url}):
        told = scrub(f"login of app with {secret} failed; tried {url}")
        assert secret not in told
        assert quote(secret, safe="") not in told


@given(SECRET, FORMS, st.booleans())
def test_no_answer_holds_a_secret(secret: str, form: str, raises: bool) -> None:
    """Neither the JSON nor the text of an answer holds what a check's message or its exception had in it."""
    message = form.format(secret)

    def look() -> HealthResult:
        if raises:
            raise ConnectionError(message)
        return HealthResult(status="unhealthy", message=message, observed={message: (1.0, message)})

    check = HealthCheck(name="db", look=look)
    found = look_at(check)
    states = (CheckState(name="db", status=found.status, look=found),)
    judged = verdict.judge(states, "health", found.ended)
    document = orjson.dumps(body.document(judged, {}, found.ended, details=True)).decode()
    assert secret not in document
    assert secret not in "\n".join(text.lines(judged, "health", found.ended, details=True))


@pytest.mark.parametrize(
    "text",
    [
        "password authentication failed for user 'app'",
        "token expired: log in again",
        "no password for user@db.example: see the token endpoint",
        "the image registry.example/app:1.2@sha256:0a1b is gone at 12:30:05",
        "secret db-creds-v2 not found; run tool --token-file x, or --password",
        "the private key is not readable",
    ],
)
def test_what_is_to_be_read_stays(text: str) -> None:
    """What tells of passwords without one is not taken out."""
    assert text.replace("--token-file x,", "--token-file [redacted]") == scrub(text)


@given(st.text(max_size=2000))
def test_a_text_is_one_bounded_line(told: str) -> None:
    """What is shown is one line of at most 500 characters that can be encoded."""
    shown = scrub(told)
    assert len(shown) <= 500
    assert shown.isprintable() or not any(ord(one) < 32 for one in shown)
    shown.encode("utf-8")


@pytest.mark.parametrize(
    "piece",
    ["a.", "a-b_c.", "://", "x://", "@", "9-", "token", "token.", "password ", "password='", "pwd={", "authorization: ", "bearer ", "--password-", "--password ", "-u ", "-u a:", "a:b@", "a:@", "hooks.slack.com/services/", "-", "a:", " "],
)  # fmt: skip
def test_a_text_takes_bounded_time(piece: str) -> None:
    """No text makes scrubbing stand still, for it holds the interpreter: eight times the length is no 64 times the time."""
    assert growth(scrub, piece) < 24


@given(SECRET, FORMS, st.integers(3900, 4200))
def test_a_secret_at_the_end_of_what_is_read_goes(secret: str, form: str, before: int) -> None:
    """What a long text is cut to holds no half of a secret, also where much before it was taken out."""
    shown = scrub(f"password={'x' * before} {form.format(secret)}")
    assert secret[:5] not in shown
