"""The relay without its adapters: sockets, hub, reader and the work that recurs.

Records come in batches from the consumer's thread and are parsed only if somebody listens.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from email.utils import format_datetime
from uuid import uuid4

from nft_upgrade.config import RelaySettings
from nft_upgrade.ports import Presence, Tickets
from relay.census import BEAT_SECONDS, Census
from relay.checks import Checks
from relay.connection import Connection
from relay.consumer import RawRecord, SourceState
from relay.door import Door, Outside, Sessions
from relay.hub import GRAINS, Hub
from relay.listening import listening_socket
from relay.metrics import Figures, operations
from relay.presence import PresenceMarks
from relay.reads import MOST_TOGETHER, EventTable, Reader
from relay.redeeming import Redeeming
from relay.refusals import RefusalLog
from relay.replay import History, frame_of_record, notice, recent_history
from relay.ring import Ring
from relay.stream import EVICTED_PREFIX, Limits, Stream

log = logging.getLogger(__name__)

IDLE_SECONDS = 75.0
"""Above the load balancer's 60 s, so that it is never surprised by a closed connection."""
DRAIN_BATCHES_PER_SECOND = 10
SPARE_CONNECTIONS = 2000
"""Connections beyond the streams: requests being answered, health checks, idle keep-alives."""
SURPLUS_CONNECTIONS = 200
"""Beyond those, when nobody is silent; they are told their head's answer, but get no stream."""
BACKLOG = 4096


