"""`python -m local.streams`: what AWS moves between the services, on one machine.

- the upgrades table's stream -> `publish_events` (stream_pump.py)
- Kafka -> `analytics`, `notify`, `notify_push`, `audit`, a consumer group each (consumer_pump.py)
- the schedule -> `sweep`

Functions are the files of `functions/`, called in this process with Lambda's events. On start, what
the stream of an earlier run did not bring to Kafka is published from the table: the unpublished
events, or all of them when the topics are empty, because then the broker is a new one (the
embedded broker keeps nothing) and a consumer may have missed what the old one still held. The
consumers drop what they know.
"""

import argparse
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Container, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import boto3
from kafka import KafkaConsumer, TopicPartition

from local.aws_lambda import LambdaContext, load_handler
from local.aws_resources import FUNCTIONS
from local.consumer_pump import ConsumerPump
from local.process import READY, SWITCH_SECONDS
from local.stream_pump import StreamPump
from nft_upgrade import wiring_events
from nft_upgrade.adapters.dynamodb_upgrades import event_from_image
from nft_upgrade.adapters.kafka_events import client_options
from nft_upgrade.config import PublishSettings
from nft_upgrade.consumers import analytics, audit, notification
from nft_upgrade.consumers.outbox import EVENT_ITEM
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.messages import TOPIC_COMPLETED, TOPICS

CONSUMERS = (
    ("analytics", analytics.NAME, TOPICS),
    ("notify", notification.NAME, (TOPIC_COMPLETED,)),
    ("notify_push", notification.PUSH_NAME, (TOPIC_COMPLETED,)),
    ("audit", audit.NAME, TOPICS),
)
"""Function, consumer group, topics."""
PAGE = 100


def function(name: str, directory: Path) -> Callable[[Any], Any]:
    """A function of `functions/`, called with a context of its own each time."""
    handler = load_handler(name, directory)
    return lambda event: handler(event, LambdaContext(name))


# --- catching up ----------------------------------------------------------------------------------


def catch_up(settings: PublishSettings) -> None:
    """Publish what the stream will not bring any more."""
    outbox = wiring_events.outbox()
    is_new_broker = topics_are_empty(settings)
    events, marked = every_event(settings) if is_new_broker else (unpublished(settings), ())
    for start in range(0, len(events), PAGE):
        outbox.publish(events[start : start + PAGE], marked=marked)


def topics_are_empty(settings: PublishSettings) -> bool:
    """Whether no record was ever written to any topic."""
    consumer = KafkaConsumer(**client_options(settings), metrics_enabled=False)
    try:
        names = [settings.kafka_topic_prefix + topic for topic in TOPICS]
        places = [
            TopicPartition(name, number)
            for name in names
            for number in consumer.partitions_for_topic(name) or ()
        ]
        return not any(consumer.end_offsets(places).values())
    finally:
        consumer.close()


def every_event(settings: PublishSettings) -> tuple[Sequence[UpgradeEvent], Container[str]]:
    """All events there are, each upgrade's in order, and the ids of those marked published."""
    pages = (
        boto3.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=f"{settings.table_prefix}upgrades",
            FilterExpression="begins_with(entry, :event)",
            ExpressionAttributeValues={":event": {"S": EVENT_ITEM}},
            ConsistentRead=True,
        )
    )
    items = [(event_from_image(item), item) for page in pages for item in page["Items"]]
    events = sorted(
        (event for event, _ in items), key=lambda e: (e.occurred_at, e.upgrade_id, e.sequence)
    )
    return events, frozenset(event.event_id for event, item in items if "published_at" in item)


def unpublished(settings: PublishSettings) -> Sequence[UpgradeEvent]:
    """The oldest thousand: what is beyond comes with the sweep."""
    upgrades = wiring_events.upgrades(settings.table_prefix)
    return upgrades.unpublished(before=datetime.now(UTC), limit=1000)


# --- the schedule ---------------------------------------------------------------------------------


def run_every(seconds: float, task: Callable[[Any], Any], stop: threading.Event) -> None:
    """Call `task` with a schedule's event again and again; its errors are shown and forgotten."""
    while not stop.wait(seconds):
        try:
            task({"source": "aws.scheduler"})
        except Exception:  # noqa: BLE001 - the next run begins afresh, as a schedule's does
            traceback.print_exc()


# --- all together ---------------------------------------------------------------------------------


def run(options: argparse.Namespace, stop: threading.Event) -> None:
    """Start all of it, say so, wait for `stop`, end all of it."""
    settings = PublishSettings()
    call = partial(function, directory=options.functions)
    table = f"{settings.table_prefix}upgrades"
    poll_seconds = options.poll_ms / 1000
    stream = StreamPump(table, call("publish_events"), stop, poll_seconds=poll_seconds)
    stream.attach()
    catch_up(settings)
    pumps = [
        ConsumerPump(group, call(name), stop, settings, topics) for name, group, topics in CONSUMERS
    ]
    runners: list[Callable[[], None]] = [stream.run, *(pump.run for pump in pumps)]
    if options.sweep_seconds:
        runners.append(partial(run_every, options.sweep_seconds, call("sweep"), stop))
    threads = [threading.Thread(target=runner) for runner in runners]
    for thread in threads:
        thread.start()
    for is_polling in (stream.is_polling, *(pump.is_polling for pump in pumps)):
        _wait(is_polling, stop)
    if not stop.is_set():
        print(f"{READY}streams", flush=True)
    stop.wait()
    for thread in threads:
        thread.join()


def _wait(happened: threading.Event, stop: threading.Event) -> None:
    while not happened.wait(0.05) and not stop.is_set():
        pass


def main() -> None:
    sys.setswitchinterval(SWITCH_SECONDS)
    parser = argparse.ArgumentParser(prog="local.streams", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="not used: nothing listens here")
    parser.add_argument("--poll-ms", type=float, default=25.0, help="between looks at the stream")
    parser.add_argument("--sweep-seconds", type=float, default=5.0, help="0: no sweep")
    parser.add_argument(
        "--functions", type=Path, default=FUNCTIONS, help="the functions' directory"
    )
    options = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run(options, stop)


if __name__ == "__main__":
    main()
