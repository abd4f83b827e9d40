"""`Presence` on DynamoDB: one item per user in `transient`, 25 to a write."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from nft_upgrade.adapters.dynamodb_errors import read_item, storage
from nft_upgrade.adapters.dynamodb_items import Database, PresenceItem

KEPT = timedelta(days=1)
"""A notification that is late by an outage still asks who watched when it happened; events older
than a day are given up by the event source."""


class DynamoDbPresence:
    """A mark costs one write unit. Marks are never taken back: they run out."""

    def __init__(self, tables: str | Database) -> None:
        self._marks = Database.of(tables).bind(PresenceItem)

    def mark(self, user_ids: Sequence[str], *, until: datetime) -> None:
        with storage(), self._marks.batch_write() as batch:
            for user_id in user_ids:
                batch.save(self._marks(_name(user_id), seen_until=until, expires=until + KEPT))

    def seen_until(self, user_id: str) -> datetime | None:
        item = read_item(self._marks, _name(user_id))
        return item.seen_until if item else None


def _name(user_id: str) -> str:
    return f"PRESENCE#{user_id}"
