"""Rules of the hub that need no socket."""

import random

from relay.hub import GRAINS, Hub
from relay.stream import Frame, Limits, Stream
from relay.wire import HEARTBEAT
from tests.relay.test_no_lost_update import Sink


class FullSink(Sink):
    """Takes everything, and says that too much is unsent."""

    def write(self, data: bytes) -> bool:
        super().write(data)
        return False


def frame(sequence: int) -> Frame:
    return Frame(sequence, "", b"%d " % sequence, is_last=False)


LIMITS = Limits(total=10, per_user=3, heartbeat=15, lifetime=600)


def begun(sink: Sink, frames: list[Frame]) -> Hub:
    hub = Hub(LIMITS, notice=lambda *_: b"", random=lambda: 0.5)
    stream = Stream(sink, user_id="user", upgrade_id="upgrade", expires_at=1e9)
    hub.join(stream)
    hub.start(stream, position=0, status="", opening=b"hello ", frames=frames, now=0.0)
    return hub


def test_a_history_longer_than_the_send_buffer_is_no_slow_reader() -> None:
    """It would be cut, come back for the same history, and be cut again."""
    sink = FullSink()
    hub = begun(sink, [frame(number) for number in range(1, 500)])
    assert (len(hub), sink.is_ended) == (1, False)


def test_what_the_table_says_reaches_a_stream_that_is_only_joined_too() -> None:
    """Its own read may have been the older one, and the record may never come to this process."""
    hub = Hub(LIMITS, notice=lambda *_: b"", random=lambda: 0.5)
    sink = Sink()
    stream = Stream(sink, user_id="user", upgrade_id="upgrade", expires_at=1e9)
    hub.join(stream)
    assert hub.seen("upgrade") == 0
    hub.fill("upgrade", [frame(1), frame(2)])
    hub.start(stream, position=0, status="", opening=b"", frames=[frame(1)], now=0.0)
    assert sink.data == b"1 2 "


def test_a_reader_that_is_still_behind_at_the_next_event_is_cut() -> None:
    sink = FullSink()
    hub = begun(sink, [frame(1)])
    hub.deliver("upgrade", frame(2))
    assert (len(hub), sink.is_ended, hub.counts["ended_slow"]) == (0, True, 1)


def test_a_crowd_s_heartbeats_come_a_few_at_a_time_and_miss_nobody() -> None:
    """Those that were opened at once too: what is sent in one visit holds up every event."""
    crowd, beats = 2560, 3
    limits = Limits(total=crowd, per_user=1, heartbeat=16, lifetime=600)
    hub = Hub(limits, notice=lambda *_: b"", random=random.Random(7).random)
    sinks = [Sink() for _ in range(crowd)]
    for number, sink in enumerate(sinks):
        stream = Stream(sink, user_id=f"u{number}", upgrade_id=f"r{number}", expires_at=1e9)
        hub.join(stream)
        hub.start(stream, position=0, status="", opening=b"", frames=[], now=0.0)
    sent, visits = 0, []
    for visit in range(beats * GRAINS + 1):
        hub.tick(visit * 16 / GRAINS)
        total = sum(len(sink.data) for sink in sinks) // len(HEARTBEAT)
        visits.append(total - sent)
        sent = total
    assert max(visits) < crowd / 60
    assert {len(sink.data) // len(HEARTBEAT) for sink in sinks} <= {beats, beats - 1}