class Relay:
    """One process's relay. Everything but `receive` is called in the event loop."""

    def __init__(
        self,
        settings: RelaySettings,
        *,
        table: EventTable,
        tickets: Tickets,
        sessions: Sessions,
        source: SourceState,
        now: Callable[[], datetime],
        random: Callable[[], float],
        request_id: Callable[[], str],
        presence: Presence | None = None,
    ) -> None:
        """`presence` None: nobody is marked as watching."""
        self.loop = asyncio.get_running_loop()
        self.settings = settings
        self.source = source
        self.random = random
        self.request_id = request_id
        self.head_seconds = settings.relay_head_seconds
        self.idle_seconds = IDLE_SECONDS
        hops = settings.relay_trusted_hops
        self.refusals = RefusalLog(self.loop.time, trusted_hops=hops)
        self.send_buffer_bytes = settings.relay_send_buffer_bytes
        self._now = now
        self._date = (-1, "")
        self.most_connections = settings.relay_max_streams + SPARE_CONNECTIONS
        self._connections: set[Connection] = set()
        self._silent: dict[Connection, None] = {}
        """Those without a request, the longest so first."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.bad_records = 0
        self.ring_answers = 0
        self.ring = Ring(settings.relay_ring_records)
        self.reader = Reader(table, workers=settings.relay_read_workers)
        self.redeeming = Redeeming()
        self.hub = Hub(_limits(settings), notice=self._notice, random=random)
        self.checks = Checks(self.hub, self.reader, at_a_time=MOST_TOGETHER, spawn=self._spawn)
        self.census = Census(uuid4().hex, self.hub, per_user=settings.relay_streams_per_user)
        self.announce: Callable[[Sequence[bytes]], None] = lambda records: None
        self.door = self._make_door(sessions, tickets)
        self.marks = self._make_marks(presence) if presence else None

    def _make_door(self, sessions: Sessions, tickets: Tickets) -> Door:
        outside = Outside(
            sessions=sessions,
            tickets=tickets,
            now=self._now,
            monotonic=self.loop.time,
            random=self.random,
            request_id=self.request_id,
            elsewhere=self.redeeming.run,
            recent=self._recent,
            gap=self.checks.gap,
            operations=lambda path: operations(path, self.figures()),
        )
        return Door(self.settings, self.hub, self.reader, outside)

    def _make_marks(self, presence: Presence) -> PresenceMarks | None:
        life = self.settings.relay_presence_seconds
        if life <= 0:
            return None
        return PresenceMarks(
            presence, life=life, users=self.hub.users, now=self._now, random=self.random
        )

    # --- its life ----------------------------------------------------------------------------

    async def listen(self, host: str, port: int) -> tuple[str, int]:
        """Accept connections; the address bound. OSError when the port is taken."""
        settings = self.settings
        is_shared = settings.relay_processes > 1
        beat = settings.relay_heartbeat_seconds
        bound = listening_socket(host, port, beat, is_shared=is_shared)
        self._server = await self.loop.create_server(
            lambda: Connection(self), sock=bound, backlog=BACKLOG
        )
        self._spawn(self._beat())
        self._spawn(self._check_for_ever())
        self._spawn(self._tell_for_ever())
        if self.marks:
            self._spawn(self.marks.run())
        address: tuple[str, int] = bound.getsockname()[:2]
        return address

    async def drain(self) -> None:
        """Accept nothing more, end the streams in batches, each with its own `retry:`.

        A few streams are ended at once; a full process takes most of the time it has, so that the
        processes that stay meet the reconnects one by one.
        """
        self.door.is_draining = True
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.close_if_idle()
        seconds = self.settings.relay_drain_seconds
        batches = max(1, int(seconds * 0.7 * DRAIN_BATCHES_PER_SECOND))
        batch = max(50, -(-len(self.hub) // batches))
        for _ in range(int(seconds * DRAIN_BATCHES_PER_SECOND)):
            if not self.hub.end_some(batch, self._retry) and not self._connections:
                break
            await asyncio.sleep(1 / DRAIN_BATCHES_PER_SECOND)
        self.close()

    def close(self) -> None:
        """Cut what is left."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        for connection in list(self._connections):
            connection.abort()
        self.reader.close()
        self.redeeming.close()
        if self.marks:
            self.marks.close()

    def _retry(self) -> int:
        return 500 + int(4500 * self.random())

    # --- events ------------------------------------------------------------------------------

    def receive(self, records: Sequence[RawRecord]) -> None:
        """From any thread: records that somebody listens to."""
        self.loop.call_soon_threadsafe(self.deliver, records)

    def hear(self, values: Sequence[bytes]) -> None:
        """From any thread: what relays tell each other."""
        self.loop.call_soon_threadsafe(self._hear, values)

    def _hear(self, values: Sequence[bytes]) -> None:
        for value in values:
            self.census.hear(value, self.loop.time())

    def unheard(self) -> None:
        """From any thread: something was not told."""
        self.loop.call_soon_threadsafe(self.census.repeat)

    def reconnected(self) -> None:
        """From any thread: records may have been missed."""
        self.loop.call_soon_threadsafe(lambda: self._spawn(self.checks.check_all()))

    def deliver(self, records: Sequence[RawRecord]) -> None:
        """The same, in the event loop."""
        for message_key, value in records:
            if self.hub.listens(message_key):
                self._deliver_one(value)

    def _deliver_one(self, value: bytes) -> None:
        try:
            upgrade_id, frame = frame_of_record(value)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            self.bad_records += 1
            log.warning("not an event: %s: %s", type(error).__name__, error)
            return
        if self.hub.deliver(upgrade_id, frame):
            self.checks.gap(upgrade_id)

    def _recent(self, user_id: str, upgrade_id: str, asked: int | None) -> History | None:
        """While Kafka is away the ring may be behind for long, so the table is asked."""
        if not self.source.is_connected:
            return None
        history = recent_history(self.ring, user_id, upgrade_id, asked)
        self.ring_answers += history is not None
        return history

    async def _check_for_ever(self) -> None:
        settings = self.settings
        await self.checks.for_ever(
            step=settings.relay_outage_recheck_seconds,
            every=settings.relay_recheck_seconds,
            is_connected=lambda: self.source.is_connected,
        )

    async def _beat(self) -> None:
        while True:
            self.hub.tick(self.loop.time())
            await asyncio.sleep(self.settings.relay_heartbeat_seconds / GRAINS)

    async def _tell_for_ever(self) -> None:
        while True:
            self.announce(self.census.beat(self.loop.time()))
            await asyncio.sleep(BEAT_SECONDS)

    # --- for connections (`Owner`) -------------------------------------------------------------

    def opened(self, connection: Connection) -> bool:
        """A full process lets go of who has been silent longest: the load balancer's question
        after its health must be heard, and would be reset like all others."""
        self._connections.add(connection)
        if self.is_full and self._silent:
            longest = next(iter(self._silent))
            del self._silent[longest]
            longest.abort()
        return len(self._connections) <= self.most_connections + SURPLUS_CONNECTIONS

    @property
    def is_full(self) -> bool:
        return len(self._connections) > self.most_connections

    def fell_silent(self, connection: Connection) -> None:
        self._silent[connection] = None

    def spoke(self, connection: Connection) -> None:
        self._silent.pop(connection, None)

    def closed(self, connection: Connection) -> None:
        self.spoke(connection)
        self._connections.discard(connection)

    def http_date(self) -> str:
        """Made once a second: in a storm of reconnects it would be a fifteenth of the work."""
        second = int(self.loop.time())
        if self._date[0] != second:
            self._date = second, format_datetime(self._now(), usegmt=True)
        return self._date[1]

    # --- how it is done ------------------------------------------------------------------------

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _notice(self, type_: str, stream: Stream) -> bytes:
        marked = f"{EVICTED_PREFIX}{stream.sequence}"
        event_id = marked if type_ == "evicted" else str(stream.sequence)
        return notice(
            type_,
            stream.upgrade_id,
            stream.status,
            stream.sequence,
            event_id=event_id,
            at=self._now(),
        )

    def figures(self) -> Figures:
        """What the process knows of itself now."""
        return Figures(
            streams=len(self.hub),
            connections=len(self._connections),
            is_draining=self.door.is_draining,
            hub=self.hub.counts,
            answers=self.door.counts,
            source=self.source,
            ring_answers=self.ring_answers,
            ring_records=len(self.ring),
            ring_span_seconds=int(self.ring.span(self._now().timestamp())),
            table_reads=self.reader.reads,
            table_read_failures=self.reader.failures,
            table_reads_waiting=self.reader.waiting,
            bad_records=self.bad_records,
            other_processes=self.census.others,
            census_evicted=self.census.evicted,
        )


def _limits(settings: RelaySettings) -> Limits:
    return Limits(
        total=settings.relay_max_streams,
        per_user=settings.relay_streams_per_user,
        heartbeat=settings.relay_heartbeat_seconds,
        lifetime=settings.relay_stream_seconds,
    )
