"""The protobuf wire format, as far as OTLP needs it: varints, lengths and attributes.

Attributes repeat, so the bytes of whole key-value pairs are kept in bounded caches. The caches
are plain dicts, cleared when full: cheaper than eviction, and what is common comes back at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from struct import Struct
from typing import Final

from flowstone.catalogue.values import AttributeValue

CACHE_LIMIT: Final = 4096
CACHED_TEXT: Final = 128  # longer strings are rarely equal

fixed64 = Struct("<Q").pack
double = Struct("<d").pack
_times = Struct("<BQBQ").pack
_PAIR: Final = Struct("BB").pack
_BYTES: Final = tuple(bytes((n,)) for n in range(128))
_MASK: Final = (1 << 64) - 1

_strings: dict[tuple[bytes, str, str], bytes] = {}
_heads: dict[str, bytes] = {}


def varint(n: int) -> bytes:
    """Return *n* (0 to 2^64 - 1) as a base-128 varint."""
    if n < 128:
        return _BYTES[n]
    if n < 16384:  # most lengths
        return _PAIR(n & 127 | 128, n >> 7)
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def text(value: str) -> bytes:
    """Return UTF-8; what cannot be encoded (lone surrogates) becomes ``?``."""
    return value.encode("utf-8", "replace")


def times(start: int, end: int) -> bytes:
    """Return the fields ``start_time_unix_nano`` and ``end_time_unix_nano`` of a span."""
    return _times(0x39, start, 0x41, end)


def field(tag: bytes, payload: bytes) -> bytes:
    """Return a length-delimited field."""
    return tag + varint(len(payload)) + payload


def any_value(value: object) -> bytes:
    """Return the body of an ``AnyValue``; what OTLP has no form for is written as its text."""
    if isinstance(value, str):
        return field(b"\x0a", text(value))
    if isinstance(value, bool):
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int):
        return b"\x18" + varint(value & _MASK)
    if isinstance(value, float):
        return b"\x21" + double(value)
    if isinstance(value, bytes):
        return field(b"\x3a", value)
    if isinstance(value, (list, tuple)):
        return field(b"\x2a", b"".join([field(b"\x0a", any_value(item)) for item in value]))
    if isinstance(value, Mapping):
        pairs = [field(b"\x0a", _pair(text(str(key)), any_value(item))) for key, item in value.items()]
        return field(b"\x32", b"".join(pairs))
    return b"" if value is None else field(b"\x0a", text(str(value)))


def _pair(key: bytes, value: bytes) -> bytes:
    return b"\x0a" + varint(len(key)) + key + b"\x12" + varint(len(value)) + value


def _head(key: str) -> bytes:
    """Return the key's field and the tag of the value that follows it."""
    if len(_heads) >= CACHE_LIMIT:
        _heads.clear()
    head = _heads[key] = field(b"\x0a", text(key)) + b"\x12"
    return head


def attribute(tag: bytes, key: str, value: object) -> bytes:
    """Return one ``KeyValue`` field with *tag*."""
    head = _heads.get(key) or _head(key)
    body = any_value(value)
    size = varint(len(body))
    return tag + varint(len(head) + len(size) + len(body)) + head + size + body


def number_head(tag: bytes, key: str, size: int) -> bytes:
    """Return all of a ``KeyValue`` field that comes before a varint of *size* bytes."""
    head = _head(key) + varint(size + 1) + b"\x18"
    return tag + varint(len(head) + size) + head


def signed(value: int) -> bytes:
    """Return an ``int64`` as a varint; what does not fit is cut to 64 bits."""
    return varint(value & _MASK)


def _string(tag: bytes, key: str, value: str) -> bytes:
    made = attribute(tag, key, value)
    if len(value) <= CACHED_TEXT:
        if len(_strings) >= CACHE_LIMIT:
            _strings.clear()
        _strings[tag, key, value] = made
    return made


def attributes(tag: bytes, values: Mapping[str, AttributeValue], parts: list[bytes]) -> None:
    """Append each pair of *values* to *parts* as a ``KeyValue`` field with *tag*."""
    append, find = parts.append, _strings.get
    for key, value in values.items():
        if type(value) is str:
            append(find((tag, key, value)) or _string(tag, key, value))
        else:
            append(attribute(tag, key, value))
