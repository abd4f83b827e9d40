"""`Presence` on DynamoDB: one item per user in `transient`, 25 to a write."""

from collections.abc import Sequence
from datetime import timedelta

from nft_upgrade.adapters.dynamodb_errors import read_item, storage
from nft_upgrade.adapters.dynamodb_items import Database, PresenceItem
from nft_upgrade.ports import Watch

KEPT = timedelta(days=1)
"""A notification that is late by an outage still asks who watched when it happened; events older
than a day are given up by the event source."""


class DynamoDbPresence:
    """A mark costs one write unit. Marks are never taken back: they run out."""

    def __init__(self, tables: str | Database) -> None:
        self._marks = Database.of(tables).bind(PresenceItem)

    def mark(self, watches: Sequence[Watch]) -> None:
        with storage(), self._marks.batch_write() as batch:
            for watch in watches:
                batch.save(self._item(watch))

    def watch(self, user_id: str) -> Watch | None:
        item = read_item(self._marks, _name(user_id))
        return Watch(user_id=user_id, since=item.since, until=item.seen_until) if item else None

    def _item(self, watch: Watch) -> PresenceItem:
        return self._marks(
            _name(watch.user_id),
            since=watch.since,
            seen_until=watch.until,
            expires=watch.until + KEPT,
        )


def _name(user_id: str) -> str:
    return f"PRESENCE#{user_id}"
