"""The collector's expressions, which Python's own engine reads alike, agree with flowstone's redaction."""

from __future__ import annotations

import re

import pytest
import yaml

from flowstone.runtime import redaction
from tests.laws.tree import ROOT
from tests.vendor.secret_texts import HARMLESS, OTHER_KEYS, SECRET_KEYS, SECRETS

PROCESSORS = yaml.safe_load((ROOT / "otel-collector-config.yaml").read_text(encoding="utf-8"))["processors"]
KEYS = [re.compile(one) for one in PROCESSORS["redaction"]["blocked_key_patterns"]]
VALUES = [re.compile(one) for one in PROCESSORS["redaction"]["blocked_values"]]


def masked(text: str) -> str:
    """Return what the collector makes of *text*."""
    for pattern in VALUES:
        text = pattern.sub("****", text)
    return text


def blocked(key: str) -> bool:
    """Tell whether the collector masks what stands under *key*."""
    return any(pattern.search(key) for pattern in KEYS)


def test_keys_of_secrets_are_secret_to_both() -> None:
    """Whichever way the name of a secret is written, flowstone and the collector know it."""
    assert [] == [key for key in SECRET_KEYS if not redaction.is_secret(key)]
    assert [] == [key for key in SECRET_KEYS if not blocked(key)]


def test_other_keys_are_left_alone_by_both() -> None:
    """Counts of tokens, and what only resembles the name of a secret, are kept."""
    assert [] == [key for key in OTHER_KEYS if redaction.is_secret(key)]
    assert [] == [key for key in OTHER_KEYS if blocked(key)]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_secrets_in_texts_are_masked_by_both(text: str, secret: str) -> None:
    """No part of the secret is left, by flowstone nor by the collector."""
    assert secret not in redaction.redact(text)
    assert secret not in masked(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_texts_are_untouched_by_both(text: str) -> None:
    """What is no secret arrives as it was sent."""
    assert (text, text) == (redaction.redact(text), masked(text))


@pytest.mark.parametrize("text", [text for text, _ in SECRETS])
def test_what_flowstone_redacted_is_not_masked_again(text: str) -> None:
    """The collector leaves flowstone's own redaction, and what it kept around it, as they are."""
    once = redaction.redact(text)
    assert once == masked(once)
