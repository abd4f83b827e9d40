"""`python -m relay.app`: one relay process, until SIGTERM. Prints `ready <url>` once it answers.

It answers before Kafka does: until then streams are fed from the table, and `/readyz` says 503.
"""

import asyncio
import gc
import logging
import random
import secrets
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import uvloop

from nft_upgrade import wiring
from nft_upgrade.config import RelaySettings
from nft_upgrade.ports import Clock, Presence, Tickets
from relay import logs
from relay.consumer import Consumer, SourceState, kafka_consumer
from relay.control import Announcer, control_producer
from relay.door import Sessions
from relay.embedded import Telling
from relay.listening import listening_socket
from relay.processes import Processes
from relay.reads import EventTable
from relay.server import Relay
from relay.sessions import RememberedSessions
from relay.signatures import verifies

WARM_UP_SECONDS = 1.0
SWITCH_SECONDS = 0.0002


@dataclass(frozen=True, slots=True)
class Parts:
    """What the relay is handed. `warm_up` asks for what `sessions` needs, once, and may block."""

    table: EventTable
    tickets: Tickets
    sessions: Sessions
    clock: Clock
    warm_up: Callable[[], object]
    presence: Presence | None = None


async def serve(
    settings: RelaySettings,
    parts: Parts,
    *,
    stop: asyncio.Event,
    ready: Callable[[str], None],
) -> None:
    """Run until `stop` is set, then drain. OSError when the port is taken."""
    if not await _warm(parts, stop):
        return
    source = SourceState()
    relay = Relay(
        settings,
        table=parts.table,
        tickets=parts.tickets,
        sessions=parts.sessions,
        source=source,
        now=parts.clock.now,
        random=random.random,
        request_id=partial(secrets.token_hex, 8),
        presence=parts.presence,
    )
    consumer = Consumer(
        partial(kafka_consumer, settings),
        topic_prefix=settings.kafka_topic_prefix,
        state=source,
        listens=relay.hub.listens,
        hand_over=relay.receive,
        on_connect=relay.reconnected,
        ring=relay.ring,
        on_control=relay.hear,
    )
    announcer = Announcer(
        partial(control_producer, settings),
        topic_prefix=settings.kafka_topic_prefix,
        on_failure=relay.unheard,
    )
    relay.announce = announcer.tell
    host, port = await relay.listen(settings.relay_host, settings.relay_port)
    consumer.start()
    announcer.start()
    telling = _tell(settings, relay)
    ready(_url(host, port))
    await stop.wait()
    await relay.drain()
    if telling:
        telling.cancel()
    await asyncio.to_thread(announcer.stop)
    await asyncio.to_thread(consumer.stop)


def _tell(settings: RelaySettings, relay: Relay) -> "asyncio.Task[None] | None":
    """CloudWatch's figures, where somebody asked for them."""
    seconds = settings.relay_metrics_seconds
    if not seconds:
        return None
    return asyncio.create_task(Telling(relay.figures, _write).for_ever(seconds))


def _write(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()


async def _warm(parts: Parts, stop: asyncio.Event) -> bool:
    """Without the key that signs sessions nobody could be told apart; so wait for it. False when
    told to stop meanwhile: an answer that hangs then is left to a thread that holds up no exit."""
    stopped = asyncio.ensure_future(stop.wait())
    while not stop.is_set():
        asked = _in_daemon(partial(_is_warm, parts))
        either: set[asyncio.Future[Any]] = {asked, stopped}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if asked.done() and asked.result():
            stopped.cancel()
            return not stop.is_set()
        await asyncio.wait({stopped}, timeout=WARM_UP_SECONDS)
    return False


def _in_daemon(ask: Callable[[], bool]) -> "asyncio.Future[bool]":
    """Unlike a pool's thread, one that neither loop nor interpreter waits for at the end."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bool] = loop.create_future()

    def run() -> None:
        is_warm = ask()
        with suppress(RuntimeError):  # the loop is closed: nobody wants to know any more
            loop.call_soon_threadsafe(answer.set_result, is_warm)

    threading.Thread(target=run, name="warm", daemon=True).start()
    return answer


def _warm_once(parts: Parts) -> None:
    """Stoppable, though it may block: as a container's first process it would not even be ended by
    a signal without a handler."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        _is_warm(parts)
    finally:
        signal.signal(signal.SIGTERM, before)


def _is_warm(parts: Parts) -> bool:
    try:
        parts.warm_up()
    except Exception as error:  # noqa: BLE001 - whatever KMS says: not yet
        logging.warning("session key: %s: %s", type(error).__name__, error)
        return False
    return True


async def _until_told(settings: RelaySettings, parts: Parts, ready: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(settings, parts, stop=stop, ready=ready)


def _say_ready(url: str) -> None:
    _write(f"ready {url}\n")


def run(settings: RelaySettings, parts: Parts) -> None:
    """The process's whole life, on uvloop; with several, that of all of them."""
    logs.configure()
    parts = replace(parts, sessions=RememberedSessions(parts.sessions.verify))
    settle()
    try:
        if settings.relay_processes > 1:
            sys.exit(_run_several(settings, parts))
        uvloop.run(_until_told(settings, parts, _say_ready))
    except OSError as error:
        sys.exit(f"relay: {settings.relay_host}:{settings.relay_port}: {error.strerror or error}")


def settle() -> None:
    """Garbage and threads, once for the process.

    1. What was imported is never garbage, and a stream leaves no cycles behind: looking through all
       of them for some would stop every stream for as long as that takes.
    2. The event loop takes the interpreter anew for every callback. While the consumer's thread
       reads a batch, it would wait Python's 5 ms each time: a request took 5.6 ms beside a busy
       thread, and takes 0.55 so.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
    sys.setswitchinterval(SWITCH_SECONDS)


def _run_several(settings: RelaySettings, parts: Parts) -> int:
    host, beat = settings.relay_host, settings.relay_heartbeat_seconds
    with listening_socket(host, settings.relay_port, beat, is_shared=True) as held:
        port = held.getsockname()[1]
        own = settings.model_copy(update={"relay_port": port})
        # Here, once: a process that takes a killed one's place has its key already.
        _warm_once(parts)

        def work(ready: Callable[[], None]) -> None:
            uvloop.run(_until_told(own, parts, lambda url: ready()))

        return Processes(settings.relay_processes, work).run(lambda: _say_ready(_url(host, port)))


def _url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def main() -> None:
    verifier = replace(wiring.session_verifier(), verifies=verifies)
    parts = Parts(
        table=wiring.upgrades(),
        tickets=wiring.tickets(),
        sessions=verifier,
        clock=wiring.clock(),
        warm_up=verifier.jwks,
        presence=wiring.presence(),
    )
    run(RelaySettings(), parts)


if __name__ == "__main__":
    main()
