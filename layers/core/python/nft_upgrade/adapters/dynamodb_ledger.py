"""A small projection for any consumer, in the table `projections`: rows of facts, each event once.

| projection                 | entry      | what                                  |
|----------------------------|------------|---------------------------------------|
| ledger#<consumer>#<name>   | facts      | one row: JSON facts, and a version    |
| taken#<consumer>#<upgrade> | <sequence> | the consumer has taken this event     |
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, TransactWriteError
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from nft_upgrade.adapters import dynamodb_tables as tables
from nft_upgrade.adapters.dynamodb_errors import CONDITION_FAILED, Pause, persistently, storage
from nft_upgrade.adapters.dynamodb_items import Database
from nft_upgrade.domain.errors import VersionConflict
from nft_upgrade.domain.events import UpgradeEvent

ATTEMPTS = 8
"""Tries against other events that change the same row at the same moment."""
Facts = Mapping[str, Any]


class LedgerItem(Model):
    """A row, or the mark of an event."""

    TABLE = tables.PROJECTIONS
    projection = UnicodeAttribute(hash_key=True)
    entry = UnicodeAttribute(range_key=True)
    facts = UnicodeAttribute()
    version = NumberAttribute(null=True)


class DynamoDbLedger:
    """`Ledger` of one consumer."""

    def __init__(self, database: Database, consumer: str, *, pause: Pause = time.sleep) -> None:
        self._table: type[Any] = database.bind(LedgerItem)
        self._connection = database.connection
        self._consumer = consumer
        self._pause = pause

    def has(self, upgrade_id: str, sequence: int) -> bool:
        return self._get(f"taken#{self._consumer}#{upgrade_id}", f"{sequence:08d}") is not None

    def facts(self, name: str) -> Facts:
        return self._row(name)[0]

    def change(self, event: UpgradeEvent, name: str, make: Callable[[Facts], Facts]) -> bool:
        for _ in range(ATTEMPTS):
            if self.has(event.upgrade_id, event.sequence):
                return False
            before, version = self._row(name)
            if self._write(event, name, make(before), version):
                return True
        raise VersionConflict(f"{name} of {self._consumer} is too busy.")

    def _write(self, event: UpgradeEvent, name: str, after: Facts, version: int) -> bool:
        """Row and mark together; False when somebody was faster at either."""
        table = self._table
        mark = table(f"taken#{self._consumer}#{event.upgrade_id}", f"{event.sequence:08d}")
        mark.facts = "{}"
        row = table(f"ledger#{self._consumer}#{name}", "facts")
        row.facts, row.version = json.dumps(after, ensure_ascii=False), version + 1
        is_new = table.projection.does_not_exist()

        def write_both() -> None:
            with TransactWrite(connection=self._connection) as write:
                write.save(mark, condition=is_new)
                write.save(row, condition=table.version == version if version else is_new)

        with storage():
            try:
                persistently(write_both, self._pause)
            except TransactWriteError as error:
                codes = [reason.code if reason else None for reason in error.cancellation_reasons]
                if CONDITION_FAILED not in codes:
                    raise
                return False
        return True

    def _row(self, name: str) -> tuple[Facts, int]:
        item = self._get(f"ledger#{self._consumer}#{name}", "facts")
        return (json.loads(item.facts), int(item.version)) if item else ({}, 0)

    def _get(self, projection: str, entry: str) -> Any:
        with storage():
            try:
                return self._table.get(projection, entry, consistent_read=True)
            except DoesNotExist:
                return None
