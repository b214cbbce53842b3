"""One subscription for all clients who ask for the same topics, and the frames they have not read yet."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import deque
from contextlib import suppress
from itertools import islice
from time import monotonic
from typing import Final

from flowstone_pubsub.message import Gap
from flowstone_pubsub.rings import last_of
from flowstone_pubsub.sse_frames import frame_of, gap_frame, heartbeat
from flowstone_pubsub.subscription import Subscription

HEARTBEAT_S: Final = 15.0
_MOST_FRAMES: Final = 4096
_MOST_BYTES: Final = 4 * 1024 * 1024
_CHUNK: Final = 128 * 1024
_TOGETHER: Final = 256


class Channel:
    """Frames in the order of the log, bounded: who does not keep up is told a gap.

    Attributes:
        end: How many frames there were so far: the place behind the newest.
        position: The last seq that the frames so far cover.
        closed: Whether nothing more comes.
        readers: How many clients read it.
    """

    def __init__(self, subscription: Subscription, beat: float = HEARTBEAT_S) -> None:
        self.end = 0
        self.position = self._known = subscription.position
        self.closed = False
        self.readers = 0
        self._subscription = subscription
        self._beat = beat
        self._frames: deque[bytes] = deque()
        self._seqs: deque[int] = deque()  # of each frame the last seq that it covers
        self._bytes = 0
        self._chunks: dict[int, tuple[bytes, int, int]] = {}
        self._waiting: list[asyncio.Future[None]] = []
        self._heard = monotonic()
        self._fresh = 0
        self._begun = (
            0  # the place behind the frame that says that the log was begun anew: numbers rise from there
        )
        self._tasks = [asyncio.create_task(self._pump()), asyncio.create_task(self._beat_on())]

    async def _pump(self) -> None:
        try:
            async for item in self._subscription:
                self._add(frame_of(item), last_of(item))
                self._fresh += 1
                if self._fresh >= _TOGETHER or not self._subscription.depth:
                    self._tell()
        finally:
            self.closed = True
            self._tell()

    async def _beat_on(self) -> None:
        while True:
            await asyncio.sleep(self._beat)
            if monotonic() - self._heard >= self._beat * 0.9:
                position = max(self.position, self._subscription.position)
                self._add(heartbeat(position), position)
                self._tell()

    def _add(self, frame: bytes, seq: int) -> None:
        self._frames.append(frame)
        self._seqs.append(seq)
        self._bytes += len(frame)
        self.end += 1
        if seq < self.position:
            self._begun = self.end
        self.position = seq
        while len(self._frames) > _MOST_FRAMES or (self._bytes > _MOST_BYTES and len(self._frames) > 1):
            self._bytes -= len(self._frames.popleft())
            self._known = self._seqs.popleft()

    def _tell(self) -> None:
        self._fresh = 0
        self._heard = monotonic()
        self._chunks.clear()
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def wait(self) -> asyncio.Future[None]:
        """Return what is done when there is more."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        return future

    def place_behind(self, seq: int) -> int | None:
        """Return the place of the first frame behind *seq*; None where the frames do not go on from there."""
        oldest = self.end - len(self._seqs)
        begin = max(self._begun - oldest, 0)
        known = self._seqs[begin - 1] if begin else self._known
        if seq > self.position:
            # Others were spoken to since the last frame: up to the subscription's position there is none to come.
            quiet = not self._subscription.depth and seq <= self._subscription.position
            return self.end if quiet else None
        if seq < known:
            return None
        return oldest + bisect_right(self._seqs, seq, begin)

    def chunk(self, at: int, seq: int) -> tuple[bytes, int, int]:
        """Return frames from the place *at* on, where they end, and the last seq they cover; made once for all readers.

        Args:
            at: A place that is not the end.
            seq: The last seq that the reader knows, for the gap it is told where its place is gone.
        """
        oldest = self.end - len(self._frames)
        if at < oldest:
            frames, end, last = self.chunk(oldest, self._known)
            gap = b"" if self._known == seq else gap_frame(Gap(seq + 1, self._known, "slow_consumer"))
            return gap + frames, end, last
        made = self._chunks.get(at)
        if made is None:
            made = self._chunks[at] = self._joined(at, at - oldest)
        return made

    def _joined(self, at: int, begin: int) -> tuple[bytes, int, int]:
        frames: list[bytes] = []
        size = 0
        for frame in islice(self._frames, begin, None):
            if frames and size + len(frame) > _CHUNK:
                break
            frames.append(frame)
            size += len(frame)
        return b"".join(frames), at + len(frames), self._seqs[begin + len(frames) - 1]

    async def close(self) -> None:
        """End it."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        await asyncio.to_thread(self._subscription.close)
