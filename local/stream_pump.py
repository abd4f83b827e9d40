"""The upgrades table's stream -> `publish_events`, as Lambda's event source mapping does it.

Polls the stream of DynamoDB Local or of the emulator, hands batches over in Lambda's event shape,
and repeats from the record that the partial batch response names until all of it is taken.
"""

import base64
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

BATCH = 100
LIST_SECONDS = 5.0
"""How often new shards are looked for."""
ACTIVE_SECONDS = 3.0
"""How long after a record the stream is polled at the short interval."""
IDLE_FACTOR = 2.0
RETRY_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0)

Handler = Callable[[Mapping[str, Any]], Any]


class StreamPump:
    """Reads every shard from now on; what was committed before is for `catch_up` in streams.py."""

    def __init__(
        self, table_name: str, handler: Handler, stop: threading.Event, *, poll_seconds: float
    ) -> None:
        self._table_name = table_name
        self._handler = handler
        self._stop = stop
        self._poll_seconds = poll_seconds
        config = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1})
        self._streams = boto3.client("dynamodbstreams", config=config)
        self._dynamodb = boto3.client("dynamodb", config=config)
        self._arn = ""
        self._shards: dict[str, Shard] = {}
        self.is_polling = threading.Event()

    def attach(self) -> None:
        """Find the stream and stand at its end."""
        self._list_shards("LATEST")

    def run(self) -> None:
        """Until `stop` is set. A stream that does not answer is asked again."""
        quiet = since_list = 0.0
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                if since_list >= LIST_SECONDS:
                    self._list_shards("TRIM_HORIZON")
                    since_list = 0.0
                found = sum(self._poll(shard) for shard in list(self._shards.values())) > 0
            except (ClientError, BotoCoreError) as error:
                print(f"stream: {error}", flush=True)
                found, since_list = False, LIST_SECONDS
                self._stop.wait(0.5)
            self.is_polling.set()
            quiet = 0.0 if found else quiet
            pause = self._poll_seconds * (1.0 if quiet < ACTIVE_SECONDS else IDLE_FACTOR)
            if not found:  # the emulator has waited for news itself, and longer than a pause
                self._stop.wait(max(0.0, pause - (time.monotonic() - began)))
            passed = time.monotonic() - began
            quiet, since_list = quiet + passed, since_list + passed

    def _list_shards(self, start: str) -> None:
        """Shards not known yet begin at `start`: later ones, children of a closed one, from their
        first record. A new stream (the emulator was restarted) is read from its beginning."""
        table = self._dynamodb.describe_table(TableName=self._table_name)["Table"]
        if table["LatestStreamArn"] != self._arn:
            self._arn, self._shards = table["LatestStreamArn"], {}
        shards = self._streams.describe_stream(StreamArn=self._arn)["StreamDescription"]["Shards"]
        for described in shards:
            if described["ShardId"] not in self._shards:
                shard = Shard(described["ShardId"], start)
                self._shards[shard.id] = shard

    def _poll(self, shard: "Shard") -> bool:
        if shard.is_closed:
            return False
        try:
            answer = self._streams.get_records(ShardIterator=self._iterator(shard), Limit=BATCH)
        except ClientError:
            shard.iterator = None  # expired or unknown: go on after the last record seen
            if shard.last_seen is None:
                # DynamoDB Local refuses the end of an empty shard; asking for the end once more
                # could skip what was written meanwhile. What comes twice is dropped later.
                shard.start = "TRIM_HORIZON"
            raise
        records = answer["Records"]
        shard.iterator = answer.get("NextShardIterator")
        shard.is_closed = shard.iterator is None
        if records:
            self._hand_over([lambda_record(record, self._arn) for record in records])
            shard.last_seen = records[-1]["dynamodb"]["SequenceNumber"]
        return bool(records)

    def _iterator(self, shard: "Shard") -> str:
        if shard.iterator is None:
            place: dict[str, Any] = {"ShardIteratorType": shard.start}
            if shard.last_seen:
                place = {
                    "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                    "SequenceNumber": shard.last_seen,
                }
            answer = self._streams.get_shard_iterator(
                StreamArn=self._arn, ShardId=shard.id, **place
            )
            shard.iterator = answer["ShardIterator"]
        return shard.iterator

    def _hand_over(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Until the function took all of them, or the process ends."""
        attempt = 0
        while records and not self._stop.is_set():
            left = remaining(records, self._call(records))
            if left:
                attempt = attempt + 1 if len(left) == len(records) else 0
                self._stop.wait(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)])
            records = left

    def _call(self, records: Sequence[Mapping[str, Any]]) -> Any:
        try:
            return self._handler({"Records": records})
        except Exception:  # noqa: BLE001 - as Lambda: whatever a function raises fails the batch
            traceback.print_exc()
            return {"batchItemFailures": [{"itemIdentifier": ""}]}


class Shard:
    """One shard's place. `start` counts until a record was seen."""

    def __init__(self, id_: str, start: str) -> None:
        self.id = id_
        self.start = start
        self.iterator: str | None = None
        self.last_seen: str | None = None
        self.is_closed = False


def remaining(records: Sequence[Mapping[str, Any]], answer: Any) -> Sequence[Mapping[str, Any]]:
    """What Lambda would deliver again: everything from the first record named; all of them when
    the name is none of theirs.

    https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
    """
    named = {failure["itemIdentifier"] for failure in (answer or {}).get("batchItemFailures", [])}
    if not named:
        return []
    numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    places = [place for place, number in enumerate(numbers) if number in named]
    return records[min(places) :] if len(places) == len(named) else records


def lambda_record(record: Mapping[str, Any], arn: str) -> dict[str, Any]:
    """A record of GetRecords as Lambda hands it over."""
    return {**_plain(record), "eventSourceARN": arn}


def _plain(value: Any) -> Any:
    """JSON as Lambda writes it: epoch seconds, base64."""
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(one) for one in value]
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value
