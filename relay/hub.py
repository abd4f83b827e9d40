"""Who listens to what, and what each stream has seen. Pure: no sockets, no clock, no threads.

The rules (docs/events.md):
1. A stream joins before the table is read, and keeps what arrives until it is started: so nothing
   falls between the read and going live.
2. A stream sends sequence n + 1 after n and nothing else. What it has seen is dropped; what is
   ahead waits, and the caller is told to fill the gap from the table.
3. A user has at most so many streams; the oldest gives way with an `evicted` message whose id marks
   it, so that its automatic reconnect can be told to stay away.
4. The process has at most so many; beyond that the oldest in all is ended with a long `retry:`.
   Streams of ended requests are ended with their last event, so none of them is ever in the way.
5. A stream whose consumer does not read is dropped; it resumes by its last id.

Times are seconds of any monotonic clock, handed in.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from relay.stream import Frame, Limits, Stream
from relay.wire import HEARTBEAT, encode_retry

MAX_WAITING = 64
"""Frames kept for a stream that cannot take them yet; the table has the rest."""
GRAINS = 256
"""So many visits of the wheel in a heartbeat. Nobody needs a heartbeat that exactly, but what is
sent in one visit holds up the events meanwhile: of 19,000 streams 74, which takes a millisecond."""
K = TypeVar("K")


class Hub:
    """The index of streams and what may be done to them."""

    def __init__(
        self,
        limits: Limits,
        *,
        notice: Callable[[str, Stream], bytes],
        random: Callable[[], float],
    ) -> None:
        """`notice(type, stream)` encodes one of the stream's own messages; `random` is in 0..1."""
        self._limits = limits
        self._notice = notice
        self._random = random
        self._by_user: dict[bytes, tuple[Stream, ...]] = {}
        self._by_request: dict[str, tuple[Stream, ...]] = {}
        self._started: dict[Stream, None] = {}
        self._grain = limits.heartbeat / GRAINS
        self._early = limits.heartbeat / 8
        self._wheel: dict[int, list[Stream]] = {}
        self._slot: int | None = None
        self._changed: dict[bytes, bool] = {}
        self.counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._started)

    # --- questions ---------------------------------------------------------------------------

    def listens(self, message_key: bytes | None) -> bool:
        """Whether anybody may want this user's records. Safe to ask from another thread: whoever
        joins after a "no" reads the table after the record was published, and finds the event."""
        return message_key in self._by_user

    def opening(self, message_key: bytes) -> int:
        """How many of the user's streams have joined and not started yet."""
        return sum(not stream.is_started for stream in self._by_user.get(message_key, ()))

    def users(self) -> list[bytes]:
        """Message keys of everybody with a stream."""
        return list(self._by_user)

    def upgrade_ids(self) -> list[str]:
        """Every upgrade with a stream."""
        return list(self._by_request)

    def opened_at(self, message_key: bytes) -> list[float]:
        """When each of the user's streams was opened, the oldest first."""
        return [stream.opened_at for stream in self._started_of(message_key)]

    def take_changed(self) -> dict[bytes, bool]:
        """The users whose streams have changed since the last call; True: one was opened."""
        changed, self._changed = self._changed, {}
        return changed

    def seen(self, upgrade_id: str) -> int | None:
        """The lowest sequence any stream of the upgrade has got; None without one."""
        streams = self._by_request.get(upgrade_id, ())
        return min((max(0, stream.sequence) for stream in streams), default=None)

    def has_gap(self, upgrade_id: str) -> bool:
        """Whether a started stream of the upgrade waits for an event in between."""
        return any(s.is_started and s.waiting for s in self._by_request.get(upgrade_id, ()))

    # --- a stream's life ---------------------------------------------------------------------

    def join(self, stream: Stream) -> None:
        """From now on what happens to the upgrade is kept for the stream, though not yet sent."""
        _add(self._by_user, stream.message_key, stream)
        _add(self._by_request, stream.upgrade_id, stream)

    def start(
        self,
        stream: Stream,
        *,
        position: int,
        status: str,
        opening: bytes,
        frames: Iterable[Frame],
        now: float,
    ) -> None:
        """Send `opening`, everything after `position` in `frames` and in what was kept; go live."""
        self._make_room(stream)
        stream.sequence, stream.status = position, status
        # 0.8..1 of the lifetime: a deployment's reconnects must not come back as one wave.
        stream.ends_at = now + self._limits.lifetime * (0.8 + 0.2 * self._random())
        self._started[stream] = None
        self._changed[stream.message_key] = True
        self.counts["opened"] += 1
        self._visit_at(stream, now + self._limits.heartbeat * self._random(), now)
        self._advance(stream, frames, opening)

    def leave(self, stream: Stream, reason: str = "left") -> None:
        """The stream is gone, whatever the cause. Once is enough, twice does no harm."""
        if stream.outlet is None:
            return
        stream.outlet = None
        stream.waiting = ()
        _remove(self._by_user, stream.message_key, stream)
        _remove(self._by_request, stream.upgrade_id, stream)
        if stream in self._started:
            del self._started[stream]
            self._changed.setdefault(stream.message_key, False)
            self.counts[f"ended_{reason}"] += 1

    # --- events ------------------------------------------------------------------------------

    def deliver(self, upgrade_id: str, frame: Frame) -> bool:
        """One frame for everybody who watches the upgrade. True: somebody now has a gap."""
        has_gap = False
        for stream in self._by_request.get(upgrade_id, ()):
            if frame.sequence <= stream.sequence:
                self.counts["duplicates"] += 1
            elif stream.is_started and frame.sequence == stream.sequence + 1:
                self._follow(stream, frame)
            else:
                stream.waiting = (*stream.waiting, frame)[-MAX_WAITING:]
                has_gap = has_gap or stream.is_started
        self.counts["gaps"] += has_gap
        return has_gap

    def fill(self, upgrade_id: str, frames: Sequence[Frame]) -> None:
        """What the table says, for everybody who has not seen it. A stream that is not started
        may have read the table before it said so: it keeps the newest of it, like a record."""
        for stream in self._by_request.get(upgrade_id, ()):
            if stream.is_started:
                self._advance(stream, frames)
            else:
                stream.waiting = (*stream.waiting, *frames)[-MAX_WAITING:]

    # --- time --------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Heartbeats, ends of life, ends of session; call it `GRAINS` times a heartbeat."""
        slot = int(now / self._grain)
        first = slot if self._slot is None else self._slot + 1
        self._slot = slot
        for number in range(first, slot + 1):
            for stream in self._wheel.pop(number, ()):
                if stream.is_open:
                    self._visit(stream, now)

    def end_some(self, count: int, retry: Callable[[], int]) -> int:
        """End up to `count` streams, oldest first, each with a `retry:` of its own; how many."""
        ending = [stream for stream, _ in zip(self._started, range(count), strict=False)]
        for stream in ending:
            self._end(stream, "drain", encode_retry(retry()))
        return len(ending)

    def evict_oldest(self, message_key: bytes, count: int) -> None:
        """So many of the user's streams give way to newer ones."""
        for stream in self._started_of(message_key)[: max(0, count)]:
            self._end(stream, "evicted", self._notice("evicted", stream))

    # --- how it is done ----------------------------------------------------------------------

    def _started_of(self, message_key: bytes) -> list[Stream]:
        return [s for s in self._by_user.get(message_key, ()) if s.is_started]

    def _make_room(self, newcomer: Stream) -> None:
        count = len(self._started_of(newcomer.message_key)) + 1 - self._limits.per_user
        self.evict_oldest(newcomer.message_key, count)
        while len(self._started) >= self._limits.total:
            # Coming straight back it would push out the next one, and so on for ever.
            patience = 10_000 + int(20_000 * self._random())
            self._end(next(iter(self._started)), "total", encode_retry(patience))

    def _follow(self, stream: Stream, frame: Frame) -> None:
        """The next event; nearly always it is the only one, and not the last."""
        if stream.waiting or frame.is_last:
            self._advance(stream, (frame,))
            return
        stream.sequence, stream.status = frame.sequence, frame.status
        self.counts["sent"] += 1
        self._write(stream, frame.data)

    def _advance(self, stream: Stream, frames: Iterable[Frame], opening: bytes = b"") -> None:
        parts, last = [opening] if opening else [], None
        for frame in sorted((*frames, *stream.waiting), key=lambda frame: frame.sequence):
            if frame.sequence == stream.sequence + 1:
                stream.sequence, last = frame.sequence, frame
                parts.append(frame.data)
        stream.waiting = tuple(f for f in stream.waiting if f.sequence > stream.sequence)
        if last is not None:
            stream.status = last.status
        self.counts["sent"] += len(parts) - bool(opening)
        if last is not None and last.is_last and not stream.waiting:
            self._end(stream, "finished", b"".join(parts))
        elif parts:
            self._write(stream, b"".join(parts), may_exceed=bool(opening))

    def _write(self, stream: Stream, data: bytes, *, may_exceed: bool = False) -> None:
        """`may_exceed`: a long history is no sign of a slow reader, and whoever is cut while it is
        sent would only come back for it."""
        outlet = stream.outlet
        if outlet is None or outlet.write(data) or may_exceed:
            return
        self.leave(stream, "slow")
        outlet.abort()

    def _end(self, stream: Stream, reason: str, data: bytes) -> None:
        outlet = stream.outlet
        self.leave(stream, reason)
        if outlet is not None:
            outlet.end(data)

    def _visit(self, stream: Stream, now: float) -> None:
        if now >= stream.expires_at - self._early:
            self._end(stream, "session", self._notice("session_expiring", stream))
        elif now >= stream.ends_at:
            self._end(stream, "lifetime", b"")
        else:
            self._visit_at(stream, now + self._limits.heartbeat, now)
            self._write(stream, HEARTBEAT)

    def _visit_at(self, stream: Stream, due: float, now: float) -> None:
        """A little before the session's end, so that no stream outlives its session."""
        due = min(due, stream.ends_at, stream.expires_at - self._early)
        current = int(now / self._grain) if self._slot is None else self._slot
        self._wheel.setdefault(max(int(due / self._grain), current + 1), []).append(stream)


def _add(index: dict[K, tuple[Stream, ...]], name: K, stream: Stream) -> None:
    index[name] = (*index.get(name, ()), stream)


def _remove(index: dict[K, tuple[Stream, ...]], name: K, stream: Stream) -> None:
    rest = tuple(other for other in index.get(name, ()) if other is not stream)
    if rest:
        index[name] = rest
    else:
        index.pop(name, None)
