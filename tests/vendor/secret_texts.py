"""What is a secret and what only looks like one: the samples on which flowstone and the collector must agree."""

from __future__ import annotations

from typing import Final

JWT: Final = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJVadQssw5c"

# A text, and the part of it that nobody may see.
SECRETS: Final = (
    ("postgres://reader:PgPassw0rd@db/sales", "PgPassw0rd"),
    ("redis://:RedisPw@cache:6379/0", "RedisPw"),
    ("could not connect to amqp://u:Ra:bbit@mq and gave up", "Ra:bbit"),
    ("host=db password=KeyValuePw user=u", "KeyValuePw"),
    ("host=db;pwd: ColonPw", "ColonPw"),
    ('{"api_key": "JsonKey123"}', "JsonKey123"),
    ("AWS_SECRET_ACCESS_KEY='AwsSecretKey'", "AwsSecretKey"),
    ("x-access-token: HeaderToken", "HeaderToken"),
    ("password=[BracketPw", "BracketPw"),
    ("Authorization: Bearer abcdefghijklmnop123", "abcdefghijklmnop123"),
    ("Authorization: Basic dXNlcjpwYXNz==", "dXNlcjpwYXNz"),
    ("authorization=RawAuthorization", "RawAuthorization"),
    ("curl -H 'bearer abcdefghijklmnop456'", "abcdefghijklmnop456"),
    (JWT, JWT),
    (f"sent {JWT}, refused", JWT),
    ("ghp_abcdefghijklmnopqrstuvwx", "ghp_abcdefghijklmnopqrstuvwx"),
    ("github_pat_abcdefghijklmnopqrstuvwx", "github_pat_abcdefghijklmnopqrstuvwx"),
    ("glpat-abcdefghijklmnopqrst", "glpat-abcdefghijklmnopqrst"),
    ("xoxb-123456789012-abcdef", "xoxb-123456789012-abcdef"),
    ("sk-abcdefghijklmnopqrstuvwx", "sk-abcdefghijklmnopqrstuvwx"),
    ("AKIAABCDEFGHIJKLMNOP", "AKIAABCDEFGHIJKLMNOP"),
    ("id ASIAABCDEFGHIJKLMNOP expired", "ASIAABCDEFGHIJKLMNOP"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----", "MIIEow"),
)
HARMLESS: Final = (
    "http://api:8080/users/bob@example.com",
    "http://example.com:8080/a?b=c",
    "s3://bucket/key=1/part",
    "rows=10 size=1024",
    "time: 12:30",
    "bob@example.com",
    "bert",
    "token_count is 5",
    "sk-short",
    "MAKIAABCDEFGHIJKLMNOPQ",
    "bearer of good news",
    "the secretary said: yes",
    "password is wrong",
    "select * from credentials",
    "run nightly",
)

_WORDS: Final = (
    "password", "passwd", "pwd", "passphrase", "secret", "credentials", "authorization", "cookie", "dsn",
    "connection string", "connection url", "private key", "api key", "access key", "account key",
    "encryption key", "signing keys", "ssh key",
)  # fmt: skip
_LAST: Final = ("token", "bearer", "jwt")
_AROUND: Final = (("", ""), ("db", ""), ("", "hash"), ("my", "of it"))


def _styles(words: list[str]) -> set[str]:
    """Return *words* as they are written together: snake_case, CONSTANT_CASE, kebab-case, dots, camelCase, ..."""
    joined = {
        sep.join(case)
        for sep in "_-."
        for case in (words, [w.upper() for w in words], [w.title() for w in words])
    }
    pascal = "".join(word.title() for word in words)
    return {*joined, pascal, pascal[0].lower() + pascal[1:]}


SECRET_KEYS: Final = sorted(
    key
    for name in (*_WORDS, *_LAST)
    for before, after in _AROUND
    if not (after and name in _LAST)
    for key in _styles([*before.split(), *name.split(), *after.split()])
)
OTHER_KEYS: Final = sorted(
    {
        "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "llm.token_count.total", "flowstone.tokens",
        "tokenizer", "max_tokens", "maxTokens", "tokenCount", "token_count", "passwordless",
        "secretary", "author", "cookieless", "partition_key", "asset.key", "primary_key", "key", "keyboard", "url.full",
        "bypwdx", "credentialed", "jwt_issuer", "bearer_of", "adsn", "connection.id", "api.version", "account_id",
        "flowstone.correlation.id", "service.name",
    }
)  # fmt: skip
