"""Powertools' idempotency records in a dict instead of in DynamoDB."""

from datetime import datetime
from threading import Lock
from typing import Any

from aws_lambda_powertools.utilities.idempotency import BasePersistenceLayer
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyItemAlreadyExistsError,
    IdempotencyItemNotFoundError,
)
from aws_lambda_powertools.utilities.idempotency.persistence.datarecord import DataRecord


class FakeIdempotencyStore(BasePersistenceLayer):
    """Keeps the rules of the DynamoDB layer: one put wins, an expired record counts as none.

    While `is_down` every call fails, as when DynamoDB does not answer.
    """

    def __init__(self) -> None:
        self.records: dict[str, DataRecord] = {}
        self.is_down = False
        self._lock = Lock()
        super().__init__()  # type: ignore[no-untyped-call]

    def __len__(self) -> int:
        return len(self.records)

    def _get_record(self, idempotency_key: str) -> DataRecord:
        self._require_up()
        if idempotency_key not in self.records:
            raise IdempotencyItemNotFoundError
        return self.records[idempotency_key]

    def _put_record(self, data_record: DataRecord) -> None:
        self._require_up()
        with self._lock:
            old = self.records.get(data_record.idempotency_key)
            if old is None or old.is_expired or _is_dead(old):
                self.records[data_record.idempotency_key] = data_record
                return
        self._validate_payload(data_record, old)
        raise IdempotencyItemAlreadyExistsError(old_data_record=old)

    def _update_record(self, data_record: DataRecord) -> None:
        self._require_up()
        self.records[data_record.idempotency_key] = data_record

    def _delete_record(self, data_record: DataRecord) -> None:
        self._require_up()
        self.records.pop(data_record.idempotency_key, None)

    def _require_up(self) -> None:
        if self.is_down:
            raise ConnectionError("no answer")


def _is_dead(record: Any) -> bool:
    expiry = record.in_progress_expiry_timestamp
    now = datetime.now().timestamp() * 1000  # noqa: DTZ005 - Powertools' own clock
    return bool(record.status == "INPROGRESS" and expiry and expiry < now)
