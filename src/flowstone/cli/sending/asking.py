"""Asks the programs on the way, over HTTP."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from typing import Final
from urllib.parse import urlsplit

import click

_ANSWER_S: Final = 5.0
_MOST: Final = 64 * 2**20
_PAUSE_S: Final = 0.25


class NoAnswer(Exception):
    """A program did not answer, or not with 200; the text says why."""


def http_url(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str:
    """Return a URL that was given as an option, without a slash at its end; refuse what is none.

    Raises:
        click.BadParameter: It is no URL of HTTP.
    """
    if not value:
        return ""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise click.BadParameter(f"{value} is no URL such as http://127.0.0.1:16686")
    return value.rstrip("/")


def get(url: str) -> str:
    """Return the body that *url* answers with.

    Raises:
        NoAnswer: There is none.
    """
    asked = urllib.request.Request(url, headers={"Accept": "application/json, text/plain"})  # noqa: S310  # http_url
    try:
        with urllib.request.urlopen(asked, timeout=_ANSWER_S) as answer:  # noqa: S310  # looked at by http_url
            return str(answer.read(_MOST).decode("utf-8", "replace"))
    except urllib.error.HTTPError as error:
        error.close()
        raise NoAnswer(f"it answered {error.code} {error.reason}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise NoAnswer(str(getattr(error, "reason", error))) from error


def until(found: Callable[[], bool], deadline: float) -> bool:
    """Ask again and again, at least once, until *found* or the monotonic *deadline*.

    Raises:
        NoAnswer: The last time there was no answer.
    """
    while True:
        try:
            if found():
                return True
        except NoAnswer:
            if time.monotonic() >= deadline:
                raise
        if time.monotonic() >= deadline:
            return False
        time.sleep(_PAUSE_S)
