"""What Redis does in one step: number a batch, leave out repetitions, append."""

from __future__ import annotations

from typing import Final, NamedTuple

APPEND: Final = """
local stream, meta, fresh, stale = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local count, window, epoch = ARGV[1], tonumber(ARGV[2]), redis.call('HGET', KEYS[2], 'epoch')
local now = redis.call('TIME')[1]
local newest = tonumber(redis.call('HGET', meta, 'newest') or '') or 0
if not epoch then
  redis.call('DEL', stream, fresh, stale)
  epoch, newest = ARGV[3], 0
  redis.call('HSET', meta, 'epoch', epoch)
end
for i = 4, #ARGV, 4 do
  local id = ARGV[i]
  if redis.call('SISMEMBER', stale, id) == 0 and redis.call('SADD', fresh, id) == 1 then
    newest = newest + 1
    redis.call('XADD', stream, 'MAXLEN', '~', count, string.format('%.0f-0', newest),
      'i', id, 't', ARGV[i + 1], 'p', ARGV[i + 2], 'd', ARGV[i + 3], 'w', now, 'e', epoch)
  end
end
redis.call('HSET', meta, 'newest', string.format('%.0f', newest))
if redis.call('SCARD', fresh) >= window then
  redis.call('RENAME', fresh, stale)
end
return newest
"""
"""Keys: the stream, a hash, two sets of ids. Arguments: the most records, the ids that a set holds, the name of a log
that is begun, and four for each record. The time of adding, in seconds, is the server's. A stream whose hash is gone was half evicted: it is begun anew."""

WINDOW: Final = 16_384
"""Repetitions are told among so many records at least, twice as many at most."""


class Keys(NamedTuple):
    """Names of a log's keys, in one slot of a cluster.

    Attributes:
        stream: The records, with ids ``1-0``, ``2-0``, ...
        meta: A hash: ``newest``, the last number; ``epoch``, which tells the log from its predecessors.
        fresh: The ids that were published last.
        stale: Those before.
    """

    stream: str
    meta: str
    fresh: str
    stale: str


def keys_of(prefix: str) -> Keys:
    """Return the names of the keys of the log *prefix*."""
    return Keys(*(f"{{{prefix}}}:{word}" for word in ("log", "meta", "ids", "ids-before")))
