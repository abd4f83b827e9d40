"""What the consumers keep, in the table `projections`.

| projection                      | entry                  | what                              |
|---------------------------------|------------------------|-----------------------------------|
| audit#<upgrade>                 | <sequence>             | AuditEntry                        |

`facts` is JSON text. What analytics keeps: see dynamodb_stats. Errors: see dynamodb_errors.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, PutError
from pynamodb.models import Model

from nft_upgrade.adapters import dynamodb_tables as tables
from nft_upgrade.adapters.dynamodb_errors import is_condition_failure, storage
from nft_upgrade.adapters.dynamodb_items import Database
from nft_upgrade.consumers.ports import (
    AuditEntry,
)
from nft_upgrade.domain.events import iso, parse_iso
from nft_upgrade.messages import from_record, to_record


class Row(Model):
    """One item; `Database.bind` makes the class that knows its table."""

    TABLE = tables.PROJECTIONS
    projection = UnicodeAttribute(hash_key=True)
    entry = UnicodeAttribute(range_key=True)
    facts = UnicodeAttribute()


class DynamoDbAuditTrail:
    """`AuditTrail`."""

    def __init__(self, database: Database) -> None:
        self._table = database.bind(Row)

    def entry(self, upgrade_id: str, sequence: int) -> AuditEntry | None:
        row = _get(self._table, f"audit#{upgrade_id}", _place(sequence))
        return _audit_entry(row) if row else None

    def append(self, entry: AuditEntry) -> bool:
        record = json.loads(to_record(entry.event).value)
        facts = {"recordedAt": iso(entry.recorded_at), "record": record}
        place = _place(entry.event.sequence)
        return _put_new(self._table, f"audit#{entry.event.upgrade_id}", place, facts)

    def entries(self, upgrade_id: str) -> Sequence[AuditEntry]:
        return [_audit_entry(row) for row in _query(self._table, f"audit#{upgrade_id}")]


# --- rows -----------------------------------------------------------------------------------------


def _get(table: type[Row], projection: str, entry: str) -> Row | None:
    with storage():
        try:
            return table.get(projection, entry, consistent_read=True)
        except DoesNotExist:
            return None


def _query(table: type[Row], projection: str) -> list[Row]:
    with storage():
        return list(table.query(projection, consistent_read=True))


def _put_new(table: type[Row], projection: str, entry: str, facts: Mapping[str, Any]) -> bool:
    """False: something is there already, and stays."""
    with storage():
        try:
            table(projection, entry, facts=_text(facts)).save(table.projection.does_not_exist())
        except PutError as error:
            if is_condition_failure(error):
                return False
            raise
    return True


def _place(sequence: int) -> str:
    return f"{sequence:08d}"


def _text(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, separators=(",", ":"), ensure_ascii=False)


# --- facts ----------------------------------------------------------------------------------------


def _audit_entry(row: Row) -> AuditEntry:
    facts = json.loads(row.facts)
    return AuditEntry(from_record(_text(facts["record"])), parse_iso(facts["recordedAt"]))
