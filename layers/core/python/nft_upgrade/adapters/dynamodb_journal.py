"""`Journal` on DynamoDB: one partition of the table `upgrades`, an item per entry, in order.

It lies there because nothing expires or rebuilds that table. Its stream shows the items to
`publish_events`, which takes events alone.
"""

import time
from collections.abc import Sequence

from pynamodb.attributes import NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.exceptions import PutError

from nft_upgrade.adapters.dynamodb_errors import (
    Pause,
    is_condition_failure,
    persistently,
    read_item,
    storage,
)
from nft_upgrade.adapters.dynamodb_items import Database, UpgradesItem
from nft_upgrade.domain.errors import VersionConflict
from nft_upgrade.domain.operations import Act, JournalEntry

PARTITION = "OPERATORS"
"""No upgrade's id: those are ULIDs."""
ENTRY = "ENTRY#"
ENTRY_DIGITS = 9


class JournalItem(UpgradesItem):
    """A `JournalEntry`."""

    number = NumberAttribute()
    act = UnicodeAttribute()
    operator = UnicodeAttribute()
    reason = UnicodeAttribute()
    asked_at = UTCDateTimeAttribute()
    about = UnicodeAttribute(null=True)
    previous_hash = UnicodeAttribute()
    hash = UnicodeAttribute()


class DynamoDbJournal:
    """Entries are only ever added: a number that is taken stays as it is."""

    def __init__(self, database: Database, *, pause: Pause = time.sleep) -> None:
        self._entries = database.bind(JournalItem)
        self._pause = pause

    def last(self) -> JournalEntry | None:
        found = self.latest(limit=1)
        return found[0] if found else None

    def add(self, entry: JournalEntry) -> None:
        item = self._entries(
            PARTITION,
            _name(entry.number),
            number=entry.number,
            act=entry.act.value,
            operator=entry.operator,
            reason=entry.reason,
            asked_at=entry.asked_at,
            about=entry.upgrade_id,
            previous_hash=entry.previous_hash,
            hash=entry.hash,
        )
        # True unless somebody took the number, perhaps an earlier call whose answer was lost.
        is_free = JournalItem.entry.does_not_exist()
        with storage():
            try:
                persistently(lambda: item.save(is_free), self._pause)
            except PutError as error:
                if not is_condition_failure(error):
                    raise
                self._require_same(entry)

    def latest(self, *, limit: int, before: int | None = None) -> Sequence[JournalEntry]:
        first, last = _name(0), _name(10**ENTRY_DIGITS - 1 if before is None else before - 1)
        with storage():
            found = self._entries.query(
                PARTITION,
                JournalItem.entry.between(first, last),
                scan_index_forward=False,
                limit=limit,
                consistent_read=True,
            )
            return [_entry(item) for item in found]

    def _require_same(self, entry: JournalEntry) -> None:
        there = read_item(self._entries, PARTITION, _name(entry.number))
        if there is None or there.hash != entry.hash:
            raise VersionConflict(f"Entry {entry.number} was written by somebody else.")


def _name(number: int) -> str:
    return f"{ENTRY}{number:0{ENTRY_DIGITS}d}"


def _entry(item: JournalItem) -> JournalEntry:
    return JournalEntry(
        number=int(item.number),
        act=Act(item.act),
        operator=item.operator,
        reason=item.reason,
        asked_at=item.asked_at,
        upgrade_id=item.about,
        previous_hash=item.previous_hash,
        hash=item.hash,
    )
