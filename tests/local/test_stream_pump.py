"""The stream pump against the real DynamoDB Local, whose streams differ from the emulator's."""

import os
import threading
from collections.abc import Callable, Mapping
from queue import Empty, Queue
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.aws import environment
from local.aws_resources import client, create_tables
from local.stream_pump import StreamPump

pytestmark = pytest.mark.engines
TABLE = "pump-upgrades"


class RefusesOnce:
    """DynamoDB Local's streams, which at times refuse the end of an empty shard as trimmed; what
    is written just then must not be skipped."""

    def __init__(self, streams: Any, write: Callable[[], object]) -> None:
        self._streams = streams
        self._write = write
        self._has_refused = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._streams, name)

    def get_records(self, **arguments: Any) -> Any:
        if self._has_refused:
            return self._streams.get_records(**arguments)
        self._has_refused = True
        self._write()
        error = {"Error": {"Code": "TrimmedDataAccessException", "Message": "trimmed"}}
        raise ClientError(error, "GetRecords")  # type: ignore[arg-type]


def test_what_is_written_while_the_streams_end_is_refused_is_not_skipped(
    dynamodb_local: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in environment(dynamodb_local, dynamodb_local).items():
        monkeypatch.setitem(os.environ, name, text)
    create_tables(dynamodb_local, "pump-")
    handed: Queue[Mapping[str, Any]] = Queue()
    stop = threading.Event()

    def take(batch: Mapping[str, Any]) -> None:
        for record in batch["Records"]:
            handed.put(record)

    def write() -> None:
        item = {"upgrade_id": {"S": "first"}, "entry": {"S": "EVENT#1"}}
        client("dynamodb", dynamodb_local).put_item(TableName=TABLE, Item=item)

    pump = StreamPump(TABLE, take, stop, poll_seconds=0.05)
    pump.attach()
    pump._streams = RefusesOnce(pump._streams, write)  # type: ignore[assignment]
    running = threading.Thread(target=pump.run)
    running.start()
    try:
        assert handed.get(timeout=10)["dynamodb"]["Keys"]["upgrade_id"] == {"S": "first"}
        with pytest.raises(Empty):
            handed.get(timeout=1)
    finally:
        stop.set()
        running.join(10)
