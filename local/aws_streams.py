"""What is changed of the emulator's (moto's) DynamoDB Streams.

1. Old iterators are dropped: every read makes a new one, and the original keeps them all.
2. A read at the end of a stream waits a moment for news, and is answered at once when there are
   some. The original answers "nothing" at once: then either an event waits for its reader's next
   look, or the reader looks so often that it takes the processor from everybody.
"""

import functools
import threading
from typing import Any

from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import StreamShard
from moto.dynamodbstreams.models import DynamoDBStreamsBackend

KEPT_ITERATORS = 1_000
"""At twenty reads a second, those of the last minute."""
NEWS_SECONDS = 0.25
"""How long a read at a stream's end waits."""


class News:
    """How many records all streams together have got; who reads may wait for the next."""

    def __init__(self) -> None:
        self._count = 0
        self._changed = threading.Condition()

    @property
    def count(self) -> int:
        with self._changed:
            return self._count

    def add(self) -> None:
        """Nobody is woken yet: the transaction that this record belongs to may have more."""
        with self._changed:
            self._count += 1

    def tell(self) -> None:
        """Wake who waits for what was added."""
        with self._changed:
            self._changed.notify_all()

    def wait(self, beyond: int, seconds: float) -> bool:
        """Until there are more than `beyond`; False when there are none in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._count > beyond, seconds)


def patch_streams(news: News) -> None:
    """AttributeError when the emulator no longer has what is replaced."""
    read, add = DynamoDBStreamsBackend.get_records, StreamShard.add

    @functools.wraps(read)
    def get_records(self: DynamoDBStreamsBackend, iterator_arn: str, limit: int) -> Any:
        seen = news.count  # before the first read: what comes after it is news
        answer = read(self, iterator_arn, limit)
        if not answer["Records"] and news.wait(seen, NEWS_SECONDS):
            answer = read(self, iterator_arn, limit)
        drop_oldest(self.shard_iterators, KEPT_ITERATORS)
        return answer

    @functools.wraps(add)
    def add_news(self: StreamShard, old: Item | None, new: Item | None) -> None:
        add(self, old, new)
        news.add()

    DynamoDBStreamsBackend.get_records = get_records  # type: ignore[method-assign]
    StreamShard.add = add_news  # type: ignore[method-assign]


def drop_oldest(things: dict[str, Any], kept: int) -> None:
    """Leave only the `kept` entries that were put in last."""
    for name in list(things)[: max(0, len(things) - kept)]:
        things.pop(name, None)
